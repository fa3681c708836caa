"""The process that runs the empty workflows: ``python -m bench.empty_worker``, as like worker.py as can be."""

from __future__ import annotations

import asyncio
import signal

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from assembly import assemble, run_process
from bench.empty import TASK_QUEUE, EmptyWorkflow, take_step
from messages.queue import Queue
from settings import Settings
from worker import build_workers


async def serve(settings: Settings) -> None:
    """Work until SIGTERM, with as many slots as the real worker."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    metrics = PrometheusConfig(bind_address=f"{settings.metrics_host}:{settings.metrics_port + 1000}")
    parts = await assemble(settings, lazy=False, runtime=Runtime(telemetry=TelemetryConfig(metrics=metrics)))
    config = build_workers(parts.client, parts.activity_context)[Queue.PROCESSES].config()
    config.update({"task_queue": TASK_QUEUE, "workflows": [EmptyWorkflow], "activities": [take_step]})
    async with Worker(**config):
        await stop.wait()
    await parts.close()


if __name__ == "__main__":
    run_process(serve)
