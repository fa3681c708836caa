"""Files that no row names: of an upload whose outcome nobody knows, or that was killed half-way (A13, G7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.transition import ActivityContext
from storage.database import SERVICE, transaction

# Far longer than an upload takes.
KEPT: Final = timedelta(days=1)


async def sweep_folder(
    context: ActivityContext,
    folder: str,
    in_use: Callable[[AsyncConnection, Sequence[str]], Awaitable[set[str]]],
    limit: int,
) -> int:
    """Delete a folder's files of yesterday and before that nothing uses; returns how many, about ``limit`` at most."""
    gone = 0
    await context.files.remove_broken(folder, KEPT)
    async for keys in context.files.list_older(folder, KEPT):
        async with transaction(context.engine, SERVICE) as connection:
            left_over = set(keys) - await in_use(connection, keys)
        for key in left_over:
            await context.files.remove(key)
        gone += len(left_over)
        if gone >= limit:
            break
    return gone
