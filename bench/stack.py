"""The real stack of a measurement: Postgres, Temporal, two workers, and this process's own parts; gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from assembly import Assembly, assemble
from bench.processes import Used, cpu_seconds
from settings import Settings
from stack.environment import (
    SDK_METRICS_DISTANCE,
    Addresses,
    choose_metrics_port,
    choose_process_ports,
    stack_environment,
)
from stack.keys import keys_environment
from stack.places import Places
from stack.ports import LOOPBACK, Ports
from stack.postgres import EmbeddedPostgres
from stack.programs import Program, ProgramPart, default_programs
from stack.temporal import NAMESPACE, EmbeddedTemporal
from storage.migrate import upgrade


@dataclass(frozen=True, slots=True)
class Stack:
    """What a measurement of processes works with."""

    places: Places
    parts: Assembly
    postgres: EmbeddedPostgres
    temporal: EmbeddedTemporal
    worker: ProgramPart
    empty_worker: ProgramPart

    def used(self, worker: ProgramPart) -> Used:
        """The processor time used so far, a worker's among it."""
        return Used(
            server=cpu_seconds(self.temporal.pid),
            worker=cpu_seconds(worker.pid),
            postgres=cpu_seconds(self.postgres.pid),
            driver=time.process_time(),
            passed=time.perf_counter(),
        )


@contextlib.asynccontextmanager
async def real_stack() -> AsyncIterator[Stack]:
    """A migrated database, a Temporal server, a worker, and one for empty workflows; this process relays."""
    places = Places(Path(tempfile.mkdtemp(prefix="amanat-bench-")))
    places.prepare()
    keys_environment(places, has_data=False)
    postgres, temporal = EmbeddedPostgres(places.postgres), EmbeddedTemporal(places.temporal)
    ports = Ports(lambda _: None)
    ended: list[Callable[[], None]] = [lambda: shutil.rmtree(places.var, ignore_errors=True), ports.release]
    try:
        postgres.start()
        ended.append(postgres.remove)
        # It has an event loop of its own for its start.
        await asyncio.to_thread(temporal.start)
        ended.append(temporal.kill)
        upgrade(postgres.owner_url())
        addresses = _addresses(postgres, temporal, ports)
        environment = stack_environment(places, addresses, databases=postgres.databases())
        worker, empty = [ProgramPart(program, places, environment) for program in _programs(addresses, ports)]
        for part in (worker, empty):
            part.start()
            ended.append(part.kill)
            part.wait()
        os.environ.update(environment)
        parts = await assemble(Settings(), lazy=False)
        async with parts.at_work():
            yield Stack(places, parts, postgres, temporal, worker, empty)
    finally:
        for end in reversed(ended):
            end()


def _addresses(postgres: EmbeddedPostgres, temporal: EmbeddedTemporal, ports: Ports) -> Addresses:
    api, metrics = choose_process_ports(os.environ, ports)
    return Addresses(
        api=api,
        temporal=temporal.address,
        temporal_ui=temporal.ui,
        temporal_namespace=NAMESPACE,
        database_port=postgres.port,
        metrics_ports=metrics,
    )


def _programs(addresses: Addresses, ports: Ports) -> tuple[Program, Program]:
    """The worker, and the one for empty workflows, which serves the SDK's own metrics alone."""
    worker = next(program for program in default_programs(addresses) if program.name == "worker")
    port = choose_metrics_port("empty", ports)
    ready = f"http://{LOOPBACK}:{port + SDK_METRICS_DISTANCE}/metrics"
    command = [sys.executable, "-P", "-m", "bench.empty_worker"]
    return worker, Program("empty", command, ready, {"AMANAT_METRICS_PORT": str(port)})
