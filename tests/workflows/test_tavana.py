"""Waiting in Tavana: each wait answered, refused and silent; forged, doubled and late messages; started anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from messages.case import CaseKind, CaseSignal
from relay import Relay
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.journeys.steps import REFUSE_APPLICATION, Steps
from tests.journeys.tavana import Tavana, apply_with_guarantor
from workflows.onboarding import OnboardingWorkflow

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
async def asked(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Tavana:
    """A member has applied; the guarantor was asked."""
    return await apply_with_guarantor(steps, temporal, superuser, relay, arrange)


async def test_a_silent_guarantor_is_reminded_then_given_up_and_the_applicant_s_silence_ends_it(
    asked: Tavana, context: Context
) -> None:
    await asked.pass_time(hours=72, minutes=1)
    await asked.told("reminded")
    await asked.pass_time(hours=96)
    await asked.told("guarantor_name_requested")
    await asked.pass_time(hours=72, minutes=1)
    await asked.told("reminded", 2)
    await asked.pass_time(hours=264)
    await asked.end()

    assert await asked.timeline() == [
        "application_submitted",
        "guarantor_asked",
        "reminded",
        "guarantor_silent",
        "guarantor_name_requested",
        "reminded",
        "application_lapsed",
    ]
    mobile = asked.guarantor.mobile
    assert sorted(sent_to(asked.steps.messages, mobile)) == ["remind_answer_guarantee", "task_answer_guarantee"]
    await assert_nothing_held(asked.superuser)
    await assert_books_clean(context.engine)


async def test_another_guarantor_may_be_named_until_the_last_moment(asked: Tavana) -> None:
    await asked.refuse()
    await asked.pass_time(hours=72, minutes=1)
    await asked.told("reminded")
    await asked.pass_time(hours=263)

    await asked.name(asked.colleagues[1])
    await asked.accept(asked.colleagues[1])

    assert await asked.slots_taken() == 1


async def test_a_silent_region_is_reminded_and_then_the_platform_decides(asked: Tavana) -> None:
    await asked.accept()
    await asked.pass_wait()
    await asked.told("reminded")
    await asked.pass_wait()
    await asked.told("review_escalated")
    inbox = await asked.steps.api.get("/v1/tasks", headers=asked.officer.headers())
    assert inbox.json()["items"] == []

    await asked.approve(asked.chief)


async def test_when_even_the_platform_is_silent_the_application_ends_and_frees_the_guarantor(
    asked: Tavana,
) -> None:
    await asked.accept()
    for event, times in (("reminded", 1), ("review_escalated", 1), ("reminded", 2), ("application_lapsed", 1)):
        await asked.pass_wait()
        await asked.told(event, times)
    await asked.end()

    assert (await asked.timeline())[-1] == "application_lapsed"
    assert await asked.slots_taken() == 0
    await assert_nothing_held(asked.superuser)


async def test_a_returned_application_lapses_when_nobody_corrects_it(asked: Tavana) -> None:
    await asked.accept()
    await asked.send_back()
    await asked.pass_wait()
    await asked.told("reminded")
    await asked.pass_wait()
    await asked.end()

    assert (await asked.timeline())[-2:] == ["reminded", "application_lapsed"]
    assert await asked.slots_taken() == 0


async def test_a_refusal_by_finance_ends_it_and_frees_the_guarantor(asked: Tavana) -> None:
    await asked.accept()
    await asked.decide(asked.officer, "review_application", REFUSE_APPLICATION)
    await asked.end()

    assert (await asked.timeline())[-1] == "application_refused"
    assert await asked.slots_taken() == 0

    async def released() -> bool:
        return "guarantee_released" in sent_to(asked.steps.messages, asked.guarantor.mobile)

    await eventually(released, "the guarantor to be told")


async def test_nothing_becomes_usable_before_the_72_hours_are_over_whatever_messages_come(asked: Tavana) -> None:
    await asked.accept()
    await asked.approve()
    before = await asked.timeline()
    for name in [*OnboardingWorkflow.signals, *reversed(OnboardingWorkflow.signals)]:
        await asked.handle.signal(name, CaseSignal(CaseKind.ONBOARDING, UUID(asked.case_id), name, uuid4()))
    await asked.send_everything_again()
    await asked.pass_time(hours=71)
    assert await asked.steps.lines(asked.member) == []
    assert await asked.timeline() == before

    await asked.pass_time(hours=1, minutes=1)
    await asked.end()

    (line,) = await asked.steps.lines(asked.member)
    assert line["available"] == line["ceiling"]
    assert await asked.superuser.value("SELECT count(*) FROM journals") == 1


async def test_contradictory_messages_without_their_facts_change_nothing_at_a_wait_for_somebody(asked: Tavana) -> None:
    await asked.accept()
    before, seen = await asked.timeline(), await asked.transitions()

    for name in [*OnboardingWorkflow.signals, *reversed(OnboardingWorkflow.signals)]:
        await asked.handle.signal(name, CaseSignal(CaseKind.ONBOARDING, UUID(asked.case_id), name, uuid4()))
    await asked.send_everything_again()

    async def assessed() -> bool:
        return await asked.transitions() > seen

    await eventually(assessed, "the messages to be assessed")
    assert await asked.timeline() == before
    await asked.approve()


async def test_messages_that_come_again_or_after_the_end_do_nothing(asked: Tavana, context: Context) -> None:
    await asked.accept()
    await asked.approve()
    await asked.send_everything_again()
    await asked.send_everything_again()
    await asked.pass_time(hours=72, minutes=1)
    await asked.end()
    run = (await asked.handle.describe()).run_id
    before = await asked.superuser.effects()

    await asked.send_everything_again()

    assert await asked.superuser.effects() == before
    assert (await asked.handle.describe()).run_id == run
    await assert_books_clean(context.engine)


async def at_the_guarantor(asked: Tavana) -> None:
    """The guarantor is awaited."""


async def at_another_name(asked: Tavana) -> None:
    """Another name is awaited."""
    await asked.refuse()


async def at_the_review(asked: Tavana) -> None:
    """Regional finance is awaited."""
    await asked.accept()


async def at_the_correction(asked: Tavana) -> None:
    """The applicant's correction is awaited."""
    await asked.accept()
    await asked.send_back()


