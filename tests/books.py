"""What must hold whatever happened: clean books, an unbroken audit trail, and nothing held by what has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import audit, ledger
from storage.database import SERVICE, transaction

# Tables that show no effect: a refused command may leave something there, or the machine at any time.
NO_EFFECTS = {
    "alembic_version": "the version of the schema",
    "audit": "refused sign-ins stand there too",
    "audit_heads": "one a stream of the audit trail",
    "balance_snapshots": "made of entries at any time",
    "failed_sign_ins": "a refused sign-in is counted",
    "kind_sums": "made of entries at any time",
    "known_devices": "known since a sign-in",
    "one_time_codes": "a refused try of a code counts",
    "outbox": "emptied as it is sent",
    "rate_windows": "a refused try counts",
    "reconciliation_findings": "what the reconciler sees",
    "reconciliation_rounds": "when the reconciler looked",
    "sessions": "begin with a sign-in",
}


@dataclass(frozen=True, slots=True)
class Superuser:
    """A connection that no wall stops."""

    connection: psycopg.AsyncConnection[Any]

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator[Self]:
        """Connect for a while."""
        superuser = await cls.connect(url)
        async with superuser.connection:
            yield superuser

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect; somebody else closes the connection."""
        plain = url.replace("+psycopg", "")
        # Nothing is prepared: the connection is lent to many tests, and all that it knows is discarded between them.
        return cls(await psycopg.AsyncConnection.connect(plain, autocommit=True, prepare_threshold=None))

    async def run(self, statement: str, *values: object) -> int:
        """Change rows; returns how many."""
        return (await self.connection.execute(statement, values)).rowcount

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return await (await self.connection.execute(query, values)).fetchall()

    async def value(self, query: str, *values: object) -> Any:
        """The one value that a query finds."""
        ((found,),) = await self.rows(query, *values)
        return found

    async def effects(self) -> dict[str, int]:
        """How many rows each table has that holds what commands and transitions do."""
        query = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s) ORDER BY tablename"
        )
        tables = [name for (name,) in await self.rows(query, list(NO_EFFECTS))]
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)  # noqa: S608 - our own names
        (row,) = await self.rows(f"SELECT {counts}")
        return dict(zip(tables, row, strict=True))


async def assert_books_clean(engine: AsyncEngine) -> None:
    """The ledger breaks no rule and the audit trail no chain."""
    async with transaction(engine, SERVICE, limit_ms=30_000) as connection:
        assert [violation async for violation in ledger.check(connection)] == []
        assert [broken async for broken in audit.verify(connection)] == []


async def assert_nothing_held(superuser: Superuser) -> None:
    """No open case, no open task, no credit, no hold, and nothing left in the accounts."""
    found = {
        "open cases": "SELECT count(*) FROM cases WHERE closed_at IS NULL",
        "open tasks": "SELECT count(*) FROM tasks WHERE status = 'open'",
        "lines": "SELECT count(*) FROM credit_lines",
        "journals": "SELECT count(*) FROM journals",
        "holds": "SELECT count(*) FROM holds WHERE state = 'pending'",
    }
    held = {what: await superuser.value(query) for what, query in found.items()}
    assert held == dict.fromkeys(found, 0)
