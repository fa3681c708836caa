"""Attacks on every rule of the ledger, through SQL: as the app's login, as the owner, and past all triggers."""

# ruff: noqa: S608 - the attacks are put together from constants of this file

from __future__ import annotations

from contextlib import closing
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import CREDIT_GRANTED, Account, InsufficientFunds
from domain.money import Unit
from storage import ledger
from storage.ledger.checking import RULES
from tests.conftest import Database
from tests.storage.ledger_world import (
    as_service,
    ask,
    available,
    granted,
    move,
    occasion,
    open_line,
    settled,
    violations,
)

DENIED = "42501"
CHECKED = "23514"
POINTS = "credit:granted:points"
JOURNAL = "00000000-0000-7000-8000-000000000001"


@pytest.fixture
async def line(engine: AsyncEngine) -> UUID:
    """A line of 100 with 20 held, a posted hold of 10 (5 taken), a corrected journal, a snapshot, and points."""
    async with as_service(engine) as connection:
        made = await open_line(connection, 100)
        await ledger.open_accounts(connection, [Account(CREDIT_GRANTED, "points", Unit.PTS)])
        await ledger.hold(connection, ask(made, 20, "pending"))
        held = await ledger.hold(connection, ask(made, 10, "posted"))
        await ledger.post_hold(connection, held, move(available(made), granted(made), 5, "of_hold"))
        wrong = await ledger.post(connection, move(available(made), granted(made), 1, "wrong"))
        await ledger.correct(connection, wrong, occasion("mended"), "test_mended")
    await settled(engine)
    async with as_service(engine) as connection:
        await ledger.take_snapshots(connection, [CREDIT_GRANTED], least=1)
    return made


def _run(url: str, line: UUID, script: str) -> str:
    """Run a script as one transaction; the SQLSTATE that refused it, or an empty text."""
    filled = script.replace("{available}", available(line)).replace("{granted}", granted(line))
    try:
        with closing(psycopg.connect(url.replace("+psycopg", ""))) as connection:
            connection.execute(filled.encode())
            connection.commit()
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


TABLES = ("account_kinds", "accounts", "journals", "entries", "holds", "balance_snapshots")
COLUMN = {
    "account_kinds": "kind",
    "accounts": "code",
    "journals": "key",
    "entries": "unit",
    "holds": "key",
    "balance_snapshots": "taken_at",
}
APP_ATTACKS = [
    *(f"INSERT INTO {table} SELECT * FROM {table}" for table in TABLES),
    *(f"UPDATE {table} SET {COLUMN[table]} = {COLUMN[table]}" for table in TABLES),
    *(f"DELETE FROM {table}" for table in TABLES),
    *(f"TRUNCATE {table}" for table in TABLES),
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES),
    *(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY" for table in TABLES),
    "SELECT id FROM accounts FOR UPDATE",
    "SELECT setval('entries_id_seq', 1)",
    "SET session_replication_role = replica",
    "SELECT ledger_answered('of_hold', ''::bytea)",
    "CREATE FUNCTION public.ledger_mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
]


def test_the_app_cannot_touch_the_tables_itself(database: Database, line: UUID) -> None:
    # "Permission denied" and "must be owner" are one state; 428C9 comes where even the column refuses.
    states = {attack: _run(database.app_url, line, attack) for attack in APP_ATTACKS}
    assert {attack: state for attack, state in states.items() if state not in {DENIED, "428C9"}} == {}


async def test_tables_of_the_attacker_do_not_deceive_the_functions(engine: AsyncEngine, line: UUID) -> None:
    async with as_service(engine) as connection:
        await connection.exec_driver_sql("CREATE TEMP TABLE accounts AS SELECT * FROM public.accounts")
        await connection.exec_driver_sql("UPDATE pg_temp.accounts SET balance = 1000, floor = -1000")
        await connection.exec_driver_sql("SET LOCAL search_path = pg_temp, public")
        with pytest.raises(InsufficientFunds):
            await ledger.post(connection, move(available(line), granted(line), 500))


