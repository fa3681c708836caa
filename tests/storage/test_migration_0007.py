"""A ledger that was posted to before migrations 0007 and 0008 is whole behind them, and goes on where it stood."""

# ruff: noqa: S608 - statements are put together from constants of this file

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine

from cli.postgres import EmbeddedPostgres
from domain.ledger import AccountFrozen, AlreadyCorrected, HoldResolved, InsufficientFunds, Journal, credit_accounts
from storage import ledger, migrate
from storage.database import create_engine
from tests.books import Superuser
from tests.conftest import Database
from tests.storage.ledger_world import (
    NOON,
    as_service,
    available,
    granted,
    mark_next,
    move,
    occasion,
    settled,
    violations,
)

BEFORE = "0006"
TABLES = ("account_kinds", "accounts", "journals", "entries", "holds", "balance_snapshots")
LINE, OTHER, FROZEN = (UUID(int=n) for n in (1, 2, 3))
# How each account stands: posted, held.
STANDING = {
    granted(LINE): (890, 0),
    available(LINE): (890, 320),
    granted(OTHER): (500, 0),
    available(OTHER): (500, 0),
    granted(FROZEN): (7, 0),
    available(FROZEN): (7, 0),
}
HELD = {"pending": 300, "open_ended": 20, "posted": 50, "voided": 40, "expired": 30}


def grant(line: UUID, amount: int, key: str | None = None) -> Journal:
    """More to be had on a line."""
    return move(granted(line), available(line), amount, key)


def take(line: UUID, amount: int, key: str | None = None) -> Journal:
    """Less to be had on a line."""
    return move(available(line), granted(line), amount, key)


class Old:
    """The ledger's functions as they were, called by the app."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def open(self, line: UUID) -> None:
        """A credit line's two accounts."""
        accounts = credit_accounts(line)
        codes, kinds = [account.code for account in accounts], [account.kind.name for account in accounts]
        nobody = [None, None]
        self._call("ledger_open(%s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[])",
                   codes, kinds, ["IRR", "IRR"], nobody, nobody)  # fmt: skip

    def post(self, key: str, source: str, target: str, amount: int, hold: UUID | None = None) -> UUID:
        """A journal of two entries, as ``move`` makes it."""
        made, outcome = self._call(
            "ledger_post(%s, 'test_moved', NULL, 'system', %s, %s::text[], %s::text[], %s::bigint[], %s::uuid)",
            key, NOON, [source, target], ["IRR", "IRR"], [-amount, amount], hold,
        )  # fmt: skip
        assert outcome == "posted"
        return UUID(str(made))

    def hold(self, key: str, amount: int, *, ends: bool = True) -> UUID:
        """A hold on what is available."""
        made, outcome = self._call(
            "ledger_hold(%s, %s, 'IRR', %s, 'test_held', NULL, 'system', %s)",
            key, available(LINE), amount, NOON if ends else None,
        )  # fmt: skip
        assert outcome == "held"
        return UUID(str(made))

    def release(self, hold: UUID, state: str) -> None:
        """Void a hold, or let it expire."""
        assert self._call("ledger_release(%s, %s)", hold, state) == ("released",)

    def correct(self, journal: UUID, key: str) -> UUID:
        """Turn a journal back."""
        made, outcome = self._call("ledger_correct(%s, %s, 'test_mended', NULL, 'system', %s)", journal, key, NOON)
        assert outcome == "posted"
        return UUID(str(made))

    def freeze(self, code: str) -> None:
        """Freeze an account."""
        self._call("ledger_freeze(%s, true)", code)

    def snapshot(self) -> int:
        """Sum up each account without a floor; returns how many there were."""
        return int(self._call("ledger_snapshot(ARRAY['credit:granted'], 1)")[0])

    def _call(self, function: str, *values: object) -> tuple[Any, ...]:
        (row,) = self._connection.execute(f"SELECT * FROM {function}".encode(), values).fetchall()
        return row


