"""``./amanat vault``: the keys of what members entrust (docs/keys.md; F2)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from gateways.entry_keys import KeyDirectory, Rewrapped

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The keys of entrusted secrets.")


@app.callback()
def vault() -> None:
    """The keys of entrusted secrets."""


@app.command()
def init(directory: Path) -> None:
    """Make a directory of keys for a new installation; one that is there stays as it is."""
    KeyDirectory.make(directory)
    typer.echo(f"keys of entrusted secrets go to {directory}")


@app.command()
def rotate() -> None:
    """Wrap every key anew and destroy what wrapped it before; secrets are given and seen meanwhile."""
    done = asyncio.run(_rotate())
    typer.echo(f"{done.keys} keys wrapped anew, {done.days_ended} keys of days destroyed")
    if done.unreadable:
        typer.echo(f"✗ {done.unreadable} keys could not be opened, so the old keys of days stay")
    raise typer.Exit(1 if done.unreadable else 0)


async def _rotate() -> Rewrapped:
    from stack.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly:
        return await assembly.keys.rewrap()
