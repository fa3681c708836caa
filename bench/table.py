"""How a measurement is shown: as a table, or with ``--json`` as one object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, and its ratio to another of the same run."""

    name: str
    figure: float
    ratio: str


def show(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the figures."""
    if as_json:
        print(json.dumps({"bench": title} | {row.name: {"figure": row.figure, "ratio": row.ratio} for row in rows}))
        return
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("ratio in this run")
    for row in rows:
        table.add_row(row.name, f"{row.figure:,.2f}", row.ratio)
    Console().print(table)
