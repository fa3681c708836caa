"""``./amanat import``: send a personnel file to the running stack and watch it being imported (A13)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from commands.account import sign_out
from commands.command import Context
from commands.personnel import error_sentences, send_file
from commands.upload import Upload
from domain.access import Actor
from domain.account import parse_username
from domain.errors import NotFound
from domain.personnel.file import RefusedLine
from gateways.personnel_report import write_csv, write_xlsx
from stack.places import CliError
from stack.refusals import said_in_one_line
from storage import personnel
from storage.account import begin_session, read_credential
from storage.database import SERVICE, transaction
from storage.organisation import find_organisation
from storage.people import grants_of
from storage.rows.personnel import Import

_PART: Final = 256 * 1024
_LOOK_EVERY_SECONDS: Final = 0.25
_TOLD_EVERY_ROWS: Final = 5_000
_SHOWN: Final = 50
_ORIGIN: Final = "console"

app = typer.Typer(add_completion=False, help="Import a personnel file.", pretty_exceptions_enable=False)


@app.command()
def import_(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX", exists=True, dir_okay=False, readable=True)],
    organisation: Annotated[str, typer.Option(help="Code of the organisation")],
    username: Annotated[str, typer.Option("--as", metavar="USERNAME", help="The hr_officer on whose behalf")],
    report: Annotated[Path | None, typer.Option(help="Write the report of refused rows here, as .csv or .xlsx")] = None,
) -> None:
    """Import FILE, show how far it is, then what became of it and which rows were refused."""
    if report is not None and report.suffix not in {".csv", ".xlsx"}:
        raise CliError("the report is written as .csv or .xlsx")
    # Asked for, never an option: what stands in a command line is seen by everybody on the machine.
    totp = typer.prompt(f"code of {username}'s authenticator app", err=True)
    with said_in_one_line():
        imported, refused = asyncio.run(_on_the_stack(file, organisation, username, totp))
    if report is not None:
        (write_csv if report.suffix == ".csv" else write_xlsx)(report, refused, imported.sheets_left_out)
    show_result(Console(), imported, refused)
    if imported.error is not None:
        raise typer.Exit(1)


async def _on_the_stack(file: Path, organisation: str, username: str, totp: str) -> tuple[Import, list[RefusedLine]]:
    from stack.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly:
        console = Console(stderr=True, highlight=False)
        return await import_file(assembly.context, console, file, organisation, username, totp)


async def import_file(
    context: Context, console: Console, file: Path, organisation: str, username: str, totp: str
) -> tuple[Import, list[RefusedLine]]:
    """Send a file on behalf of an hr_officer and wait for the end of its import, showing how far it is.

    Raises:
        Refusal: no such organisation or user name, or not allowed; see ``commands.personnel.send_file``.
    """
    upload = await _upload(context, file, organisation, username, totp)
    try:
        answer = await send_file(context, upload, lambda received: str(received.case_id).encode())
    finally:
        await sign_out(context, upload.actor, _ORIGIN)
    import_id = UUID(answer.body.decode())
    imported = await _watch(context, console, import_id)
    async with transaction(context.engine, SERVICE) as connection:
        return imported, await personnel.list_refusals(connection, import_id, seals=context.seals)


async def _upload(context: Context, file: Path, organisation: str, username: str, totp: str) -> Upload:
    async with transaction(context.engine, SERVICE) as connection:
        credential = await read_credential(connection, context.seals, username=parse_username(username))
        employer = await find_organisation(connection, organisation)
        if credential is None or credential.disabled:
            raise NotFound(field="--as")
        if employer is None:
            raise NotFound(field="--organisation")
        grants = await grants_of(connection, credential.person_id)
        # A person with a shell on the machine acts as this member of staff, with their roles only, and ends it.
        session = await begin_session(connection, credential.person_id, "staff")
    actor = Actor(credential.person_id, "staff", session.id, grants)
    return Upload(actor, employer.id, uuid4().hex, _ORIGIN, _content(file), totp, file_name=file.name)


async def _content(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as stream:
        while part := await asyncio.to_thread(stream.read, _PART):
            yield part


async def _watch(context: Context, console: Console, import_id: UUID) -> Import:
    """Show the progress until the import has ended: a bar at a terminal, lines anywhere else."""
    if not console.is_terminal:
        return await _until_ended(context, import_id, _Lines(console).show)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console) as bar:
        rows = bar.add_task("waiting for a worker", total=None)

        def show(imported: Import) -> None:
            bar.update(rows, description=imported.phase, total=imported.rows_total, completed=imported.rows_read)

        return await _until_ended(context, import_id, show)


class _Lines:
    """Progress in plain lines, one for each change of phase and for every few thousand rows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: tuple[str, int] | None = None

    def show(self, imported: Import) -> None:
        """Say it if it is news."""
        news = (imported.phase.value, imported.rows_read // _TOLD_EVERY_ROWS)
        if news != self._said:
            total = "?" if imported.rows_total is None else imported.rows_total
            self._console.print(f"{imported.phase}: {imported.rows_read} of {total} rows", soft_wrap=True)
            self._said = news


async def _until_ended(context: Context, import_id: UUID, show: Callable[[Import], None]) -> Import:
    while True:
        async with transaction(context.engine, SERVICE) as connection:
            imported = await personnel.read_import(connection, import_id)
        if imported is None:
            raise NotFound
        show(imported)
        if imported.ended_at is not None:
            return imported
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def show_result(console: Console, imported: Import, refused: list[RefusedLine]) -> None:
    """Print the counters, the refused rows and the reported exits."""
    sentences = error_sentences(imported)
    if sentences is not None:
        console.print(f"refused: {sentences[1]} {sentences[0]}", markup=False, soft_wrap=True)
    counters = {
        "rows": imported.rows_read,
        "added": imported.rows_added,
        "changed": imported.rows_changed,
        "unchanged": imported.rows_unchanged,
        "refused": imported.rows_refused,
        "reported to have left": imported.rows_leaving,
        "changes to confirm": imported.changes_opened,
    }
    console.print(", ".join(f"{count} {name}" for name, count in counters.items()), soft_wrap=True)
    if imported.sheets_left_out:
        names = ", ".join(imported.sheets_left_out)
        console.print(f"sheets without the headings, left out: {names}", markup=False, soft_wrap=True)
    _show_lines(console, "refused", [line for line in refused if line.leaving is None])
    _show_lines(console, "reported to have left; nothing to correct", [line for line in refused if line.leaving])


def _show_lines(console: Console, title: str, lines: list[RefusedLine]) -> None:
    if not lines:
        return
    table = Table("sheet", "row", "line", "name", "column", "value", "code", "توضیح", title=title)
    for line in lines[:_SHOWN]:
        place = (line.place.sheet, str(line.place.row), str(line.place.line or ""))
        cells = (*place, line.name or "", line.heading, line.value or "", line.code, line.sentence.fa)
        # What comes from a file is no markup.
        table.add_row(*map(Text, cells))
    console.print(table)
    if len(lines) > _SHOWN:
        console.print(f"and {len(lines) - _SHOWN} more; --report writes all of them", soft_wrap=True)
