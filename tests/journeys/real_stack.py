"""A real stack of processes for tests: Postgres, Temporal, api and worker under a supervisor, to be killed at will."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from assembly import Assembly, assemble
from reconciler import Reconciler
from settings import Settings
from stack import control
from stack.children import start_time, wait_until
from stack.places import PROJECT, Places
from stack.postgres import EmbeddedPostgres
from stack.progress import Progress
from stack.state import StackState, read_state
from tests.arrange import TIME_PASSES, eventually
from tests.books import Superuser, assert_books_clean

UNREACHABLE = 0
_DONE, _MADE, _AWAY = 200, 201, 503
_BACK_SECONDS = 60
# A promise claimed by a process that was killed is free again after 20 s.
_SENT_SECONDS = 40


def quiet() -> Progress:
    """Progress that nobody sees."""
    return Progress(Console(quiet=True))


@contextlib.contextmanager
def real_stack(directory: Path) -> Iterator[Places]:
    """A stack of its own, without settings of the caller; nothing of it is left afterwards."""
    places = Places(directory / "var")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AMANAT_", "TEMPORAL_"))]:
            patch.delenv(name)
        for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "VAULT_DATABASE_URL"):
            patch.delenv(name, raising=False)
        control.start(places, quiet())
        try:
            yield places
        finally:
            control.stop(places, quiet())
            EmbeddedPostgres(places.postgres).remove()


def state_of(places: Places) -> StackState:
    """What the supervisor says about its parts."""
    state = read_state(places)
    assert state is not None
    return state


async def kill(places: Places, victim: str) -> int:
    """Kill a part as a power cut would; returns the id that it had, once it is dead."""
    pid = state_of(places).pids[victim]
    os.kill(pid, signal.SIGKILL)
    assert await asyncio.to_thread(wait_until, lambda: start_time(pid) is None, _BACK_SECONDS)
    return pid


async def back(places: Places, victim: str, pid: int) -> None:
    """Wait until the supervisor has started a part again."""

    async def started() -> bool:
        return state_of(places).pids.get(victim, pid) != pid

    await eventually(started, f"{victim} to be started again", seconds=_BACK_SECONDS)


@dataclass(frozen=True, slots=True)
class Visit:
    """The ways into a running stack: its api for people, its parts and a superuser for the test."""

    places: Places
    api: httpx2.AsyncClient
    assembly: Assembly
    superuser_url: str

    async def insist(self, request: httpx2.Request, seen: list[int] | None = None) -> Any:
        """Send a command until it is answered, as a patient client does.

        Args:
            request: the same each time, and under the same key.
            seen: gets the status of every try, ``UNREACHABLE`` where there was none.

        Returns:
            what the api answered.
        """
        seen = [] if seen is None else seen

        async def answered() -> Any:
            try:
                answer = await self.api.send(request)
            except httpx2.TransportError:
                seen.append(UNREACHABLE)
                return None
            seen.append(answer.status_code)
            if answer.status_code == _AWAY:
                assert answer.json()["code"] == "temporarily_unavailable"
                return None
            assert answer.status_code in {_DONE, _MADE}, answer.text
            return answer.json()

        return await eventually(answered, request.url.path, seconds=_BACK_SECONDS)

    async def assert_nothing_left(self) -> None:
        """The books are clean, everything was sent, every process is over, and the reconciler has nothing to say."""
        await assert_books_clean(self.assembly.engine)
        async with Superuser.connected(self.superuser_url) as superuser:

            async def sent() -> bool:
                return not await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL")

            await eventually(sent, "everything to be sent", seconds=_SENT_SECONDS)
            await eventually(self._all_ended, "the processes to be listed as completed")
            reconciler = Reconciler(
                self.assembly.engine, self.assembly.client, self.assembly.relay.nudge, round_every=timedelta()
            )
            await reconciler.round()
            findings = "SELECT kind, times FROM reconciliation_findings WHERE settled_at IS NULL"
            assert await superuser.rows(findings) == []

    async def _all_ended(self) -> bool:
        client = self.assembly.client
        everything = await client.count_workflows()
        completed = await client.count_workflows("ExecutionStatus = 'Completed'")
        async with Superuser.connected(self.superuser_url) as superuser:
            known = int(await superuser.value("SELECT count(*) FROM cases"))
        return everything.count == completed.count == known

    async def command_line(self, *arguments: str) -> str:
        """What a command of ``./amanat`` prints beside this stack; it must end well."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-P", "-m", "cli", *arguments],
            env={**os.environ, "AMANAT_VAR": str(self.places.var), "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextlib.asynccontextmanager
async def visiting(places: Places) -> AsyncIterator[Visit]:
    """Connect to the stack that runs now; nothing is relayed from here: api and worker do."""
    addresses = state_of(places).addresses
    assert addresses is not None
    assert addresses.database_port is not None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in control.running_environment(places).items():
            patch.setenv(name, value)
        assembly = await assemble(Settings(), lazy=True)
    postgres = EmbeddedPostgres(places.postgres, preferred_port=addresses.database_port)
    try:
        async with Superuser.connected(postgres.superuser_url()) as superuser:
            await superuser.run(TIME_PASSES)
        async with httpx2.AsyncClient(base_url=addresses.local_api, timeout=10) as api:
            yield Visit(places, api, assembly, postgres.superuser_url())
    finally:
        await assembly.close()
