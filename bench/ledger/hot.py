"""One member's account that many ask at once: holds at a pace beside journals, then holds as fast as it takes them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import sqlalchemy as sa

from bench.ledger.books import LIMIT_MS, Books, administered, books, housekeeping, line_codes, line_id
from bench.ledger.pgbench import Taken, run
from bench.ledger.rates import times
from bench.ledger.size import Size
from bench.table import Row, nothing
from domain.ledger import Occasion, credit_line_opened
from domain.money import Money
from stack.postgres import EmbeddedPostgres
from storage import ledger
from storage.database import SERVICE, transaction
from storage.ledger import posting

_HOLDS: Final = 100
_POSTS: Final = 50
_CLIENTS: Final = 25
_EAGER: Final = 8
_CEILING: Final = 10**15
# By id: the account's lock makes it the order in which they were written.
_HELD: Final = sa.text("SELECT key FROM holds ORDER BY id")
_POSTED: Final = sa.text(
    "SELECT j.key FROM entries e JOIN journals j ON j.id = e.journal_id JOIN accounts a ON a.id = e.account_id"
    " WHERE a.code = :code AND j.reason = 'bench_moved' ORDER BY e.id"
)
_DEADLOCKS: Final = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = :name")


async def measure_hot(server: EmbeddedPostgres, size: Size) -> list[Row]:
    """Ask it, and see that nothing was lost, refused or turned round."""
    async with books(server, "bench_hot", count=1) as kept:
        occasion = Occasion(f"bench/{uuid4()}", None, "system", datetime.now(UTC))
        async with transaction(kept.engine, SERVICE) as connection:
            await posting.post(connection, credit_line_opened(line_id(0), Money(_CEILING), occasion))
        async with housekeeping(kept):
            holds, moves = await asyncio.gather(_paced(kept, size, "hold", _HOLDS), _paced(kept, size, "move", _POSTS))
            eager = await run(kept.url, "hold", clients=_EAGER, seconds=size.seconds)
        refused = sum(taken.failed["serialization"] for taken in (holds, moves, eager))
        lost = await _lost(kept, [holds, eager], moves)
        turned = await _turned(kept)
        dead = await _deadlocks(kept)
        broken = len((await kept.examine()).broken)
    return [
        Row("hot account: holds asked for", holds.asked, ""),
        Row("hot account: holds a second, as paced", holds.rate, ""),
        *times("hot account: holds, a second", holds),
        Row("hot account: journals a second beside them", moves.rate, ""),
        *times("hot account: journals, a second", moves),
        Row("hot account: dead-locks", dead, "", nothing(dead)),
        Row("hot account: refused", refused, "", nothing(refused)),
        Row("hot account: lost updates (rials)", lost, "", nothing(lost)),
        Row("hot account: out of order", turned, "", nothing(turned)),
        Row("hot account: violations", broken, "", nothing(broken)),
        Row(f"hot account: holds a second that it takes from {_EAGER}", eager.rate, ""),
    ]


async def _paced(kept: Books, size: Size, script: str, pace: int) -> Taken:
    """Ask at a pace that waits for no answer."""
    each = round(pace * size.hot_seconds / _CLIENTS)
    return await run(kept.url, script, "-R", str(pace), "-t", str(each), clients=_CLIENTS)


async def _lost(kept: Books, holds: Iterable[Taken], moves: Taken) -> int:
    """By how much the account is off what each client was told that it did; the scripts say how much that is."""
    held = sum((client + 1) * done for taken in holds for client, done in taken.done.items())
    moved = sum((client + 1) * (done if client % 3 else -done) for client, done in moves.done.items())
    async with transaction(kept.engine, SERVICE) as connection:
        found = await ledger.balance(connection, line_codes(0)[1])
    return abs(found.posted - _CEILING - moved) + abs(found.held - held)


async def _turned(kept: Books) -> int:
    """How many came before what their connection had asked earlier."""
    async with transaction(kept.engine, SERVICE, limit_ms=LIMIT_MS) as connection:
        held = (await connection.execute(_HELD)).scalars().all()
        posted = (await connection.execute(_POSTED, {"code": line_codes(0)[1]})).scalars().all()
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
