"""The ledger's measurement, as small as it gets: every part runs, and what it posted is right. Speed is not judged."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import sqlalchemy as sa
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.ledger.books import CLEARING, Books, administered, line_codes
from bench.ledger.filling import fill
from bench.ledger.hot import out_of_order
from bench.ledger.measuring import measure
from bench.ledger.pgbench import Taken, run
from bench.ledger.rates import take
from bench.ledger.size import Size
from bench.table import Row, at_least, at_most, nothing, show
from stack.places import CliError
from stack.postgres import EmbeddedPostgres
from tests.conftest import Database

# In a second four clients may finish no batch while every core is busy with other tests.
_TINY = Size(entries=2_000, seconds=5, rounds=1, hot_seconds=0.5, scale=1)
_ENTRIES = sa.text(
    "SELECT count(e.id) FROM accounts a LEFT JOIN entries e ON e.account_id = a.id"
    " WHERE a.code = :code OR a.kind = :code"
)


@pytest.fixture(scope="module")
async def figures() -> dict[str, Row]:
    """All parts, once."""
    return {row.name: row for row in await measure(_TINY, [])}


@pytest.mark.long
async def test_every_part_of_the_ledgers_measurement_gives_figures(figures: dict[str, Row]) -> None:
    goals = {name for name, row in figures.items() if row.goal}
    assert goals == {
        "journals one by one, 8 connections, a second",
        "journals in batches of 500, 4 connections, a second",
        "journals, 50 connections, one shared account, a second",
        "balance of the shared account meanwhile, p50 (ms)",
        "hot account: dead-locks",
        "hot account: refused",
        "hot account: lost updates (rials)",
        "hot account: out of order",
        "hot account: violations",
        "journals a second, full tables",
        "balance, slowest of 41 accounts (ms)",
        "statement page of 50, slowest (ms)",
        "statement page, slowest, as a member (ms)",
        "trial balance (ms)",
        "ledger check: violations",
        "ledger check: growth of memory (MB)",
    }
    assert all(row.figure > 0 for name, row in figures.items() if row.name.endswith("a second"))
    assert {
        "journals in batches of 500, all from one account, a second",
        "journals of a batch of 500 sent again, a second",
        "balance of the shared account meanwhile, p95 (ms)",
    } <= figures.keys()
    assert all(row.ratio.count("×") for name, row in figures.items() if name in goals and name.endswith("a second"))
    assert figures["entries in the tables"].figure == _TINY.entries


@pytest.mark.long
async def test_a_hot_account_loses_nothing_and_is_asked_as_often_as_the_pace_tells(figures: dict[str, Row]) -> None:
    wrong = ("dead-locks", "refused", "lost updates (rials)", "out of order", "violations")
    assert [figures[f"hot account: {name}"].figure for name in wrong] == [0] * len(wrong)
    assert figures["hot account: holds asked for"].figure == 100 * _TINY.hot_seconds
    assert figures["ledger check: violations"].figure == 0


async def test_filled_tables_are_whole_and_divided_as_told(
    postgres: EmbeddedPostgres, database: Database, engine: AsyncEngine
) -> None:
    filled = Books(postgres, database.name, engine)
    await filled.open_lines(_TINY.lines_when_full)
    await fill(filled, _TINY)
    busy = line_codes(0)[1]
    async with administered(postgres, database.name) as connection:

        async def entries(code: str) -> int:
            return int((await connection.execute(_ENTRIES, {"code": code})).scalar_one())

        assert await entries("credit:available") == _TINY.journals
        assert await entries(CLEARING.code) == pytest.approx(_TINY.entries / 5, rel=0.05)
        assert await entries(busy) >= _TINY.busy_entries
        await filled.prove()
        await connection.execute(sa.text("SET session_replication_role = replica"))
        await connection.execute(sa.text("UPDATE entries SET amount = amount + 1 WHERE id = 7"))
    with pytest.raises(CliError, match="journal_sums_to_zero"):
        await filled.prove()


@pytest.fixture
async def empty(postgres: EmbeddedPostgres, database: Database, engine: AsyncEngine) -> Books:
    """Books with one credit line on which nothing is available."""
    made = Books(postgres, database.name, engine)
    await made.open_lines(1)
    return made


async def test_an_error_that_a_client_of_the_measurement_meets_is_said(empty: Books) -> None:
    with pytest.raises(CliError, match="no such account"):
        await run(empty.url, "post", clients=1, seconds=1, lines=1, source="credit:granted:nobody")


async def test_what_the_ledger_refuses_is_counted_and_fails_a_rate(empty: Books) -> None:
    async def hold() -> Taken:
        return await run(empty.url, "hold", "-t", "3", clients=2)

    taken = await hold()
    assert (taken.done, taken.failed) == (Counter(), Counter(serialization=6))
    with pytest.raises(CliError, match=r"holds a second: .*serialization"):
        await take(1, {"holds a second": hold})


def test_what_comes_after_a_later_one_of_its_own_is_out_of_order() -> None:
    assert out_of_order(["a/1", "b/7", "a/2", "b/8"]) == 0
    assert out_of_order(["a/2", "b/7", "a/1", "a/3", "b/6"]) == 2


def test_a_goal_that_is_missed_can_be_seen_and_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("kept", 5, "", at_least(5, 5, "×")), Row("missed", 5, "", at_most(5, 4.5, "ms")), Row("free", 1, "")]
    show("goals", rows, as_json=False)
    assert [line.split("│")[-2].strip() for line in capsys.readouterr().out.splitlines()[-4:-1]] == [
        "≥ 5 × ✓",
        "≤ 4.5 ms ✗",
        "",
    ]
    show("goals", rows, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert [shown[row.name].get("kept") for row in rows] == [True, False, None]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_measurement_that_lost_money_is_shown_whole_and_fails(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    show("kept", [Row("lost", 0, "", nothing(0)), Row("slow", 9, "", at_most(9, 1, "ms"))], as_json=as_json)
    with pytest.raises(typer.Exit) as ended:
        show("missed", [Row("lost", 7, "", nothing(7)), Row("last", 1, "")], as_json=as_json)
    assert ended.value.exit_code == 1
    assert "last" in capsys.readouterr().out.partition("missed")[2]
