"""Tidies a bounded number at a time: deletes sent messages, old answers, spent codes; keeps the ledger's sums short.

It also looks ahead, and raises an alarm before the holidays known run out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from storage import account, draft, idempotency, ledger, outbox, personnel, working_hours
from storage.chores import every, repeat
from storage.database import SERVICE, transaction
from storage.retries import retried

# Does at most so much at once; returns how much that was.
Chore = Callable[[int], Coroutine[Any, Any, int]]

_log = logging.getLogger("amanat.housekeeping")

_EVERY_SECONDS = 600.0
BATCH = 1_000
# Summing up is looked after on its own: while much is posted, a busy account gains thousands of entries a second, and
# its balance is read by adding up those since its last snapshot. Without load a look costs one index.
_SUM_BUSY_SECONDS = 0.2
_SUM_IDLE_SECONDS = 2.0
# A mark stands for about 256 entries of accounts without a floor.
_ACCOUNT_MARKS = 512
_KIND_MARKS = 2_048
# Each account without a floor is looked at once for the sums by kind; nobody waits for them.
_KINDS_LIMIT_MS = 20_000
SENT_KEPT = timedelta(days=7)
# Long enough for any client's retries; the ledger's own keys are never deleted.
ANSWERS_KEPT = timedelta(days=30)


async def tidy(engine: AsyncEngine, limit: int = BATCH) -> int:
    """Delete what is old, at most so much of each kind; returns how many rows went or were emptied."""
    async with transaction(engine, SERVICE) as connection:
        gone = await outbox.purge_sent(connection, older_than=SENT_KEPT, limit=limit)
        gone += await idempotency.purge(connection, older_than=ANSWERS_KEPT, limit=limit)
        gone += await account.purge_expired(connection, limit)
        gone += await draft.forget_expired(connection, limit)
        gone += await personnel.forget_values(connection, older_than=personnel.VALUES_KEPT, limit=limit)
        return gone


async def tell_failures(engine: AsyncEngine, limit: int = BATCH) -> int:
    """Tell the audit trail of failed sign-ins that were counted; returns how many counts went (H2)."""
    async with transaction(engine, SERVICE) as connection:
        return await account.tell_failures(connection, limit)


async def sum_up(engine: AsyncEngine) -> int:
    """Take snapshots of busy accounts and the sums by kind, a bounded step a transaction; returns how many marks went.

    Snapshots are never deleted: they are at most a thousandth of the entries, and ``ledger check`` proves each from the
    one before.
    """
    gone = 0
    while True:
        async with transaction(engine, SERVICE) as connection:
            found = await ledger.sum_accounts(connection, _ACCOUNT_MARKS)
        gone += found
        if found < _ACCOUNT_MARKS:
            break
    while True:
        async with transaction(engine, SERVICE, limit_ms=_KINDS_LIMIT_MS) as connection:
            found = await ledger.sum_kinds(connection, _KIND_MARKS)
        if not found:
            return gone


async def look_ahead(engine: AsyncEngine) -> None:
    """Raise an alarm if operators have to continue the calendar of holidays (A7)."""
    async with transaction(engine, SERVICE) as connection:
        if await working_hours.holidays_run_out(connection):
            _log.error("holidays_run_out")


async def keep_house(engine: AsyncEngine, *chores: Chore) -> None:
    """Tidy every ten minutes and keep the ledger's sums short, until cancelled.

    Args:
        engine: where.
        chores: what capabilities do besides, each round after round until it finds less than a full batch.
    """
    async with asyncio.TaskGroup() as running:
        running.create_task(_keep_tidy(engine, chores))
        running.create_task(_keep_sums(engine))


async def _keep_sums(engine: AsyncEngine) -> None:
    """Sum up every two seconds, oftener while much is posted."""
    found = 0

    async def sum_all() -> None:
        nonlocal found
        found = 0
        found = await retried(partial(sum_up, engine), of="chore:ledger_sums")

    async def pause() -> None:
        await asyncio.sleep(_SUM_BUSY_SECONDS if found else _SUM_IDLE_SECONDS)

    await repeat("ledger_sums", sum_all, pause)


async def _keep_tidy(engine: AsyncEngine, chores: Sequence[Chore]) -> None:
    async def tidy_tables(limit: int) -> int:
        return await tidy(engine, limit)

    async def tell_audit(limit: int) -> int:
        return await tell_failures(engine, limit)

    async def tidy_all() -> None:
        for chore in (tidy_tables, tell_audit, *chores):
            while await retried(partial(chore, BATCH), of=f"chore:{chore.__name__}") >= BATCH:
                continue
        await look_ahead(engine)

    await repeat("housekeeping", tidy_all, every(_EVERY_SECONDS))
