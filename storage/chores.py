"""Chores that a process does again and again while it lives, whatever happens to the database meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

_log = logging.getLogger("amanat.chores")


async def repeat(name: str, work: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[None]]) -> None:
    """Do a chore, pause, and so on until cancelled.

    A database that is away is waited for; any other failure is a fault of ours, told with its trace, and the chore
    goes on all the same: what it stands for must not end with one bad row.

    Args:
        name: for the logs.
        work: one round.
        pause: what to wait for before the next.
    """
    while True:
        try:
            await work()
        except (SQLAlchemyError, OSError) as error:
            _log.warning("chore_waits_for_database", extra={"chore": name, "error": type(error).__name__})
        except Exception:  # noqa: BLE001 - see above
            _log.exception("chore_stumbled", extra={"chore": name})
        await pause()


def every(seconds: float) -> Callable[[], Awaitable[None]]:
    """A pause of so many seconds."""

    async def pause() -> None:
        await asyncio.sleep(seconds)

    return pause