async def in_the_72_hours(asked: Tavana) -> None:
    """The credit is approved and not usable yet."""
    await asked.accept()
    await asked.approve()


PHASES = [at_the_guarantor, at_another_name, at_the_review, at_the_correction, in_the_72_hours]
# In the suite one wait of each kind: for somebody, and for the clock.
_SOME = (at_the_guarantor, in_the_72_hours)
WAITS = [reach if reach in _SOME else pytest.param(reach, marks=pytest.mark.long) for reach in PHASES]


@pytest.mark.parametrize("reach", WAITS)
async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(
    asked: Tavana, context: Context, reach: Callable[[Tavana], Awaitable[None]]
) -> None:
    await reach(asked)
    before = await asked.timeline()

    await asked.start_anew()
    await finish(asked, reach)

    (line,) = await asked.steps.lines(asked.member)
    assert line["available"] == line["ceiling"]
    assert (await asked.timeline())[: len(before)] == before
    assert (await asked.timeline()).count("application_submitted") == 1
    assert await asked.superuser.value("SELECT count(*) FROM journals") == 1
    await assert_books_clean(context.engine)


@pytest.mark.parametrize("reach", WAITS)
async def test_a_withdrawal_at_any_wait_frees_everything(
    asked: Tavana, reach: Callable[[Tavana], Awaitable[None]]
) -> None:
    await reach(asked)

    answer = await asked.steps.withdraw(asked.member, asked.case_id)
    assert answer.status_code == 200, answer.text
    assert await asked.slots_taken() == 0
    await asked.end()

    assert (await asked.steps.phase(asked.member, asked.case_id, "withdrawn"))["outcome"] == "withdrawn"
    await assert_nothing_held(asked.superuser)


async def finish(asked: Tavana, reached: Callable[[Tavana], Awaitable[None]]) -> None:
    """Whatever is still to be done until the credit is usable."""
    if reached is at_the_guarantor:
        await asked.accept()
    if reached is at_another_name:
        await asked.name(asked.colleagues[1])
        await asked.accept(asked.colleagues[1])
    if reached is at_the_correction:
        await asked.correct(instalments=6)
    if reached is not in_the_72_hours:
        await asked.approve()
    await asked.pass_time(hours=72, minutes=1)
    await asked.end()
