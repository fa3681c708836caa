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
from bench.processes import Used, cpu_seconds, start_process
from settings import Settings
from stack.children import Child
from stack.environment import METRICS_PORTS, SDK_METRICS_DISTANCE, Addresses, stack_environment
from stack.keys import keys_environment
from stack.places import PROJECT, Places
from stack.ports import choose_pair, free_port
from stack.postgres import EmbeddedPostgres
from stack.temporal import NAMESPACE, EmbeddedTemporal
from storage.migrate import upgrade


@dataclass(frozen=True, slots=True)
class Stack:
    """What a measurement of processes works with."""

    places: Places
    parts: Assembly
    postgres: EmbeddedPostgres
    temporal: EmbeddedTemporal
    worker: Child
    empty_worker: Child

    def used(self, worker: Child) -> Used:
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
    ended: list[Callable[[], None]] = [lambda: shutil.rmtree(places.var, ignore_errors=True)]
    try:
        postgres.start()
        ended.append(postgres.remove)
        # It has an event loop of its own for its start.
        await asyncio.to_thread(temporal.start)
        ended.append(temporal.kill)
        upgrade(postgres.owner_url())
        environment = _environment(places, postgres, temporal)
        worker = _start(places, "worker", [str(PROJECT / "worker.py")], environment, "worker_ready")
        ended.append(worker.kill)
        empty = _start(places, "empty", ["-P", "-m", "bench.empty_worker"], environment, "empty_worker_ready")
        ended.append(empty.kill)
        os.environ.update(environment)
        parts = await assemble(Settings(), lazy=False)
        async with parts.at_work():
            yield Stack(places, parts, postgres, temporal, worker, empty)
    finally:
        for end in reversed(ended):
            end()


def _environment(places: Places, postgres: EmbeddedPostgres, temporal: EmbeddedTemporal) -> dict[str, str]:
    addresses = Addresses(
        api=f"http://127.0.0.1:{free_port()}",
        temporal=temporal.address,
        temporal_ui=temporal.ui,
        temporal_namespace=NAMESPACE,
        database_port=postgres.port,
        metrics_ports={"api": METRICS_PORTS["api"]},
    )
    urls = postgres.app_url(), postgres.owner_url()
    return stack_environment(places, addresses, database_url=urls[0], owner_url=urls[1])


def _start(places: Places, name: str, arguments: list[str], environment: dict[str, str], ready_word: str) -> Child:
    port = choose_pair(METRICS_PORTS["worker"], SDK_METRICS_DISTANCE, frozenset())
    environment = environment | {"AMANAT_METRICS_PORT": str(port)}
    return start_process(
        name, [sys.executable, *arguments], places=places, environment=environment, ready_word=ready_word
    )
