"""``./amanat bench``: measurements on a scratch Postgres of their own; ratios are taken in one run."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bench import commands, importing, onboarding, pages
from bench.ledger import measuring
from bench.ledger.size import LedgerSection, Size
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


@app.command("pages")
def measure_pages(
    *, cases: Annotated[int, typer.Option(min=50, max=1_000_000)] = 100_000, as_json: Json = False
) -> None:
    """The server's time for each page with full tables, beside one small operation."""
    show("pages", asyncio.run(pages.measure(cases)), as_json=as_json)


@app.command("ledger")
def measure_ledger(
    *,
    entries: Annotated[int, typer.Option(min=2_000, max=100_000_000, help="How many fill the tables.")] = 10_000_000,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long one round of a rate lasts.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often each rate is taken.")] = 5,
    only: Annotated[list[LedgerSection] | None, typer.Option(help="Parts; all if none is named.")] = None,
    as_json: Json = False,
) -> None:
    """The ledger beside pgbench: journals, batches, a shared account, a hot one, ten million entries."""
    size = Size(entries=entries, seconds=seconds, rounds=rounds)
    show("ledger", asyncio.run(measuring.measure(size, only or ())), as_json=as_json)