def test_even_the_owner_cannot_rewrite_history(database: Database, line: UUID) -> None:
    attacks = [attack for attack in APP_ATTACKS if attack.startswith(("UPDATE", "DELETE"))]
    attacks += [f"TRUNCATE {table} CASCADE" for table in TABLES]
    states = {attack: _run(database.owner_url, line, attack) for attack in attacks}
    # An account may be updated (it can be frozen), but not into another; what may not change is attacked below.
    assert states.pop("UPDATE accounts SET code = code") == ""
    states["rename"] = _run(database.owner_url, line, "UPDATE accounts SET code = code || '-x'")
    assert set(states.values()) == {DENIED}


def _journal(key: str = "raw", columns: str = "", values: str = "") -> str:
    return (
        f"INSERT INTO journals (id, key, content_hash, reason, actor, event_at{columns})"
        f" VALUES ('{JOURNAL}', '{key}', sha256(''), 'raw', 'owner', now(){values});"
    )


def _entry(code: str, amount: int, after: str = "balance + {amount}", unit: str = "unit") -> str:
    if "granted" in code:
        after = "NULL::bigint"
    return (
        "INSERT INTO entries (journal_id, account_id, amount, unit, balance_after)"
        f" SELECT '{JOURNAL}', id, {amount}, {unit}, {after.replace('{amount}', str(amount))}"
        f" FROM accounts WHERE code = '{code}';"
    )


def _hold(amount: int, code: str = "{available}", columns: str = "", values: str = "") -> str:
    return (
        f"INSERT INTO holds (key, content_hash, account_id, amount, unit, reason, actor{columns})"
        f" SELECT 'raw', sha256(''), id, {amount}, unit, 'raw', 'owner'{values} FROM accounts WHERE code = '{code}';"
    )


