"""Attacks on every rule of the ledger, through SQL: as the app's login, as the owner, and past all triggers."""

# ruff: noqa: S608 - the attacks are put together from constants of this file

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import CREDIT_GRANTED, Account
from domain.money import Unit
from storage import ledger
from storage.ledger import holding, posting
from storage.ledger.checking import RULES
from tests.books import Superuser
from tests.conftest import Database
from tests.storage.ledger_sql import (
    JOURNAL,
    OF_HOLD,
    ONE,
    PAIR,
    POINTS,
    TWO,
    WRONG,
    account,
    entries,
    entry,
    fault_of,
    hold,
    journal,
    kind,
    posted,
    state_of,
    state_within,
)
from tests.storage.ledger_world import (
    TABLES,
    ask,
    available,
    granted,
    mark_next,
    move,
    occasion,
    open_line,
    service_transaction,
    settled,
    violations,
)

DENIED = "42501"
CHECKED = "23514"


@pytest.fixture
async def line(engine: AsyncEngine, superuser: Superuser) -> UUID:
    """A line of 100 with 20 held, a posted hold of 10 (5 taken), a corrected journal, points, and sums of all."""
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        made = await open_line(connection, 100)
        await posting.open_accounts(connection, [Account(CREDIT_GRANTED, "points", Unit.PTS)])
        await holding.hold(connection, ask(made, 20, "pending"))
        held = await holding.hold(connection, ask(made, 10, "posted"))
        await posting.post_hold(connection, held, move(available(made), granted(made), 5, "of_hold"))
        wrong = await posting.post(connection, move(available(made), granted(made), 1, "wrong"))
        await posting.correct(connection, wrong, occasion("mended"), "test_mended")
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_accounts(connection, 10) == 1
        assert await ledger.sum_kinds(connection, 1) == 1
    return made


COLUMN = {
    "account_kinds": "kind",
    "accounts": "code",
    "journals": "key",
    "entries": "unit",
    "holds": "key",
    "balance_snapshots": "taken_at",
    "kind_sums": "taken_at",
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
    *(f"SET ROLE {role}" for role in ("amanat_owner", "postgres")),
    *(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE" for table in TABLES),
    "ALTER DOMAIN ledger_amount DROP CONSTRAINT ledger_amount_check",
    f"SELECT ledger_post_part({', '.join(['NULL'] * 9)})",
    "SELECT ledger_answered('of_hold', ''::bytea)",
    "CREATE FUNCTION public.ledger_mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
]


def test_the_app_cannot_touch_the_tables_itself(database: Database, line: UUID) -> None:
    # "Permission denied" and "must be owner" are one state; 428C9 comes where even the column refuses.
    states = {attack: state_of(database.app_url, line, attack) for attack in APP_ATTACKS}
    assert {attack: state for attack, state in states.items() if state not in {DENIED, "428C9"}} == {}


def test_the_app_may_only_read_what_belongs_to_the_ledger(database: Database) -> None:
    belongs = "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint"
    belongs += " WHERE contype = 'f' AND confrelid = ANY (%s::regclass[])"
    may = "SELECT name FROM unnest(%s::text[]) AS name WHERE"
    may += " has_table_privilege('amanat_app_login', name, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    may += " OR has_any_column_privilege('amanat_app_login', name, 'INSERT, UPDATE, REFERENCES')"
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""))) as owner:
        assert owner.execute(may.encode(), [list(TABLES)]).fetchall() == []
        assert {name for (name,) in owner.execute(belongs.encode(), [list(TABLES)]).fetchall()} <= set(TABLES)


def test_even_the_owner_cannot_rewrite_history(database: Database, line: UUID) -> None:
    attacks = [attack for attack in APP_ATTACKS if attack.startswith(("UPDATE", "DELETE"))]
    attacks += [f"TRUNCATE {table} CASCADE" for table in TABLES]
    states = {attack: state_of(database.owner_url, line, attack) for attack in attacks}
    assert set(states.values()) == {DENIED}
    # An account can be frozen, and nothing else about it changed by hand.
    assert state_of(database.owner_url, line, "UPDATE accounts SET frozen_at = now()") == ""


