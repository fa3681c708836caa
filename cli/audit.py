"""``./amanat audit verify``: recompute every hash chain of the audit trail (H2)."""

from __future__ import annotations

import asyncio

import typer

from storage.audit import Broken, verify
from storage.database import SERVICE, transaction

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The audit trail.")
_LIMIT_MS = 600_000


@app.callback()
def audit() -> None:
    """The audit trail."""


@app.command("verify")
def verify_chains() -> None:
    """Recompute every chain; exit code 1 if one does not hold."""
    found = asyncio.run(_verify())
    for broken in found:
        typer.echo(f"✗ {broken.stream} line {broken.seq}: {broken.why}")
    typer.echo("the audit trail is whole" if not found else f"{len(found)} breaks")
    raise typer.Exit(1 if found else 0)


async def _verify() -> list[Broken]:
    from stack.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly, transaction(assembly.engine, SERVICE, limit_ms=_LIMIT_MS) as connection:
        return [broken async for broken in verify(connection)]