ONE, TWO = "{granted}", "{available}"
OF_HOLD = "(SELECT id FROM journals WHERE key = 'of_hold')"
OWNER_ATTACKS = {
    "a journal without entries": ("AM003", _journal()),
    "a journal of one entry": ("AM003", _journal() + _entry(ONE, 1)),
    "a journal that does not sum to zero": ("AM003", _journal() + _entry(ONE, -2) + _entry(TWO, 1)),
    "zero over two units, not in each": ("AM003", _journal() + _entry(POINTS, -1) + _entry(TWO, 1)),
    "a journal pretending an older transaction": ("AM003", _journal("raw", ", tx", ", '3'")),
    "an entry added to an old journal": ("AM010", _entry(POINTS, 1).replace(f"'{JOURNAL}'", OF_HOLD)),
    "an entry without a journal": ("AM010", _entry(ONE, 1)),
    "an entry of no account": (
        "AM002",
        _journal() + f"INSERT INTO entries VALUES (DEFAULT, '{JOURNAL}', '{JOURNAL}', 1, 'IRR')",
    ),
    "an entry in another unit": ("AM004", _journal() + _entry(ONE, 1, unit="'PTS'")),
    "an entry of zero": (CHECKED, _journal() + _entry(ONE, 0)),
    "an entry too large": (CHECKED, _journal() + _entry(ONE, 10**17 + 1)),
    "an entry too small": (CHECKED, _journal() + _entry(ONE, -(10**17) - 1)),
    "an account twice in a journal": ("23505", _journal() + _entry(ONE, 1) + _entry(ONE, -1)),
    "a wrong running balance": ("AM010", _journal() + _entry(TWO, 1, "balance + 2")),
    "no running balance where a floor is": ("AM010", _journal() + _entry(TWO, 1, "NULL::bigint")),
    "an account under its floor": (CHECKED, _journal() + _entry(ONE, 96) + _entry(TWO, -96)),
    "what is held, taken": (CHECKED, _journal() + _entry(ONE, 76) + _entry(TWO, -76)),
    "an entry on a frozen account": (
        "AM011",
        "UPDATE accounts SET frozen_at = now() WHERE code = '{granted}';" + _journal() + _entry(ONE, 1),
    ),
    "a balance set by hand": (DENIED, "UPDATE accounts SET balance = balance + 1 WHERE code = '{available}'"),
    "a hold forgotten by hand": (DENIED, "UPDATE accounts SET held = 0 WHERE code = '{available}'"),
    "a floor lowered": (DENIED, "UPDATE accounts SET floor = -100 WHERE code = '{available}'"),
    "an account given away": (DENIED, f"UPDATE accounts SET organisation_id = '{JOURNAL}'"),
    "an account of no kind": ("AM006", "INSERT INTO accounts (code, kind, unit) VALUES ('a:b', 'a', 'IRR')"),
    "an account under another kind's name": (
        CHECKED,
        "INSERT INTO accounts (code, kind, unit) VALUES ('credit:available:z', 'credit:granted', 'IRR')",
    ),
    "a key used again": ("23505", _journal("of_hold")),
    "a second correction": (
        "23505",
        _journal("raw", ", corrects", ", (SELECT id FROM journals WHERE key = 'wrong')"),
    ),
    "a correction that mirrors nothing": (
        "AM009",
        _journal("raw", ", corrects", f", {OF_HOLD}") + _entry(ONE, -4) + _entry(TWO, 4),
    ),
    "a correction of a correction": (
        "AM009",
        _journal("raw", ", corrects", ", (SELECT id FROM journals WHERE key = 'mended')")
        + _entry(ONE, 1)
        + _entry(TWO, -1),
    ),
    "a hold over what is available": (CHECKED, _hold(76)),
    "a hold of nothing": (CHECKED, _hold(0)),
    "a hold on an account without a floor": ("AM008", _hold(1, ONE)),
    "a hold born resolved": ("AM008", _hold(1, TWO, ", state, resolved_at", ", 'voided', now()")),
    "a hold resolved twice": (
        DENIED,
        "UPDATE holds SET state = 'voided', journal_id = NULL, posted_amount = NULL WHERE key = 'posted'",
    ),
    "a hold made larger": (DENIED, "UPDATE holds SET amount = 21 WHERE key = 'pending'"),
    "a hold posted without a journal": (
        CHECKED,
        "UPDATE holds SET state = 'posted', posted_amount = 1, resolved_at = now() WHERE key = 'pending'",
    ),
    "a hold posted with an old journal": (
        "AM008",
        (
            "UPDATE holds SET state = 'posted', posted_amount = 1, resolved_at = now(),"
            " journal_id = (SELECT id FROM journals WHERE key = 'wrong') WHERE key = 'pending'"
        ),
    ),
    "a hold posted with more than held": (
        CHECKED,
        (
            "UPDATE holds SET state = 'posted', posted_amount = 21, resolved_at = now(),"
            " journal_id = (SELECT id FROM journals WHERE key = 'wrong') WHERE key = 'pending'"
        ),
    ),
}


async def test_postgres_refuses_even_the_owner(database: Database, engine: AsyncEngine, line: UUID) -> None:
    states = {name: _run(database.owner_url, line, script) for name, (_, script) in OWNER_ATTACKS.items()}
    assert states == {name: expected for name, (expected, _) in OWNER_ATTACKS.items()}
    assert await violations(engine) == []


async def test_an_account_begins_with_nothing_and_the_floor_of_its_kind(
    database: Database, engine: AsyncEngine, line: UUID
) -> None:
    script = (
        "INSERT INTO accounts (code, kind, unit, floor, balance, held)"
        " VALUES ('credit:available:rich', 'credit:available', 'IRR', -5, 1000, 7)"
    )
    assert _run(database.owner_url, line, script) == ""
    async with as_service(engine) as connection:
        found = await ledger.balance(connection, "credit:available:rich")
    assert (found.posted, found.held, found.floor) == (0, 0, 0)


UNCHECKED = """DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT conrelid::regclass AS table_name, conname FROM pg_constraint
        WHERE contype IN ('c', 'u') AND conrelid::regclass::text IN ('accounts', 'holds', 'entries', 'journals') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', one.table_name, one.conname);
    END LOOP; END $$;"""
