"""``./amanat case resume``: start a case's process again if it was lost."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from storage import audit, outbox
from storage.cases import lock_case
from storage.database import SERVICE, transaction

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Repair of single cases.")


@app.callback()
def case() -> None:
    """Repair of single cases."""


@app.command()
def resume(case_id: Annotated[UUID, typer.Argument(help="The case's id")]) -> None:
    """Wake a case's process, or start it again.

    A process that was terminated starts anew from the facts; one that runs looks again; one that has completed takes
    no notice.
    """
    found = asyncio.run(_resume(case_id))
    typer.echo("its process is woken, or started again" if found else "there is no such open case")
    raise typer.Exit(0 if found else 1)


async def _resume(case_id: UUID) -> bool:
    from stack.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
        case = await lock_case(connection, case_id)
        if case is None or not case.is_open:
            return False
        await outbox.resume(connection, case.kind, case_id)
        entry = audit.AuditEntry("resume_case", "console", str(case_id))
        await audit.append(connection, audit.case_stream(case_id), entry)
        return True
