"""The engine, and transactions that say who acts in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Capacity = Literal["member", "staff", "service"]

# Below every time-out of an activity, so that Postgres gives up before Temporal does.
STATEMENT_LIMIT_MS = 2_000
_BEGIN = sa.text(
    "SELECT set_config('amanat.capacity', :capacity, true), set_config('amanat.person', :person, true),"
    " set_config('statement_timeout', :limit, true), set_config('lock_timeout', :limit, true)"
)


@dataclass(frozen=True, slots=True)
class Acting:
    """On whose behalf a transaction runs: row-level security shows a member only their own rows."""

    capacity: Capacity
    person_id: UUID | None = None


SERVICE = Acting("service")


def create_engine(url: str, *, pool: int) -> AsyncEngine:
    """An engine with an explicit pool; parameters never appear in error texts or logs."""
    return create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1_800,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": "-c idle_in_transaction_session_timeout=10000"},
    )


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, acting: Acting, *, limit_ms: int = STATEMENT_LIMIT_MS
) -> AsyncIterator[AsyncConnection]:
    """One transaction: commits at the end, rolls back on any exception.

    Args:
        engine: where.
        acting: on whose behalf.
        limit_ms: how long one statement or one wait for a lock may last.
    """
    async with engine.begin() as connection:
        await act_as(connection, acting, limit_ms=limit_ms)
        yield connection


async def act_as(connection: AsyncConnection, acting: Acting, *, limit_ms: int = STATEMENT_LIMIT_MS) -> None:
    """Set who acts for the rest of the transaction."""
    await connection.execute(
        _BEGIN,
        {"capacity": acting.capacity, "person": str(acting.person_id or ""), "limit": str(limit_ms)},
    )
