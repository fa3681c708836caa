"""Notices by e-mail: who gets one, in which language, what becomes of it, and sending one again (G4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.notice import NoticeSender
from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.account import CODE_SUBJECT, NO_BINDING, CodePurpose
from domain.notice import channels_of, compose_mail
from domain.wording import CapabilityWords, Catalogue, MailText, Sentence
from gateways.mail import LocalMail, MailGateway, NoMail
from gateways.sms import LocalSms, read_local_messages
from gateways.smtp import SmtpMail
from messages.notice import MailCode, MailNotice, SendNotice
from messages.profile import Sms
from relay import Lane, Relay, Route
from storage.account.codes import create_code, use_code
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.outbox import enqueue
from storage.profile import remove_email, seal_email, set_email, set_language
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser

ADDRESS = "maryam@example.org"
TEMPLATE = "credit_activated"
# What a transition says when the credit is usable.
PARAMS: dict[str, str | int] = {
    "ceiling": "۶۰٬۰۰۰٬۰۰۰ تومان",
    "ceiling_rial": 600_000_000,
    "ends_on": "۱۴۰۷/۰۸/۳۰",
    "last_day": "2028-11-20",
}
LINKS = {"app_link": "http://127.0.0.1:8080/app", "training_link": "https://train"}


@pytest.fixture
async def member(arrange: Arrange, context: Context) -> Someone:
    """Somebody with a confirmed address."""
    found = await arrange.person("member")
    async with transaction(context.engine, SERVICE) as connection:
        await set_email(connection, context.seals, found.id, seal_email(context.seals, ADDRESS))
    return found


def relay_of(activity_context: ActivityContext, messages_dir: Path, mail: MailGateway) -> Relay:
    """A relay for messages and codes."""
    sender = NoticeSender(activity_context, LocalSms(messages_dir), LINKS, mail)
    return Relay(
        activity_context.engine,
        [
            Route(SendNotice, sender.send_notice, Lane.NOTICES),
            Route(MailNotice, sender.send_notice, Lane.MAIL, seconds=20),
            Route(MailCode, sender.send_code, Lane.MAIL_CODES),
        ],
        sweep_seconds=0.05,
    )


@pytest.fixture
def carrier(activity_context: ActivityContext, messages_dir: Path) -> Relay:
    """Sends what waits through the local gateways when it is told to."""
    return relay_of(activity_context, messages_dir, LocalMail(messages_dir))


async def tell(engine: AsyncEngine, *people: Someone, template: str = TEMPLATE) -> None:
    """Store a notice for people."""
    async with transaction(engine, SERVICE) as connection:
        await notify(connection, [one.id for one in people], template, params=PARAMS)


def mailed(messages_dir: Path) -> list[dict[str, Any]]:
    """The e-mails that went out, newest first."""
    return [message for message in read_local_messages(messages_dir, 20) if message["channel"] == "mail"]


async def mails(superuser: Superuser) -> list[tuple[str, str | None]]:
    """State and failure of each notice by e-mail."""
    found = await superuser.rows("SELECT state, failure FROM notices WHERE channel = 'mail' ORDER BY id")
    return [(state, failure) for state, failure in found]


async def mail_id(superuser: Superuser) -> UUID:
    """The id of the one notice by e-mail."""
    found: UUID = await superuser.value("SELECT id FROM notices WHERE channel = 'mail'")
    return found


async def listed(api: httpx2.AsyncClient, who: Someone, address: str) -> list[dict[str, Any]]:
    """The items of the first page."""
    answer = await api.get(address, headers=who.headers())
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def resend(api: httpx2.AsyncClient, who: Someone, notice_id: UUID) -> httpx2.Response:
    """Ask for a message to be sent again."""
    return await api.post(f"/v1/notices/{notice_id}/resend", headers=who.headers())


@pytest.fixture
def mail_alone(monkeypatch: pytest.MonkeyPatch) -> str:
    """A template that goes by e-mail and by nothing else."""
    said = MailText(Sentence("رسید شما", "Your receipt"), Sentence("رسید شما آماده است.", "Your receipt is ready."))
    monkeypatch.setattr("domain.notice.words", Catalogue([CapabilityWords(mails={Sms.EMAIL_CHANGED: said})]))
    return Sms.EMAIL_CHANGED


async def test_a_template_that_goes_by_both_is_copied_to_those_alone_whose_address_is_confirmed(
    engine: AsyncEngine, arrange: Arrange, member: Someone, context: Context, superuser: Superuser
) -> None:
    without, unconfirmed = await arrange.person("without"), await arrange.person("unconfirmed")
    async with transaction(engine, SERVICE) as connection:
        sealed = seal_email(context.seals, "other@example.org")
        await set_email(connection, context.seals, unconfirmed.id, sealed)
    await superuser.run("UPDATE profiles SET email_confirmed_at = NULL WHERE person_id = %s", unconfirmed.id)

    await tell(engine, member, without, unconfirmed)
    await tell(engine, member, template="application_withdrawn")

    by_mail = await superuser.rows("SELECT person_id, template FROM notices WHERE channel = 'mail'")
    assert by_mail == [(member.id, TEMPLATE)]
    assert await superuser.value("SELECT count(*) FROM notices WHERE channel = 'sms'") == 4
    in_outbox = "SELECT message, count(*)::int FROM outbox GROUP BY message ORDER BY message"
    assert await superuser.rows(in_outbox) == [("MailNotice", 1), ("SendNotice", 4)]


async def test_what_goes_by_e_mail_alone_fails_where_it_is_seen_for_somebody_without_an_address(
    engine: AsyncEngine, arrange: Arrange, member: Someone, carrier: Relay, superuser: Superuser, mail_alone: str
) -> None:
    await tell(engine, member, await arrange.person("without"), template=mail_alone)

    await carrier.drain(Lane.MAIL)

    assert [str(channel) for channel in channels_of(mail_alone)] == ["mail"]
    assert sorted(await mails(superuser)) == [("failed", "no_address"), ("sent", None)]
    assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0


@pytest.mark.parametrize(
    ("language", "subject", "amount", "day"),
    [
        (None, "اعتبار شما فعال شد", "۶۰٬۰۰۰٬۰۰۰ تومان", "آبان ۱۴۰۷"),
        ("fa", "اعتبار شما فعال شد", "۶۰٬۰۰۰٬۰۰۰ تومان", "آبان ۱۴۰۷"),
        ("en", "Your credit is usable", "60,000,000 toman", "1407"),
    ],
)
async def test_an_e_mail_is_in_its_recipients_language_with_its_values_and_links(
    engine: AsyncEngine,
    member: Someone,
    carrier: Relay,
    messages_dir: Path,
    language: str | None,
    subject: str,
    amount: str,
    day: str,
) -> None:
    if language is not None:
        async with transaction(engine, SERVICE) as connection:
            await set_language(connection, member.id, language)
    await tell(engine, member)

    await carrier.drain(Lane.MAIL)

    (mail,) = mailed(messages_dir)
    assert (mail["address"], mail["subject"], mail["language"]) == (ADDRESS, subject, language or "fa")
    assert amount in mail["text"]
    assert day in mail["text"]
    assert LINKS["app_link"] in mail["text"]
    assert "…" not in mail["text"]


async def test_an_address_that_went_before_the_message_gets_nothing(
    engine: AsyncEngine, member: Someone, carrier: Relay, messages_dir: Path, superuser: Superuser
) -> None:
    await tell(engine, member)
    async with transaction(engine, SERVICE) as connection:
        await remove_email(connection, member.id)

    await carrier.drain(Lane.MAIL)

    assert mailed(messages_dir) == []
    assert await mails(superuser) == [("failed", "no_address")]


async def test_a_member_sees_by_which_channel_each_message_came(
    api: httpx2.AsyncClient, engine: AsyncEngine, member: Someone
) -> None:
    await tell(engine, member)

    items = await listed(api, member, "/v1/messages")

    assert sorted(item["channel"] for item in items) == ["mail", "sms"]
    assert all("۶۰٬۰۰۰٬۰۰۰ تومان" in item["text"] for item in items)


async def test_the_desk_sees_of_an_address_its_beginning_and_host_alone(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, member: Someone
) -> None:
    await tell(engine, member)

    items = await listed(api, await arrange.platform(Role.AUDITOR), "/v1/notices")

    shown = sorted((item["channel"], item["email_masked"], item["mobile_masked"] is None) for item in items)
    assert shown == [("mail", "ma***@example.org", True), ("sms", None, False)]
    assert ADDRESS not in str(items)


async def test_an_e_mail_that_failed_arrives_once_it_is_sent_again(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    activity_context: ActivityContext,
    arrange: Arrange,
    member: Someone,
    carrier: Relay,
    messages_dir: Path,
    superuser: Superuser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await tell(engine, member)
    with caplog.at_level(logging.INFO):
        await relay_of(activity_context, messages_dir, NoMail()).drain(Lane.MAIL)
    (error,) = [vars(record) for record in caplog.records if record.levelno >= logging.ERROR]
    assert (error["msg"], error["reason"]) == ("notice_not_sent", "no_mail")
    assert ADDRESS not in str([vars(record) for record in caplog.records])
    assert await mails(superuser) == [("failed", "no_mail")]

    answer = await resend(api, await arrange.platform(Role.SUPPORT_AGENT), await mail_id(superuser))
    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    await carrier.drain(Lane.NOTICES)
    assert mailed(messages_dir) == []
    await carrier.drain(Lane.MAIL)

    assert len(mailed(messages_dir)) == 1
    assert await mails(superuser) == [("sent", None)]


async def test_an_e_mail_is_not_sent_again_before_its_recipient_has_an_address(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    arrange: Arrange,
    member: Someone,
    carrier: Relay,
    superuser: Superuser,
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    await tell(engine, member)
    await carrier.drain(Lane.MAIL)
    await superuser.run("UPDATE profiles SET email_confirmed_at = NULL")
    before = await superuser.effects()

    refused = await resend(api, operator, await mail_id(superuser))

    assert (refused.status_code, refused.json()["code"]) == (409, "notice_without_address")
    assert await superuser.effects() == before
    await superuser.run("UPDATE profiles SET email_confirmed_at = now()")
    assert (await resend(api, operator, await mail_id(superuser))).status_code == 200


async def test_an_e_mail_whose_server_is_away_waits_and_is_tried_again(
    engine: AsyncEngine,
    activity_context: ActivityContext,
    member: Someone,
    carrier: Relay,
    messages_dir: Path,
    superuser: Superuser,
) -> None:
    await tell(engine, member)
    async with silent_server() as mail:
        pass

    await relay_of(activity_context, messages_dir, mail).drain(Lane.MAIL)
    waiting = "SELECT sent_at IS NULL, attempts, last_error FROM outbox WHERE message = 'MailNotice'"
    assert await superuser.rows(waiting) == [(True, 1, "SendFailed")]
    assert await mails(superuser) == [("pending", None)]
    await superuser.run("UPDATE outbox SET due_at = now()")
    await carrier.drain(Lane.MAIL)

    assert len(mailed(messages_dir)) == 1
    assert await mails(superuser) == [("sent", None)]


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[SmtpMail]:
    """A mail server that takes a connection and says nothing, and after this none that is there."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield SmtpMail("127.0.0.1", port, "plain", sender="no-reply@amanat.example", name="امانت", seconds=20)


