"""``./amanat bench``: measurements on a scratch Postgres of their own; ratios are taken in one run."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bench import commands, importing, onboarding
from bench.table import show

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Measure.")
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@app.command("commands")
def measure_commands(*, count: Annotated[int, typer.Option(min=40, max=20_000)] = 1_000, as_json: Json = False) -> None:
    """Applications by 20 people at once, beside empty transactions."""
    show("commands", asyncio.run(commands.measure(count)), as_json=as_json)


@app.command("onboarding")
def measure_onboarding(*, count: Annotated[int, typer.Option(min=2, max=20_000)] = 300, as_json: Json = False) -> None:
    """Onboardings to Tavana, 50 at once, beside processes of as many empty steps."""
    show("onboarding", asyncio.run(onboarding.measure(count)), as_json=as_json)


@app.command("import")
def measure_import(*, rows: Annotated[int, typer.Option(min=100, max=200_000)] = 50_000, as_json: Json = False) -> None:
    """A personnel file, beside a plain COPY of its rows."""
    show("import", asyncio.run(importing.measure(rows)), as_json=as_json)
