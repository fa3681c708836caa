"""What goes on beside posting: housekeeping as in a worker, and somebody who reads the balance of a busy account."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from bench.ledger.books import Books
from storage import ledger
from storage.database import SERVICE, transaction
from storage.housekeeping import keep_house

_EVERY_SECONDS: Final = 0.05


@contextlib.asynccontextmanager
async def housekeeping(*kept: Books) -> AsyncIterator[None]:
    """Keep some books' sums short meanwhile, as often as a worker does."""
    async with contextlib.AsyncExitStack() as stack:
        for one in kept:
            task = asyncio.create_task(keep_house(one.engine))
            stack.push_async_callback(_end, task)
        yield


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Reader:
    """Reads the balance of an account every 50 ms, beside whatever else goes on."""

    def __init__(self, books: Books, code: str) -> None:
        self._books, self._code = books, code
        self._taken: list[tuple[float, float]] = []

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read meanwhile; a read that fails, fails it."""
        task = asyncio.create_task(self._read())
        try:
            yield
        finally:
            await _end(task)

    def waits(self, began: float, ended: float) -> list[float]:
        """How long the reads between two moments of the machine's clock took (s)."""
        return [waited for moment, waited in self._taken if began <= moment <= ended]

    async def _read(self) -> None:
        while True:
            async with transaction(self._books.engine, SERVICE) as connection:
                began = time.perf_counter()
                await ledger.balance(connection, self._code)
                self._taken.append((began, time.perf_counter() - began))
            await asyncio.sleep(_EVERY_SECONDS)
