"""Schedules on a real Temporal server: one however many workers make it, changed by newer releases alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self
from unittest.mock import AsyncMock

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity, workflow
from temporalio.client import ScheduleHandle, ScheduleOverlapPolicy
from temporalio.common import RetryPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.dates import TEHRAN
from domain.reconciliation import STEP_TRIES, ScheduleName
from messages.case import CaseKind
from messages.queue import Queue
from reconciler import Reconciler, _kind_and_case
from schedules import keep_schedules
from tests.arrange import eventually
from tests.books import Superuser
from workflows.scheduled import SCHEDULES

NAME = "clearing-days"
ID = f"schedule/{NAME}"


@pytest.fixture
async def schedule(temporal: WorkflowEnvironment) -> AsyncIterator[ScheduleHandle]:
    """The schedule as three workers made it at once; gone afterwards."""
    await asyncio.gather(*(keep_schedules(temporal.client) for _ in range(3)))
    yield temporal.client.get_schedule_handle(ID)
    for name in SCHEDULES:
        await temporal.client.get_schedule_handle(f"schedule/{name}").delete()


async def test_three_workers_make_one_schedule_of_each_morning(
    schedule: ScheduleHandle, temporal: WorkflowEnvironment
) -> None:
    await keep_schedules(temporal.client)
    described = await schedule.describe()

    assert described.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert described.schedule.policy.catchup_window == timedelta(days=7)
    following = [moment.astimezone(TEHRAN) for moment in described.info.next_action_times[:2]]
    assert {(moment.hour, moment.minute) for moment in following} == {(6, 0)}
    assert following[1] - following[0] == timedelta(days=1)


async def test_a_newer_release_changes_it_and_an_older_one_leaves_it_and_a_pause_stays(
    schedule: ScheduleHandle, temporal: WorkflowEnvironment
) -> None:
    await schedule.pause()
    newer = {NAME: replace(SCHEDULES[NAME], hour=7, version=2)}
    await keep_schedules(temporal.client, newer)
    # Who pauses or starts a schedule writes over its note.
    await schedule.unpause(note="the gateway is back")
    await schedule.pause()
    await keep_schedules(temporal.client)

    described = await schedule.describe()
    assert described.info.last_updated_at is not None
    assert described.schedule.state.paused
    assert [one.hour[0].start for one in described.schedule.spec.calendars] == [7]


async def test_a_schedule_that_fails_is_told_and_does_not_keep_the_others_from_being_kept(
    schedule: ScheduleHandle, temporal: WorkflowEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    newer = replace(SCHEDULES[NAME], hour=8, version=9)
    broken = replace(SCHEDULES[NAME], hour="morning")  # type: ignore[arg-type]
    keeping = asyncio.create_task(keep_schedules(temporal.client, {"broken": broken, NAME: newer}))

    async def kept() -> bool:
        return [one.hour[0].start for one in (await schedule.describe()).schedule.spec.calendars] == [8]

    await eventually(kept, "the schedule that is whole")
    assert not keeping.done()
    keeping.cancel()
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == ["schedule_not_kept"]


@pytest.mark.usefixtures("worker")
async def test_the_morning_runs_a_workflow_that_the_reconciler_leaves_alone(
    schedule: ScheduleHandle, temporal: WorkflowEnvironment
) -> None:
    await schedule.trigger()

    async def ran() -> str | None:
        actions = (await schedule.describe()).info.recent_actions
        return getattr(actions[0].action, "workflow_id", None) if actions else None

    id_ = await eventually(ran, "the workflow")
    await temporal.client.get_workflow_handle(id_).result()
    assert id_.startswith(ID)
    assert list(_kind_and_case(id_)) == []
    assert not any(id_.startswith(f"{kind}/") for kind in CaseKind)


@workflow.defn(sandboxed=False)
class EagerWorkflow:
    """What a morning begins: an activity that is tried again at once."""

    @workflow.run
    async def run(self) -> None:
        """Take it."""
        retries = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1)
        await workflow.execute_activity("work", start_to_close_timeout=timedelta(seconds=10), retry_policy=retries)


def a_reconciler(engine: AsyncEngine, temporal: WorkflowEnvironment) -> Reconciler:
    """One that looks at one schedule, whose rounds are always due."""
    return Reconciler(engine, temporal.client, lambda: None, round_every=timedelta(0), schedules=[NAME])


async def findings(superuser: Superuser) -> list[tuple[object, ...]]:
    """Of each finding: the schedule, what it is, whether it is settled; oldest first."""
    return await superuser.rows(
        "SELECT schedule, kind, settled_at IS NOT NULL FROM reconciliation_findings ORDER BY id"
    )


async def test_work_that_fails_each_time_is_a_finding_until_it_succeeds(
    engine: AsyncEngine, superuser: Superuser, temporal: WorkflowEnvironment, schedule: ScheduleHandle
) -> None:
    tries, is_mended = 0, False

    @activity.defn
    async def work() -> None:
        nonlocal tries
        tries += 1
        if not is_mended:
            raise LookupError

    eager = replace(SCHEDULES[NAME], workflow=EagerWorkflow, version=2)
    await keep_schedules(temporal.client, {NAME: eager})
    reconciler = a_reconciler(engine, temporal)

    async def seen(*expected: tuple[object, ...]) -> bool:
        await reconciler.round()
        return await findings(superuser) == list(expected)

    assert await seen()
    async with Worker(temporal.client, task_queue=Queue.PROCESSES, workflows=[EagerWorkflow], activities=[work]):
        await schedule.trigger()
        await eventually(lambda: seen((NAME, "schedule_fails", False)), "the finding")
        # The fifth is due.
        assert tries >= STEP_TRIES - 1
        is_mended = True
        await eventually(lambda: seen((NAME, "schedule_fails", True)), "its end")


async def test_work_that_was_ended_before_it_was_done_is_a_finding(
    engine: AsyncEngine, superuser: Superuser, temporal: WorkflowEnvironment, schedule: ScheduleHandle
) -> None:
    await schedule.trigger()

    async def begun() -> str | None:
        actions = (await schedule.describe()).info.recent_actions
        return getattr(actions[0].action, "workflow_id", None) if actions else None

    run = temporal.client.get_workflow_handle(await eventually(begun, "the workflow"))
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == []
    await run.terminate()
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == [(NAME, "schedule_fails", False)]


class Later(datetime):
    """Thirty hours from now."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """By a clock that is ahead."""
        return super().now(tz) + timedelta(hours=30)


async def test_a_schedule_that_is_missing_paused_or_late_is_a_finding_until_it_is_not(
    engine: AsyncEngine,
    superuser: Superuser,
    temporal: WorkflowEnvironment,
    schedule: ScheduleHandle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reconciler = a_reconciler(engine, temporal)
    await reconciler.round()
    assert await findings(superuser) == []

    await schedule.pause()
    await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", False)]
    await schedule.unpause()
    await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", True)]

    # A day and some hours after it was made, and its first morning has begun nothing.
    with monkeypatch.context() as later:
        later.setattr("reconciler.datetime", Later)
        await reconciler.round()
    assert (await findings(superuser))[1:] == [(NAME, "schedule_stands", False)]
    await reconciler.round()
    assert (await findings(superuser))[1:] == [(NAME, "schedule_stands", True)]


async def test_a_release_that_moves_the_hour_is_given_until_then(
    engine: AsyncEngine,
    superuser: Superuser,
    temporal: WorkflowEnvironment,
    schedule: ScheduleHandle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its worker is away: what was begun does not get on, but is no failure yet.
    await schedule.trigger()

    async def begun() -> bool:
        return bool((await schedule.describe()).info.recent_actions)

    await eventually(begun, "the workflow")
    described = await schedule.describe()
    old = replace(described.info.recent_actions[0], scheduled_at=datetime.now(UTC) - timedelta(hours=29))
    described.info.recent_actions = [old]
    described.info.created_at = old.scheduled_at
    monkeypatch.setattr(ScheduleHandle, "describe", AsyncMock(return_value=described))
    reconciler = a_reconciler(engine, temporal)
    await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", False)]
    described.info.last_updated_at = datetime.now(UTC)
    await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", True)]


@pytest.mark.parametrize("status", [RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.INTERNAL])
async def test_a_schedule_of_which_the_server_knows_nothing_is_a_finding_and_keeps_no_round_from_going_on(
    engine: AsyncEngine,
    superuser: Superuser,
    temporal: WorkflowEnvironment,
    schedule: ScheduleHandle,
    monkeypatch: pytest.MonkeyPatch,
    status: RPCStatusCode,
) -> None:
    async def describe(*_: object, **__: object) -> None:
        raise RPCError("Timeout expired", status, b"")

    reconciler, compared = a_reconciler(engine, temporal), AsyncMock()
    monkeypatch.setattr(reconciler, "_compare_all", compared)
    with monkeypatch.context() as standing:
        standing.setattr(ScheduleHandle, "describe", describe)
        await reconciler.round()
        assert await findings(superuser) == []
        await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", False)]
    assert compared.await_count == 2
    await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", True)]


async def test_a_schedule_that_a_worker_is_about_to_make_is_no_finding_and_one_that_stays_away_is(
    engine: AsyncEngine, superuser: Superuser, temporal: WorkflowEnvironment
) -> None:
    reconciler = a_reconciler(engine, temporal)
    await reconciler.round()
    assert await findings(superuser) == []
    await reconciler.round()
    assert await findings(superuser) == [(NAME, "schedule_stands", False)]


def test_each_schedule_has_a_name_that_operators_read() -> None:
    assert SCHEDULES.keys() == set(ScheduleName)