@pytest.fixture
def database(postgres: EmbeddedPostgres, names: Iterator[int]) -> Iterator[Database]:
    """A database as the versions before left it, instead of the newest."""
    name = f"amanat_old_{next(names)}"
    with closing(psycopg.connect(_plain(postgres.superuser_url("postgres")), autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER amanat_owner".encode())
        made = Database(name, postgres.app_url(name), postgres.owner_url(name), postgres.superuser_url(name))
        _upgrade(made, BEFORE)
        yield made
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _upgrade(database: Database, revision: str) -> None:
    config = migrate._config()
    engine = sa.create_engine(database.owner_url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


def _begin(database: Database) -> dict[str, UUID]:
    """Everything that the old ledger could hold: what was made, by its key."""
    with closing(psycopg.connect(_plain(database.app_url), autocommit=True)) as connection:
        old = Old(connection)
        for line in (LINE, OTHER, FROZEN):
            old.open(line)
        made = {
            "line": old.post("line", granted(LINE), available(LINE), 1_000),
            "other": old.post("other", granted(OTHER), available(OTHER), 500),
            "frozen": old.post("frozen", granted(FROZEN), available(FROZEN), 7),
        }
        connection.execute("BEGIN")
        # Two journals of one transaction, and one of those turned back in it.
        made["wrong"] = old.post("wrong", available(LINE), granted(LINE), 60)
        made["spent"] = old.post("spent", available(LINE), granted(LINE), 60)
        made["mended"] = old.correct(made["wrong"], "mended")
        connection.execute("COMMIT")
        assert old.snapshot() > 0
        made |= {key: old.hold(key, amount, ends=key != "open_ended") for key, amount in HELD.items()}
        made["of_hold"] = old.post("of_hold", available(LINE), granted(LINE), 45, made["posted"])
        for state in ("voided", "expired"):
            old.release(made[state], state)
        made["late"] = old.post("late", available(LINE), granted(LINE), 5)
        old.freeze(available(FROZEN))
    return made


def _rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the ledger."""
    with closing(psycopg.connect(_plain(database.superuser_url))) as connection:
        return {
            table: connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1".encode()).fetchall()
            for table in TABLES
        }


@pytest.fixture
def made(database: Database) -> dict[str, UUID]:
    """Post to the old ledger, then migrate it; nothing is lost on the way."""
    made = _begin(database)
    before = _rows(database)
    assert all(before.values())
    _upgrade(database, "head")
    assert _rows(database) == before
    return made


@pytest.fixture
async def migrated(database: Database, made: dict[str, UUID]) -> AsyncIterator[AsyncEngine]:
    """The app's way in, behind the migration."""
    engine = create_engine(database.app_url, pool=4)
    yield engine
    await engine.dispose()


async def standing(engine: AsyncEngine) -> dict[str, tuple[int, int]]:
    """Posted and held of each account."""
    async with as_service(engine) as connection:
        found = [await ledger.balance(connection, code) for code in STANDING]
    return {one.code: (one.posted, one.held) for one in found}


async def test_what_was_posted_before_is_whole_and_stands_as_it_stood(migrated: AsyncEngine) -> None:
    assert await violations(migrated) == []
    assert await standing(migrated) == STANDING
    async with as_service(migrated) as connection:
        trial = {row.kind: (row.accounts, row.total) for row in await ledger.trial_balance(connection)}
        pages = [await ledger.statement(connection, code) for code in STANDING]

    assert trial == {"credit:granted": (3, -1_397), "credit:available": (3, 1_397)}
    assert [page.lines[-1].running for page in pages] == [posted for posted, _ in STANDING.values()]


async def test_every_key_of_before_gives_its_first_answer(migrated: AsyncEngine, made: dict[str, UUID]) -> None:
    journals = [
        grant(LINE, 1_000, "line"),
        grant(OTHER, 500, "other"),
        # Frozen since: a key answered before is answered again.
        grant(FROZEN, 7, "frozen"),
        take(LINE, 60, "wrong"),
        take(LINE, 60, "spent"),
        take(LINE, 5, "late"),
    ]
    async with as_service(migrated) as connection:
        again = [await ledger.post(connection, journal) for journal in journals]
        together = await ledger.post_batch(connection, journals)
        of_hold = await ledger.post_hold(connection, made["posted"], take(LINE, 45, "of_hold"))

    assert again == together == [made[journal.occasion.key] for journal in journals]
    assert of_hold == made["of_hold"]
    for journal in (grant(LINE, 999, "line"), grant(LINE, 60, "mended"), take(LINE, 45, "of_hold")):
        with pytest.raises(ledger.KeyConflict):
            async with as_service(migrated) as connection:
                await ledger.post(connection, journal)
    assert await standing(migrated) == STANDING
    assert await violations(migrated) == []


async def test_holds_and_corrections_of_before_go_on(
    migrated: AsyncEngine, made: dict[str, UUID], superuser: Superuser
) -> None:
    async with as_service(migrated) as connection:
        for state in ("posted", "voided", "expired"):
            with pytest.raises(HoldResolved):
                await ledger.post_hold(connection, made[state], take(LINE, 1))
        with pytest.raises(AlreadyCorrected):
            await ledger.correct(connection, made["wrong"], occasion(), "test_mended")
        with pytest.raises(InsufficientFunds):
            await ledger.post(connection, take(LINE, 571))
        with pytest.raises(AccountFrozen):
            await ledger.post(connection, take(FROZEN, 1))
        await ledger.post_hold(connection, made["pending"], take(LINE, 200))
        await ledger.void_hold(connection, made["open_ended"])
        await ledger.correct(connection, made["spent"], occasion(), "test_mended")
        await ledger.unfreeze(connection, available(FROZEN))
        (one,) = await ledger.post_batch(connection, [take(FROZEN, 7)])

    assert isinstance(one, UUID)
    assert (await standing(migrated))[available(LINE)] == (890 - 200 + 60, 0)
    # The snapshots of before are what those of now begin with.
    await mark_next(superuser)
    async with as_service(migrated) as connection:
        await ledger.post(connection, grant(LINE, 1))
    await settled(migrated)
    async with as_service(migrated) as connection:
        assert (await ledger.sum_accounts(connection, 8), await ledger.sum_kinds(connection, 1)) == (1, 1)
        assert (await ledger.balance(connection, granted(LINE))).posted == 751
        rows = await ledger.trial_balance(connection)
    assert sum(row.total for row in rows) == 0
    assert (await standing(migrated))[available(LINE)] == (751, 0)
    assert await violations(migrated) == []


@pytest.mark.usefixtures("made")
def test_no_rule_lets_off_the_rows_of_before(database: Database) -> None:
    with closing(psycopg.connect(_plain(database.superuser_url))) as connection:
        unchecked = connection.execute(
            "SELECT conrelid::regclass, conname FROM pg_constraint WHERE NOT convalidated OR NOT conenforced"
        ).fetchall()
    assert unchecked == []
