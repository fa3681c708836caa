"""``./amanat vault``: the keys of what members entrust (docs/keys.md; F2)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import typer
from pydantic import ValidationError

from domain.vault import KeysNotThere
from gateways.entry_keys import KeyDirectory, Rewrapped
from stack.places import CliError

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
    try:
        done = asyncio.run(_rotate())
    except (KeysNotThere, OSError, ValidationError) as error:
        why = "another process is wrapping them anew" if isinstance(error, BlockingIOError) else str(error)
        typer.echo(f"✗ {why}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{done.keys} keys wrapped anew, {done.days_ended} keys of days destroyed")
    if done.unreadable:
        typer.echo(f"✗ of {done.unreadable} days some keys could not be opened, so those days' old keys stay")
    raise typer.Exit(1 if done.unreadable else 0)


async def _rotate() -> Rewrapped:
    """Neither Postgres nor Temporal is needed: one may have to rotate while they are away."""
    from assembly import open_keys  # noqa: PLC0415 - --help needs no stack
    from settings import Settings  # noqa: PLC0415 - likewise
    from stack.control import running_environment  # noqa: PLC0415 - likewise

    # Without a running stack the settings are in the environment, or in files, as in a container.
    with contextlib.suppress(CliError):
        os.environ.update(running_environment())
    return await (await open_keys(Settings())).rewrap()
