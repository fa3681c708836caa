"""Attacks through every function of the ledger that the app may call: each is refused and leaves no row behind."""

# ruff: noqa: S608 - the attacks are put together from constants of this file

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import CREDIT_GRANTED, Account
from domain.money import Unit
from storage import ledger
from tests.conftest import Database
from tests.storage.ledger_world import as_service, ask, available, granted, move, occasion, open_line, violations

TABLES = ("account_kinds", "accounts", "journals", "entries", "holds", "balance_snapshots", "kind_sums")
# What a call answers if it refuses without raising; what only computes may answer, for it has no effect.
REFUSING = {"insufficient_funds", "account_frozen", "hold_resolved", "already_corrected"}
COMPUTING = {
    "account_balance",
    "ledger_digest",
    "ledger_hold_hash",
    "ledger_journal_hash",
    "ledger_line",
    "ledger_microseconds",
    "ledger_server",
}

OCCASION = {"p_key": "'fresh'", "p_reason": "'raw'", "p_case": "NULL", "p_actor": "'system'"}
WHEN = {"p_event_at": "'2026-11-01'"}
CALLS = {
    "ledger_post": OCCASION
    | WHEN
    | {
        "p_codes": "ARRAY['{available}', '{granted}']",
        "p_units": "ARRAY['IRR', 'IRR']",
        "p_amounts": "ARRAY[-1, 1]::bigint[]",
    },
    "ledger_post_batch": {
        "p_keys": "ARRAY['one', 'two']",
        "p_reasons": "ARRAY['raw', 'raw']",
        "p_cases": "ARRAY[NULL, NULL]::uuid[]",
        "p_actors": "ARRAY['system', 'system']",
        "p_event_ats": "ARRAY['2026-11-01', '2026-11-01']::timestamptz[]",
        "p_lines": "ARRAY[1, 1, 2, 2]",
        "p_codes": "ARRAY['{available}', '{granted}', '{available}', '{granted}']",
        "p_units": "ARRAY['IRR', 'IRR', 'IRR', 'IRR']",
        "p_amounts": "ARRAY[-1, 1, -1, 1]::bigint[]",
    },
    "ledger_hold": OCCASION
    | {"p_code": "'{available}'", "p_unit": "'IRR'", "p_amount": "1", "p_expires_at": "'2027-01-01'"},
    "ledger_correct": OCCASION | WHEN | {"p_journal": "{opened}"},
    "ledger_release": {"p_hold": "{pending}", "p_state": "'voided'"},
    "ledger_open": {
        "p_codes": "ARRAY['credit:available:new']",
        "p_kinds": "ARRAY['credit:available']",
        "p_units": "ARRAY['IRR']",
        "p_owners": "ARRAY[NULL]::uuid[]",
        "p_organisations": "ARRAY[NULL]::uuid[]",
    },
    "ledger_freeze": {"p_code": "'{available}'", "p_frozen": "true"},
    "ledger_sum_accounts": {"p_marks": "1"},
    "ledger_sum_kinds": {"p_marks": "1"},
    "account_balance": {"account": "NULL"},
    "ledger_server": {},
    "ledger_microseconds": {"moment": "'2026-11-01'"},
    "ledger_line": {"code": "'a'", "unit": "'IRR'", "amount": "1"},
    "ledger_digest": {
        "reason": "'raw'",
        "case_id": "NULL",
        "actor": "'system'",
        "event_at": "'2026-11-01'",
        "hold": "NULL",
        "corrects": "NULL",
        "lines": "'a IRR 1'",
    },
    "ledger_journal_hash": {
        "reason": "'raw'",
        "case_id": "NULL",
        "actor": "'system'",
        "event_at": "'2026-11-01'",
        "hold": "NULL",
        "corrects": "NULL",
        "codes": "ARRAY['a']",
        "units": "ARRAY['IRR']",
        "amounts": "ARRAY[1]",
    },
    "ledger_hold_hash": {
        "code": "'a'",
        "unit": "'IRR'",
        "amount": "1",
        "reason": "'raw'",
        "case_id": "NULL",
        "actor": "'system'",
        "expires_at": "NULL",
    },
}
TEXTS = ("NULL", "''", "'a b'", "'کلید'", r"E'a\n'", r"E'a\t'", "U&'\\200B'", "repeat('k', 201)")
REASONS = ("NULL", "''", "'a'", "'Raw'", "'9raw'", "'ra-w'", r"E'raw\n'", "repeat('k', 61)")
MOMENTS = ("NULL", "'infinity'", "'-infinity'")
SINGLE = {
    "p_key": TEXTS,
    "p_actor": (*TEXTS[:-1], "repeat('k', 81)"),
    "p_reason": REASONS,
    "p_event_at": MOMENTS,
    "p_expires_at": MOMENTS[1:],
}
MAX, MIN = "9223372036854775807", "(-9223372036854775808)"
ATTACKS: dict[str, list[dict[str, str]]] = {
    "ledger_post": [
        *({"p_codes": codes} for codes in ("NULL", "'{{}}'", "ARRAY[NULL, NULL]", "ARRAY['{available}', NULL]")),
        *({"p_codes": f"ARRAY['{{available}}', '{code}']"} for code in ("none", "credit:granted:none", "")),
        {"p_codes": "ARRAY['{available}']"},
        {"p_codes": "ARRAY['{available}', '{granted}', '{other}']"},
        {"p_codes": "ARRAY['{available}', '{available}']"},
        {"p_codes": "ARRAY['{granted}', '{granted}']"},
        {"p_codes": "ARRAY['{available}', '{points}']"},
        *({"p_units": units} for units in ("NULL", "'{{}}'", "ARRAY['IRR', NULL]", "ARRAY['PTS', 'PTS']")),
        *({"p_units": units} for units in ("ARRAY['IRR']", "ARRAY['IRR', 'IRR', 'IRR']", "ARRAY['IRR', 'irr']")),
        *({"p_amounts": amounts} for amounts in ("NULL", "'{{}}'", "ARRAY[NULL, 1]", "ARRAY[-1, NULL]::bigint[]")),
        *({"p_amounts": f"ARRAY[{amounts}]::bigint[]"} for amounts in ("-1", "-1, 1, 1", "-1, 2", "-0, 0", "1, 1")),
        *({"p_amounts": f"ARRAY[{amounts}]::bigint[]"} for amounts in (f"{MIN}, {MAX}", f"{MAX}, {MIN}", f"{MAX}, 1")),
        {"p_amounts": "ARRAY[100000000000000001, -100000000000000001]"},
        {"p_amounts": "ARRAY[-81, 81]::bigint[]"},
        {"p_amounts": "ARRAY[[-1, 1], [-1, 1]]::bigint[]"},
        {"p_codes": "ARRAY['{frozen}', '{granted}']"},
        *({"p_hold": hold} for hold in ("'00000000-0000-7000-8000-000000000001'", "{posted}", "{foreign}")),
        {"p_hold": "{pending}", "p_amounts": "ARRAY[-21, 21]::bigint[]"},
        {"p_hold": "{pending}", "p_amounts": "ARRAY[1, -1]::bigint[]"},
        {"p_hold": "{pending}", "p_codes": "ARRAY['{other}', '{granted}']"},
        {"p_corrects": "{opened}"},
        {"p_corrects": "{wrong}"},
        {"p_corrects": "{mended}"},
        {"p_corrects": "'00000000-0000-7000-8000-000000000001'"},
        {"p_corrects": "{mended}", "p_amounts": "ARRAY[-1, 1]::bigint[]"},
        {"p_key": "'wrong'"},
        {"p_key": "'mended'"},
        {"p_key": "'of_hold'", "p_amounts": "ARRAY[-5, 5]::bigint[]"},
        {"p_key": "NULL", "p_codes": "ARRAY['{frozen}', '{granted}']"},
        {"p_key": "'of_hold'", "p_actor": "NULL", "p_codes": "ARRAY['{frozen}', '{granted}']"},
    ],
    "ledger_post_batch": [
        *({name: "NULL"} for name in CALLS["ledger_post_batch"]),
        *({name: "'{{}}'"} for name in CALLS["ledger_post_batch"]),
        *({name: f"({value})[:1]"} for name, value in CALLS["ledger_post_batch"].items()),
        *({name: f"{value} || {value}"} for name, value in CALLS["ledger_post_batch"].items()),
        *({name: f"ARRAY[{value}]"} for name, value in CALLS["ledger_post_batch"].items()),
        *(
            {name: f"array_replace({value}, ({value})[2], NULL)"}
            for name, value in CALLS["ledger_post_batch"].items()
            if name != "p_cases"
        ),
        *({"p_keys": f"ARRAY['one', {text}]"} for text in TEXTS),
        *({"p_actors": f"ARRAY['system', {text}]"} for text in (*TEXTS[:-1], "repeat('k', 81)")),
        *({"p_reasons": f"ARRAY['raw', {reason}]"} for reason in REASONS),
        *({"p_event_ats": f"ARRAY['2026-11-01', {moment}]::timestamptz[]"} for moment in MOMENTS),
        *({"p_lines": f"ARRAY[{lines}]"} for lines in ("0, 0, 1, 1", "1, 1, 1, 1", "1, 1, 3, 3", "2, 2, 1, 1")),
        *({"p_lines": f"ARRAY[{lines}]"} for lines in ("1, 2, 1, 2", "1, 1, 1, 2", "1, 2, 2, 2", "1, 1, 2, 3")),
        {"p_lines": "'[0:3]={{1,1,2,2}}'"},
        {"p_keys": "'[2:3]={{one,two}}'"},
        *({"p_amounts": f"ARRAY[-1, 1, {amounts}]::bigint[]"} for amounts in ("0, 0", "-0, 0", "-1, 2", "1, 1")),
        *({"p_amounts": f"ARRAY[-1, 1, {two}]::bigint[]"} for two in (f"{MAX}, {MIN}", f"{MAX}, 1")),
        {"p_amounts": f"ARRAY[{MIN}, {MAX}, -81, 81]::bigint[]"},
        {"p_amounts": "ARRAY[-81, 81, -82, 82]::bigint[]"},
        {"p_amounts": "ARRAY[-1, 1, 100000000000000001, -100000000000000001]::bigint[]"},
        {"p_amounts": "ARRAY[-2, 1, -1, 2]::bigint[]"},
        {"p_codes": "ARRAY['{available}', '{granted}', '{available}', '{available}']"},
        {"p_codes": "ARRAY['{available}', '{granted}', '{available}', 'none']"},
        {"p_codes": "ARRAY['{available}', '{granted}', '{available}', '{points}']"},
        {"p_units": "ARRAY['IRR', 'IRR', 'PTS', 'PTS']"},
        {"p_keys": "ARRAY['one', 'wrong']"},
        {"p_keys": "ARRAY['one', 'one']", "p_amounts": "ARRAY[-1, 1, -2, 2]::bigint[]"},
    ],
    "ledger_hold": [
        *({"p_code": code} for code in ("NULL", "'none'", "'{granted}'", "'{frozen}'")),
        *({"p_unit": unit} for unit in ("NULL", "'PTS'", "'irr'", "''")),
        *({"p_amount": amount} for amount in ("NULL", "0", "-0", "-1", "81", "100000000000000001", MAX, MIN)),
        {"p_key": "'pending'"},
        {"p_key": "'posted'"},
    ],
    "ledger_correct": [
        *({"p_journal": f"'{journal}'"} for journal in ("00000000-0000-7000-8000-000000000001",)),
        *({"p_journal": journal} for journal in ("NULL", "{mended}", "{wrong}")),
        {"p_key": "'of_hold'"},
        {"p_journal": "{wrong}", "p_key": "'mended'"},
    ],
    "ledger_release": [
        *({"p_hold": hold} for hold in ("NULL", "'00000000-0000-7000-8000-000000000001'", "{posted}")),
        *({"p_state": state} for state in ("NULL", "''", "'posted'", "'pending'", "'Voided'")),
        {"p_hold": "{posted}", "p_state": "NULL"},
    ],
    "ledger_open": [
        *({"p_codes": f"ARRAY[{code}]"} for code in ("NULL", "''", "'credit:availabl'", "'credit:granted:x'")),
        *({"p_codes": f"ARRAY['credit:available:{rest}']"} for rest in ("", "X", "a b", "ب", "a:", "a" * 144)),
        {"p_codes": "ARRAY['{available}']", "p_units": "ARRAY['PTS']"},
        {"p_codes": "ARRAY['{available}']", "p_kinds": "ARRAY['credit:granted']"},
        {"p_codes": "ARRAY['{available}']", "p_owners": "ARRAY['00000000-0000-7000-8000-000000000001']::uuid[]"},
        *({"p_kinds": f"ARRAY[{kind}]"} for kind in ("NULL", "'credit'", "''", "'credit:granted'")),
        *({"p_units": f"ARRAY[{unit}]"} for unit in ("NULL", "'irr'", "'IR'", "'IRRR'", r"E'IRR\n'", "''")),
        {"p_owners": "ARRAY['00000000-0000-7000-8000-000000000001']::uuid[]"},
        {"p_organisations": "ARRAY['00000000-0000-7000-8000-000000000001']::uuid[]"},
        {"p_kinds": "ARRAY['credit:available', 'credit:granted']"},
        {"p_units": "ARRAY['IRR', 'IRR']"},
        {"p_kinds": "NULL"},
        {"p_units": "'{{}}'"},
    ],
    "ledger_freeze": [
        *({"p_code": code} for code in ("NULL", "''", "'none'", "'CREDIT:available'")),
        {"p_code": "'{frozen}'", "p_frozen": "NULL"},
    ],
    # Nothing is marked: whatever is asked for, there is nothing to sum up.
    "ledger_sum_accounts": [{"p_marks": marks} for marks in ("NULL", "-1", "0", "2147483647", "'1e9'")],
    "ledger_sum_kinds": [{"p_marks": marks} for marks in ("NULL", "-1", "0", "2147483647", "'1e9'")],
}


