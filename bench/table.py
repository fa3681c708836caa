"""How a measurement is shown: as a table, or with ``--json`` as one object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure or its ratio should be, and whether it is; what ``must`` be kept is no matter of the machine."""

    text: str
    kept: bool
    must: bool = False

    def __str__(self) -> str:
        return f"{self.text} {'✓' if self.kept else '✗'}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, and its ratio to another of the same run."""

    name: str
    figure: float
    ratio: str
    goal: Goal | None = None


def at_least(value: float, bound: float, unit: str) -> Goal:
    """The goal that a value is not under a bound."""
    return Goal(f"≥ {bound:g} {unit}".rstrip(), value >= bound)


def at_most(value: float, bound: float, unit: str) -> Goal:
    """The goal that a value is not over a bound."""
    return Goal(f"≤ {bound:g} {unit}".rstrip(), value <= bound)


def nothing(count: float) -> Goal:
    """The goal that something never happens, on no machine."""
    return Goal("0", count == 0, must=True)


def show(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the figures.

    Raises:
        typer.Exit: something that must be kept was not; all is printed.
    """
    if as_json:
        print(json.dumps({"bench": title} | {row.name: _as_object(row) for row in rows}))
    else:
        _print(title, rows)
    if any(row.goal and row.goal.must and not row.goal.kept for row in rows):
        raise typer.Exit(1)


def _print(title: str, rows: Sequence[Row]) -> None:
    has_goals = any(row.goal for row in rows)
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("ratio in this run")
    if has_goals:
        table.add_column("goal")
    for row in rows:
        goal = [str(row.goal or "")] if has_goals else []
        table.add_row(row.name, f"{row.figure:,.2f}", row.ratio, *goal)
    Console().print(table)


def _as_object(row: Row) -> dict[str, object]:
    goal = {} if row.goal is None else {"goal": row.goal.text, "kept": row.goal.kept}
    return {"figure": row.figure, "ratio": row.ratio} | goal
