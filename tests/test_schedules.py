"""Schedules on a real Temporal server: one however many workers make it, changed by newer releases alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import ScheduleHandle, ScheduleOverlapPolicy
from temporalio.testing import WorkflowEnvironment

from domain.dates import TEHRAN
from messages.case import CaseKind
from reconciler import _kind_and_case
from schedules import keep_schedules
from tests.arrange import eventually
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
