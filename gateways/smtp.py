"""E-mail over SMTP: to one server, in text and HTML, encrypted.

A message is handed over at least once. A server that takes one and breaks off before it says so leaves us not knowing;
the message is sent again then, under the same ``Message-ID``, by which mail programs recognise it. What is said to the
server and what it answers stays out of logs and errors, apart from the number of a refusal.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal

from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPResponseException
from jinja2 import Environment, StrictUndefined

from domain.errors import InvalidInput
from domain.profile import parse_email
from gateways.mail import Mail
from gateways.sms import SendFailed

Security = Literal["tls", "starttls", "plain"]

_ANSWER_SECONDS: Final = 20.0
_GOODBYE_SECONDS: Final = 2.0
# From the first byte to the last answer; nobody waits longer for a server than this and a goodbye.
SEND_SECONDS: Final = 40.0
_FINAL: Final = 500
_HTML: Final = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
    Path(__file__).with_name("mail.html").read_text(encoding="utf-8")
)
# What goes over the wire is ASCII: no server need know 8BITMIME or SMTPUTF8.
_POLICY: Final = policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """A mail server that takes messages for everybody.

    Args:
        host: its name, which stands in its certificate.
        port: where it listens.
        security: ``tls`` from the first byte, ``starttls`` before anything is said, or ``plain``: no encryption.
        sender: the address from which messages come; its host is ours in ``Message-ID``.
        name: the sender's name.
        user: whom to sign in as; nobody if empty.
        password: theirs.
        seconds: how long one message may take.
        tls: whom we believe; those whom the machine believes.

    Raises:
        ValueError: the sender is no address, or a password would go over an open network.
    """

    host: str
    port: int
    security: Security
    sender: str
    name: str
    user: str = ""
    password: str = field(repr=False, default="")
    seconds: float = SEND_SECONDS
    tls: ssl.SSLContext = field(repr=False, compare=False, default_factory=ssl.create_default_context)

    def __post_init__(self) -> None:
        """Refuse at start what every message would be refused for."""
        try:
            parse_email(self.sender)
        except InvalidInput:
            raise ValueError("the sender is no e-mail address") from None
        Address(self.name, addr_spec=self.sender)
        if self.security == "plain" and self.user and not _is_loopback(self.host):
            raise ValueError("a password goes to another machine by tls or starttls only")

    async def send(self, mail: Mail) -> str:
        """Hand over the message; returns its ``Message-ID``. See ``MailGateway.send``."""
        try:
            address = parse_email(mail.address)
        except InvalidInput:
            raise SendFailed("bad_address", retryable=False) from None
        message = self._message(mail, address)
        client = SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user or None,
            password=self.password,
            local_hostname=self._domain,
            timeout=min(_ANSWER_SECONDS, self.seconds),
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            tls_context=self.tls,
        )
        try:
            async with asyncio.timeout(self.seconds):
                await client.connect()
                await client.sendmail(self.sender, [address], message.as_bytes())
            # It is theirs now, however they say goodbye.
            with contextlib.suppress(SMTPException, OSError):
                await client.quit(timeout=_GOODBYE_SECONDS)
        except (SMTPException, OSError) as error:
            # Without the cause: it may hold the address and what the server said.
            raise _failure(error) from None
        finally:
            client.close()
        return str(message["Message-ID"])

    @property
    def _domain(self) -> str:
        return self.sender.rpartition("@")[2]

    def _message(self, mail: Mail, address: str) -> EmailMessage:
        """The message in MIME. A line break in the subject becomes a space: it must not begin a header."""
        subject = " ".join(mail.subject.split())
        message = EmailMessage(_POLICY)
        message["From"] = Address(self.name, addr_spec=self.sender)
        message["To"] = address
        message["Subject"] = subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = f"<{mail.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(_html(mail, subject), subtype="html")
        return message


def _html(mail: Mail, subject: str) -> str:
    """A page that loads nothing and leads nowhere: who reads it is not told to anybody."""
    return _HTML.render(
        language=mail.language,
        direction="rtl" if mail.language == "fa" else "ltr",
        subject=subject,
        paragraphs=mail.text.splitlines(),
    )


def _failure(error: SMTPException | OSError) -> SendFailed:
    """What went wrong. What a server refuses with 5xx it refuses for good; the rest may work later."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, SMTPResponseException):
        return SendFailed(f"smtp_{error.code}", retryable=error.code < _FINAL)
    reason = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    return SendFailed(f"mail_{type(reason).__name__}", retryable=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
