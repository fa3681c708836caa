"""Reading files that people sent, and deleting those that no row names (A13, E3, G7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.transition import ActivityContext
from gateways.answer_file import AnswerFileError
from gateways.personnel_file import PersonnelFileError
from storage.attachment import SHARES
from storage.database import SERVICE, transaction

P = ParamSpec("P")
T = TypeVar("T")
# Far longer than an upload takes.
KEPT: Final = timedelta(days=1)
# Give up a file after so many readings that broke off: a poison file must not kill workers endlessly.
READINGS: Final = 5


# Files that are kept for good are many: each share of them has its turn, for as long as a round of the housekeeping,
# and all of them take two days.
_TURN_SECONDS: Final = 600


class ReadingFailed(Exception):
    """What reads a file died, or could not go on: the file's own fault, or its reader's."""


async def reading(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Read in a thread. What the reader says of the file as a whole comes through, and trouble of the machine.

    Raises:
        ReadingFailed: it failed in another way. Of its cause only the kind is told: its words may quote the file.
    """
    try:
        return await asyncio.to_thread(read, *args, **kwargs)
    except (AnswerFileError, PersonnelFileError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a reader may fail by anything
        raise ReadingFailed(type(error).__name__) from None


def share_now() -> int:
    """Whose turn it is of the shares among which files are divided."""
    return int(time.time() // _TURN_SECONDS) % SHARES


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
