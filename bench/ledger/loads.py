"""What connections do to the ledger: journals one by one, in batches, and holds at a pace."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench.ledger.books import Line, lines
from bench.ledger.crew import PROCESSES, Gate, Load, Tally
from domain.errors import Refusal
from domain.ledger import Entry, HoldRequest, Journal, Occasion
from domain.money import Money
from storage.database import SERVICE, single_statements, transaction
from storage.ledger import holding, posting

BATCH = 2_000
_MOST = 1_000
_FEW = 50
_ACTOR = "system"


def move(source: str, target: str, amount: int, key: str) -> Journal:
    """A journal of two entries."""
    occasion = Occasion(key, None, _ACTOR, datetime.now(UTC))
    return Journal(occasion, "bench_moved", (Entry(source, Money(-amount)), Entry(target, Money(amount))))


def _fresh() -> str:
    """Sets the keys of one connection in one round apart; short, as the keys of a ledger are."""
    return uuid4().hex[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Singles(Load):
    """Journals of two entries, each a transaction of its own, on random credit lines.

    Args:
        count: of credit lines.
        source: the account that all of them take from; else each credit line's own.
    """

    count: int
    source: str | None = None

    async def work(self, engine: AsyncEngine, place: int, gate: Gate) -> Tally:  # noqa: ARG002 - all are alike
        """Post until the time is over."""
        journals = self._journals()
        async with single_statements(engine) as connection:
            for _ in range(3):
                await posting.post(connection, next(journals))
            tally = Tally(began=await gate.passed())
            until = tally.began + self.seconds
            while time.perf_counter() < until:
                await posting.post(connection, next(journals))
                tally.done += 1
        tally.ended = time.perf_counter()
        return tally

    def _journals(self) -> Iterator[Journal]:
        run, known = _fresh(), lines(self.count)
        for number in itertools.count():
            line = random.choice(known)  # noqa: S311 - no secret
            key = f"{line.available}/{run}/{number}"
            yield move(self.source or line.granted, line.available, 1 + number % _MOST, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches(Load):
    """Journals of two entries in batches, as at a month's end: each connection goes through credit lines of its own.

    Args:
        count: of credit lines.
        size: how many journals a batch has.
        source: the account that all of them take from; else each credit line's own.
        again: the same batch again and again, as whoever heard no answer sends it.
    """

    count: int
    size: int = BATCH
    source: str | None = None
    again: bool = False

    async def work(self, engine: AsyncEngine, place: int, gate: Gate) -> Tally:
        """Post batches until the time is over."""
        journals = self._journals(self.process * self.connections + place)
        same = list(itertools.islice(journals, self.size)) if self.again else []
        await self._post(engine, same or itertools.islice(journals, _FEW))
        tally = Tally(began=await gate.passed())
        until = tally.began + self.seconds
        while time.perf_counter() < until:
            tally.done += await self._post(engine, same or itertools.islice(journals, self.size))
        tally.ended = time.perf_counter()
        return tally

    @staticmethod
    async def _post(engine: AsyncEngine, journals: Iterable[Journal]) -> int:
        asked = list(journals)
        async with transaction(engine, SERVICE) as connection:
            answers = await posting.post_batch(connection, asked)
        for answer in answers:
            if isinstance(answer, Refusal):
                raise answer
        return len(answers)

    def _journals(self, part: int) -> Iterator[Journal]:
        run, parts = _fresh(), self.connections * PROCESSES
        own = list(lines(self.count)[part::parts])
        random.shuffle(own)
        for number, line in enumerate(itertools.cycle(own)):
            key = f"{line.available}/{run}/{number}"
            yield move(self.source or line.granted, line.available, 1 + number % _MOST, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced(Load):
    """Asks something of one credit line, at a pace that waits for no answer; each wait counts from when it was due.

    Args:
        pace: how many a second, all connections of all processes together; None: each as soon as the last is answered.
        line: which credit line.
        run: begins the keys; then follow the connection and a number that rises.
    """

    pace: float | None
    line: Line
    run: str

    @abstractmethod
    async def ask(self, connection: AsyncConnection, key: str, number: int, tally: Tally) -> None:
        """Ask once."""

    async def work(self, engine: AsyncEngine, place: int, gate: Gate) -> Tally:
        """Ask until the time is over."""
        part, parts = self.process * self.connections + place, self.connections * PROCESSES
        tally = Tally()
        async with single_statements(engine) as connection:
            await self._try(connection, part, 0, tally)
            tally.began = await gate.passed()
            for number, due in enumerate(self._dues(tally.began, part, parts), 1):
                await asyncio.sleep(due - time.perf_counter())
                await self._try(connection, part, number, tally)
                tally.waits.append(time.perf_counter() - due)
                tally.done += 1
        tally.ended = time.perf_counter()
        return tally

    async def _try(self, connection: AsyncConnection, part: int, number: int, tally: Tally) -> None:
        try:
            await self.ask(connection, f"{self.run}/{part}/{number}", number, tally)
        except Refusal:
            tally.refused += 1

    def _dues(self, began: float, part: int, parts: int) -> Iterator[float]:
        until = began + self.seconds
        if self.pace is None:
            while (now := time.perf_counter()) < until:
                yield now
        else:
            for number in range(part, round(self.pace * self.seconds), parts):
                yield began + number / self.pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds(Paced):
    """Holds on what is available, of many amounts."""

    async def ask(self, connection: AsyncConnection, key: str, number: int, tally: Tally) -> None:
        """Hold, and remember how much is held."""
        amount = 1 + number % _MOST
        occasion = Occasion(key, None, _ACTOR, datetime.now(UTC))
        await holding.hold(connection, HoldRequest(occasion, self.line.available, Money(amount), "bench_held"))
        tally.held += amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves(Paced):
    """Journals that raise what is available, and, each third one, lower it."""

    async def ask(self, connection: AsyncConnection, key: str, number: int, tally: Tally) -> None:
        """Post, and remember what moved."""
        amount, granted, available = 1 + number % _MOST, self.line.granted, self.line.available
        if number % 3:
            await posting.post(connection, move(granted, available, amount, key))
            tally.moved += amount
        else:
            await posting.post(connection, move(available, granted, amount, key))
            tally.moved -= amount
