"""Attacks through every function of the ledger that the app may call: each is refused and leaves no row behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import CREDIT_GRANTED, Account
from domain.money import Unit
from storage.database import Acting, Capacity, act_as
from storage.ledger import holding, posting
from tests.books import Superuser
from tests.conftest import Database
from tests.storage.ledger_calls import (
    ANSWERS,
    CALLS,
    COMPUTING,
    CONFLICT,
    FROZEN,
    NOT_ALLOWED,
    NOT_NULL,
    SHORT,
    SUMMING,
    attacks,
    call,
    computations,
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

# For one line more of a journal; what it lacks makes it NULL as a whole.
_HALF_LINE = {"p_lines": "1", "p_codes": "'{other}'::text", "p_units": "'IRR'::text", "p_amounts": "NULL::bigint"}


@pytest.fixture
async def things(engine: AsyncEngine) -> dict[str, str]:
    """What the attacks are about: 100 with 20 held, a posted hold, a corrected journal, somebody else's line."""
    async with service_transaction(engine) as connection:
        line, other, frozen = [await open_line(connection, 100) for _ in range(3)]
        await posting.open_accounts(connection, [Account(CREDIT_GRANTED, "points", Unit.PTS)])
        pending = await holding.hold(connection, ask(line, 20, "pending"))
        foreign = await holding.hold(connection, ask(other, 20, "foreign"))
        posted = await holding.hold(connection, ask(line, 10, "posted"))
        await posting.post_hold(connection, posted, move(available(line), granted(line), 5, "of_hold"))
        opened = await posting.post(connection, move(granted(line), available(line), 5, "opened"))
        wrong = await posting.post(connection, move(available(line), granted(line), 1, "wrong"))
        mended = await posting.correct(connection, wrong, occasion("mended"), "test_mended")
        await posting.freeze(connection, available(frozen))
    ids = {"pending": pending, "foreign": foreign, "posted": posted, "opened": opened, "wrong": wrong, "mended": mended}
    return {name: f"'{made}'" for name, made in ids.items()} | {
        "available": available(line),
        "granted": granted(line),
        "other": available(other),
        "frozen": available(frozen),
        "points": "credit:granted:points",
    }


@contextmanager
def _app(database: Database, capacity: str = "service", *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """A connection of the app's login in a capacity, for SQL written by hand."""
    url, options = database.app_url.replace("+psycopg", ""), f"-c amanat.capacity={capacity}"
    with closing(psycopg.connect(url, options=options, autocommit=autocommit)) as connection:
        yield connection


def _said(connection: psycopg.Connection, call: str) -> str:
    """What a call answered: the state that refused it, at once or at COMMIT, or its outcome; of a batch, each."""
    try:
        with connection.transaction():
            ((*_, said),) = connection.execute(call.encode()).fetchall()
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ", ".join(sorted(set(said))) if isinstance(said, list) else str(said)


def _print(*tables: str) -> str:
    """Every row of some tables, as numbers."""
    sums = (
        f"SELECT '{table}', coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t"  # noqa: S608 - constants
        for table in tables
    )
    return " UNION ALL ".join(sums)


def test_every_function_that_the_app_may_call_is_attacked(database: Database) -> None:
    with closing(psycopg.connect(database.superuser_url.replace("+psycopg", ""))) as connection:
        rows = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND has_function_privilege('amanat_app', oid, 'EXECUTE') AND (prosrc ~ %s OR proname ~ '^ledger')",
            [r"\y(" + "|".join(TABLES) + r")\y"],
        ).fetchall()
    assert {name for (name,) in rows} == {*CALLS, *COMPUTING, *SUMMING}


def test_what_the_attacks_change_succeeds_unchanged(database: Database, things: dict[str, str]) -> None:
    answers = {}
    for function in CALLS:
        with _app(database) as app, app.transaction():
            answers[function] = _said(app, call(function).format_map(things))
            app.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise psycopg.Rollback
    assert answers == ANSWERS


@pytest.mark.parametrize("capacity", ["member", "staff", "''"])
async def test_each_function_refuses_whoever_is_not_the_machine(
    database: Database, superuser: Superuser, things: dict[str, str], capacity: str
) -> None:
    before = await superuser.rows(_print(*TABLES))
    with _app(database, capacity) as app:
        said = {function: _said(app, call(function).format_map(things)) for function in CALLS}
        # What is the answer to a key stays with the machine too.
        said["again"] = _said(app, call("ledger_post", {"p_key": "'opened'"}).format_map(things))
    assert said == dict.fromkeys([*CALLS, "again"], NOT_ALLOWED)
    assert await superuser.rows(_print(*TABLES)) == before


