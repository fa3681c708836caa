"""Rows of the ledger as its owner would write them by hand; ``{available}`` and ``{granted}`` are two accounts."""

# ruff: noqa: S608 - put together from constants of the tests

from __future__ import annotations

from contextlib import closing
from uuid import UUID

import psycopg

from tests.storage.ledger_world import available, granted

JOURNAL = "00000000-0000-7000-8000-000000000001"
POINTS = "credit:granted:points"


def journal(*its: str, **changed: str) -> str:
    """A journal and its entries, which must come with one statement."""
    row = {
        "id": f"'{JOURNAL}'",
        "key": "'raw'",
        "content_hash": "sha256('')",
        "reason": "'raw'",
        "actor": "'owner'",
        "event_at": "now()",
        **changed,
    }
    made = f"INSERT INTO journals ({', '.join(row)}) VALUES ({', '.join(row.values())})"
    return f"WITH made AS ({made}) {entries(*its)}" if its else f"{made};"


def entries(*its: str) -> str:
    """Entries by themselves."""
    columns = "journal_id, account_id, amount, unit, balance_after"
    return f"INSERT INTO entries ({columns}) {' UNION ALL '.join(its)};"


def entry(code: str, amount: int, after: str = "balance + {amount}", unit: str = "unit") -> str:
    """One entry, as a SELECT."""
    if "granted" in code:
        after = "NULL::bigint"
    return (
        f"SELECT '{JOURNAL}'::uuid, id, {amount}::bigint, {unit}::text, {after.replace('{amount}', str(amount))}"
        f" FROM accounts WHERE code = '{code}'"
    )


def hold(amount: int, code: str = "{available}", **changed: str) -> str:
    """A hold."""
    row = {
        "key": "'raw'",
        "content_hash": "sha256('')",
        "account_id": "id",
        "amount": str(amount),
        "unit": "unit",
        "reason": "'raw'",
        "actor": "'owner'",
        **changed,
    }
    return f"INSERT INTO holds ({', '.join(row)}) SELECT {', '.join(row.values())} FROM accounts WHERE code = '{code}';"


def account(**changed: str) -> str:
    """An account."""
    row = {"code": "'credit:available:raw'", "kind": "'credit:available'", "unit": "'IRR'"} | changed
    return f"INSERT INTO accounts ({', '.join(row)}) VALUES ({', '.join(row.values())});"


def kind(**changed: str) -> str:
    """A line of the chart."""
    row = {"kind": "'raw'", "sign": "1", "floor": "0"} | changed
    return f"INSERT INTO account_kinds ({', '.join(row)}) VALUES ({', '.join(row.values())});"


def posted(where: str, **changed: str) -> str:
    """Holds made posted."""
    row = {"state": "'posted'", "posted_amount": "1", "resolved_at": "now()", "journal_id": f"'{JOURNAL}'"} | changed
    return f"UPDATE holds SET {', '.join(f'{name} = {value}' for name, value in row.items())} WHERE {where};"


ONE, TWO = "{granted}", "{available}"
OF_HOLD = "(SELECT id FROM journals WHERE key = 'of_hold')"
WRONG = "(SELECT id FROM journals WHERE key = 'wrong')"
PAIR = (entry(ONE, 1), entry(TWO, -1))


def fault_of(connection: psycopg.Connection, line: UUID, script: str) -> psycopg.Error | None:
    """What refused a script, at once or at COMMIT."""
    filled = script.replace("{available}", available(line)).replace("{granted}", granted(line))
    try:
        connection.execute(filled.encode())
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.commit()
    except psycopg.Error as error:
        connection.rollback()
        return error
    return None


def state_within(connection: psycopg.Connection, line: UUID, script: str) -> str:
    """As state_of, but within a transaction, which the caller rolls back."""
    filled = script.replace("{available}", available(line)).replace("{granted}", granted(line))
    try:
        connection.execute(f"{filled.rstrip('; ')}; SET CONSTRAINTS ALL IMMEDIATE".encode())
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


def state_of(url: str, line: UUID, script: str) -> str:
    """Run a script as one transaction; the SQLSTATE that refused it, or an empty text."""
    with closing(psycopg.connect(url.replace("+psycopg", ""))) as connection:
        fault = fault_of(connection, line, script)
    return fault.sqlstate or "?" if fault else ""
