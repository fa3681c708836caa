"""How the ledger's model-based tests reach the ledger: alone, in a transaction, or by a connection that dies."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import Refusal
from storage import ledger
from storage.database import single_statements
from storage.ledger import holding, posting
from storage.retries import retried
from tests.storage.ledger_model import DONE, MENDED, Answer, Deed, Names, asked
from tests.storage.ledger_world import service_transaction

# Postgres ended the transaction in favour of another, or an account that nobody locks was frozen between the look at
# it and the entry: with so many hands, again and again.
TRIES: Final = 100
WITHIN: Final = timedelta(seconds=60)
_END: Final = sa.text("SELECT pg_terminate_backend(:pid)")
_LIVES: Final = sa.text("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid)")


class Manner(Enum):
    """How a deed is brought to the server; after the last four nobody knows whether it was done."""

    ALONE = "as a transaction of its own"
    IN_TRANSACTION = "in a transaction"
    TERMINATED = "as a transaction of its own, while an operator ends its connection"
    HUNG_UP = "as a transaction of its own, and the socket is closed while it runs"
    TERMINATED_AT_COMMIT = "in a transaction, while an operator ends its connection at COMMIT"
    HUNG_UP_AT_COMMIT = "in a transaction, and the socket is closed while COMMIT is in flight"

    @staticmethod
    def deadly() -> tuple[Manner, ...]:
        """Those that lose their connection."""
        return (Manner.TERMINATED, Manner.HUNG_UP, Manner.TERMINATED_AT_COMMIT, Manner.HUNG_UP_AT_COMMIT)


class LedgerClient:
    """Somebody's way to the ledger; answers in the words of the model."""

    def __init__(self, engine: AsyncEngine, doomed: AsyncEngine, connection: AsyncConnection, names: Names) -> None:
        """Take what is needed.

        Args:
            engine: for transactions.
            doomed: for connections that die; of its own, since a pool that lost one trusts none of its others.
            connection: whose statements are transactions of their own.
            names: the ids that all hands know.
        """
        self._engine, self._doomed, self._connection, self._names = engine, doomed, connection, names
        self.deaths = 0

    async def do(self, deed: Deed, manner: Manner = Manner.ALONE) -> Answer:
        """Bring a deed to the ledger by a connection that lives; a lost race is nobody's answer."""

        async def once() -> Answer:
            try:
                if manner is Manner.ALONE:
                    return await self._called(self._connection, deed)
                async with service_transaction(self._engine) as connection:
                    return await self._called(connection, deed)
            except (Refusal, ledger.LedgerFault) as said:
                return type(said)

        return await retried(once, of="test_hand", tries=TRIES, within=WITHIN)

    async def lose(self, deed: Deed, manner: Manner, moments: int) -> asyncio.Task[None]:
        """Bring a deed to the ledger by a connection that dies ``moments`` of the loop later.

        Returns when the caller knows that it died; the task ends when the server's process has.
        """
        alone = manner in {Manner.TERMINATED, Manner.HUNG_UP}
        engine = self._doomed.execution_options(isolation_level="AUTOCOMMIT") if alone else self._doomed
        connection = await engine.connect()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        pid = driver.info.backend_pid
        if not alone:
            # An id that is not committed yet is nobody's.
            unsure = LedgerClient(self._engine, self._doomed, connection, Names(dict(self._names.ids)))
            with suppress(Refusal, ledger.LedgerFault, DBAPIError):
                await unsure._called(connection, deed)
        work = asyncio.ensure_future(self._called(connection, deed) if alone else driver.commit())
        for _ in range(moments):
            await asyncio.sleep(0)
        if manner in {Manner.HUNG_UP, Manner.HUNG_UP_AT_COMMIT}:
            _hang_up(driver)
        else:
            await self._connection.execute(_END, {"pid": pid})
        with suppress(Refusal, ledger.LedgerFault, DBAPIError, psycopg.Error):
            await work
        await connection.invalidate()
        await connection.close()
        self.deaths += 1
        return asyncio.create_task(self._gone(pid))

    async def _gone(self, pid: int) -> None:
        async with asyncio.timeout(30), single_statements(self._engine) as connection:
            while True:
                if not (await connection.execute(_LIVES, {"pid": pid})).scalar_one():
                    return
                await asyncio.sleep(0.001)

    async def _called(self, connection: AsyncConnection, deed: Deed) -> Answer:
        match deed.verb:
            case "post":
                return self._journal(deed, await posting.post(connection, deed.journals[0]))
            case "take":
                hold = self._names.ids["hold", deed.target]
                return self._journal(deed, await posting.post_hold(connection, hold, deed.journals[0]))
            case "correct" if deed.occasion is not None:
                journal = self._names.ids["journal", deed.target]
                return self._journal(deed, await posting.correct(connection, journal, deed.occasion, MENDED))
            case "batch":
                said = await posting.post_batch(connection, deed.journals)
                return tuple(
                    type(one) if isinstance(one, Refusal) else self._names.name("journal", journal.occasion.key, one)
                    for journal, one in zip(deed.journals, said, strict=True)
                )
            case "hold":
                return self._names.name("hold", deed.key, await holding.hold(connection, asked(deed)))
            case "void":
                await posting.void_hold(connection, self._names.ids["hold", deed.target])
            case "expire":
                await posting.expire_hold(connection, self._names.ids["hold", deed.target])
            case "freeze":
                await posting.freeze(connection, deed.target)
            case "unfreeze":
                await posting.unfreeze(connection, deed.target)
        return DONE

    def _journal(self, deed: Deed, made: UUID) -> str:
        return self._names.name("journal", deed.key, made)


def _hang_up(driver: Any) -> None:
    """Close the socket under the driver, whatever it is waiting for; it learns of it as of a broken network."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(driver.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