OF_GRANTED = "(SELECT id FROM accounts WHERE code = '{granted}')"
OF_AVAILABLE = "(SELECT id FROM accounts WHERE code = '{available}')"
PLANTED = {
    "journal_sums_to_zero": f"UPDATE entries SET amount = amount + 1 WHERE account_id = {OF_GRANTED}",
    "journal_has_two_entries": _journal(),
    "unit_sums_to_zero": f"DELETE FROM entries WHERE account_id = {OF_GRANTED}",
    "entry_has_journal_of_its_transaction": "UPDATE journals SET tx = '3' WHERE key = 'wrong'",
    "entry_has_account_of_its_unit": "UPDATE accounts SET unit = 'PTS' WHERE code = '{granted}'",
    "entry_amount_in_bounds": f"UPDATE entries SET amount = 0 WHERE account_id = {OF_GRANTED}",
    "entry_stores_balance_with_floor_only": f"UPDATE entries SET balance_after = 1 WHERE account_id = {OF_GRANTED}",
    "running_balance_is_unbroken": "UPDATE entries SET balance_after = 7 WHERE balance_after = 100",
    "stored_balance_is_sum_of_entries": "UPDATE accounts SET balance = balance + 1 WHERE code = '{available}'",
    "held_is_sum_of_pending_holds": "UPDATE accounts SET held = held - 1 WHERE code = '{available}'",
    "account_not_under_floor": "UPDATE accounts SET held = balance + 1 WHERE code = '{available}'",
    "account_without_floor_stores_nothing": "UPDATE accounts SET balance = 1 WHERE code = '{granted}'",
    "account_follows_chart": "UPDATE accounts SET floor = -5 WHERE code = '{available}'",
    "snapshot_is_sum_below_horizon": "UPDATE balance_snapshots SET balance = balance + 1",
    "hold_resolves_once_within_its_amount": "UPDATE holds SET state = 'voided' WHERE key = 'pending'",
    "hold_has_account_of_its_unit": "UPDATE holds SET unit = 'PTS' WHERE key = 'pending'",
    "posted_hold_has_its_entry": "UPDATE holds SET posted_amount = 4 WHERE key = 'posted'",
    "hold_hash_is_of_its_content": "UPDATE holds SET reason = 'another' WHERE key = 'pending'",
    "hold_of_known_case": f"UPDATE holds SET case_id = '{JOURNAL}'",
    "journal_hash_is_of_its_content": "UPDATE journals SET actor = 'another' WHERE key = 'wrong'",
    "correction_mirrors_its_journal": f"UPDATE journals SET corrects = {OF_HOLD} WHERE key = 'mended'",
    "journal_corrected_once": "UPDATE journals SET corrects = (SELECT id FROM journals WHERE key = 'wrong')"
    " WHERE key = 'of_hold'",
    "journal_of_known_case": f"UPDATE journals SET case_id = '{JOURNAL}'",
}


@pytest.mark.parametrize("rule", RULES)
async def test_check_finds_what_was_planted_past_all_triggers(
    database: Database, engine: AsyncEngine, line: UUID, rule: str
) -> None:
    assert await violations(engine) == []
    script = UNCHECKED + "SET session_replication_role = replica;" + PLANTED[rule]
    assert _run(database.superuser_url, line, script) == ""
    assert rule in {violation.rule for violation in await violations(engine)}


async def test_a_snapshot_of_another_server_counts_for_nothing(
    database: Database, engine: AsyncEngine, line: UUID
) -> None:
    script = (
        "INSERT INTO balance_snapshots (account_id, server, horizon, balance)"
        f" SELECT {OF_GRANTED}, 1, '18446744073709551615', 999"
    )
    assert _run(database.owner_url, line, script) == ""
    async with as_service(engine) as connection:
        assert (await ledger.balance(connection, granted(line))).posted == 95
    assert await violations(engine) == []
