"""Tidies a bounded number at a time: deletes sent promises, old answers, spent codes; sums up busy accounts.

Guarantors of credits that have run out are freed.

It also looks ahead, and raises an alarm before the holidays known run out.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import CHART
from storage import account, guarantor, idempotency, ledger, outbox, working_hours
from storage.cases import touch_case
from storage.chores import every, repeat
from storage.database import SERVICE, tehran_today, transaction
from storage.notices import notify
from storage.retries import retried

_log = logging.getLogger("amanat.housekeeping")

_EVERY_SECONDS = 600.0
_BATCH = 1_000
_SNAPSHOT_ENTRIES = 1_000
# Accounts without a floor: their balance is a sum, kept short by snapshots.
_SUMMED_KINDS = tuple(kind for kind in CHART if kind.floor is None)
SENT_KEPT = timedelta(days=7)
# Long enough for any client's retries; the ledger's own keys stay for ever.
ANSWERS_KEPT = timedelta(days=30)


async def tidy(engine: AsyncEngine) -> int:
    """One round; returns how many rows went."""
    async with transaction(engine, SERVICE) as connection:
        gone = await outbox.purge_sent(connection, older_than=SENT_KEPT, limit=_BATCH)
        gone += await idempotency.purge(connection, older_than=ANSWERS_KEPT, limit=_BATCH)
        gone += await account.purge_expired(connection, _BATCH)
        await ledger.take_snapshots(connection, _SUMMED_KINDS, least=_SNAPSHOT_ENTRIES)
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
    """Tidy every ten minutes, until cancelled."""

    async def tidy_all() -> None:
        while await retried(partial(tidy, engine), of="chore:tidy") >= _BATCH:
            continue
        while await retried(partial(free_guarantors, engine), of="chore:free_guarantors") >= _BATCH:
            continue
        await look_ahead(engine)

    await repeat("housekeeping", tidy_all, every(_EVERY_SECONDS))
