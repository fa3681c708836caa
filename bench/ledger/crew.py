"""Processes that load the ledger: each has connections of its own, all begin at one word, and tell what they did."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import signal
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, Self

import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from stack.places import CliError
from storage.database import create_engine

PROCESSES: Final = 2
_READY: Final = "ready"
_GO: Final = "go"
# To import, to connect and to warm up; then, over the time that the load itself takes.
_START_SECONDS: Final = 120.0
_END_SECONDS: Final = 120.0
_LEAVE_SECONDS: Final = 10.0


@dataclass(slots=True)
class Tally:
    """What was done: how many, between which moments of the machine's clock, with which waits (s) and amounts."""

    done: int = 0
    began: float = float("inf")
    ended: float = 0.0
    refused: int = 0
    held: int = 0
    moved: int = 0
    waits: list[float] = field(default_factory=list)

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.done + other.done,
            min(self.began, other.began),
            max(self.ended, other.ended),
            self.refused + other.refused,
            self.held + other.held,
            self.moved + other.moved,
            self.waits + other.waits,
        )

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.done / (self.ended - self.began)


def middle_and_slow_ms(waits: Sequence[float]) -> tuple[float, float]:
    """Of several waits (s), what half of them and 95 of a hundred stay under (ms)."""
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return cuts[49] * 1_000, cuts[94] * 1_000


class Gate:
    """Where all connections of a process wait, warm, until every process is ready."""

    def __init__(self, parties: int, parent: Connection) -> None:
        self._missing = parties
        self._parent = parent
        self._open = asyncio.Event()

    async def passed(self) -> float:
        """Wait for the word; the moment by the machine's clock."""
        self._missing -= 1
        if not self._missing:
            # As api and worker do when they have started.
            gc.collect()
            gc.freeze()
            self._parent.send(_READY)
            # Ends with the parent, if not by its word.
            await asyncio.to_thread(self._parent.recv)
            self._open.set()
        await self._open.wait()
        return time.perf_counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(ABC):
    """What the connections of one process do.

    Args:
        connections: how many do it at once.
        seconds: how long.
        process: which of the processes it is, so that no two do the same.
    """

    connections: int
    seconds: float
    process: int

    @abstractmethod
    async def work(self, engine: AsyncEngine, place: int, gate: Gate) -> Tally:
        """Warm a connection up, wait at the gate, and work; ``place``: which connection of this load it is."""


def _serve(parent: Connection) -> None:
    """Carry out loads until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            url, loads = parent.recv()
            try:
                parent.send(uvloop.run(_carry_out(url, loads, parent)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
                parent.send(_reason(error))


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def _carry_out(url: str, loads: Sequence[Load], parent: Connection) -> list[Tally]:
    connections = sum(load.connections for load in loads)
    engine, gate = create_engine(url, pool=connections), Gate(connections, parent)
    try:
        async with asyncio.TaskGroup() as group:
            work = [
                [group.create_task(load.work(engine, place, gate)) for place in range(load.connections)]
                for load in loads
            ]
    finally:
        await engine.dispose()
    return [sum((task.result() for task in tasks), Tally()) for tasks in work]


class Crew:
    """The processes, as this one sees them."""

    def __init__(self, members: Sequence[tuple[BaseProcess, Connection]]) -> None:
        self._members = members

    async def run(self, url: str, shares: Sequence[Sequence[Load]]) -> list[Tally]:
        """Do it all at once; the sum over the processes of each load.

        Args:
            url: the database.
            shares: for each process, its loads; as many for each.

        Raises:
            CliError: a process failed, or did not answer in time.
        """
        longest = max(load.seconds for share in shares for load in share)
        return await asyncio.to_thread(self._run, url, shares, longest + _END_SECONDS)

    def _run(self, url: str, shares: Sequence[Sequence[Load]], limit: float) -> list[Tally]:
        pipes = [pipe for _, pipe in self._members]
        for pipe, share in zip(pipes, shares, strict=True):
            # A process that has ended is found when it does not answer.
            with contextlib.suppress(OSError):
                pipe.send((url, share))
        for pipe in pipes:
            self._hear(pipe, _START_SECONDS)
        for pipe in pipes:
            with contextlib.suppress(OSError):
                pipe.send(_GO)
        told: list[list[Tally]] = [self._hear(pipe, limit) for pipe in pipes]
        return [sum(tallies, Tally()) for tallies in zip(*told, strict=True)]

    @staticmethod
    def _hear(pipe: Connection, limit: float) -> list[Tally]:
        try:
            told = pipe.recv() if pipe.poll(limit) else "it did not answer in time"
        except (EOFError, OSError):
            told = "it ended"
        if isinstance(told, str) and told != _READY:
            message = f"a process of the measurement failed: {told}"
            raise CliError(message)
        return told if isinstance(told, list) else []


@contextlib.contextmanager
def crew() -> Iterator[Crew]:
    """Two processes; they end with this one."""
    context = multiprocessing.get_context("spawn")
    members: list[tuple[BaseProcess, Connection]] = []
    try:
        for _ in range(PROCESSES):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            members.append((process, ours))
        yield Crew(members)
    finally:
        for process, pipe in members:
            pipe.close()
            process.join(_LEAVE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join(_LEAVE_SECONDS)