def _call(function: str, changed: dict[str, str]) -> str:
    arguments = CALLS[function] | changed
    return f"SELECT * FROM {function}({', '.join(f'{name} => {value}' for name, value in arguments.items())})"


def _attacks() -> Iterator[tuple[str, str]]:
    for function, attacks in ATTACKS.items():
        for changed in attacks:
            yield function, _call(function, changed)
        for name, values in SINGLE.items():
            if name in CALLS[function]:
                for value in values:
                    yield function, _call(function, {name: value})
    for function in COMPUTING:
        for name in CALLS[function]:
            yield function, _call(function, {name: "NULL"})


@pytest.fixture
async def things(engine: AsyncEngine) -> dict[str, str]:
    """What the attacks are about: 100 with 20 held, a posted hold, a corrected journal, somebody else's line."""
    async with as_service(engine) as connection:
        line, other, frozen = [await open_line(connection, 100) for _ in range(3)]
        await ledger.open_accounts(connection, [Account(CREDIT_GRANTED, "points", Unit.PTS)])
        pending = await ledger.hold(connection, ask(line, 20, "pending"))
        foreign = await ledger.hold(connection, ask(other, 20, "foreign"))
        posted = await ledger.hold(connection, ask(line, 10, "posted"))
        await ledger.post_hold(connection, posted, move(available(line), granted(line), 5, "of_hold"))
        opened = await ledger.post(connection, move(granted(line), available(line), 5, "opened"))
        wrong = await ledger.post(connection, move(available(line), granted(line), 1, "wrong"))
        mended = await ledger.correct(connection, wrong, occasion("mended"), "test_mended")
        await ledger.freeze(connection, available(frozen))
    ids = {"pending": pending, "foreign": foreign, "posted": posted, "opened": opened, "wrong": wrong, "mended": mended}
    return {name: f"'{made}'" for name, made in ids.items()} | {
        "available": available(line),
        "granted": granted(line),
        "other": available(other),
        "frozen": available(frozen),
        "points": "credit:granted:points",
    }