OWNER_ATTACKS = {
    "a journal without entries": ("AM003", journal()),
    "a journal whose entries come later": ("AM003", journal() + entries(*PAIR)),
    "a journal of one entry": ("AM003", journal(entry(ONE, 1))),
    "a journal that does not sum to zero": ("AM003", journal(entry(ONE, -2), entry(TWO, 1))),
    "zero over two units, not in each": ("AM003", journal(entry(POINTS, -1), entry(TWO, 1))),
    "a journal pretending an older transaction": ("AM010", journal(*PAIR, tx="'3'")),
    "entries added to an old journal": ("AM010", entries(entry(POINTS, 1)).replace(f"'{JOURNAL}'::uuid", OF_HOLD)),
    "entries without a journal": ("AM010", entries(*PAIR)),
    "an entry of no account": (
        "AM002",
        journal(f"SELECT '{JOURNAL}'::uuid, '{JOURNAL}'::uuid, 1, 'IRR', NULL::bigint", entry(TWO, -1)),
    ),
    "an entry in another unit": ("AM004", journal(entry(ONE, 1, unit="'PTS'"), entry(TWO, -1))),
    "a wrong running balance": ("AM010", journal(entry(ONE, -1), entry(TWO, 1, "balance + 2"))),
    "no running balance where a floor is": ("AM010", journal(entry(ONE, -1), entry(TWO, 1, "NULL::bigint"))),
    "an account under its floor": (CHECKED, journal(entry(ONE, 96), entry(TWO, -96))),
    "what is held, taken": (CHECKED, journal(entry(ONE, 76), entry(TWO, -76))),
    "an entry on a frozen account": (
        "40001",
        "UPDATE accounts SET frozen_at = now() WHERE code = '{granted}';" + journal(*PAIR),
    ),
    "a balance set by hand": (DENIED, "UPDATE accounts SET balance = balance + 1 WHERE code = '{available}'"),
    "a balance set while freezing": (DENIED, "UPDATE accounts SET frozen_at = now(), balance = 0"),
    "a balance set by an upsert": (
        DENIED,
        account(code="'{available}'").replace(";", " ON CONFLICT (code) DO UPDATE SET balance = 7"),
    ),
    "a balance set by a merge": (
        DENIED,
        "MERGE INTO accounts a USING account_kinds k ON a.kind = k.kind WHEN MATCHED THEN UPDATE SET balance = 7",
    ),
    "a row deleted by a merge": (
        DENIED,
        "MERGE INTO holds h USING accounts a ON a.id = h.account_id WHEN MATCHED THEN DELETE",
    ),
    "a hold forgotten by hand": (DENIED, "UPDATE accounts SET held = 0 WHERE code = '{available}'"),
    "a floor lowered": (DENIED, "UPDATE accounts SET floor = -100 WHERE code = '{available}'"),
    "an account given away": (DENIED, f"UPDATE accounts SET organisation_id = '{JOURNAL}'"),
    "an account of no kind": ("AM006", account(kind="'a'", code="'a:b'")),
    "an account under another kind's name": (CHECKED, account(kind="'credit:granted'")),
    "a correction that mirrors nothing": (
        "AM009",
        journal(entry(ONE, -4), entry(TWO, 4), corrects=OF_HOLD),
    ),
    "a correction of a correction": (
        "AM009",
        journal(*PAIR, corrects="(SELECT id FROM journals WHERE key = 'mended')"),
    ),
    "a correction of itself": ("AM009", journal(*PAIR, corrects=f"'{JOURNAL}'")),
    "a hold over what is available": (CHECKED, hold(76)),
    "a hold on an account without a floor": ("AM008", hold(1, ONE)),
    "a hold in another unit": ("AM008", hold(1, unit="'PTS'")),
    "a hold on a frozen account": ("AM008", "UPDATE accounts SET frozen_at = now();" + hold(1)),
    "a hold born resolved": ("AM008", hold(1, state="'voided'", resolved_at="now()")),
    "a hold resolved twice": (
        DENIED,
        "UPDATE holds SET state = 'voided', journal_id = NULL, posted_amount = NULL WHERE key = 'posted'",
    ),
    "a hold made larger": (DENIED, "UPDATE holds SET amount = 21 WHERE key = 'pending'"),
    "a hold posted with an old journal": ("AM008", posted("key = 'pending'", journal_id=WRONG)),
    "a hold posted without a moment": (CHECKED, posted("key = 'pending'", resolved_at="NULL")),
    "a hold posted without a journal": (CHECKED, posted("key = 'pending'", journal_id="NULL")),
    "a hold posted without an amount": (CHECKED, posted("key = 'pending'", posted_amount="NULL")),
    "a hold voided with a journal": (CHECKED, posted("key = 'pending'", state="'voided'", posted_amount="NULL")),
    "a hold of no account": ("AM008", hold(1, account_id=f"'{JOURNAL}'")),
    "a hold posted with less than its journal takes": (
        "AM008",
        posted("key = 'pending'") + journal(entry(ONE, 2), entry(TWO, -2)),
    ),
}
# What each constraint, domain and unique index refuses; all else stands before it.
CONSTRAINED = {
    "ledger_key_check": journal(*PAIR, key="repeat('k', 201)"),
    "ledger_reason_check": journal(*PAIR, reason="'Raw'"),
    "ledger_actor_check": journal(*PAIR, actor="'the owner'"),
    "ledger_hash_check": journal(*PAIR, content_hash="'short'"),
    "ledger_moment_check": hold(1, expires_at="'infinity'"),
    "ledger_amount_check": journal(entry(ONE, 10**17 + 1), entry(TWO, -(10**17) - 1)),
    "ledger_code_check": account(code="'credit:available:Raw'"),
    "ledger_unit_check": account(unit="'IR'"),
    "ledger_balance_check": account(balance=str(10**18 + 1)),
    "ledger_held_check": account(held="-1"),
    "account_kinds_kind_check": kind(kind="'Raw'"),
    "account_kinds_sign_check": kind(sign="0"),
    "account_kinds_floor_check": kind(floor=str(10**17 + 1)),
    "account_kinds_pkey": kind(kind="'credit:granted'"),
    "accounts_code_key": account(code="'{available}'"),
    "accounts_floor": hold(76),
    "accounts_pkey": account(id="(SELECT id FROM accounts LIMIT 1)"),
    "accounts_owner_person_fkey": account(owner_person=f"'{JOURNAL}'"),
    "accounts_organisation_id_fkey": account(organisation_id=f"'{JOURNAL}'"),
    "balance_snapshots_account_id_fkey": f"INSERT INTO balance_snapshots VALUES ('{JOURNAL}', 1, '3', 0)",
    "kind_sums_kind_fkey": "INSERT INTO kind_sums VALUES (1, '3', 'none', 'IRR', 0)",
    "kind_sums_pkey": "INSERT INTO kind_sums SELECT * FROM kind_sums",
    "balance_snapshots_pkey": "INSERT INTO balance_snapshots SELECT * FROM balance_snapshots",
    "entries_pkey": journal(entry(ONE, 1), entry(ONE, -1)),
    "ledger_part_check": hold(0),
    "ledger_hold_state_check": hold(1, state="'lost'", resolved_at="now()"),
    "holds_resolution": posted("key = 'pending'", posted_amount="21"),
    "holds_journal": posted("key = 'pending'", journal_id=OF_HOLD),
    "holds_journal_id_fkey": posted("key = 'pending'"),
    "holds_key_key": hold(1, key="'pending'"),
    "holds_pkey": hold(1, id="(SELECT h.id FROM holds h LIMIT 1)"),
    "journals_corrects": journal(*PAIR, corrects=WRONG),
    "journals_corrects_fkey": journal(*PAIR, corrects="'00000000-0000-7000-8000-000000000002'"),
    "journals_key_key": journal(*PAIR, key="'of_hold'"),
    "journals_pkey": journal(*PAIR, id=OF_HOLD),
}
# A trigger stands before the first; the others carry the numbers that an identity gave out.
UNREACHED = {"accounts_kind_fkey", "entries_stored", "entries_summed"}


