"""Sending notices and codes: what a carrier refuses for good is seen by somebody, and tells nothing it must not."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from activities.notice import NoticeSender
from activities.transition import ActivityContext
from api.account.codes import request_code as ask_for_code
from api.values import AmountIn
from api.withdrawal import WithdrawalCodeRequest, WithdrawalSubject
from commands.account.codes import request_code
from commands.command import Context
from domain.account import NO_BINDING, CodePurpose
from gateways.mail import NoMail
from gateways.sms import LocalSms, SmsIr
from messages.notice import SendCode, SendNotice
from storage.database import SERVICE, transaction
from storage.notices import notify
from tests.account_people import sent_code
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import run
from tests.payout_steps import PayoutOffice


@pytest.fixture
async def sender(activity_context: ActivityContext) -> AsyncIterator[NoticeSender]:
    """A sender whose carrier was told of no template: it refuses every message, and no later try can help."""
    async with httpx2.AsyncClient() as client:
        links = {"app_link": "https://app", "training_link": "https://t"}
        yield NoticeSender(activity_context, SmsIr(client, "key", {}), links, NoMail())


@pytest.fixture
async def member(arrange: Arrange) -> Someone:
    """Whom the messages are for."""
    return await arrange.person("member")


def the_error(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    """The one line at ERROR, with everything that it holds."""
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    return vars(record) | {"message": record.getMessage()}


async def test_a_notice_that_the_carrier_refuses_for_good_is_marked_and_logged_without_its_number(
    sender: NoticeSender, context: Context, member: Someone, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        await notify(connection, [member.id], "application_withdrawn")
    notice_id: UUID = await superuser.value("SELECT id FROM notices")

    with caplog.at_level(logging.INFO):
        await sender.send_notice(SendNotice(notice_id))

    error = the_error(caplog)
    assert (error["message"], error["template"]) == ("notice_not_sent", "application_withdrawn")
    assert error["reason"] == "no_such_template"
    assert member.mobile[3:] not in str([vars(record) for record in caplog.records])
    assert await superuser.rows("SELECT state, sent_at FROM notices") == [("failed", None)]


async def test_a_notice_that_no_release_sends_any_more_comes_to_the_desk_instead_of_being_tried_for_ever(
    activity_context: ActivityContext,
    context: Context,
    member: Someone,
    superuser: Superuser,
    tmp_path: Path,
) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        await notify(connection, [member.id], "application_withdrawn")
    await superuser.run("UPDATE notices SET template = 'sent_no_more'")
    sender = NoticeSender(activity_context, LocalSms(tmp_path), {}, NoMail())

    await sender.send_notice(SendNotice(await superuser.value("SELECT id FROM notices")))

    assert await superuser.rows("SELECT state, failure FROM notices") == [("failed", "no_such_template")]


async def test_a_code_that_the_carrier_refuses_for_good_is_logged_without_its_number_or_itself(
    sender: NoticeSender, context: Context, member: Someone, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    code_id: UUID = await run(context, member, lambda command: request_code(command, CodePurpose.STEP_UP, NO_BINDING))
    code = await sent_code(context, code_id)

    with caplog.at_level(logging.INFO):
        await sender.send_code(SendCode(code_id))

    error = the_error(caplog)
    assert (error["message"], error["purpose"]) == ("code_not_sent", "step_up")
    assert error["reason"] == "no_such_template"
    assert member.mobile[3:] not in str([vars(record) for record in caplog.records])
    assert code not in str([record.getMessage() for record in caplog.records])
    assert code not in {str(value) for record in caplog.records for value in vars(record).values()}
    assert await superuser.value("SELECT code_sealed FROM one_time_codes") is None


async def test_the_code_of_a_withdrawal_says_how_much_goes_to_which_sheba_and_nothing_of_it_is_kept_in_clear(
    activity_context: ActivityContext, arrange: Arrange, context: Context, superuser: Superuser, tmp_path: Path
) -> None:
    office = await PayoutOffice.opened(context, arrange, activity_context)
    wish = WithdrawalCodeRequest(purpose="withdraw", subject=WithdrawalSubject(amount=AmountIn(amount=5_000_000)))
    sent = await run(context, office.member, lambda command: ask_for_code(command, wish))
    kept = str(await superuser.value("SELECT string_agg(o::text, ' ') FROM outbox o")).encode()
    kept += bytes(await superuser.value("SELECT code_sealed FROM one_time_codes"))
    assert not any(part.encode() in kept for part in ("5000000", "۵۰۰", "۱۲۳۴", "amount", "last_four"))

    code = await sent_code(context, sent.code_id)
    await NoticeSender(activity_context, LocalSms(tmp_path / "sms"), {}, NoMail()).send_code(SendCode(sent.code_id))

    (written,) = (tmp_path / "sms").glob("**/*.json")
    message = json.loads(written.read_text("utf-8"))
    assert message["values"] == {"code": code, "amount": "۵۰۰٬۰۰۰ تومان", "last_four": "۱۲۳۴"}
    assert message["text"].startswith("کد برداشت ۵۰۰٬۰۰۰ تومان از موجودی شما در امانت به شبایی که به ۱۲۳۴ ختم می‌شود: ")
    assert await superuser.value("SELECT code_sealed FROM one_time_codes") is None
    await office.withdraw_with(wish.subject.amount.money(), sent.code_id, code)


async def test_a_withdrawals_code_of_the_release_before_which_named_nothing_is_sent_without_gaps_of_ours(
    activity_context: ActivityContext, member: Someone, context: Context, superuser: Superuser, tmp_path: Path
) -> None:
    code_id: UUID = await run(context, member, lambda command: request_code(command, CodePurpose.WITHDRAW, NO_BINDING))

    await NoticeSender(activity_context, LocalSms(tmp_path / "sms"), {}, NoMail()).send_code(SendCode(code_id))

    (written,) = (tmp_path / "sms").glob("**/*.json")
    message = json.loads(written.read_text("utf-8"))
    assert message["values"].keys() == {"code", "amount", "last_four"}
    assert "{" not in message["text"]
    assert await superuser.value("SELECT code_sealed FROM one_time_codes") is None
