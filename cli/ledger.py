"""``./amanat ledger``: the trial balance, and a check that proves every rule of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ledger import RULES, TrialRow, at_one_moment, breaches, trial_balance

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The ledger.")
T = TypeVar("T")
_SHOWN = 20


@app.command("check")
def check_ledger() -> None:
    """Prove every rule: sums, floors, holds, hashes; exit code 1 if one is broken."""
    found = asyncio.run(_on_ledger(prove))
    typer.echo("the ledger is whole" if not found else f"{found:,} violations")
    raise typer.Exit(1 if found else 0)


async def prove(connection: AsyncConnection) -> int:
    """Print what breaks a rule as it is found, of each rule the first few and how many more; returns how many in all.

    Which rule is looked at goes to the error stream: the whole takes minutes on a large ledger.
    """
    total = 0
    for number, rule in enumerate(RULES, start=1):
        typer.echo(f"{number}/{len(RULES)} {rule}", err=True)
        found = 0
        async for violation in breaches(connection, rule):
            found += 1
            if found <= _SHOWN:
                typer.echo(f"✗ {violation.rule}: {violation.subject}")
        if found > _SHOWN:
            typer.echo(f"✗ {rule}: and {found - _SHOWN:,} more")
        total += found
    return total


@app.command("balance")
def show_balance() -> None:
    """Print the trial balance."""
    Console().print(balance_table(asyncio.run(_on_ledger(trial_balance))))


def balance_table(rows: list[TrialRow]) -> Table:
    """The trial balance as people read it: debit and credit side by side, equal at the bottom."""
    table = Table(title="Trial balance", title_justify="left")
    for name, justify in (("account kind", "left"), ("accounts", "right"), ("debit", "right"), ("credit", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # rich's own literals
    sums: dict[str, list[int]] = {}
    for row in rows:
        debit, credit = max(-row.total, 0), max(row.total, 0)
        table.add_row(f"{row.kind} ({row.unit})", f"{row.accounts:,}", f"{debit:,}", f"{credit:,}")
        sides = sums.setdefault(row.unit, [0, 0])
        sides[0] += debit
        sides[1] += credit
    table.add_section()
    for unit, (debit, credit) in sums.items():
        table.add_row(f"total ({unit})", "", f"{debit:,}", f"{credit:,}")
    return table


async def _on_ledger(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    from stack.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly, at_one_moment(assembly.engine) as connection:
        return await work(connection)