async def test_postgres_refuses_even_the_owner(database: Database, engine: AsyncEngine, line: UUID) -> None:
    states = {name: state_of(database.owner_url, line, script) for name, (_, script) in OWNER_ATTACKS.items()}
    assert states == {name: expected for name, (expected, _) in OWNER_ATTACKS.items()}
    assert await violations(engine) == []


async def test_each_constraint_refuses_the_owner_what_it_is_for(
    database: Database, engine: AsyncEngine, line: UUID
) -> None:
    names = (
        "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'f', 'p', 'u') AND (conrelid = ANY (%s::regclass[])"
    )
    names += " OR contypid IN (SELECT oid FROM pg_type WHERE typname ~ '^ledger_'))"
    names += (
        " UNION SELECT indexrelid::regclass::name FROM pg_index WHERE indisunique AND indrelid = ANY (%s::regclass[])"
    )
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""))) as owner:
        known = {name for (name,) in owner.execute(names.encode(), [list(TABLES)] * 2).fetchall()}
        refused = {}
        for name, script in CONSTRAINED.items():
            fault = fault_of(owner, line, script)
            refused[name] = fault and (fault.diag.constraint_name or fault.sqlstate)
    assert refused == {name: name for name in CONSTRAINED}
    assert known == CONSTRAINED.keys() | UNREACHED
    assert await violations(engine) == []


