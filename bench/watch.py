"""Sees what has happened, for many who wait at once: tasks and ends of cases in Postgres, lines in a log."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import SERVICE, transaction
from storage.rows.cases import cases
from storage.rows.tasks import tasks

_POLL_SECONDS = 0.05
_END = "end"


class OutcomeWatcher(ABC):
    """Looks every 50 ms on behalf of all who wait; 20 looks a second cost the same however many wait."""

    def __init__(self) -> None:
        self._waiting: dict[Any, asyncio.Future[Any]] = {}

    @abstractmethod
    async def look(self) -> dict[Any, Any]:
        """What has happened, by what is waited for."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Watch for a while."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def wait(self, key: Any) -> Any:
        """What is told of the key once it has happened."""
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        return await future

    async def _run(self) -> None:
        while True:
            try:
                happened = await self.look() if self._waiting else {}
            except Exception as error:
                for future in self._waiting.values():
                    future.set_exception(error)
                self._waiting.clear()
                raise
            for key, told in happened.items():
                waiting = self._waiting.pop(key, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
            await asyncio.sleep(_POLL_SECONDS)


class Watch(OutcomeWatcher):
    """Watches cases in Postgres."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__()
        self._engine = engine

    async def task(self, case_id: UUID, kind: str) -> sa.Row[Any]:
        """The open task of a kind in a case: its id and subject."""
        row: sa.Row[Any] = await self.wait((case_id, kind))
        return row

    async def end(self, case_id: UUID) -> str:
        """The outcome of a case."""
        outcome: str = await self.wait((case_id, _END))
        return outcome

    async def look(self) -> dict[Any, Any]:
        """Two queries for all."""
        wanted = {case_id for case_id, _ in self._waiting}
        asked = sa.select(tasks.c.case_id, tasks.c.kind, tasks.c.id, tasks.c.subject_id).where(
            tasks.c.case_id.in_(wanted), tasks.c.status == "open"
        )
        over = sa.select(cases.c.id, cases.c.outcome).where(cases.c.id.in_(wanted), cases.c.closed_at.is_not(None))
        async with transaction(self._engine, SERVICE) as connection:
            found: dict[Any, Any] = {(row.case_id, row.kind): row for row in await connection.execute(asked)}
            return found | {(row.id, _END): row.outcome for row in await connection.execute(over)}


class Lines(OutcomeWatcher):
    """Watches a log that is being written."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._read = path.stat().st_size
        self._early: set[str] = set()

    async def seen(self, line: str) -> None:
        """Wait until the log has the line."""
        if line not in self._early:
            await self.wait(line)
        self._early.discard(line)

    async def look(self) -> dict[Any, Any]:
        """The lines that are new."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        self._early |= set(whole.decode("utf-8", errors="replace").splitlines())
        return dict.fromkeys(self._early & self._waiting.keys())
