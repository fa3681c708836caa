"""A step that asks the outside, on a real Temporal server: retries, delays, silence, failures, and what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from activities.outside import AskAgain
from activities.transition import ActivityContext
from domain.reconciliation import STEP_TRIES
from messages.case import OVER, RESUMED
from messages.queue import Queue
from reconciler import Reconciler
from storage.sealing import Seals
from tests.arrange import eventually
from tests.asking import ASK, Asking, AskingWorkflow, start
from tests.books import Superuser
from tests.docs.test_processes import arrows
from tests.events import quiet_events
from tests.histories.record import record
from tests.histories.test_replay import replay
from tests.reconciliation_steps import add_cases, found
from worker import build_workers, working

# Start, the step with its workflow tasks, the end.
EVENT_BUDGET = 11
# The message, the end of the rest, the mark that this code takes it so, the look, and another workflow task each.
EVENTS_OF_WAKING = 14
_WITHIN_SECONDS = 20
_TEN_MINUTES = timedelta(minutes=10)
_FAILURES = [ConnectionError("away")] * (STEP_TRIES - 1)
Handle = WorkflowHandle[Any, Any]


@pytest.fixture
async def case_id(superuser: Superuser) -> UUID:
    """A case of the process."""
    (added,) = await add_cases(superuser)
    return added


@pytest.fixture
def reconciler(activity_context: ActivityContext, temporal: WorkflowEnvironment) -> Reconciler:
    """A reconciler whose rounds are always due."""
    return Reconciler(activity_context.engine, temporal.client, lambda: None, round_every=timedelta(0))


@pytest.fixture
async def asking(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
) -> AsyncIterator[Asking]:
    """The process with the answers that the test names, its workers at work."""
    asked = Asking(list(request.param))
    asked.take_over(monkeypatch)
    async with working(build_workers(temporal.client, activity_context)):
        yield asked


def answering(*scripts: Iterable[str | Exception]) -> pytest.MarkDecorator:
    """Which answers the test's gateway gives."""
    return pytest.mark.parametrize("asking", [tuple(script) for script in scripts], indirect=True)


async def pending(handle: Handle) -> PendingActivityInfo | None:
    """The step that is asked, or waits to be asked again."""
    described = (await handle.describe()).raw_description.pending_activities
    return described[0] if described else None


async def resting(handle: Handle, attempt: int) -> PendingActivityInfo:
    """The step as it waits for an attempt."""

    async def rests() -> PendingActivityInfo | None:
        step = await pending(handle)
        is_next = step is not None and step.attempt == attempt and step.HasField("next_attempt_schedule_time")
        return step if is_next else None

    waiting: PendingActivityInfo = await eventually(rests, f"attempt {attempt} to be waited for")
    return waiting


def rest_of(step: PendingActivityInfo) -> timedelta:
    """How long it waits between two attempts."""
    return step.next_attempt_schedule_time.ToDatetime() - step.last_attempt_complete_time.ToDatetime()


async def kinds(handle: Handle) -> list[EventType.ValueType]:
    """The kinds of events so far."""
    return [event.event_type for event in (await handle.fetch_history()).events]


@answering(["confirmed"])
async def test_an_answer_is_recorded_and_the_step_is_taken_on_its_own_queue(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    handle = await start(temporal, case_id)
    await handle.result()

    scheduled = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert [(one.activity_type.name, one.task_queue.name) for one in scheduled] == [("ask_gateway", Queue.OUTSIDE)]
    assert (asking.asked, asking.recorded) == (1, ["confirmed"])
    assert await superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id) == "confirmed"
    assert await quiet_events(handle) <= EVENT_BUDGET


@answering([AskAgain(_TEN_MINUTES), AskAgain(_TEN_MINUTES), "confirmed"])
async def test_who_asks_again_says_when_and_asking_again_adds_no_event(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment
) -> None:
    handle = await start(temporal, case_id)
    for attempt in (2, 3):
        step = await resting(handle, attempt)
        assert abs(rest_of(step) - _TEN_MINUTES) < timedelta(seconds=1)
        assert EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED not in await kinds(handle)
        await temporal.fast_forward(handle, _TEN_MINUTES)
    await handle.result()

    assert (asking.asked, asking.recorded) == (3, ["confirmed"])
    assert await quiet_events(handle) <= EVENT_BUDGET


async def outcome(superuser: Superuser, case_id: UUID) -> str | None:
    """How the case ended."""
    found: str | None = await superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id)
    return found


