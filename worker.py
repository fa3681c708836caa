"""The process that runs workflows, activities and a relay: ``python worker.py``.

It has three workers, one a task queue: a gateway that is slow, or a file of many rows, keeps no process waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from activities.registry import Activities, all_activities, all_chores
from activities.transition import ActivityContext
from assembly import Assembly, assemble, run_process
from messages.queue import Queue
from reconciler import Reconciler
from schedules import keep_schedules
from settings import Settings
from storage.housekeeping import keep_house
from workflows.registry import WORKFLOWS
from workflows.scheduled import SCHEDULES
from workflows.transitions import WORKFLOW_TASK_TIMEOUT

_log = logging.getLogger("amanat.worker")

_WORKFLOW_SLOTS = 4 * (os.cpu_count() or 2)
_LOCAL_SLOTS = 8
# Outside most slots only wait for an answer; in a batch each keeps Postgres and a core busy.
_ACTIVITY_SLOTS = {Queue.PROCESSES: 4, Queue.OUTSIDE: 12, Queue.BATCH: 2}
# Local and normal slots plus the relay's, the housekeeper's two, the reconciler's own and the eraser's.
POOL_FLOOR = _LOCAL_SLOTS + sum(_ACTIVITY_SLOTS.values()) + 8
OUTSIDE_PER_SECOND = 20.0
_LOOK_SECONDS = 0.05
_GRACE = timedelta(seconds=20)
_RETRY_SECONDS = 2.0


def build_workers(
    client: Client, activity_context: ActivityContext, *, outside_per_second: float = OUTSIDE_PER_SECOND
) -> dict[Queue, Worker]:
    """A worker a queue, with every workflow and activity, its slots explicit.

    Args:
        client: of the server that runs the processes.
        activity_context: what activities work with.
        outside_per_second: how often all workers together ask the outside at most; Temporal keeps to it.

    Raises:
        LookupError: a step of a process has no activity on its queue.
    """
    activities = all_activities(activity_context)
    _check(activities)
    processes = Worker(
        client,
        task_queue=Queue.PROCESSES,
        workflows=[*set(WORKFLOWS.values()), *(each.workflow for each in SCHEDULES.values())],
        activities=activities[Queue.PROCESSES],
        max_concurrent_workflow_tasks=_WORKFLOW_SLOTS,
        max_concurrent_local_activities=_LOCAL_SLOTS,
        max_concurrent_activities=_ACTIVITY_SLOTS[Queue.PROCESSES],
        graceful_shutdown_timeout=_GRACE,
        # A worker that was killed keeps the tasks that wait for it no longer than a workflow task may take.
        sticky_queue_schedule_to_start_timeout=WORKFLOW_TASK_TIMEOUT,
    )
    others = {
        queue: Worker(
            client,
            task_queue=queue,
            activities=activities[queue],
            max_concurrent_activities=_ACTIVITY_SLOTS[queue],
            max_task_queue_activities_per_second=outside_per_second if queue is Queue.OUTSIDE else None,
            graceful_shutdown_timeout=_GRACE,
        )
        for queue in (Queue.OUTSIDE, Queue.BATCH)
    }
    return {Queue.PROCESSES: processes, **others}


@contextlib.asynccontextmanager
async def working(workers: Mapping[Queue, Worker]) -> AsyncIterator[None]:
    """Have all of them at work, from when each polls; at the end they finish what is in hand side by side."""
    async with contextlib.AsyncExitStack() as stack:
        for worker in workers.values():
            await stack.enter_async_context(worker)
        # One that cannot start cancels this task, and says why as it is left.
        while not all(worker.is_running for worker in workers.values()):  # noqa: ASYNC110 - the SDK has no event for it
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in workers.values()))


def _check(activities: Mapping[Queue, Activities]) -> None:
    """Refuse to start with a process whose steps nobody takes.

    Raises:
        LookupError: there is one.
    """
    known = {
        queue: {activity._Definition.must_from_callable(take).name for take in taken}  # noqa: SLF001 - no public reader
        for queue, taken in activities.items()
    }
    for process in set(WORKFLOWS.values()):
        missing = [f"{name} ({step.queue})" for name, step in process.steps.items() if name not in known[step.queue]]
        if missing:
            raise LookupError(f"{process.__name__}: nothing takes {', '.join(sorted(missing))}")


async def _assemble_when_possible(settings: Settings, stop: asyncio.Event) -> Assembly | None:
    """Wait for Temporal: a worker that starts first must not give up."""
    metrics = PrometheusConfig(bind_address=f"{settings.metrics_host}:{settings.metrics_port + 1000}")
    runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics))
    while not stop.is_set():
        try:
            return await assemble(settings, lazy=False, runtime=runtime)
        except RuntimeError as error:
            _log.warning("worker_waits_for_temporal", extra={"error": type(error).__name__})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RETRY_SECONDS)
    return None


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    settings.database_pool = max(settings.database_pool, POOL_FLOOR)
    assembly = await _assemble_when_possible(settings, stop)
    if assembly is None:
        return
    reconciler = Reconciler(assembly.engine, assembly.client, assembly.relay.nudge, schedules=SCHEDULES)
    chores = (
        keep_house(assembly.engine, *all_chores(assembly.activity_context)),
        reconciler.run(),
        keep_schedules(assembly.client),
    )
    workers = build_workers(assembly.client, assembly.activity_context, outside_per_second=settings.outside_per_second)
    async with assembly.at_work(*chores), working(workers):
        _log.info("worker_ready")
        await stop.wait()
        _log.info("worker_stops")


if __name__ == "__main__":
    run_process(run)
