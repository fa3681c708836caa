"""The process that runs workflows, activities and a relay: ``python worker.py``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from activities.registry import all_activities, all_chores
from activities.transition import ActivityContext
from assembly import Assembly, assemble, run_process
from reconciler import Reconciler
from settings import Settings
from storage.housekeeping import keep_house
from workflows.client import TASK_QUEUE
from workflows.registry import WORKFLOWS
from workflows.transitions import WORKFLOW_TASK_TIMEOUT

_log = logging.getLogger("amanat.worker")

_WORKFLOW_SLOTS = 4 * (os.cpu_count() or 2)
_LOCAL_SLOTS = 8
_ACTIVITY_SLOTS = 4
# Local and normal slots plus the relay's, the housekeeper's two and the reconciler's own.
POOL_FLOOR = _LOCAL_SLOTS + _ACTIVITY_SLOTS + 6
_GRACE = timedelta(seconds=20)
_RETRY_SECONDS = 2.0


def build_worker(client: Client, activity_context: ActivityContext) -> Worker:
    """A worker with every workflow and activity, its slots explicit.

    Raises:
        LookupError: a step of a process has no activity.
    """
    activities = all_activities(activity_context)
    _check(activities)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=list(set(WORKFLOWS.values())),
        activities=activities,
        max_concurrent_workflow_tasks=_WORKFLOW_SLOTS,
        max_concurrent_local_activities=_LOCAL_SLOTS,
        max_concurrent_activities=_ACTIVITY_SLOTS,
        graceful_shutdown_timeout=_GRACE,
        # A worker that was killed keeps the tasks that wait for it no longer than a workflow task may take.
        sticky_queue_schedule_to_start_timeout=WORKFLOW_TASK_TIMEOUT,
    )


def _check(activities: Iterable[Callable[..., Any]]) -> None:
    """Refuse to start with a process whose steps nobody takes.

    Raises:
        LookupError: there is one.
    """
    known = {activity._Definition.must_from_callable(taken).name for taken in activities}  # noqa: SLF001 - no public reader
    for process in set(WORKFLOWS.values()):
        missing = set(process.steps) - known
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
    reconciler = Reconciler(assembly.engine, assembly.client, assembly.relay.nudge)
    chores = keep_house(assembly.engine, *all_chores(assembly.activity_context)), reconciler.run()
    async with assembly.at_work(*chores), build_worker(assembly.client, assembly.activity_context):
        _log.info("worker_ready")
        await stop.wait()
        _log.info("worker_stops")


if __name__ == "__main__":
    run_process(run)