def test_without_any_one_trigger_an_attack_gets_further(database: Database, line: UUID) -> None:
    triggers = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
    triggers += " WHERE NOT tgisinternal AND tgrelid = ANY (%s::regclass[])"
    scripts = [script for _, script in OWNER_ATTACKS.values()] + [account(balance="7", floor="-5")]
    scripts += [f"UPDATE {table} SET {COLUMN[table]} = {COLUMN[table]}" for table in TABLES]
    scripts += [f"DELETE FROM {table}" for table in TABLES]
    with closing(psycopg.connect(database.superuser_url.replace("+psycopg", ""))) as connection:

        def states() -> Iterator[str]:
            for script in scripts:
                connection.execute("SAVEPOINT untouched")
                fault = state_within(connection, line, f"SET LOCAL ROLE amanat_owner; {script}")
                connection.execute("ROLLBACK TO untouched")
                yield fault

        usual = list(states())
        useless = []
        for table, trigger in connection.execute(triggers.encode(), [list(TABLES)]).fetchall():
            connection.execute(f"SAVEPOINT armed; ALTER TABLE {table} DISABLE TRIGGER {trigger}".encode())
            if all(now == before for now, before in zip(states(), usual, strict=True)):
                useless.append(trigger)
            connection.execute("ROLLBACK TO armed")
    assert useless == []


async def test_an_account_begins_with_nothing_and_the_floor_of_its_kind(
    database: Database, engine: AsyncEngine, line: UUID
) -> None:
    script = (
        "INSERT INTO accounts (code, kind, unit, floor, balance, held)"
        " VALUES ('credit:available:rich', 'credit:available', 'IRR', -5, 1000, 7)"
    )
    assert state_of(database.owner_url, line, script) == ""
    async with service_transaction(engine) as connection:
        found = await ledger.balance(connection, "credit:available:rich")
    assert (found.posted, found.held, found.floor) == (0, 0, 0)


UNCHECKED = """DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT conrelid::regclass AS table_name, conname FROM pg_constraint
        WHERE contype IN ('c', 'u') AND conrelid::regclass::text IN ('accounts', 'holds', 'entries', 'journals') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', one.table_name, one.conname);
    END LOOP;
    FOR one IN SELECT contypid::regtype AS domain, conname FROM pg_constraint WHERE contypid <> 0
        AND connamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER DOMAIN %s DROP CONSTRAINT %I', one.domain, one.conname);
    END LOOP; END $$; DROP INDEX journals_corrects, holds_journal;"""
_PAYMENT = f"""INSERT INTO payments (case_id, person_id, amount, fee, unit, own_card, pay_until)
    VALUES ('{JOURNAL}', '{JOURNAL}', 5, 0, 'IRR', false, now());"""
_PAID = f"""INSERT INTO payment_attempts (payment_id, token_hash, gateway, authority, ends_at, state, reference,
    paid_amount, paid_at) VALUES ('{JOURNAL}', 'x', 'local', 'a', now(), 'paid', 'r', 5, now());"""
_SUSPENSE = f"""INSERT INTO accounts (code, kind, unit, sign, floor, balance)
    VALUES ('payment:received:{JOURNAL}', 'payment:received', 'IRR', 1, 0, 5);"""
