"""Tidies a bounded number at a time: deletes sent promises, old answers, spent codes; keeps the ledger's sums short.

Guarantors of credits that have run out are freed.

It also looks ahead, and raises an alarm before the holidays known run out.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from storage import account, guarantor, idempotency, ledger, outbox, working_hours
from storage.cases import touch_case
from storage.chores import every, repeat
from storage.database import SERVICE, tehran_today, transaction
from storage.notices import notify
from storage.retries import retried

_log = logging.getLogger("amanat.housekeeping")

_EVERY_SECONDS = 600.0
_BATCH = 1_000
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
# Long enough for any client's retries; the ledger's own keys stay for ever.
ANSWERS_KEPT = timedelta(days=30)


async def tidy(engine: AsyncEngine) -> int:
    """One round; returns how many rows went."""
    async with transaction(engine, SERVICE) as connection:
        gone = await outbox.purge_sent(connection, older_than=SENT_KEPT, limit=_BATCH)
        gone += await idempotency.purge(connection, older_than=ANSWERS_KEPT, limit=_BATCH)
        gone += await account.purge_expired(connection, _BATCH)
        return gone


async def sum_up(engine: AsyncEngine) -> int:
    """Take snapshots of busy accounts and the sums by kind, a bounded step a transaction; returns how many marks went.

    Snapshots stay for ever: they are at most a thousandth of the entries, and `ledger check` proves each from the one
    before.
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


async def free_guarantors(engine: AsyncEngine) -> int:
    """Free whoever stands for a credit whose term has ended and on which nothing is owed (A4); returns how many."""
    async with transaction(engine, SERVICE) as connection:
        over = await guarantor.credits_run_out(connection, await tehran_today(connection), _BATCH)
        for case_id in over:
            # The case first, as everybody else does; whoever has it open sees that it changed.
            await touch_case(connection, case_id)
            for notice, people in (await guarantor.release_all(connection, case_id)).items():
                await notify(connection, people, notice, case_id=case_id)
            await guarantor.end_parts(connection, case_id)
        return len(over)


async def look_ahead(engine: AsyncEngine) -> None:
    """Raise an alarm if operators have to continue the calendar of holidays (A7)."""
    async with transaction(engine, SERVICE) as connection:
        if await working_hours.holidays_run_out(connection):
            _log.error("holidays_run_out")


async def keep_house(engine: AsyncEngine) -> None:
    """Tidy every ten minutes and keep the ledger's sums short, until cancelled."""
    async with asyncio.TaskGroup() as chores:
        chores.create_task(_keep_tidy(engine))
        chores.create_task(_keep_sums(engine))


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


async def _keep_tidy(engine: AsyncEngine) -> None:

    async def tidy_all() -> None:
        while await retried(partial(tidy, engine), of="chore:tidy") >= _BATCH:
            continue
        while await retried(partial(free_guarantors, engine), of="chore:free_guarantors") >= _BATCH:
            continue
        await look_ahead(engine)

    await repeat("housekeeping", tidy_all, every(_EVERY_SECONDS))
