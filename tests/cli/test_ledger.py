"""What the check of the ledger prints: bounded, however much is broken."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cli.ledger import prove
from storage.ledger import RULES
from tests.books import Superuser
from tests.storage.ledger_world import open_line, service_transaction


async def test_a_whole_ledger_prints_which_rule_it_is_at_and_nothing_else(
    engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    async with service_transaction(engine) as connection:
        await open_line(connection, 100)
    async with service_transaction(engine) as connection:
        assert await prove(connection) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split()[1] for line in printed.err.splitlines()] == list(RULES)


async def test_of_each_broken_rule_the_first_are_printed_and_the_rest_counted(
    engine: AsyncEngine, superuser: Superuser, capsys: pytest.CaptureFixture[str]
) -> None:
    async with service_transaction(engine) as connection:
        for _ in range(25):
            await open_line(connection, 100)
    await superuser.run("SET session_replication_role = replica")
    await superuser.run("UPDATE accounts SET balance = 99 WHERE floor IS NOT NULL")
    await superuser.run("UPDATE journals SET tx = '3' WHERE id = (SELECT id FROM journals LIMIT 1)")
    async with service_transaction(engine) as connection:
        # Each journal has two entries.
        assert await prove(connection) == 27
    printed = [line.split(": ") for line in capsys.readouterr().out.splitlines()]
    assert [rule for rule, _ in printed] == (
        ["✗ entry_has_journal_of_its_transaction"] * 2 + ["✗ stored_balance_is_sum_of_entries"] * 21
    )
    assert printed[-1][1] == "and 5 more"
    assert len({subject for _, subject in printed}) == 22
