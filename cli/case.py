"""``./amanat case resend``: start a case's process again if it was lost."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from storage import audit
from storage.database import SERVICE, transaction
from storage.outbox import resend as resend_messages

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Repair of single cases.")


@app.callback()
def case() -> None:
    """Repair of single cases."""


@app.command()
def resend(case_id: Annotated[UUID, typer.Argument(help="The case's id")]) -> None:
    """Send all messages of a case again.

    A process that was terminated starts anew from the facts; one that runs, or has completed, takes no notice.
    """
    count = asyncio.run(_resend(case_id))
    typer.echo(f"{count} messages will be sent again" if count else "no message of such a case is kept")
    raise typer.Exit(0 if count else 1)


async def _resend(case_id: UUID) -> int:
    from cli.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
        count = await resend_messages(connection, case_id)
        if count:
            entry = audit.Entry("resend_case", "console", str(case_id), after={"messages": count})
            await audit.append(connection, audit.case_stream(case_id), entry)
        return count