@pytest.mark.parametrize("capacity", ["member", "staff"])
async def test_who_posted_as_the_machine_posts_no_more_as_a_person(
    engine: AsyncEngine, things: dict[str, str], capacity: Capacity
) -> None:
    journal = move(things["granted"], things["available"], 1)
    async with service_transaction(engine) as connection:
        await posting.post(connection, journal)
        await act_as(connection, Acting(capacity, uuid4()))
        with pytest.raises(ProgrammingError, match="only the machine writes in the ledger"):
            await posting.post(connection, journal)
        await connection.rollback()
    assert await violations(engine) == []


@pytest.mark.parametrize("function", ["ledger_post", "ledger_post_batch"])
def test_a_line_without_unit_or_amount_is_part_of_what_a_key_stands_for(
    database: Database, things: dict[str, str], function: str
) -> None:
    usual = CALLS[function]
    if function == "ledger_post_batch":
        usual = {name: f"({value})[: cardinality({value}) / 2]" for name, value in usual.items()}
    longer = {name: f"{usual[name]} || {more}" for name, more in _HALF_LINE.items() if name in usual}
    with _app(database, autocommit=True) as app:
        said = [_said(app, call(function, usual | lines).format_map(things)) for lines in ({}, {}, longer)]
    assert said[:2] == ["posted", "replayed"]
    assert said[2] in {CONFLICT, NOT_NULL}


async def test_every_attack_on_a_function_is_refused_as_it_should_and_leaves_no_row(
    database: Database, engine: AsyncEngine, things: dict[str, str]
) -> None:
    through = []
    with (
        _app(database) as app,
        closing(psycopg.connect(database.superuser_url.replace("+psycopg", ""), autocommit=True)) as superuser,
    ):
        before = superuser.execute(_print(*TABLES).encode()).fetchall()
        for expected, attack in attacks():
            said = _said(app, attack.format_map(things))
            after = superuser.execute(_print(*TABLES).encode()).fetchall()
            if said != expected or after != before:
                through.append((attack, expected, said))
            before = after
        for computation in computations():
            app.execute(computation.encode())
        app.commit()
        assert superuser.execute(_print(*TABLES).encode()).fetchall() == before
    assert through == []
    assert await violations(engine) == []


@pytest.mark.parametrize("function", SUMMING)
async def test_whatever_number_is_asked_for_the_sums_are_right(
    database: Database, engine: AsyncEngine, superuser: Superuser, things: dict[str, str], function: str
) -> None:
    for _ in range(5):
        await mark_next(superuser)
        async with service_transaction(engine) as connection:
            await posting.post(connection, move(things["granted"], things["available"], 1))
    await settled(engine)
    kept = _print(*(table for table in TABLES if table not in {"balance_snapshots", "kind_sums"}))
    before = await superuser.rows(kept)
    with _app(database) as app:
        said = [_said(app, f"SELECT {function}({marks})") for marks in ("'1e9'", "NULL", "-1", "0", "2147483647")]
    # What is left is a snapshot at once; the sums by kind wait until so much has come.
    assert said == ["22P02", "1", "1", "1", "2" if function == "ledger_sum_accounts" else "0"]
    assert await superuser.rows(kept) == before
    assert await violations(engine) == []


DECEIVED = {
    "ledger_post": (
        ({"p_amounts": "ARRAY[-81, 81]::bigint[]"}, SHORT),
        ({"p_codes": "ARRAY['{frozen}', '{granted}']"}, FROZEN),
    ),
    "ledger_post_batch": (({"p_amounts": "ARRAY[-81, 81, -82, 82]::bigint[]"}, SHORT),),
    "ledger_hold": (({"p_amount": "81"}, SHORT), ({"p_code": "'{frozen}'"}, FROZEN)),
}


# The owner of the tables is no exception to their row-level security, so without it nothing can be read at all.
@pytest.mark.parametrize(
    ("path", "security"), [("public", "on"), ("pg_temp, public", "on"), ("pg_temp, public", "off")]
)
async def test_tables_and_types_of_the_attacker_do_not_deceive_a_function(
    database: Database, things: dict[str, str], path: str, security: str
) -> None:
    own = "SELECT set_config('amanat.capacity', 'service', true);"
    own += "".join(f"CREATE TEMP TABLE {table} AS TABLE public.{table};" for table in TABLES)
    own += "UPDATE pg_temp.accounts SET balance = 1000, floor = -1000, frozen_at = NULL;"
    own += "CREATE DOMAIN pg_temp.ledger_amount AS bigint; CREATE DOMAIN pg_temp.ledger_key AS text;"
    own += "CREATE FUNCTION pg_temp.ledger_answered(text, bytea) RETURNS uuid LANGUAGE sql AS 'SELECT uuidv7()';"
    own += f"SET LOCAL search_path = {path}; SET LOCAL row_security = {security};"
    for function, changes in DECEIVED.items():
        for changed, expected in changes:
            with _app(database) as connection:
                connection.execute(own.encode())
                assert connection.execute("SELECT count(*) FROM pg_temp.accounts").fetchall() == [(7,)]
                said = _said(connection, call(function, changed).format_map(things))
            assert said == (NOT_ALLOWED if security == "off" else expected)
