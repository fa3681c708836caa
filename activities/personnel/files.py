"""Files that no import will read: of an upload whose outcome nobody knows, or that was killed half-way (A13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from activities.transition import ActivityContext
from storage import personnel
from storage.database import SERVICE, transaction

# Far longer than an upload takes.
KEPT: Final = timedelta(days=1)


async def sweep_files(context: ActivityContext, limit: int) -> int:
    """Delete files of yesterday and before that no open import names; returns how many, about ``limit`` at most."""
    gone = 0
    await context.files.remove_broken(KEPT)
    async for keys in context.files.list_older(personnel.FOLDER, KEPT):
        async with transaction(context.engine, SERVICE) as connection:
            left_over = set(keys) - await personnel.files_in_use(connection, keys)
        for key in left_over:
            await context.files.remove(key)
        gone += len(left_over)
        if gone >= limit:
            break
    return gone
