"""A step that asks the outside, taken directly: what it looks at first, and what a death between two parts leaves."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import outside
from activities.outside import AskAgain
from activities.transition import Activity, ActivityContext
from messages.case import ASK_AGAIN, OVER, NextStep, StepInput
from tests.asking import GIVE_UP, Asking
from tests.books import Superuser
from tests.reconciliation_steps import add_cases
from workflows.transitions import OUTSIDE_ATTEMPT_LIMIT


@pytest.fixture
async def case_id(superuser: Superuser) -> UUID:
    """A case of the process."""
    (added,) = await add_cases(superuser)
    return added


def taking(asking: Asking, context: ActivityContext) -> Activity:
    """The step as a worker takes it."""
    (take,) = asking.process.outside_activities(context)
    assert activity._Definition.must_from_callable(take).name == "ask_gateway"
    return take


async def test_an_answer_that_could_not_be_recorded_is_asked_for_again_and_recorded_once(
    activity_context: ActivityContext, case_id: UUID, superuser: Superuser
) -> None:
    asking = Asking(["confirmed"], record_fails=[ConnectionError("Postgres went away")])
    take = taking(asking, activity_context)
    before = await superuser.effects()

    with pytest.raises(ConnectionError):
        await take(StepInput(case_id))
    assert await superuser.effects() == before
    assert (await take(StepInput(case_id))).step == OVER
    after = await superuser.effects()
    assert (await take(StepInput(case_id))).step == OVER

    assert (asking.asked, asking.recorded) == (2, ["confirmed"])
    assert await superuser.effects() == after


async def test_what_was_recorded_in_this_round_is_not_asked_for_again(
    activity_context: ActivityContext, case_id: UUID
) -> None:
    asking = Asking(["confirmed"], ends=False)
    take = taking(asking, activity_context)

    assert await take(StepInput(case_id)) == NextStep(GIVE_UP)
    asking.is_late = True
    assert await take(StepInput(case_id)) == NextStep(GIVE_UP, rounds={"ask_gateway": 1})
    assert asking.asked == 1


async def test_nobody_is_asked_where_another_step_follows_by_now(
    activity_context: ActivityContext, case_id: UUID
) -> None:
    asking = Asking(["confirmed"], is_late=True)

    assert await taking(asking, activity_context)(StepInput(case_id)) == NextStep(GIVE_UP)
    assert (asking.asked, asking.recorded) == (0, [])


async def test_an_answer_is_recorded_although_another_step_follows_by_now(
    activity_context: ActivityContext, case_id: UUID
) -> None:
    asking = Asking(["confirmed"], is_late_once_asked=True)

    assert (await taking(asking, activity_context)(StepInput(case_id))).step == OVER
    assert asking.recorded == ["confirmed"]


async def test_asking_again_is_said_to_temporal_with_its_time_and_is_no_error(
    activity_context: ActivityContext, case_id: UUID, superuser: Superuser
) -> None:
    asking = Asking(["confirmed"], record_fails=[AskAgain(timedelta(minutes=10))])
    before = await superuser.effects()

    with pytest.raises(ApplicationError) as said:
        await taking(asking, activity_context)(StepInput(case_id))

    assert (said.value.type, said.value.next_retry_delay) == (ASK_AGAIN, timedelta(minutes=10))
    assert said.value.category is ApplicationErrorCategory.BENIGN
    assert not said.value.non_retryable
    assert await superuser.effects() == before


async def test_a_gateway_that_never_answers_is_left_before_temporal_hands_the_step_on(
    activity_context: ActivityContext, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta() < outside.ASK_LIMIT < OUTSIDE_ATTEMPT_LIMIT
    monkeypatch.setattr(outside, "ASK_LIMIT", timedelta(milliseconds=50))
    asking = Asking(["confirmed"], hangs=True)

    with pytest.raises(TimeoutError):
        await taking(asking, activity_context)(StepInput(case_id))
    assert asking.recorded == []
