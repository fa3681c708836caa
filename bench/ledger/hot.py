"""One member's account that many ask at once: holds at a pace beside journals, then holds as fast as it takes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import sqlalchemy as sa

from bench.ledger.beside import housekeeping
from bench.ledger.books import LIMIT_MS, Books, Line, administered, books, line_id, lines
from bench.ledger.crew import PROCESSES, Crew, Tally, middle_and_slow_ms
from bench.ledger.loads import Holds, Moves
from bench.ledger.size import Size
from bench.table import Row, nothing
from domain.ledger import Occasion, credit_line_opened
from domain.money import Money
from stack.postgres import EmbeddedPostgres
from storage import ledger
from storage.database import SERVICE, transaction

_HOLDS: Final = 100.0
_POSTS: Final = 50.0
_HOLDERS: Final = 20
_MOVERS: Final = 5
_EAGER: Final = 4
_CEILING: Final = 10**15
# By id: the account's lock makes it the order in which they were written.
_HELD: Final = sa.text("SELECT key FROM holds ORDER BY id")
_POSTED: Final = sa.text(
    "SELECT j.key FROM entries e JOIN journals j ON j.id = e.journal_id JOIN accounts a ON a.id = e.account_id"
    " WHERE a.code = :code AND j.reason = 'bench_moved' ORDER BY e.id"
)
_DEADLOCKS: Final = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = :name")


async def measure_hot(server: EmbeddedPostgres, crew: Crew, size: Size) -> list[Row]:
    """Ask it, and see that nothing was lost, refused or turned round."""
    async with books(server, "bench_hot", count=1) as kept:
        line = await _open(kept)
        async with housekeeping(kept):
            posts, holds = await crew.run(kept.url, [_paced(line, size, process) for process in range(PROCESSES)])
            (eager,) = await crew.run(kept.url, [[_eager(line, size, process)] for process in range(PROCESSES)])
        asked = posts + holds + eager
        lost = await _lost(kept, line, asked)
        turned = await _turned(kept, line)
        dead = await _deadlocks(kept)
        broken = len((await kept.examine()).broken)
    return [
        Row("hot account: holds asked for", holds.done, ""),
        Row("hot account: holds a second, as paced", holds.rate, ""),
        *_waits("holds", holds),
        Row("hot account: journals a second beside them", posts.rate, ""),
        *_waits("journals", posts),
        Row("hot account: dead-locks", dead, "", nothing(dead)),
        Row("hot account: refused", asked.refused, "", nothing(asked.refused)),
        Row("hot account: lost updates (rials)", lost, "", nothing(lost)),
        Row("hot account: out of order", turned, "", nothing(turned)),
        Row("hot account: violations", broken, "", nothing(broken)),
        Row(f"hot account: holds a second that it takes from {_EAGER * PROCESSES}", eager.rate, ""),
    ]


async def _open(kept: Books) -> Line:
    occasion = Occasion(f"bench/{uuid4()}", None, "system", datetime.now(UTC))
    async with transaction(kept.engine, SERVICE) as connection:
        await ledger.post(connection, credit_line_opened(line_id(0), Money(_CEILING), occasion))
    return lines(1)[0]


def _paced(line: Line, size: Size, process: int) -> list[Moves | Holds]:
    moves = Moves(
        connections=_MOVERS, seconds=size.hot_seconds, process=process, pace=_POSTS, line=line, run=f"posts/{uuid4()}"
    )
    holds = Holds(
        connections=_HOLDERS, seconds=size.hot_seconds, process=process, pace=_HOLDS, line=line, run=f"holds/{uuid4()}"
    )
    return [moves, holds]


def _eager(line: Line, size: Size, process: int) -> Holds:
    return Holds(
        connections=_EAGER, seconds=size.seconds, process=process, pace=None, line=line, run=f"eager/{uuid4()}"
    )


async def _lost(kept: Books, line: Line, asked: Tally) -> int:
    """By how much the account is off what was asked of it."""
    async with transaction(kept.engine, SERVICE) as connection:
        found = await ledger.balance(connection, line.available)
    return abs(found.posted - _CEILING - asked.moved) + abs(found.held - asked.held)


async def _turned(kept: Books, line: Line) -> int:
    """How many came before what their connection had asked earlier."""
    async with transaction(kept.engine, SERVICE, limit_ms=LIMIT_MS) as connection:
        held = (await connection.execute(_HELD)).scalars().all()
        posted = (await connection.execute(_POSTED, {"code": line.available})).scalars().all()
    return out_of_order(held) + out_of_order(posted)


def out_of_order(keys: Iterable[str]) -> int:
    """How many keys, each ending in ``/<number>``, come after a higher number of the same beginning."""
    last: defaultdict[str, int] = defaultdict(lambda: -1)
    descents = 0
    for key in keys:
        asker, _, number = key.rpartition("/")
        descents += int(number) < last[asker]
        last[asker] = int(number)
    return descents


async def _deadlocks(kept: Books) -> int:
    async with administered(kept.server) as connection:
        return int((await connection.execute(_DEADLOCKS, {"name": kept.name})).scalar_one())


def _waits(name: str, tally: Tally) -> list[Row]:
    p50, p95 = middle_and_slow_ms(tally.waits)
    return [Row(f"hot account: {name}, p50 (ms)", p50, ""), Row(f"hot account: {name}, p95 (ms)", p95, "")]
