"""Rates of posting beside pgbench's, taken in turns: the machine's own speed changes from minute to minute."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from bench.ledger.beside import Reader, housekeeping
from bench.ledger.books import CLEARING, Books, books, lines
from bench.ledger.crew import PROCESSES, Crew, Load, middle_and_slow_ms
from bench.ledger.loads import BATCH, Batches, Singles
from bench.ledger.reading import BALANCE_MS
from bench.ledger.size import Size
from bench.ledger.tpcb import CLIENTS, Tpcb
from bench.table import Row, at_least, at_most
from stack.postgres import EmbeddedPostgres

_CONNECTIONS: Final = 8
_BATCHING: Final = 4
_MANY: Final = 50
_SINGLE_GOAL: Final = 0.5
_BATCH_GOAL: Final = 4.0
_SHARED_GOAL: Final = 0.8
_BASELINE: Final = "pgbench"
Rate = Callable[[], Awaitable[float]]


class Rounds:
    """Rates by name, each taken once a round."""

    def __init__(self, taken: Sequence[dict[str, float]]) -> None:
        self._taken = taken

    def median(self, name: str) -> float:
        """The rate in the middle."""
        return statistics.median(taken[name] for taken in self._taken)

    def ratios(self, name: str, to: str) -> list[float]:
        """The ratio of two rates in each round."""
        return [taken[name] / taken[to] for taken in self._taken]

    def row(self, name: str, to: str, label: str, goal: float | None = None) -> Row:
        """A rate and the median of its ratios to another, with their spread; the goal is the least ratio."""
        ratios = self.ratios(name, to)
        ratio = statistics.median(ratios)
        shown = f"{ratio:.2f} × {label} ({min(ratios):.2f}–{max(ratios):.2f})"
        return Row(name, self.median(name), shown, None if goal is None else at_least(ratio, goal, "×"))


async def take(rounds: int, rates: dict[str, Rate]) -> Rounds:
    """Take each rate in turn, round after round."""
    return Rounds([{name: await rate() for name, rate in rates.items()} for _ in range(rounds)])


def posting(crew: Crew, ledger: Books, size: Size, count: int) -> Rate:
    """The rate of journals that are a transaction each, on so many credit lines, from 8 connections."""
    return _rate(crew, ledger, [_singles(size, count, _CONNECTIONS, process) for process in range(PROCESSES)])


def _singles(size: Size, count: int, connections: int, process: int, source: str | None = None) -> Singles:
    return Singles(
        connections=connections // PROCESSES, seconds=size.seconds, process=process, count=count, source=source
    )


def _rate(crew: Crew, ledger: Books, loads: Sequence[Load]) -> Rate:
    async def rate() -> float:
        (tally,) = await crew.run(ledger.url, [[load] for load in loads])
        return tally.rate

    return rate


async def measure_rates(server: EmbeddedPostgres, crew: Crew, tpcb: Tpcb, size: Size) -> list[Row]:
    """Journals one by one and in batches, beside the baseline."""
    singles = f"journals one by one, {_CONNECTIONS} connections, a second"
    async with (
        books(server, "bench_singles", count=size.lines) as one,
        books(server, "bench_batches", count=size.lines) as many,
    ):
        batches = _batches(crew, many, size)
        async with housekeeping(one, many):
            taken = await take(
                size.rounds,
                {
                    _BASELINE: lambda: tpcb.rate(size.seconds),
                    singles: posting(crew, one, size, size.lines),
                    **batches,
                },
            )
        await one.prove()
        await many.prove()
    each, *others = batches
    return [
        Row(f"pgbench TPC-B, {CLIENTS} clients, a second", taken.median(_BASELINE), ""),
        taken.row(singles, _BASELINE, _BASELINE, _SINGLE_GOAL),
        taken.row(each, _BASELINE, _BASELINE, _BATCH_GOAL),
        *(taken.row(other, _BASELINE, _BASELINE) for other in others),
    ]


def _batches(crew: Crew, ledger: Books, size: Size) -> dict[str, Rate]:
    """The rates of journals in batches, by name: each credit line its own account, one account for all, and again."""
    # A credit line once in a batch, as at a month's end.
    least = Batches(
        connections=_BATCHING // PROCESSES,
        seconds=size.seconds,
        process=0,
        count=size.lines,
        size=min(BATCH, size.lines // _BATCHING),
    )

    def rate(**changes: str | bool) -> Rate:
        shares = [replace(least, process=process, **changes) for process in range(PROCESSES)]  # type: ignore[arg-type]
        return _rate(crew, ledger, shares)

    name = f"journals in batches of {least.size:,}"
    return {
        f"{name}, {_BATCHING} connections, a second": rate(),
        f"{name}, all from one account, a second": rate(source=CLEARING.code),
        f"journals of a batch of {least.size:,} sent again, a second": rate(again=True),
    }


async def measure_shared(server: EmbeddedPostgres, crew: Crew, size: Size) -> list[Row]:
    """Fifty connections that all take from one account, whose balance somebody reads, beside fifty that do not."""
    apart = f"journals, {_MANY} connections, no shared account, a second"
    shared = f"journals, {_MANY} connections, one shared account, a second"
    waits: list[float] = []
    usual: list[float] = []

    def loads(source: str | None) -> list[Singles]:
        return [_singles(size, size.lines, _MANY, process, source) for process in range(PROCESSES)]

    async with books(server, "bench_shared", count=size.lines) as ledger:

        async def post_and_read() -> float:
            reader, other = Reader(ledger, CLEARING.code), Reader(ledger, lines(size.lines)[0].available)
            async with reader.reading(), other.reading():
                (tally,) = await crew.run(ledger.url, [[load] for load in loads(CLEARING.code)])
            waits.extend(reader.waits(tally.began, tally.ended))
            usual.extend(other.waits(tally.began, tally.ended))
            return tally.rate

        async with housekeeping(ledger):
            taken = await take(size.rounds, {apart: _rate(crew, ledger, loads(None)), shared: post_and_read})
        await ledger.prove()
    p50, p95 = middle_and_slow_ms(waits)
    return [
        Row(apart, taken.median(apart), ""),
        taken.row(shared, apart, "without", _SHARED_GOAL),
        Row("balance of the shared account meanwhile, p50 (ms)", p50, "", at_most(p50, BALANCE_MS, "ms")),
        Row("balance of the shared account meanwhile, p95 (ms)", p95, ""),
        # Its one row is looked up: so long anybody waits for a machine that is busy posting.
        Row("balance of a usual account meanwhile, p50 (ms)", middle_and_slow_ms(usual)[0], ""),
    ]
