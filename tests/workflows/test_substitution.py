"""The process of a substitution: answered, refused and silent at each wait; forged messages; started anew (A4)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from messages.case import CaseKind, CaseSignal
from relay import Relay
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.commands.substitution_steps import SubstitutionScenario, refuse
from tests.events import quiet_events
from tests.journeys.replacing import Replacing, open_credit, request_and_wait
from tests.journeys.steps import Steps
from workflows.substitution import SubstitutionWorkflow

EVENT_BUDGET = 30


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> SubstitutionScenario:
    """A usable credit, its guarantor, and a colleague."""
    return await open_credit(context, arrange, activity_context, superuser)


@pytest.fixture
async def asked(
    scenario: SubstitutionScenario,
    relay: Relay,
    worker: None,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> Replacing:
    """The new guarantor is asked."""
    return await request_and_wait(scenario, steps, temporal, superuser, relay)


async def test_an_approved_substitution_takes_effect_in_few_events_and_tells_everybody(
    asked: Replacing, context: Context
) -> None:
    await asked.accept()
    await asked.review()
    await asked.end()

    assert await asked.standing() == {asked.scenario.newcomer}
    assert await quiet_events(asked.handle) <= EVENT_BUDGET

    async def told() -> bool:
        freed = sent_to(asked.steps.messages, asked.scenario.tavana.guarantor.mobile)
        return "guarantee_taken_over" in freed and "guarantee_begun" in sent_to(
            asked.steps.messages, asked.scenario.newcomer.mobile
        )

    await eventually(told, "both guarantors to be told")
    await assert_books_clean(context.engine)


async def test_a_silent_colleague_is_reminded_once_and_then_nothing_has_changed(asked: Replacing) -> None:
    await asked.pass_wait()
    await asked.told("reminded")
    await asked.pass_wait()
    await asked.end()

    assert await asked.timeline() == [
        "substitution_requested",
        "guarantor_asked",
        "reminded",
        "substitution_lapsed",
    ]
    assert await asked.standing() == {asked.scenario.tavana.guarantor}


async def test_when_even_the_platform_is_silent_the_new_guarantor_is_free_again(asked: Replacing) -> None:
    await asked.accept()
    for event, times in (("reminded", 1), ("review_escalated", 1), ("reminded", 2), ("substitution_lapsed", 1)):
        await asked.pass_wait()
        await asked.told(event, times)
    await asked.end()

    assert await asked.standing() == {asked.scenario.tavana.guarantor}


async def test_forged_messages_change_nothing(asked: Replacing) -> None:
    before = await asked.timeline()
    for name in SubstitutionWorkflow.signals:
        await asked.handle.signal(name, CaseSignal(CaseKind.SUBSTITUTION, UUID(asked.case_id), name, uuid4()))
    await asked.pass_time(hours=1)
    assert await asked.timeline() == before

    await asked.accept()
    await asked.review(refuse)
    await asked.end()

    assert await asked.standing() == {asked.scenario.tavana.guarantor}


async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(asked: Replacing) -> None:
    await asked.start_anew()
    await asked.accept()
    await asked.start_anew()
    await asked.review()
    await asked.end()

    assert await asked.standing() == {asked.scenario.newcomer}
    assert (await asked.timeline()).count("guarantor_asked") == 1
    assert (await asked.timeline()).count("review_requested") == 1


async def test_a_credit_that_is_closed_meanwhile_ends_it_at_once(asked: Replacing) -> None:
    await asked.close_line()
    await asked.end()

    assert (await asked.timeline())[-1] == "substitution_overtaken"
    assert await asked.standing() == {asked.scenario.tavana.guarantor}
