"""Deletes what has served its time, a bounded number at a time: sent promises, old answers, spent codes."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import account, idempotency, outbox
from storage.database import SERVICE, transaction

_log = logging.getLogger("amanat.housekeeping")

_EVERY_SECONDS = 600.0
_BATCH = 1_000
SENT_KEPT = timedelta(days=7)
# Long enough for any client's retries; the ledger's own keys stay for ever.
ANSWERS_KEPT = timedelta(days=30)


async def tidy(engine: AsyncEngine) -> int:
    """One round; returns how many rows went."""
    async with transaction(engine, SERVICE) as connection:
        gone = await outbox.purge_sent(connection, older_than=SENT_KEPT, limit=_BATCH)
        gone += await idempotency.purge(connection, older_than=ANSWERS_KEPT, limit=_BATCH)
        return gone + await account.purge_expired(connection, _BATCH)


async def keep_house(engine: AsyncEngine) -> None:
    """Tidy every ten minutes, until cancelled."""
    while True:
        try:
            while await tidy(engine) >= _BATCH:
                continue
        except (SQLAlchemyError, OSError) as error:
            _log.warning("housekeeping_postponed", extra={"error": type(error).__name__})
        await asyncio.sleep(_EVERY_SECONDS)
