"""E-mail: the local adapter, and SMTP against a real server in this process."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateways.mail import LocalMail, Mail
from gateways.sms import LocalSms, SendFailed, read_local_messages
from gateways.smtp import SmtpMail

MAIL = Mail(
    UUID("01a20273-0996-7a5e-b3d3-41b84906c635"),
    "maryam@example.org",
    "اعتبار شما تا سقف شصت میلیون تومان فعال شد و برنامه‌ای برای پیگیری آن آماده است",
    "اعتبار شما «فعال» شد.\nبرنامه: https://app.example/?a=1&b=2",
)
USER, PASSWORD = "amanat", "correct-horse"
QUIET = logging.getLogger("mail.log")


@dataclass
class Handler:
    """What the server answers, and what it was given."""

    refuses: dict[str, str] = field(default_factory=dict)
    never_answers: bool = False
    taken: list[Envelope] = field(default_factory=list)
    greeted_by: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Remember how the client calls itself."""
        session.host_name = hostname
        self.greeted_by.append(hostname)
        return responses

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take the recipient, or not."""
        if "RCPT" in self.refuses:
            return self.refuses["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the message, or not; a silent server takes it and never says so."""
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        self.taken.append(envelope)
        assert server.transport is not None
        self.was_encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        if self.never_answers:
            await asyncio.Event().wait()
        return "250 2.0.0 queued as 4711"

    def messages(self) -> list[EmailMessage]:
        """The messages that were taken, parsed."""
        parser = BytesParser(EmailMessage, policy=policy.default)
        return [parser.parsebytes(_content(envelope)) for envelope in self.taken]


def _content(envelope: Envelope) -> bytes:
    content = envelope.content
    assert isinstance(content, bytes)
    return content


