"""Three workers in one process: what is taken on which queue, and what a release with one queue left behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities import registry
from activities.transition import ActivityContext
from messages.case import CaseKind, CaseRef, StepInput, workflow_id
from messages.personnel import ImportPhase, ImportStep
from messages.queue import Queue
from tests.arrange import Arrange, eventually
from tests.asking import ASK, Asking
from tests.personnel_steps import Line, PersonnelOffice
from worker import POOL_FLOOR, build_workers, working
from workflows.personnel import IMPORT_LIMIT, IMPORT_RETRIES
from workflows.registry import WORKFLOWS
from workflows.transitions import HEARTBEAT_LIMIT


def names(activity_context: ActivityContext) -> dict[Queue, set[str | None]]:
    """What is taken on each queue."""
    return {
        queue: {activity._Definition.must_from_callable(take).name for take in taken}
        for queue, taken in registry.all_activities(activity_context).items()
    }


def test_each_step_is_taken_on_its_queue_and_each_transition_on_that_of_the_processes(
    activity_context: ActivityContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    Asking(["confirmed"]).take_over(monkeypatch)

    taken = names(activity_context)

    declared = {
        queue: {name for process in WORKFLOWS.values() for name, step in process.steps.items() if step.queue is queue}
        for queue in Queue
    }
    assert taken[Queue.OUTSIDE] == {ASK} | declared[Queue.OUTSIDE] > {ASK, ImportStep.DISCARD_FILE}
    # A schedule takes the last one, no process.
    assert taken[Queue.BATCH] == declared[Queue.BATCH] | {"ask_identity_renewals"} > {ImportStep.IMPORT_PERSONNEL}
    assert ASK not in taken[Queue.PROCESSES]
    for process in set(WORKFLOWS.values()):
        assert {name for name, step in process.steps.items() if step.queue is Queue.PROCESSES} <= taken[Queue.PROCESSES]


async def test_a_worker_does_not_start_with_a_step_that_nobody_takes_on_its_queue(
    activity_context: ActivityContext, temporal: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = registry.PROCESSES
    Asking(["confirmed"]).take_over(monkeypatch)
    monkeypatch.setattr(registry, "PROCESSES", processes)

    with pytest.raises(LookupError, match=r"AskingWorkflow: nothing takes ask_gateway \(amanat-outside\), give_up"):
        build_workers(temporal.client, activity_context)


async def test_slots_are_explicit_and_the_outside_is_asked_so_often_a_second_at_most(
    activity_context: ActivityContext, temporal: WorkflowEnvironment
) -> None:
    workers = build_workers(temporal.client, activity_context, outside_per_second=7)
    found = {queue: worker.config() for queue, worker in workers.items()}
    async with working(workers):
        assert all(worker.is_running for worker in workers.values())
    assert not any(worker.is_running for worker in workers.values())

    assert {queue: config["task_queue"] for queue, config in found.items()} == {queue: queue for queue in Queue}
    assert {queue for queue, config in found.items() if config["workflows"]} == {Queue.PROCESSES}
    assert {queue: config["max_task_queue_activities_per_second"] for queue, config in found.items()} == {
        Queue.PROCESSES: None,
        Queue.OUTSIDE: 7,
        Queue.BATCH: None,
    }
    slots = [config["max_concurrent_activities"] or 0 for config in found.values()]
    assert all(slots)
    assert sum(slots) + (found[Queue.PROCESSES]["max_concurrent_local_activities"] or 0) < POOL_FLOOR


async def test_the_limit_a_second_is_kept_by_temporal_for_all_workers_together(temporal: WorkflowEnvironment) -> None:
    times: list[float] = []

    @activity.defn
    async def ask(_: int) -> None:
        times.append(asyncio.get_running_loop().time())

    queue = "limited"
    async with Worker(
        temporal.client,
        task_queue=queue,
        workflows=[Many],
        activities=[ask],
        max_task_queue_activities_per_second=5,
        disable_eager_activity_execution=True,
    ):
        await temporal.client.execute_workflow(Many.run, 6, id="many", task_queue=queue)

    assert times[-1] - times[0] > 0.5


@workflow.defn(sandboxed=False)
class Many:
    """Asks many times at once."""

    @workflow.run
    async def run(self, count: int) -> None:
        """Ask."""
        limit = timedelta(seconds=60)
        await asyncio.gather(
            *(workflow.execute_activity("ask", number, start_to_close_timeout=limit) for number in range(count))
        )


@workflow.defn(name="PersonnelImportWorkflow", sandboxed=False)
class FirstRelease:
    """How the first release began an import: on the one queue that it had."""

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Import."""
        await workflow.execute_activity(
            ImportStep.IMPORT_PERSONNEL,
            StepInput(case.case_id),
            start_to_close_timeout=IMPORT_LIMIT,
            heartbeat_timeout=HEARTBEAT_LIMIT,
            retry_policy=IMPORT_RETRIES,
            summary=ImportStep.IMPORT_PERSONNEL,
        )


async def test_an_import_that_the_first_release_scheduled_on_its_one_queue_goes_on_and_ends(
    activity_context: ActivityContext, arrange: Arrange, temporal: WorkflowEnvironment
) -> None:
    office = await PersonnelOffice.open(activity_context, arrange)
    case_id = await office.send([Line(), Line()])
    async with Worker(temporal.client, task_queue=Queue.PROCESSES, workflows=[FirstRelease], max_cached_workflows=0):
        handle: WorkflowHandle[Any, Any] = await temporal.client.start_workflow(
            FirstRelease.run,
            CaseRef(case_id),
            id=workflow_id(CaseKind.PERSONNEL_IMPORT, case_id),
            task_queue=Queue.PROCESSES,
        )

        async def scheduled() -> bool:
            return bool((await handle.describe()).raw_description.pending_activities)

        await eventually(scheduled, "the import to be scheduled")

    async with working(build_workers(temporal.client, activity_context)):
        await handle.result()

    done = await office.read(case_id)
    assert (done.phase, done.rows_added) == (ImportPhase.IMPORTED, 2)