OF_GRANTED = "(SELECT id FROM accounts WHERE code = '{granted}')"
OF_AVAILABLE = "(SELECT id FROM accounts WHERE code = '{available}')"
_INVOICE = (
    "INSERT INTO invoices (kind, subject_id, case_id, person_id, journal_id, policy_id, fee, vat, vat_rate, issued_at,"
    f" year, number) VALUES ('other', '{JOURNAL}', '{JOURNAL}', '{JOURNAL}', '{JOURNAL}', '{JOURNAL}', 10, 1, 1000,"
    " now(), 1405, {number})"
)
_MOVE = (
    "INSERT INTO escrow_moves (id, case_id, cause, fact_id, to_contractor, fee, vat, to_employer, hold_id, booked_at)"
    f" VALUES ('{JOURNAL}', '{JOURNAL}', 'release', '{JOURNAL}', 5, 0, 0, 0, '{JOURNAL}', {{booked_at}})"
)
PLANTED = {
    "journal_sums_to_zero": f"UPDATE entries SET amount = amount + 1 WHERE account_id = {OF_GRANTED}",
    "journal_has_two_entries": journal(),
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
    "kind_sums_are_sums_below_horizon": "UPDATE kind_sums SET total = total + 1",
    "hold_resolves_once_within_its_amount": "UPDATE holds SET state = 'voided' WHERE key = 'pending'",
    "hold_has_account_of_its_unit": "UPDATE holds SET unit = 'PTS' WHERE key = 'pending'",
    "posted_hold_has_its_entry": "UPDATE holds SET posted_amount = 4 WHERE key = 'posted'",
    "hold_hash_is_of_its_content": "UPDATE holds SET reason = 'another' WHERE key = 'pending'",
    "hold_of_known_case": f"UPDATE holds SET case_id = '{JOURNAL}'",
    "journal_hash_is_of_its_content": "UPDATE journals SET actor = 'another' WHERE key = 'wrong'",
    "correction_mirrors_its_journal": f"UPDATE journals SET corrects = {OF_HOLD} WHERE key = 'mended'",
    "journal_is_of_the_past": "UPDATE journals SET tx = '18446744073709551615'",
    "journal_corrected_once": "UPDATE journals SET corrects = (SELECT id FROM journals WHERE key = 'wrong')"
    " WHERE key = 'of_hold'",
    "journal_of_known_case": f"UPDATE journals SET case_id = '{JOURNAL}'",
    "payment_is_explained": _PAYMENT + _PAID,
    "payment_is_posted_once_a_reference": _PAID,
    "try_gives_back_no_more_than_was_paid": _PAID
    + "INSERT INTO payment_returns (payment_id, attempt_id, amount, reason)"
    " SELECT payment_id, id, amount, 'later_refund' FROM payment_attempts, (VALUES (2), (4)) AS back (amount)",
    "payment_owes_what_is_to_go_back": f"INSERT INTO payment_returns (payment_id, attempt_id, amount, reason)"
    f" VALUES ('{JOURNAL}', '{JOURNAL}', 5, 'not_taken')",
    "payment_in_suspense_is_looked_after": _SUSPENSE,
    "withdrawal_is_held_until_it_is_settled": "INSERT INTO withdrawals (person_id, amount, unit, sheba_sealed,"
    f" sheba_masked, hold_id) VALUES ('{JOURNAL}', 5, 'IRR', 'x', 'x', '{JOURNAL}')",
    "fee_is_booked_with_its_vat_and_invoice": _INVOICE.format(number=1),
    "invoices_of_a_year_have_no_gap": _INVOICE.format(number=2),
    "paid_withdrawal_has_invoice_of_its_fee": "INSERT INTO withdrawals (person_id, amount, unit, fee, sheba_sealed,"
    " sheba_masked, hold_id, state, payout_id, line, settled_at, reference)"
    f" VALUES ('{JOURNAL}', 5, 'IRR', 1, 'x', 'x', '{JOURNAL}', 'paid', '{JOURNAL}', 1, now(), 'x')",
    "returned_pay_out_is_booked": "INSERT INTO withdrawals (person_id, amount, unit, sheba_sealed, sheba_masked,"
    " hold_id, state, payout_id, line, settled_at, reference, returned_at, return_reference)"
    f" VALUES ('{JOURNAL}', 5, 'IRR', 'x', 'x', '{JOURNAL}', 'returned', '{JOURNAL}', 1, now(), 'x', now(), 'x')",
    "return_to_sheba_has_its_line": "INSERT INTO payment_returns (payment_id, attempt_id, amount, reason, way)"
    f" VALUES ('{JOURNAL}', '{JOURNAL}', 5, 'not_taken', 'sheba')",
    "safe_payment_is_explained": "INSERT INTO escrows (case_id, job_id, timing, proposed_by, title, amount, fee_rate,"
    " vat_rate, answer_until, accepted_at, payment_id, funded_at) VALUES"
    f" ('{JOURNAL}', '{JOURNAL}', 'immediate', 'employer', 'xxx', 5, 0, 0, now(), now(), '{JOURNAL}', now())",
    "held_money_leaves_as_it_was_decided": _MOVE.format(booked_at="now()"),
    "decided_and_disputed_money_is_held": _MOVE.format(booked_at="NULL"),
    "corrected_difference_has_its_entry": "INSERT INTO clearing_differences (case_id, gateway, order_id, kind,"
    " reference, here, there, state, against, proposed_by, decided_by) VALUES"
    f" ('{JOURNAL}', 'bank', 'x', 'bank_unmatched', 'x', 0, -5, 'booked', 'expense:bank', '{JOURNAL}', uuidv7())",
}


@pytest.mark.parametrize("rule", RULES)
async def test_check_finds_what_was_planted_past_all_triggers(
    database: Database, engine: AsyncEngine, line: UUID, rule: str
) -> None:
    assert await violations(engine) == []
    script = UNCHECKED + "SET session_replication_role = replica;" + PLANTED[rule]
    assert state_of(database.superuser_url, line, script) == ""
    assert rule in {violation.rule for violation in await violations(engine)}