def _refused(connection: psycopg.Connection, function: str, call: str) -> bool:
    """Whether a call was refused, at once or at COMMIT, or said itself that it did nothing."""
    try:
        with connection.transaction():
            rows = connection.execute(call.encode()).fetchall()
    except psycopg.Error as error:
        return (error.sqlstate or "")[:2] in {"0A", "22", "23", "42", "AM"}
    said = rows[0][-1]
    outcomes = said if isinstance(said, list) else [said]
    return function in COMPUTING or REFUSING.issuperset(outcomes) or (function.startswith("ledger_sum_") and said == 0)


# Every row of the ledger, as a number.
PRINT = " UNION ALL ".join(
    f"SELECT '{table}', coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t" for table in TABLES
)


def test_every_function_that_the_app_may_call_is_attacked(database: Database) -> None:
    with closing(psycopg.connect(database.superuser_url.replace("+psycopg", ""))) as connection:
        rows = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND has_function_privilege('amanat_app', oid, 'EXECUTE') AND (prosrc ~ %s OR proname ~ '^ledger')",
            [r"\y(" + "|".join(TABLES) + r")\y"],
        ).fetchall()
    assert {name for (name,) in rows} == ATTACKS.keys() | COMPUTING


async def test_every_attack_on_a_function_is_refused_and_leaves_no_row(
    database: Database, engine: AsyncEngine, things: dict[str, str]
) -> None:
    through = []
    with (
        closing(psycopg.connect(database.app_url.replace("+psycopg", ""))) as app,
        closing(psycopg.connect(database.superuser_url.replace("+psycopg", ""), autocommit=True)) as superuser,
    ):
        before = superuser.execute(PRINT.encode()).fetchall()
        for function, attack in _attacks():
            refused = _refused(app, function, attack.format_map(things))
            after = superuser.execute(PRINT.encode()).fetchall()
            if not refused or after != before:
                through.append(attack)
            before = after
    assert through == []
    assert await violations(engine) == []


