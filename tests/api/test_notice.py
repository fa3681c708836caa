"""Messages: a member's own, those that operators and support look after, and sending one again (A9, G4)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.notice import NoticeSender
from activities.transition import ActivityContext
from api.app import create_app
from commands.account.codes import request_code
from commands.command import Context
from domain.access import Role
from domain.account import NO_BINDING, CodePurpose
from domain.notice import RESENDS_PER_NOTICE
from gateways.mail import NoMail
from gateways.sms import LocalSms, SmsIr, read_local_messages
from messages.notice import SendCode, SendNotice
from relay import Lane, Relay, Route
from storage.database import SERVICE, transaction
from storage.notices import notify
from tests.arrange import Arrange, Someone, sent_to
from tests.books import Superuser
from tests.commands.onboarding_steps import run

LINKS = {"app_link": "https://app", "training_link": "https://train"}
WITHDRAWN = "application_withdrawn"


@pytest.fixture
async def member(arrange: Arrange) -> Someone:
    """Whom the messages are for."""
    return await arrange.person("member")


@pytest.fixture
def carrier(activity_context: ActivityContext, messages_dir: Path) -> Relay:
    """Sends what waits through the local gateway when it is told to."""
    return relay_of(activity_context, LocalSms(messages_dir))


def relay_of(activity_context: ActivityContext, sms: LocalSms | SmsIr) -> Relay:
    """A relay for messages and codes alone."""
    sender = NoticeSender(activity_context, sms, LINKS, NoMail())
    return Relay(
        activity_context.engine,
        [
            Route(SendNotice, sender.send_notice, Lane.NOTICES),
            Route(SendCode, sender.send_code, Lane.CODES),
        ],
    )


async def send_notice(engine: AsyncEngine, who: Someone, *templates: str, **params: str) -> None:
    """Enqueue messages, one after the other."""
    for template in templates:
        async with transaction(engine, SERVICE) as connection:
            await notify(connection, [who.id], template, params=params)


async def newest(superuser: Superuser) -> UUID:
    """The id of the newest notice."""
    found: UUID = await superuser.value("SELECT id FROM notices ORDER BY id DESC LIMIT 1")
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


async def test_a_member_reads_what_was_sent_to_them_and_nobody_elses(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, member: Someone, carrier: Relay
) -> None:
    await send_notice(engine, member, WITHDRAWN)
    await carrier.drain(Lane.NOTICES)
    await send_notice(engine, member, "guarantee_not_needed")
    await send_notice(engine, await arrange.person("member"), "application_submitted")

    items = await listed(api, member, "/v1/messages")

    assert [(item["text"], item["state"], item["case_id"]) for item in items] == [
        ("امانت: درخواست ضمانت از شما پس گرفته شد و دیگر پاسخی لازم نیست.", "pending", None),
        ("امانت: انصراف شما از درخواست اعتبار ثبت شد.", "sent", None),
    ]
    assert items[0]["at"]["at"] > items[1]["at"]["at"]
    assert "۱۴" in items[0]["at"]["jalali"]


async def test_the_text_is_the_one_that_was_sent_with_its_values_and_links(
    context: Context, engine: AsyncEngine, member: Someone, carrier: Relay, messages_dir: Path
) -> None:
    await send_notice(engine, member, "credit_activated", ceiling="۶۰٬۰۰۰٬۰۰۰ تومان", ends_on="۱۴۰۷/۰۸/۳۰")
    await carrier.drain(Lane.NOTICES)
    app = create_app(replace(context, links=LINKS))

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://amanat.test") as client:
        (item,) = await listed(client, member, "/v1/messages")

    (sent,) = read_local_messages(messages_dir, 5)
    assert "۶۰٬۰۰۰٬۰۰۰ تومان" in item["text"]
    assert item["text"] == sent["text"]


async def test_messages_come_newest_first_page_by_page(
    api: httpx2.AsyncClient, engine: AsyncEngine, member: Someone, superuser: Superuser
) -> None:
    await send_notice(engine, member, *[WITHDRAWN] * 5)
    order = [str(row[0]) for row in await superuser.rows("SELECT id FROM notices ORDER BY id DESC")]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await api.get(f"/v1/messages?limit=2{cursor}", headers=member.headers())).json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"

    assert seen == order


async def test_one_time_codes_are_no_messages(
    api: httpx2.AsyncClient, context: Context, arrange: Arrange, member: Someone, carrier: Relay, messages_dir: Path
) -> None:
    await run(context, member, lambda command: request_code(command, CodePurpose.STEP_UP, NO_BINDING))
    await carrier.drain(Lane.CODES)
    operator = await arrange.platform(Role.OPERATOR)

    assert sent_to(messages_dir, member.mobile) == ["code_step_up"]
    assert await listed(api, member, "/v1/messages") == []
    assert await listed(api, operator, "/v1/notices") == []


async def test_what_went_to_a_number_that_is_no_longer_theirs_is_not_among_their_messages(
    api: httpx2.AsyncClient, engine: AsyncEngine, context: Context, member: Someone, superuser: Superuser
) -> None:
    await send_notice(engine, member, "mobile_changed_old")
    former = context.seals.cipher.seal_text("+989350000001", "person.mobile")
    await superuser.run("UPDATE notices SET mobile_sealed = %s", former)

    assert await listed(api, member, "/v1/messages") == []


async def test_operators_see_what_became_of_each_message_and_of_the_person_a_masked_number_only(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    activity_context: ActivityContext,
    arrange: Arrange,
    member: Someone,
    carrier: Relay,
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    await send_notice(engine, member, WITHDRAWN)
    await carrier.drain(Lane.NOTICES)
    await send_notice(engine, member, "guarantee_not_needed")
    async with httpx2.AsyncClient() as client:
        await relay_of(activity_context, SmsIr(client, "key", {})).drain(Lane.NOTICES)
    await send_notice(engine, member, "guarantee_replaced")

    by_state = {
        state: await listed(api, operator, f"/v1/notices?state={state}") for state in ("pending", "sent", "failed")
    }

    assert {state: [item["template"] for item in items] for state, items in by_state.items()} == {
        "pending": ["guarantee_replaced"],
        "sent": [WITHDRAWN],
        "failed": ["guarantee_not_needed"],
    }
    assert [item["state"] for item in await listed(api, operator, "/v1/notices")] == ["pending", "failed", "sent"]
    (failed,) = by_state["failed"]
    assert (failed["failure"], failed["sent"], failed["channel"]) == ("no_such_template", None, "sms")
    assert failed["failure_words"]["en"] == "The SMS provider does not know this text yet."
    assert failed["text"].startswith("امانت: درخواست ضمانت از شما پس گرفته شد")
    assert failed["mobile_masked"] == f"0{member.mobile[3:6]}***{member.mobile[-4:]}"
    assert by_state["sent"][0]["sent"]["at"]
    for secret in (str(member.id), member.mobile, member.mobile[3:], member.national_id):
        assert secret not in str(by_state)


async def test_of_a_message_that_waits_it_is_told_how_often_it_was_tried_and_what_went_wrong(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, member: Someone, superuser: Superuser
) -> None:
    await send_notice(engine, member, WITHDRAWN)
    await superuser.run("UPDATE outbox SET attempts = 3, last_error = 'SendFailed'")

    (item,) = await listed(api, await arrange.platform(Role.AUDITOR), "/v1/notices?state=pending")

    assert (item["attempts"], item["failure"]) == (3, "SendFailed")


async def test_somebody_without_a_number_is_not_waited_for(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    arrange: Arrange,
    member: Someone,
    carrier: Relay,
    superuser: Superuser,
) -> None:
    await superuser.run("UPDATE persons SET mobile_index = NULL, mobile_sealed = NULL WHERE id = %s", member.id)
    await send_notice(engine, member, WITHDRAWN)

    await carrier.drain(Lane.NOTICES)

    (item,) = await listed(api, await arrange.platform(Role.SUPPORT_AGENT), "/v1/notices?state=failed")
    assert (item["failure"], item["mobile_masked"], item["attempts"]) == ("no_number", None, None)
    assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0


async def test_a_message_is_not_sent_again_before_its_recipient_has_a_number(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    arrange: Arrange,
    carrier: Relay,
    superuser: Superuser,
) -> None:
    recipient, operator = await arrange.finance_officer(), await arrange.platform(Role.OPERATOR)
    numbers = await superuser.rows("SELECT mobile_index, mobile_sealed FROM persons WHERE id = %s", recipient.id)
    await superuser.run("UPDATE persons SET mobile_index = NULL, mobile_sealed = NULL WHERE id = %s", recipient.id)
    await send_notice(engine, recipient, WITHDRAWN)
    await carrier.drain(Lane.NOTICES)
    notice_id, before = await newest(superuser), await superuser.effects()

    refused = await resend(api, operator, notice_id)

    assert (refused.status_code, refused.json()["code"]) == (409, "notice_without_number")
    assert await superuser.effects() == before
    await superuser.run(
        "UPDATE persons SET mobile_index = %s, mobile_sealed = %s WHERE id = %s", *numbers[0], recipient.id
    )
    assert (await resend(api, operator, notice_id)).status_code == 200


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SUPPORT_AGENT])
async def test_a_message_that_failed_arrives_once_it_is_sent_again(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    activity_context: ActivityContext,
    arrange: Arrange,
    member: Someone,
    carrier: Relay,
    messages_dir: Path,
    superuser: Superuser,
    role: Role,
) -> None:
    await send_notice(engine, member, WITHDRAWN)
    async with httpx2.AsyncClient() as client:
        await relay_of(activity_context, SmsIr(client, "key", {})).drain(Lane.NOTICES)
    sender, notice_id = await arrange.platform(role), await newest(superuser)

    answer = await resend(api, sender, notice_id)
    refused = await resend(api, sender, notice_id)
    await carrier.drain(Lane.NOTICES)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["failure"], answer.json()["attempts"]) == ("pending", None, 0)
    assert (refused.status_code, refused.json()["code"]) == (409, "notice_pending")
    assert sent_to(messages_dir, member.mobile) == [WITHDRAWN]
    assert await superuser.rows("SELECT state, failure FROM notices") == [("sent", None)]
    (line,) = await superuser.rows("SELECT content FROM audit WHERE stream = 'notices'")
    for part in ("resend_notice", str(sender.id), str(notice_id), "failed"):
        assert part in line[0]


async def test_a_message_that_was_sent_goes_out_a_second_time_and_once_for_each_key(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    arrange: Arrange,
    member: Someone,
    carrier: Relay,
    messages_dir: Path,
    superuser: Superuser,
) -> None:
    await send_notice(engine, member, WITHDRAWN)
    await carrier.drain(Lane.NOTICES)
    operator, notice_id = await arrange.platform(Role.OPERATOR), await newest(superuser)
    headers = operator.headers()

    answers = [await api.post(f"/v1/notices/{notice_id}/resend", headers=headers) for _ in range(2)]
    await carrier.drain(Lane.NOTICES)
    await carrier.drain(Lane.NOTICES)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert sent_to(messages_dir, member.mobile) == [WITHDRAWN] * 2


async def test_one_message_is_sent_again_a_few_times_an_hour_at_most(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, member: Someone, superuser: Superuser
) -> None:
    await send_notice(engine, member, WITHDRAWN, "guarantee_not_needed")
    operator = await arrange.platform(Role.OPERATOR)
    first, second = [row[0] for row in await superuser.rows("SELECT id FROM notices ORDER BY id")]
    statuses = []
    for notice_id in [first] * (RESENDS_PER_NOTICE.allowed + 1) + [second]:
        await superuser.run("UPDATE notices SET state = 'sent'")
        answer = await resend(api, operator, notice_id)
        statuses.append(answer.status_code)
        assert (answer.status_code == 429) is ("Retry-After" in answer.headers)

    assert statuses == [200] * RESENDS_PER_NOTICE.allowed + [429, 200]


async def test_what_is_not_there_or_malformed_is_refused(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    operator = await arrange.platform(Role.OPERATOR)

    missing = await resend(api, operator, uuid4())
    answers = [
        await api.get(path, headers=operator.headers())
        for path in ("/v1/notices?state=lost", "/v1/notices?cursor=x", "/v1/notices?limit=101")
    ]

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert [(answer.status_code, answer.json()["field"]) for answer in answers] == [
        (422, "state"),
        (422, "cursor"),
        (422, "limit"),
    ]