@contextlib.asynccontextmanager
async def at_work(relay: Relay) -> AsyncIterator[None]:
    """A relay that sends for a while."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_mail_server_that_hangs_holds_up_no_sms_and_no_code(
    context: Context, activity_context: ActivityContext, member: Someone, messages_dir: Path, superuser: Superuser
) -> None:
    async def is_tried() -> bool:
        tried: bool = await superuser.value("SELECT attempts = 1 FROM outbox WHERE message = 'MailNotice'")
        return tried

    async def are_out() -> bool:
        waiting: int = await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
        return waiting == 1

    async with silent_server() as mail, at_work(relay_of(activity_context, messages_dir, mail)):
        await tell(context.engine, member)
        await eventually(is_tried, "the first try of the e-mail")
        await tell(context.engine, member, template="application_withdrawn")
        await by_mail(context, member, live=False)
        await eventually(are_out, "SMS and code", seconds=10)
        assert await is_tried()


async def by_mail(context: Context, member: Someone, *, live: bool = True) -> None:
    """Ask for a code to the address; one that is used already is not sent, only done with."""
    async with transaction(context.engine, SERVICE) as connection:
        code_id = await create_code(
            connection,
            context.seals,
            CodePurpose.CONFIRM_EMAIL,
            member.id,
            NO_BINDING,
            channel="mail",
            sent_to=seal_email(context.seals, ADDRESS),
        )
        if not live:
            await use_code(connection, code_id)
        await enqueue(connection, MailCode(code_id))


async def test_a_code_by_e_mail_goes_past_the_notices_that_wait_for_the_server(
    context: Context, member: Someone, carrier: Relay, messages_dir: Path, superuser: Superuser
) -> None:
    await tell(context.engine, *[member] * 3)
    await by_mail(context, member)

    await carrier.drain(Lane.MAIL_CODES)

    assert [mail["subject"] for mail in mailed(messages_dir)] == [CODE_SUBJECT]
    assert {state for state, _ in await mails(superuser)} == {"pending"}


def test_a_notice_of_a_release_before_is_told_without_what_it_does_not_know() -> None:
    subject, text = compose_mail(TEMPLATE, {**LINKS, "ceiling": "۶۰"}, "fa")

    assert subject
    assert "…" in text
