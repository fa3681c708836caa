"""Books for a measurement: a migrated database of their own on the server, credit lines in them, and their proof."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench.memory import forget_peak, peak_mb
from domain.ledger import CREDIT_GRANTED, Account, credit_accounts
from stack.places import CliError
from stack.postgres import DATABASE, EmbeddedPostgres
from storage import ledger
from storage.database import SERVICE, create_engine, single_statements, transaction
from storage.housekeeping import keep_house
from storage.ledger import posting
from storage.rows.people import persons

LIMIT_MS: Final = 1_800_000
# An account without a floor, as those of gateways will be.
CLEARING: Final = Account(CREDIT_GRANTED, "bench-clearing")
_FUNCTIONS: Final = Path(__file__).with_name("functions.sql")
_MAINTENANCE: Final = "postgres"
_AT_ONCE: Final = 1_000
_POOL: Final = 4
_SHOWN: Final = 5


def line_id(number: int) -> UUID:
    """The credit line of a number, as scattered as ids that came at different times; functions.sql makes the same."""
    return UUID(hashlib.md5(f"bench/line/{number}".encode(), usedforsecurity=False).hexdigest())


def owner_id(number: int) -> UUID:
    """The member whose credit line that is."""
    return UUID(hashlib.md5(f"bench/owner/{number}".encode(), usedforsecurity=False).hexdigest())


def line_codes(number: int) -> tuple[str, str]:
    """The codes of a credit line's two accounts, granted and available."""
    granted, available = credit_accounts(line_id(number))
    return granted.code, available.code


@dataclass(frozen=True, slots=True)
class Examined:
    """How long a check of everything took (s), by how much this process grew (MB), and the first of what is broken."""

    seconds: float
    grown: float
    broken: Sequence[str]


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger of its own."""

    server: EmbeddedPostgres
    name: str
    engine: AsyncEngine

    @property
    def url(self) -> str:
        """The app's way in."""
        return self.server.app_url(self.name)

    async def open_lines(self, count: int) -> None:
        """Open the first credit lines, each of a member of its own, and the account that all share; for the scripts."""
        async with administered(self.server, self.name) as connection:
            await connection.execute(sa.text(_FUNCTIONS.read_text("utf-8")))
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count))
            members = [
                {"id": owner_id(number), "national_id_index": owner_id(number).bytes, "national_id_sealed": b"-"}
                for number in numbers
            ]
            accounts = [each for number in numbers for each in credit_accounts(line_id(number), owner_id(number))]
            async with transaction(self.engine, SERVICE, limit_ms=LIMIT_MS) as connection:
                await connection.execute(sa.insert(persons), members)
                await posting.open_accounts(connection, accounts)
        async with transaction(self.engine, SERVICE) as connection:
            await posting.open_account(connection, CLEARING)

    async def prove(self) -> None:
        """Check everything.

        Raises:
            CliError: something breaks a rule.
        """
        found = (await self.examine()).broken
        if found:
            message = f"the ledger {self.name} is broken: {'; '.join(found)}"
            raise CliError(message)

    async def examine(self) -> Examined:
        """Check everything, and tell on stderr what breaks a rule."""
        forget_peak()
        before, began = peak_mb(), time.perf_counter()
        found: list[str] = []
        async with transaction(self.engine, SERVICE, limit_ms=LIMIT_MS) as connection:
            async for violation in ledger.check(connection):
                found.append(f"{violation.rule}: {violation.subject}")
                if len(found) == _SHOWN:
                    break
        for one in found:
            print(f"{self.name}: {one}", file=sys.stderr, flush=True)
        return Examined(time.perf_counter() - began, peak_mb() - before, found)


@contextlib.asynccontextmanager
async def books(server: EmbeddedPostgres, name: str, *, count: int) -> AsyncIterator[Books]:
    """An empty ledger with so many credit lines, dropped afterwards; the caller checks what it posted."""
    async with administered(server) as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name} OWNER amanat_owner TEMPLATE {DATABASE}"))
    engine = create_engine(server.app_url(name), pool=_POOL)
    try:
        made = Books(server, name, engine)
        await made.open_lines(count)
        yield made
    finally:
        await engine.dispose()
        async with administered(server) as connection:
            await connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextlib.asynccontextmanager
async def housekeeping(*kept: Books) -> AsyncIterator[None]:
    """Keep some books' sums short meanwhile, as a worker does."""
    tasks = [asyncio.create_task(keep_house(one.engine)) for one in kept]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for one in ended:
        if isinstance(one, Exception):
            raise one


@contextlib.asynccontextmanager
async def administered(server: EmbeddedPostgres, database: str = _MAINTENANCE) -> AsyncIterator[AsyncConnection]:
    """A connection of the superuser, each statement a transaction of its own."""
    engine = create_engine(server.superuser_url(database), pool=1)
    try:
        async with single_statements(engine) as connection:
            # To make or drop a database that has millions of rows takes longer than anybody who posts would wait.
            for limit in ("statement_timeout", "lock_timeout"):
                await connection.execute(
                    sa.text("SELECT set_config(:limit, :most, false)"), {"limit": limit, "most": str(LIMIT_MS)}
                )
            yield connection
    finally:
        await engine.dispose()
