"""A MiniPay application through the API, a relay, a Temporal server and a worker (docs/rules.md, A)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from commands.command import Context
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.journeys.steps import ISSUE, REFUSE, TERMS, Steps

pytestmark = pytest.mark.usefixtures("relay", "worker")


async def test_an_issued_certificate_makes_the_credit_usable(steps: Steps, arrange: Arrange, context: Context) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)

    case_id = await steps.apply(member)
    task = await steps.task(officer, case_id)
    decided = await steps.decide(officer, task["id"], ISSUE)
    case = await steps.phase(member, case_id, "active")

    assert decided.status_code == 200, decided.text
    assert case["outcome"] == "active"
    assert case["next_actor"] is case["due"] is None
    assert case["allowed_actions"] == []
    (line,) = await steps.lines(member)
    assert line["ceiling"]["amount"] == line["available"]["amount"] == 600_000_000
    assert line["used"]["amount"] == line["held"]["amount"] == 0
    assert await steps.timeline(member, case_id) == [
        "application_submitted",
        "certificate_requested",
        "certificate_issued",
        "credit_activated",
    ]
    await assert_books_clean(context.engine)


async def test_the_applicant_sees_who_acts_next_and_until_when(
    steps: Steps, arrange: Arrange, api: httpx2.AsyncClient
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)

    applied = await steps.try_to_apply(member)
    assert (applied.json()["phase"], applied.json()["next_actor"]) == ("submitted", "machine")
    waiting = await steps.phase(member, applied.json()["id"], "awaiting_certificate")

    left = datetime.fromisoformat(waiting["due"]["at"]) - datetime.now(UTC)
    assert timedelta(hours=167, minutes=50) < left <= timedelta(hours=168)
    assert waiting["next_actor"] == "hr_officer"
    assert waiting["next_actor_words"]["fa"] == "منابع انسانی سازمان"
    assert [action["action"] for action in waiting["allowed_actions"]] == ["withdraw_application"]
    seen_by_hr = (await api.get(f"/v1/cases/{waiting['id']}", headers=officer.headers())).json()
    assert [action["action"] for action in seen_by_hr["allowed_actions"]] == ["decide_issue_certificate"]
    assert seen_by_hr["application"]["net_pay_used"]["amount"] == 400_000_000


async def test_the_people_concerned_get_an_sms_at_each_step(steps: Steps, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    elsewhere = await arrange.hr_officer(await arrange.organisation())

    case_id = await steps.apply(member)
    await steps.decide(officer, (await steps.task(officer, case_id))["id"], ISSUE)
    await steps.phase(member, case_id, "active")

    expected = ["application_submitted", "code_accept_mandate", "credit_activated"]

    async def all_sent() -> bool:
        return sorted(sent_to(steps.messages, member.mobile)) == expected

    await eventually(all_sent, "the member's messages")
    assert sent_to(steps.messages, officer.mobile) == ["task_issue_certificate"]
    assert sent_to(steps.messages, elsewhere.mobile) == []


async def test_after_a_refusal_with_its_reason_the_member_applies_again_at_once(
    steps: Steps, arrange: Arrange, context: Context, superuser: Superuser, api: httpx2.AsyncClient
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    first = await steps.apply(member)

    await steps.decide(officer, (await steps.task(officer, first))["id"], REFUSE)
    refused = await steps.phase(member, first, "refused")
    await assert_nothing_held(superuser)
    second = await steps.apply(member)
    await steps.decide(officer, (await steps.task(officer, second))["id"], ISSUE)
    await steps.phase(member, second, "active")

    assert refused["outcome"] == "refused"
    assert await steps.timeline(member, first) == [
        "application_submitted",
        "certificate_requested",
        "certificate_refused",
        "application_refused",
    ]
    events = (await api.get(f"/v1/cases/{first}/timeline", headers=member.headers())).json()["items"]
    assert "ظرفیت کسر از حقوق پر است" in events[-1]["words"]["fa"]
    await assert_books_clean(context.engine)


async def test_withdrawing_while_hr_is_awaited_closes_their_task_and_frees_everything(
    steps: Steps, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    case_id = await steps.apply(member)
    task = await steps.task(officer, case_id)

    withdrawn = await steps.withdraw(member, case_id)
    too_late = await steps.decide(officer, task["id"], ISSUE)
    await steps.phase(member, case_id, "withdrawn")

    assert withdrawn.status_code == 200
    assert (too_late.status_code, too_late.json()["code"]) == (409, "task_moot")
    assert (await steps.withdraw(member, case_id)).json()["code"] == "case_closed"
    assert (await steps.timeline(member, case_id))[-1] == "application_withdrawn"
    await assert_nothing_held(superuser)
    await steps.apply(member)
    await assert_books_clean(context.engine)


@pytest.mark.parametrize("head_start", ["the withdrawal", "the certificate", "nobody"])
async def test_when_withdrawal_and_certificate_meet_one_wins_and_nothing_is_held_by_the_loser(
    steps: Steps, arrange: Arrange, context: Context, superuser: Superuser, head_start: str
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    case_id = await steps.apply(member)
    task = await steps.task(officer, case_id)

    deeds = {
        "the withdrawal": steps.withdraw(member, case_id),
        "the certificate": steps.decide(officer, task["id"], ISSUE),
    }
    if head_start in deeds:
        running = asyncio.ensure_future(deeds.pop(head_start))
        await asyncio.sleep(0)
        answers = [*await asyncio.gather(*deeds.values()), await running]
    else:
        answers = list(await asyncio.gather(*deeds.values()))

    async def over() -> bool:
        return bool(await superuser.value("SELECT count(*) FROM cases WHERE closed_at IS NOT NULL"))

    await eventually(over, "the case to end")
    outcome = await superuser.value("SELECT outcome FROM cases")
    assert {answer.status_code for answer in answers} <= {200, 409}
    withdrew = await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_withdrawn'")
    assert outcome == ("withdrawn" if withdrew else "active")
    if withdrew:
        await assert_nothing_held(superuser)
    assert await superuser.value("SELECT count(*) FROM credit_lines") == (0 if withdrew else 1)
    await assert_books_clean(context.engine)


async def test_an_active_credit_is_not_withdrawn_any_more(steps: Steps, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    case_id = await steps.apply(member)
    await steps.decide(officer, (await steps.task(officer, case_id))["id"], ISSUE)
    await steps.phase(member, case_id, "active")

    answer = await steps.withdraw(member, case_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "credit_already_active")


async def test_a_second_application_in_the_programme_waits_for_the_end_of_the_first(
    steps: Steps, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.member(await arrange.organisation())

    await steps.apply(member)
    again = await steps.try_to_apply(member)

    assert (again.status_code, again.json()["code"]) == (409, "application_open")
    assert await superuser.value("SELECT count(*) FROM cases") == 1


async def test_two_applications_at_the_same_moment_open_one_case(
    steps: Steps, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.member(await arrange.organisation())

    wishes = [await steps.application(member, instalments=count) for count in (12, 6)]

    answers = await asyncio.gather(*(steps.send_application(member, wish) for wish in wishes))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await superuser.value("SELECT count(*) FROM cases") == 1


async def test_a_renewal_replaces_the_line_and_the_ledger_shows_both(
    steps: Steps, arrange: Arrange, context: Context, api: httpx2.AsyncClient
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    for months in (12, 6):
        terms = {**TERMS, "instalments": months}
        case_id = await steps.apply(member, **terms)
        issue = {**ISSUE, "instalments": months}
        await steps.decide(officer, (await steps.task(officer, case_id))["id"], issue)
        await steps.phase(member, case_id, "active")

    new, old = await steps.lines(member)

    assert (new["closed"], new["ceiling"]["amount"], new["available"]["amount"]) == (None, 300_000_000, 300_000_000)
    assert old["closed"] is not None
    assert old["available"]["amount"] == old["used"]["amount"] == 0
    statement = (await api.get(f"/v1/credit-lines/{old['id']}/statement", headers=member.headers())).json()["items"]
    moves = [(line["reason"], line["amount"], line["balance"]["amount"]) for line in statement]
    assert moves == [("credit_line_opened", 600_000_000, 600_000_000), ("credit_line_closed", -600_000_000, 0)]
    await assert_books_clean(context.engine)
