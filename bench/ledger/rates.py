"""Rates of posting beside pgbench's, taken in turns: the machine's own speed changes from minute to minute."""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from bench.ledger.books import CLEARING, Books, administered, books, housekeeping, line_codes
from bench.ledger.pgbench import Taken, pgbench, run
from bench.ledger.reading import BALANCE_MS
from bench.ledger.size import Size
from bench.table import Row, at_least, at_most
from stack.places import CliError
from stack.postgres import EmbeddedPostgres

_CONNECTIONS: Final = 8
_BATCHING: Final = 4
_MANY: Final = 50
_BATCH: Final = 2_000
_READERS: Final = 4
_READS_A_SECOND: Final = 20
_SINGLE_GOAL: Final = 0.5
_BATCH_GOAL: Final = 4.0
_SHARED_GOAL: Final = 0.8
_BASELINE: Final = f"pgbench TPC-B, {_CONNECTIONS} clients, a second"
_TPCB: Final = "bench_tpcb"
Load = Callable[[], Awaitable[Taken]]


class Rounds:
    """Loads by name, each taken once a round."""

    def __init__(self, taken: Sequence[dict[str, Taken]]) -> None:
        self._taken = taken

    def rows(self, name: str, to: str = "", label: str = "pgbench", goal: float = 0) -> list[Row]:
        """The rate in the middle with the median of its ratios to another and their spread, and how long each took.

        Args:
            name: the load; it ends in ``a second``.
            to: the load that it is measured by; none: it stands alone.
            label: that load's, shortly.
            goal: the least ratio of the rates; 0: none.
        """
        whole = Taken.together(taken[name] for taken in self._taken)
        if not to:
            return [Row(name, whole.rate, ""), *times(name, whole)]
        ratios = [taken[name].rate / taken[to].rate for taken in self._taken]
        ratio = statistics.median(ratios)
        shown = f"{ratio:.2f} × {label} ({min(ratios):.2f}–{max(ratios):.2f})"
        base = Taken.together(taken[to] for taken in self._taken)
        return [
            Row(name, whole.rate, shown, at_least(ratio, goal, "×") if goal else None),
            *times(name, whole, base, label),
        ]


def times(name: str, taken: Taken, base: Taken | None = None, label: str = "") -> list[Row]:
    """How long what ended in ``a second`` took, beside a baseline."""
    rows = []
    for cut, ms, by in (("p50", taken.p50_ms, base and base.p50_ms), ("p95", taken.p95_ms, base and base.p95_ms)):
        rows.append(Row(name.replace("a second", f"{cut} (ms)"), ms, f"{ms / by:.2f} × {label}" if by else ""))
    return rows


async def take(rounds: int, loads: dict[str, Load]) -> Rounds:
    """Take each load in turn, round after round.

    Raises:
        CliError: something was refused, or met a dead-lock.
    """
    taken = [{name: await load() for name, load in loads.items()} for _ in range(rounds)]
    for name, one in [pair for each in taken for pair in each.items()]:
        if one.failed:
            message = f"{name}: {dict(one.failed)}"
            raise CliError(message)
    return Rounds(taken)


def posting(ledger: Books, size: Size, lines: int, *, clients: int = _CONNECTIONS, source: str = "own") -> Load:
    """Journals that are a transaction each, on so many credit lines."""
    return lambda: run(ledger.url, "post", clients=clients, seconds=size.seconds, lines=lines, source=source)


def _batches(ledger: Books, size: Size, many: int, *, source: str = "own", again: bool = False) -> Load:
    """Journals in batches of so many, counted as journals; ``again``: each client sends the same batch for ever."""
    fixed: dict[str, Any] = {"lines": size.lines, "size": many, "source": source, "at": datetime.now(UTC)}
    fixed |= {"step": 0, "run": "again"} if again else {"step": 1}

    async def load() -> Taken:
        if again:
            await run(ledger.url, "batch", "-t", "1", clients=_BATCHING, **fixed)
        taken = await run(ledger.url, "batch", clients=_BATCHING, seconds=size.seconds, **fixed)
        return dataclasses.replace(taken, rate=taken.rate * many)

    return load


async def measure_rates(server: EmbeddedPostgres, size: Size) -> list[Row]:
    """Journals one by one and in batches, beside pgbench's TPC-B."""
    async with administered(server) as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {_TPCB}"))
    tpcb = server.superuser_url(_TPCB)
    await asyncio.to_thread(pgbench, tpcb, "-i", "-q", "-s", str(size.scale))
    many = min(_BATCH, size.lines // _BATCHING)
    singles = f"journals one by one, {_CONNECTIONS} connections, a second"
    batches = f"journals in batches of {many:,}, {_BATCHING} connections, a second"
    shared = f"journals in batches of {many:,}, all from one account, a second"
    again = f"journals of a batch of {many:,} sent again, a second"
    async with (
        books(server, "bench_singles", count=size.lines) as one,
        books(server, "bench_batches", count=size.lines) as other,
    ):
        loads = {
            _BASELINE: lambda: run(tpcb, "tpcb-like", clients=_CONNECTIONS, seconds=size.seconds),
            singles: posting(one, size, size.lines),
            batches: _batches(other, size, many),
            shared: _batches(other, size, many, source=CLEARING.code),
            again: _batches(other, size, many, again=True),
        }
        async with housekeeping(one, other):
            taken = await take(size.rounds, loads)
        await one.prove()
        await other.prove()
    return [
        *taken.rows(_BASELINE),
        *taken.rows(singles, _BASELINE, goal=_SINGLE_GOAL),
        *taken.rows(batches, _BASELINE, goal=_BATCH_GOAL),
        *taken.rows(shared, _BASELINE),
        *taken.rows(again, _BASELINE),
    ]


async def measure_shared(server: EmbeddedPostgres, size: Size) -> list[Row]:
    """Fifty connections that all take from one account, whose balance somebody reads, beside fifty that do not."""
    apart = f"journals, {_MANY} connections, no shared account, a second"
    shared = f"journals, {_MANY} connections, one shared account, a second"
    seen: list[Taken] = []
    usual: list[Taken] = []
    async with books(server, "bench_shared", count=size.lines) as ledger:

        def read(code: str) -> Awaitable[Taken]:
            options = ("-R", str(_READS_A_SECOND))
            return run(ledger.url, "balance", *options, clients=_READERS, seconds=size.seconds, code=code)

        async def post_and_read() -> Taken:
            post = posting(ledger, size, size.lines, clients=_MANY, source=CLEARING.code)
            taken, *reads = await asyncio.gather(post(), read(CLEARING.code), read(line_codes(0)[1]))
            seen.append(reads[0])
            usual.append(reads[1])
            return taken

        async with housekeeping(ledger):
            taken = await take(
                size.rounds, {apart: posting(ledger, size, size.lines, clients=_MANY), shared: post_and_read}
            )
        await ledger.prove()
    p50, p95 = times("balance of the shared account meanwhile, a second", Taken.together(seen))
    return [
        *taken.rows(apart),
        *taken.rows(shared, apart, "without", _SHARED_GOAL),
        dataclasses.replace(p50, goal=at_most(p50.figure, BALANCE_MS, "ms")),
        p95,
        # Its one row is looked up: so long anybody waits for a machine that is busy posting.
        Row("balance of a usual account meanwhile, p50 (ms)", Taken.together(usual).p50_ms, ""),
    ]
