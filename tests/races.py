"""Races between transactions that are lost on purpose, and what the metrics port says of them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import httpx2
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from stack.ports import LOOPBACK
from telemetry import serve_metrics
from tests.arrange import eventually
from tests.books import Superuser
from tests.conftest import Database

DEAD_LOCK, SERIALISATION = "40P01", "40001"
_PAY = sa.text("UPDATE two_rows SET amount = amount + :amount WHERE name = :name")


@dataclass(frozen=True, slots=True)
class Counted:
    """How often transactions were run again, and how often they were given up, by sqlstate."""

    again: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, int] = field(default_factory=dict)


@functools.cache
def _client() -> httpx2.Client:
    """One for all: each has certificates to read."""
    return httpx2.Client()


@functools.cache
def _port() -> int:
    """Where this process serves its metrics from now on."""
    return serve_metrics(LOOPBACK, 0)


def metrics_page() -> str:
    """What this process says of itself to who watches it; from the first look on."""
    return _client().get(f"http://{LOOPBACK}:{_port()}/metrics").raise_for_status().text


def _samples(name: str) -> list[Sample]:
    page = metrics_page()
    # To parse all metrics takes longer than a race.
    families = text_string_to_metric_families("\n".join(line for line in page.splitlines() if line.startswith(name)))
    return [sample for family in families for sample in family.samples if sample.name == name]


def gauge(name: str, **labels: str) -> float | None:
    """What an operator sees of a gauge with these labels now; None before it was set."""
    return next((found.value for found in _samples(name) if labels.items() <= found.labels.items()), None)


def _read(name: str, what: str) -> dict[str, int]:
    return {sample.labels["sqlstate"]: int(sample.value) for sample in _samples(name) if sample.labels["what"] == what}


@contextmanager
def counting(what: str) -> Iterator[Counted]:
    """What an operator sees counted of one kind of work meanwhile; known at the end."""
    names = ("amanat_transaction_retries_total", "amanat_transactions_given_up_total")
    before = [_read(name, what) for name in names]
    found = Counted()
    yield found
    for name, then, meanwhile in zip(names, before, (found.again, found.given_up), strict=True):
        now = _read(name, what)
        meanwhile.update({state: n - then.get(state, 0) for state, n in now.items() if n > then.get(state, 0)})


async def pay(connection: AsyncConnection, name: str, amount: int = 1) -> None:
    """Add to a purse."""
    await connection.execute(_PAY, {"name": name, "amount": amount})


async def create_two_rows(superuser: Superuser, engine: AsyncEngine) -> None:
    """Two rows to quarrel about, as the app; a dead-lock is found after 20 ms."""
    await superuser.run("CREATE TABLE two_rows (name text PRIMARY KEY, amount bigint NOT NULL)")
    await superuser.run("INSERT INTO two_rows VALUES ('one', 0), ('two', 0)")
    await superuser.run("GRANT SELECT, UPDATE ON two_rows TO amanat_app")
    database = await superuser.value("SELECT current_database()")
    await superuser.run(f"ALTER DATABASE {database} SET deadlock_timeout = '20ms'")
    # Connections made before would not know.
    await engine.dispose()


async def read_rows(superuser: Superuser) -> list[int]:
    """What is in the first and in the second."""
    return [row[0] for row in await superuser.rows("SELECT amount FROM two_rows ORDER BY name")]


class Deadlock:
    """A dead-lock which the transaction under test loses to a rival, once."""

    def __init__(self, superuser: Superuser, rival: Superuser) -> None:
        self._superuser, self._rival = superuser, rival
        self._rivalling: asyncio.Task[None] | None = None
        self.tries = 0

    @classmethod
    @asynccontextmanager
    async def over_two_rows(cls, database: Database, engine: AsyncEngine) -> AsyncIterator[Deadlock]:
        """Lay out what it is about."""
        url = database.superuser_url
        async with Superuser.connected(url) as superuser, Superuser.connected(url) as rival:
            await create_two_rows(superuser, engine)
            deadlock = cls(superuser, rival)
            yield deadlock
            await deadlock._over()

    async def enter(self, connection: AsyncConnection) -> None:
        """Pay into both two_rows; the first one to come is crossed by the rival, who pays into both too."""
        self.tries += 1
        await self._over()
        await pay(connection, "one")
        if self.tries == 1:
            # The rival waits long before it looks for a dead-lock: the other one finds it, and loses.
            await self._rival.run("SET deadlock_timeout = '1min'")
            await self._rival.run("BEGIN")
            await self._pay_as_rival("two")
            self._rivalling = asyncio.create_task(self._cross())
            await eventually(self._is_waiting, "the rival to wait", seconds=5)
        await pay(connection, "two")

    async def _over(self) -> None:
        if self._rivalling is not None:
            await asyncio.wait_for(self._rivalling, 10)

    async def _is_waiting(self) -> bool:
        pid = self._rival.connection.info.backend_pid
        return bool(await self._superuser.value("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", pid))

    async def _cross(self) -> None:
        await self._pay_as_rival("one")
        await self._rival.run("COMMIT")

    async def _pay_as_rival(self, name: str) -> None:
        await self._rival.run("UPDATE two_rows SET amount = amount + 10 WHERE name = %s", name)


async def fail_serialization(superuser: Superuser, table: str, event: str, *, times: int = 1) -> None:
    """Let the first statements that change a table lose a race; a sequence counts them, for it is never rolled back."""
    await superuser.run("CREATE SEQUENCE stumbles")
    await superuser.run("GRANT USAGE ON stumbles TO amanat_app")
    await superuser.run(
        "CREATE FUNCTION fail_serialization() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('stumbles') <= {times} THEN RAISE EXCEPTION SQLSTATE '{SERIALISATION}'; END IF;"
        " RETURN NULL; END $$"
    )
    await superuser.run(
        f"CREATE TRIGGER failing_serialization AFTER {event} ON {table} EXECUTE FUNCTION fail_serialization()"
    )