@answering([AskAgain(timedelta(hours=26))])
async def test_who_would_ask_again_when_the_time_is_over_gives_up_at_once_and_the_process_completes(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    asking.is_late_once_asked = True
    handle = await start(temporal, case_id)
    await handle.result()

    assert (asking.asked, asking.recorded, await outcome(superuser, case_id)) == (1, [], "lapsed")


async def test_a_question_that_nobody_puts_until_the_time_is_over_is_given_up_and_the_process_completes(
    case_id: UUID,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    activity_context: ActivityContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = Asking(["confirmed"])
    asking.take_over(monkeypatch)
    asking.is_late = True
    soon = {ASK: replace(AskingWorkflow.steps[ASK], limit=timedelta(seconds=1))}
    monkeypatch.setattr(AskingWorkflow, "steps", {**AskingWorkflow.steps, **soon})
    workers = build_workers(temporal.client, activity_context)
    async with working(workers):
        await workers[Queue.OUTSIDE].shutdown()
        handle = await start(temporal, case_id)
        await handle.result()

    assert (asking.asked, await outcome(superuser, case_id)) == (0, "lapsed")


@answering([AskAgain(timedelta(hours=1)), "confirmed"])
async def test_what_people_did_while_the_question_rested_is_seen_before_it_is_put_again(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    handle = await start(temporal, case_id)
    await resting(handle, 2)
    asking.is_late = True
    await temporal.fast_forward(handle, timedelta(hours=1))
    await handle.result()

    assert (asking.asked, await outcome(superuser, case_id)) == (1, "lapsed")


@answering([ConnectionError("away")])
async def test_the_fifth_failure_in_a_row_is_found_and_settled_as_soon_as_the_gateway_speaks(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser, reconciler: Reconciler
) -> None:
    handle = await start(temporal, case_id)
    for attempt in range(2, STEP_TRIES + 2):
        step = await resting(handle, attempt)
        assert [row[1] for row in await found(superuser)] == ["step_fails"] * (attempt > STEP_TRIES)
        if attempt > STEP_TRIES:
            asking.script[:] = [AskAgain(_TEN_MINUTES)]
        await temporal.fast_forward(handle, rest_of(step))
    await resting(handle, STEP_TRIES + 2)
    await reconciler.round()

    assert [(row[1], row[3]) for row in await found(superuser)] == [("step_fails", True)]
    await handle.terminate()


@answering([*_FAILURES, AskAgain(_TEN_MINUTES), *_FAILURES, "confirmed"])
async def test_failures_that_are_not_in_a_row_are_no_finding(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    handle = await start(temporal, case_id)
    for attempt in range(2, 2 * len(_FAILURES) + 3):
        await temporal.fast_forward(handle, rest_of(await resting(handle, attempt)))
    await handle.result()

    assert await found(superuser) == []
    assert asking.recorded == ["confirmed"]


@answering([AskAgain(timedelta(hours=1)), "confirmed"])
async def test_a_process_that_was_terminated_while_the_question_rested_asks_anew_and_records_once(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    lost = await start(temporal, case_id)
    await resting(lost, 2)
    await lost.terminate()
    await (await start(temporal, case_id)).result()

    assert (asking.asked, asking.recorded) == (2, ["confirmed"])
    assert await superuser.value("SELECT count(*) FROM transitions WHERE case_id = %s", case_id) == 1


@answering([AskAgain(timedelta(hours=1))])
async def test_a_process_that_is_cancelled_while_the_question_rests_is_cancelled(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment
) -> None:
    handle = await start(temporal, case_id)
    await resting(handle, 2)
    await handle.cancel()

    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert asking.asked == 1


@answering([AskAgain(timedelta(hours=1)), "confirmed"])
async def test_a_message_ends_the_rest_and_what_people_did_is_seen_at_once(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, superuser: Superuser, seals: Seals, tmp_path: Path
) -> None:
    handle = await start(temporal, case_id)
    await resting(handle, 2)
    asking.is_late = True
    await handle.signal(RESUMED)
    await asyncio.wait_for(handle.result(), _WITHIN_SECONDS)

    assert (asking.asked, await outcome(superuser, case_id)) == (1, "lapsed")
    assert await quiet_events(handle) <= EVENT_BUDGET + EVENTS_OF_WAKING
    await record(handle, seals.cipher, tmp_path / "woken.json")
    await replay(tmp_path / "woken.json", AskingWorkflow)


@answering(["confirmed"])
async def test_a_message_does_not_have_a_question_under_way_put_once_more(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment
) -> None:
    asking.thinks = asyncio.Event()
    handle = await start(temporal, case_id)

    async def is_asked() -> bool:
        return asking.asked == 1

    await eventually(is_asked, "the question")
    await handle.signal(RESUMED)

    async def is_heard() -> bool:
        return EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED in await kinds(handle)

    await eventually(is_heard, "the message to be heard")
    asking.thinks.set()
    await handle.result()
    assert (asking.asked, asking.recorded) == (1, ["confirmed"])


@answering(["confirmed"])
async def test_the_stored_history_of_such_a_step_replays_and_takes_the_arrow_that_is_drawn(
    asking: Asking, case_id: UUID, temporal: WorkflowEnvironment, seals: Seals, tmp_path: Path
) -> None:
    handle = await start(temporal, case_id)
    await handle.result()
    await record(handle, seals.cipher, tmp_path / "asked.json")

    await replay(tmp_path / "asked.json", AskingWorkflow)
    assert arrows(tmp_path / "asked.json", AskingWorkflow) == {("ask_gateway", OVER)}
    assert asking.asked == 1