def check_password(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    """Let in who knows the password."""
    assert isinstance(given, LoginPassword)
    return AuthResult(success=given == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server on a port of its own."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            handler,
            hostname="mail.test",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=check_password,
            auth_require_tls=False,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of ``localhost`` with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    file = tmp_path_factory.mktemp("mail") / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def shown(certificate: Path) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """A client that believes in that certificate alone."""
    return ssl.create_default_context(cafile=certificate)


def gateway(port: int, **more: Any) -> SmtpMail:
    """Sends to a server of this test, without encryption if nothing else is said."""
    given: dict[str, Any] = {"security": "plain", "sender": "no-reply@amanat.example", "name": "امانت", **more}
    return SmtpMail("localhost", port, **given)


async def failure_of(mail: SmtpMail, message: Mail = MAIL) -> tuple[str, bool]:
    """Why a message was not taken, and whether it may be later."""
    with pytest.raises(SendFailed) as failed:
        await mail.send(message)
    assert failed.value.__cause__ is None
    return failed.value.reason, failed.value.retryable


def part(message: EmailMessage, kind: str) -> str:
    """The text or the HTML of a message."""
    found = message.get_body((kind,))
    assert isinstance(found, EmailMessage)
    content: str = found.get_content()
    return content


async def taken(message: Mail = MAIL) -> EmailMessage:
    """A message as its recipient gets it."""
    handler = Handler()
    async with serving(handler) as port:
        await gateway(port).send(message)
    (got,) = handler.messages()
    return got


async def test_a_local_e_mail_is_read_back_beside_the_sms(tmp_path: Path) -> None:
    await LocalSms(tmp_path).send("+989121234567", "code", {"code": "482913"}, "کد: ۴۸۲۹۱۳")
    reference = await LocalMail(tmp_path).send(replace(MAIL, subject="رسید", language="en"))
    newest, older = read_local_messages(tmp_path, 10)
    assert (newest["channel"], newest["address"], newest["subject"]) == ("mail", MAIL.address, "رسید")
    assert (newest["reference"], newest["language"]) == (reference, "en")
    assert older["channel"] == "sms"


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_message_goes_encrypted_with_user_and_password(
    shown: ssl.SSLContext, trusting: ssl.SSLContext, security: str
) -> None:
    handler = Handler()
    async with serving(handler, **{security: shown}) as port:
        mail = gateway(port, security=security, user=USER, password=PASSWORD, tls=trusting)
        reference = await mail.send(MAIL)

    assert handler.was_encrypted == [True]
    assert handler.taken[0].rcpt_tos == [MAIL.address]
    assert handler.taken[0].mail_from == "no-reply@amanat.example"
    assert reference == "<01a20273-0996-7a5e-b3d3-41b84906c635@amanat.example>"
    assert set(handler.greeted_by) == {"amanat.example"}


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(shown: ssl.SSLContext, security: str) -> None:
    handler = Handler()
    async with serving(handler, **{security: shown}) as port:
        mail = gateway(port, security=security, user=USER, password=PASSWORD)
        assert await failure_of(mail) == ("mail_SSLCertVerificationError", True)
    assert handler.taken == []


async def test_a_certificate_of_another_name_is_refused(shown: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    handler = Handler()
    async with serving(handler, tls=shown) as port:
        # The certificate has the name and 127.0.0.1; this address leads here too.
        other = replace(gateway(port, security="tls", tls=trusting), host="127.1")
        assert await failure_of(other) == ("mail_SSLCertVerificationError", True)
    assert handler.taken == []


async def test_a_server_that_offers_no_encryption_gets_nothing(trusting: ssl.SSLContext) -> None:
    handler = Handler()
    async with serving(handler) as port:
        mail = gateway(port, security="starttls", user=USER, password=PASSWORD, tls=trusting)
        assert await failure_of(mail) == ("mail_SMTPException", True)
    assert handler.taken == []


async def test_a_wrong_password_fails_for_good(shown: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    handler = Handler()
    async with serving(handler, tls=shown) as port:
        mail = gateway(port, security="tls", user=USER, password="wrong", tls=trusting)
        assert await failure_of(mail) == ("smtp_535", False)
    assert handler.taken == []


@pytest.mark.parametrize("at", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [("450 4.2.1 mailbox busy", ("smtp_450", True)), ("550 5.1.1 no such user", ("smtp_550", False))],
)
async def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(
    at: str, answer: str, told: tuple[str, bool]
) -> None:
    handler = Handler(refuses={at: answer})
    async with serving(handler) as port:
        assert await failure_of(gateway(port)) == told
    assert handler.taken == []


async def test_a_message_whose_taking_is_not_known_is_sent_again_as_the_same_message() -> None:
    handler = Handler(never_answers=True)
    async with serving(handler) as port:
        assert (await failure_of(gateway(port, seconds=0.2)))[1]
        handler.never_answers = False
        await gateway(port).send(MAIL)

    first, second = handler.messages()
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        reason, retryable = await failure_of(gateway(server.sockets[0].getsockname()[1], seconds=0.2))
    assert (reason, retryable) in {("mail_SMTPConnectTimeoutError", True), ("mail_TimeoutError", True)}


async def test_a_server_that_breaks_off_or_is_not_there_is_asked_again() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await failure_of(gateway(port)) == ("mail_SMTPConnectError", True)
    assert await failure_of(gateway(port)) == ("mail_SMTPConnectError", True)


async def test_what_went_wrong_tells_neither_the_address_nor_the_password(
    caplog: pytest.LogCaptureFixture, shown: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    handler = Handler(refuses={"RCPT": f"550 5.1.1 <{MAIL.address}> is nobody here"})
    async with serving(handler, tls=shown) as port:
        mail = gateway(port, security="tls", user=USER, password=PASSWORD, tls=trusting)
        with caplog.at_level(logging.DEBUG), pytest.raises(SendFailed) as failed:
            await mail.send(MAIL)

    ours = [record for record in caplog.records if record.name != QUIET.name]
    for text in (repr(failed.value), repr(mail), repr(MAIL), *(record.getMessage() for record in ours)):
        assert MAIL.address not in text
        assert PASSWORD not in text


@pytest.mark.parametrize(
    "address", ["a@example.org\r\nBcc: b@example.org", "a@example.org>\r\nDATA", "a@example.org, b@example.org", "a"]
)
async def test_an_address_that_is_none_or_more_than_one_is_refused_before_anything_is_said(address: str) -> None:
    handler = Handler()
    async with serving(handler) as port:
        assert await failure_of(gateway(port), replace(MAIL, address=address)) == ("bad_address", False)
    assert handler.greeted_by == []


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\u2028", "\x0b"])
async def test_a_line_break_in_a_subject_begins_no_header(line_break: str) -> None:
    got = await taken(replace(MAIL, subject=f"رسید{line_break}Bcc: b@example.org"))

    assert got["Subject"] == "رسید Bcc: b@example.org"
    assert got["Bcc"] is None


async def test_persian_comes_through_as_it_was_written() -> None:
    got = await taken()

    assert got["Subject"] == MAIL.subject
    assert str(got["From"]) == "امانت <no-reply@amanat.example>"
    assert part(got, "plain").strip().splitlines() == MAIL.text.splitlines()
    assert got["Auto-Submitted"] == "auto-generated"
    assert abs(got["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)


async def test_every_byte_of_a_message_is_ascii_and_no_line_is_too_long() -> None:
    handler = Handler()
    async with serving(handler) as port:
        await gateway(port).send(replace(MAIL, text=MAIL.text * 50))

    content = _content(handler.taken[0])
    assert content.isascii()
    assert max(map(len, content.splitlines())) <= 998


@pytest.mark.parametrize(("language", "direction"), [("fa", "rtl"), ("en", "ltr")])
async def test_the_html_is_well_formed_reads_in_its_direction_and_loads_nothing(language: Any, direction: str) -> None:
    text = 'one < two & "three"\n<script>alert(1)</script> https://elsewhere.example/x.png'
    got = await taken(replace(MAIL, text=text, language=language))

    html = part(got, "html")
    page = ET.fromstring(html.replace("<!DOCTYPE html>", ""))  # noqa: S314 - our own page
    assert (page.get("lang"), page.get("dir")) == (language, direction)
    assert [paragraph.text for paragraph in page.iter("p")] == text.splitlines()
    assert {element.tag for element in page.iter()} <= {"html", "head", "meta", "title", "body", "div", "h1", "p"}
    assert not re.search(r"(src|href|url)\s*[=(]", html)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sender": "nobody"}, "no e-mail address"),
        ({"name": "Amanat\r\nBcc: b@example.org"}, "CR or LF"),
        ({"host": "mail.example.org", "user": USER, "password": PASSWORD}, "tls or starttls only"),
    ],
)
def test_a_server_that_no_message_may_go_to_is_refused_at_start(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(gateway(25), **wrong)
