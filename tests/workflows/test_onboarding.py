"""Waiting in onboarding: answered, refused, silent; forged, doubled and late messages; started anew (A6)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from messages.case import CaseKind, CaseSignal
from relay import Relay
from storage.housekeeping import tidy
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.events import quiet_events
from tests.journeys.steps import ISSUE, REFUSE, Steps
from tests.journeys.waiting import CLEARED, UPHELD, Waiting, apply_and_wait
from workflows.onboarding import OnboardingWorkflow

pytestmark = pytest.mark.usefixtures("worker")
EVENT_BUDGET = 30
TRANSITION_BUDGET = 5


@pytest.fixture
async def waiting(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Waiting:
    """A member has applied; HR was asked."""
    return await apply_and_wait(steps, temporal, superuser, relay, arrange)


async def test_silence_of_hr_brings_one_reminder_after_three_days_and_the_end_after_seven(
    waiting: Waiting, context: Context
) -> None:
    await waiting.pass_time(hours=71)
    assert "reminded" not in await waiting.timeline()
    await waiting.pass_time(hours=1, minutes=1)
    await waiting.told("reminded")
    await waiting.pass_time(hours=95)
    assert "application_lapsed" not in await waiting.timeline()
    await waiting.pass_time(hours=1, minutes=1)
    await waiting.end()

    assert await waiting.timeline() == [
        "application_submitted",
        "certificate_requested",
        "reminded",
        "application_lapsed",
    ]

    async def told() -> bool:
        return "application_lapsed" in sent_to(waiting.steps.messages, waiting.member.mobile)

    await eventually(told, "the member to be told")
    assert sorted(sent_to(waiting.steps.messages, waiting.officer.mobile)) == [
        "remind_issue_certificate",
        "task_issue_certificate",
    ]
    await assert_nothing_held(waiting.superuser)
    await waiting.steps.apply(waiting.member)
    await assert_books_clean(context.engine)


@pytest.mark.parametrize(("decision", "phase"), [(ISSUE, "active"), (REFUSE, "refused")])
async def test_an_answer_just_before_the_end_counts(waiting: Waiting, decision: dict[str, Any], phase: str) -> None:
    await waiting.pass_time(hours=72, minutes=1)
    await waiting.told("reminded")
    await waiting.pass_time(hours=95, minutes=50)

    await waiting.decide(waiting.officer, "issue_certificate", decision)
    await waiting.end()

    assert (await waiting.steps.phase(waiting.member, waiting.case_id, phase))["outcome"] == phase


async def test_an_answer_after_the_end_is_refused(waiting: Waiting) -> None:
    task = await waiting.steps.task(waiting.officer, waiting.case_id)
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")
    await waiting.pass_time(hours=97)
    await waiting.end()

    late = await waiting.steps.decide(waiting.officer, task["id"], ISSUE)

    assert (late.status_code, late.json()["code"]) == (409, "task_expired")
    assert await waiting.steps.lines(waiting.member) == []


async def test_silence_at_an_obstacle_brings_one_reminder_and_then_the_end(waiting: Waiting) -> None:
    await waiting.block()
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")
    await waiting.pass_time(hours=263)
    await waiting.end()

    assert (await waiting.timeline())[-3:] == ["activation_blocked", "reminded", "application_lapsed"]
    await assert_nothing_held(waiting.superuser)


@pytest.mark.parametrize(("decision", "phase"), [(CLEARED, "active"), (UPHELD, "refused")])
async def test_an_answer_to_an_obstacle_counts_after_the_reminder_too(
    waiting: Waiting, decision: dict[str, Any], phase: str
) -> None:
    await waiting.block()
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")
    await waiting.unblock()

    await waiting.decide(waiting.contracts, "clear_obstacle", decision)
    await waiting.end()

    assert (await waiting.steps.phase(waiting.member, waiting.case_id, phase))["outcome"] == phase


async def test_a_message_without_its_fact_changes_nothing_and_the_waiting_goes_on(waiting: Waiting) -> None:
    case_id = UUID(waiting.case_id)
    before = await waiting.transitions()
    forged = [CaseSignal(CaseKind.ONBOARDING, case_id, name, uuid4()) for name in OnboardingWorkflow.signals]
    for message in forged:
        await waiting.handle.signal(message.name, message)

    async def assessed() -> bool:
        return await waiting.transitions() > before

    await eventually(assessed, "the messages to be assessed")
    assert (await waiting.steps.phase(waiting.member, waiting.case_id, "awaiting_certificate"))["outcome"] is None
    await waiting.pass_time(hours=71)
    assert "reminded" not in await waiting.timeline()
    await waiting.pass_time(hours=1, minutes=5)
    await waiting.told("reminded")
    seen = await waiting.transitions()
    await waiting.handle.signal(forged[0].name, forged[0])

    async def assessed_again() -> bool:
        return await waiting.transitions() > seen

    await eventually(assessed_again, "the message to be assessed")
    await waiting.pass_time(hours=168, minutes=5)
    await waiting.end()
    assert (await waiting.timeline()).count("reminded") == 1
    assert (await waiting.timeline())[-1] == "application_lapsed"


async def test_messages_that_come_again_or_late_do_nothing(waiting: Waiting, context: Context) -> None:
    await waiting.send_everything_again()
    await waiting.decide(waiting.officer, "issue_certificate", ISSUE)
    await waiting.end()
    run = (await waiting.handle.describe()).run_id
    before = await waiting.superuser.effects()

    await waiting.send_everything_again()

    assert await waiting.superuser.effects() == before
    assert (await waiting.handle.describe()).run_id == run
    await assert_books_clean(context.engine)


@pytest.mark.parametrize(("decision", "phase"), [(ISSUE, "active"), (REFUSE, "refused")])
async def test_a_process_terminated_while_hr_is_awaited_goes_on_when_started_anew(
    waiting: Waiting, context: Context, decision: dict[str, Any], phase: str
) -> None:
    await waiting.start_anew()
    await waiting.decide(waiting.officer, "issue_certificate", decision)
    await waiting.end()

    await waiting.steps.phase(waiting.member, waiting.case_id, phase)
    assert (await waiting.timeline()).count("certificate_requested") == 1
    await assert_books_clean(context.engine)


async def test_a_process_terminated_after_the_reminder_does_not_remind_again(waiting: Waiting) -> None:
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")

    await waiting.start_anew()
    await waiting.pass_time(hours=168, minutes=5)
    await waiting.end()

    assert (await waiting.timeline())[-3:] == ["certificate_requested", "reminded", "application_lapsed"]


async def test_a_process_terminated_after_one_reminder_still_reminds_at_the_next_wait(waiting: Waiting) -> None:
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")
    await waiting.block()

    await waiting.start_anew()
    await waiting.pass_time(hours=73)
    await waiting.told("reminded", times=2)
    await waiting.unblock()
    await waiting.decide(waiting.contracts, "clear_obstacle", CLEARED)
    await waiting.end()

    await waiting.steps.phase(waiting.member, waiting.case_id, "active")


async def test_an_answer_given_while_the_process_was_terminated_is_found_when_it_starts_anew(
    waiting: Waiting, context: Context
) -> None:
    await waiting.handle.terminate("operator")
    await waiting.decide(waiting.officer, "issue_certificate", ISSUE)

    await waiting.steps.phase(waiting.member, waiting.case_id, "active")
    assert len(await waiting.steps.lines(waiting.member)) == 1
    await assert_books_clean(context.engine)


async def test_a_process_terminated_at_an_obstacle_goes_on_when_started_anew(
    waiting: Waiting, context: Context
) -> None:
    await waiting.block()
    await waiting.start_anew()
    await waiting.unblock()
    await waiting.decide(waiting.contracts, "clear_obstacle", CLEARED)
    await waiting.end()

    await waiting.steps.phase(waiting.member, waiting.case_id, "active")
    assert (await waiting.timeline()).count("activation_blocked") == 1
    await assert_books_clean(context.engine)


async def test_a_process_terminated_long_ago_is_started_anew_by_its_kept_messages_and_goes_on_to_the_end(
    waiting: Waiting, context: Context
) -> None:
    await waiting.superuser.run("UPDATE outbox SET sent_at = now() - interval '40 days' WHERE sent_at IS NOT NULL")
    await tidy(context.engine)

    await waiting.start_anew()
    await waiting.decide(waiting.officer, "issue_certificate", ISSUE)
    await waiting.end()

    await waiting.steps.phase(waiting.member, waiting.case_id, "active")
    assert len(await waiting.steps.lines(waiting.member)) == 1
    await assert_books_clean(context.engine)


async def test_a_task_that_is_overdue_when_the_reminder_goes_out_lapses_at_once(waiting: Waiting) -> None:
    await waiting.superuser.run("UPDATE tasks SET due_at = now() - interval '1 hour'")

    await waiting.pass_time(hours=72, minutes=1)
    await asyncio.wait_for(waiting.end(), 10)

    assert (await waiting.timeline())[-2:] == ["reminded", "application_lapsed"]
    await assert_nothing_held(waiting.superuser)


async def test_while_money_actions_pause_no_credit_opens_and_afterwards_it_opens_by_itself(
    waiting: Waiting, context: Context
) -> None:
    await waiting.pause()
    case = await waiting.steps.phase(waiting.member, waiting.case_id, "awaiting_clearance")
    assert case["next_actor"] == "machine"
    assert await waiting.steps.lines(waiting.member) == []

    await waiting.end_pause()
    await waiting.pass_time(hours=24, minutes=1)
    await waiting.end()

    await waiting.steps.phase(waiting.member, waiting.case_id, "active")
    (line,) = await waiting.steps.lines(waiting.member)
    assert line["available"]["amount"] == 600_000_000
    assert (await waiting.timeline())[-3:] == ["certificate_issued", "activation_paused", "credit_activated"]
    await assert_books_clean(context.engine)


async def test_withdrawing_while_money_actions_pause_ends_the_waiting(waiting: Waiting) -> None:
    await waiting.pause()

    withdrawn = await waiting.steps.withdraw(waiting.member, waiting.case_id)
    await asyncio.wait_for(waiting.end(), 10)

    assert withdrawn.status_code == 200, withdrawn.text
    await waiting.steps.phase(waiting.member, waiting.case_id, "withdrawn")
    assert "credit_activated" not in await waiting.timeline()
    await assert_nothing_held(waiting.superuser)


async def test_the_happy_path_stays_within_its_budget_of_events_and_transitions(waiting: Waiting) -> None:
    await waiting.decide(waiting.officer, "issue_certificate", ISSUE)
    await waiting.end()

    assert await quiet_events(waiting.handle) <= EVENT_BUDGET
    assert await waiting.transitions() <= TRANSITION_BUDGET