@pytest.mark.parametrize("path", ["public", "pg_temp, public"])
async def test_tables_and_types_of_the_attacker_do_not_deceive_a_function(
    database: Database, things: dict[str, str], path: str
) -> None:
    own = "".join(f"CREATE TEMP TABLE {table} AS SELECT * FROM public.{table};" for table in TABLES)
    own += "UPDATE pg_temp.accounts SET balance = 1000, floor = -1000, frozen_at = NULL;"
    own += "CREATE DOMAIN pg_temp.ledger_amount AS bigint; CREATE DOMAIN pg_temp.ledger_key AS text;"
    own += "CREATE FUNCTION pg_temp.ledger_answered(text, bytea) RETURNS uuid LANGUAGE sql AS 'SELECT uuidv7()';"
    own += f"SET LOCAL search_path = {path}; SET LOCAL row_security = off;"
    asked = {
        "ledger_post": ({"p_amounts": "ARRAY[-81, 81]::bigint[]"}, {"p_codes": "ARRAY['{frozen}', '{granted}']"}),
        "ledger_post_batch": ({"p_amounts": "ARRAY[-81, 81, -82, 82]::bigint[]"},),
        "ledger_hold": ({"p_amount": "81"}, {"p_code": "'{frozen}'"}),
    }
    for function, attacks in asked.items():
        for changed in attacks:
            with closing(psycopg.connect(database.app_url.replace("+psycopg", ""))) as connection:
                connection.execute(own.encode())
                assert _refused(connection, function, _call(function, changed).format_map(things))
