"""One chunk of a personnel file, applied set by set: COPY into a temporary table, then a handful of statements.

The chunk's persons are locked in the order of the national id's index, so that two files at the same moment wait for
each other instead of dead-locking. No statement runs per row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.personnel.file import RefusedLine
from domain.personnel.headings import Column
from domain.personnel.rows import OTHER_REGION, OWN_ROW, PersonnelRow, Place
from messages.personnel import Change, ExitReason, Leaving
from storage import audit
from storage.database import driving
from storage.dispute import wake_concerned
from storage.personnel import statements
from storage.personnel.refusals import SealedLine, seal_line
from storage.sealing import Seals


class SealedRow(NamedTuple):
    """A good row as it is stored: what is personal is sealed and found by blind index."""

    row_number: int
    national_id_index: bytes
    national_id_sealed: bytes
    mobile_index: bytes
    mobile_sealed: bytes
    first_name: str
    last_name: str
    region_code: str
    hire_date: Any
    net_pay: int
    sheba_index: bytes
    sheba_sealed: bytes
    service: str | None
    service_start: Any


class Leaver(NamedTuple):
    """A row that reports an exit."""

    row_number: int
    national_id_index: bytes
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a file: the good, the refused, and those of the refused that report an exit (C7).

    ``places`` are those of the good rows, by number: they may be refused yet, for what is stored already.
    """

    last_row: int
    rows: Sequence[SealedRow] = field(repr=False)
    places: Mapping[int, Place]
    refused: Sequence[SealedLine]
    leavers: Sequence[Leaver] = field(repr=False)

    def after(self, row: int) -> Chunk:
        """What of it comes after a row."""
        return replace(
            self,
            rows=[line for line in self.rows if line.row_number > row],
            refused=[line for line in self.refused if line.row_number > row],
            leavers=[line for line in self.leavers if line.row_number > row],
        )


@dataclass(frozen=True, slots=True)
class Importing:
    """For which import rows are applied. Cases that they open freeze ``policy_id``.

    The sender speaks for ``regions``; none is all of the organisation's.
    """

    case_id: UUID
    organisation_id: UUID
    policy_id: UUID
    sender_id: UUID | None
    regions: Sequence[str]
    seals: Seals = field(repr=False)


def seal_row(seals: Seals, row: PersonnelRow) -> SealedRow:
    """Seal a good row; costs processor time, so not on the event loop."""
    return SealedRow(
        row.number,
        seals.index.of("national_id", row.national_id),
        seals.cipher.seal_text(row.national_id, "person.national_id"),
        seals.index.of("mobile", row.mobile),
        seals.cipher.seal_text(row.mobile, "person.mobile"),
        row.first_name,
        row.last_name,
        row.region_code,
        row.hire_date,
        row.net_pay_rial,
        seals.index.of("sheba", row.sheba),
        seals.cipher.seal_text(row.sheba, "employment.sheba"),
        None if row.service is None else row.service.length,
        None if row.service is None else row.service.start,
    )


def index_leaver(seals: Seals, row_number: int, national_id: str, reason: ExitReason) -> Leaver:
    """A row that reports an exit, by blind index."""
    return Leaver(row_number, seals.index.of("national_id", national_id), reason)


async def apply_chunk(connection: AsyncConnection, importing: Importing, chunk: Chunk) -> None:
    """Apply a chunk and count it, in the caller's transaction; rows that were applied before are left out.

    Known persons: region, hire date and net pay are updated in place, names too if nobody else has a say in them;
    another mobile or sheba, and an exit, open a change case, or take the place of the value that waits in an open one.
    Whoever is listed as employed, or with the present sheba, has no exit, or no other sheba, that waits any more.
    A row by which the sender would change their own employment is refused, and one about somebody who stands in a
    region for which the sender does not speak.
    """
    ids = {"case": importing.case_id, "organisation": importing.organisation_id, "sender": importing.sender_id}
    last_row: int = (await connection.execute(statements.LOCK_IMPORT, ids)).scalar_one()
    todo = chunk.after(last_row)
    if chunk.last_row <= last_row:
        return
    await _copy(connection, todo.rows)
    await connection.execute(statements.ADD_PERSONS)
    waiting = await connection.scalar(statements.LOCK_CHANGES, ids | _exits(todo.leavers))
    await connection.execute(statements.LOCK_PERSONS, _exits(todo.leavers))
    await connection.execute(statements.COMPARE, ids)
    fates = await _fates(connection, importing, todo.leavers)
    leavers = _exits([leaver for leaver in todo.leavers if fates.get(leaver.row_number) is Leaving.WAITING])
    refused = [*_told(todo.refused, fates), *await _refuse_known(connection, importing, todo)]
    changed = await _change(connection, ids)
    listed = (await connection.execute(statements.LIST_MOBILES)).all()
    back = (await connection.execute(statements.TAKE_BACK_EXITS, ids)).all()
    restored = (await connection.scalars(statements.RESTORE_SHEBAS, ids)).all() if waiting else []
    agreed = {row.person_id for row in listed if not row.other_mobile}
    await wake_concerned(connection, agreed.union((row.person_id for row in back), restored))
    added = (await connection.execute(statements.ADD_EMPLOYMENTS, ids)).rowcount
    proposed = await _propose(connection, importing, ids | leavers)
    await _refuse(connection, importing.case_id, refused)
    leaving = sum(line.leaving is not None for line in refused)
    counters = {
        "last": chunk.last_row,
        "read": len(todo.rows) + len(todo.refused),
        "added": added,
        "changed": len(changed),
        "unchanged": len(todo.rows) + len(todo.refused) - len(refused) - added - len(changed),
        "refused": len(refused) - leaving,
        "leaving": leaving,
        "opened": len(proposed.opened),
        "exits": proposed.exits,
        "waiting": proposed.waiting,
    }
    await connection.execute(statements.COUNT, ids | counters)
    lists = {"changes": changed, "opened": proposed.opened, "replaced": proposed.replaced}
    lists |= {"listed": [str(row.id) for row in listed], "back": [str(row.id) for row in back]}
    await _note(connection, importing, {**counters, **lists, "from": last_row + 1})


async def _copy(connection: AsyncConnection, rows: Sequence[SealedRow]) -> None:
    await connection.execute(statements.MAKE_INCOMING)
    if not rows:
        return
    async with (
        driving(connection) as driver,
        driver.cursor() as cursor,
        cursor.copy(statements.COPY_INCOMING) as copy,
    ):
        copy.set_types(statements.INCOMING_TYPES)
        for row in rows:
            await copy.write_row(row)


async def _change(connection: AsyncConnection, ids: dict[str, Any]) -> list[dict[str, Any]]:
    """Update what a file may update; who was changed in which fields."""
    rows = await connection.execute(statements.KEEP_VERSIONS, ids)
    kept = rows.all()
    if kept:
        await connection.execute(statements.RENAME_PERSONS)
        await connection.execute(statements.CHANGE_EMPLOYMENTS)
    # A known person who is new in this organisation counts as added, also when the file brought another name.
    return [
        {"employment_id": str(row.employment_id), "fields": row.fields} for row in kept if row.employment_id is not None
    ]


def _exits(leavers: Sequence[Leaver]) -> dict[str, Any]:
    exits = {leaver.national_id_index: leaver.reason.value for leaver in leavers}
    return {"leavers": list(exits), "exit_reasons": list(exits.values())}


async def _fates(
    connection: AsyncConnection, importing: Importing, leavers: Sequence[Leaver]
) -> dict[int, Leaving | str]:
    """What becomes of the exits that rows report, by row; a refusal's code where they are not the sender's to report.

    Who speaks for regions is told the same of people elsewhere and of people on no list: else a file would tell them
    who works in other regions.
    """
    if not leavers:
        return {}
    values: dict[str, Any] = {"organisation": importing.organisation_id, "sender": importing.sender_id}
    values["rows"] = [leaver.row_number for leaver in leavers]
    values["leavers"] = [leaver.national_id_index for leaver in leavers]
    rows = await connection.execute(statements.EXITS, values)
    elsewhere: dict[int, Leaving | str] = {leaver.row_number: OTHER_REGION for leaver in leavers if importing.regions}
    return elsewhere | {row.row_number: _fate(importing.regions, row) for row in rows}


def _fate(regions: Collection[str], row: Any) -> Leaving | str:
    if regions and row.region_code not in regions:
        return OTHER_REGION
    if row.state == "left":
        return Leaving.ENDED
    return OWN_ROW if row.is_bound else Leaving.WAITING


def _told(refused: Sequence[SealedLine], fates: Mapping[int, Leaving | str]) -> list[SealedLine]:
    """The refused rows with what became of the exits that they report."""
    return [_as_told(line, fates.get(line.row_number)) for line in refused]


def _as_told(line: SealedLine, fate: Leaving | str | None) -> SealedLine:
    if isinstance(fate, Leaving):
        return line._replace(leaving=fate)
    return line if fate is None else line._replace(code=fate)


async def _refuse_known(connection: AsyncConnection, importing: Importing, todo: Chunk) -> list[SealedLine]:
    """Take out the rows about people whom the sender may not change: of other regions, and their own."""
    ids = {"sender": importing.sender_id, "regions": list(importing.regions)}
    elsewhere = await connection.execute(statements.REFUSE_ELSEWHERE, ids)
    found = {row.row_number: (Column.REGION_CODE, OTHER_REGION) for row in elsewhere}
    own = await connection.execute(statements.REFUSE_OWN, ids)
    found |= {row.row_number: (Column.NATIONAL_ID, OWN_ROW) for row in own}
    return [_refused(importing, todo, row, *found[row.row_number]) for row in todo.rows if row.row_number in found]


def _refused(importing: Importing, todo: Chunk, row: SealedRow, column: Column, code: str) -> SealedLine:
    value = row.region_code
    if column is Column.NATIONAL_ID:
        value = importing.seals.cipher.open_text(row.national_id_sealed, "person.national_id")
    line = RefusedLine(row.row_number, column, code, todo.places[row.row_number])
    return seal_line(importing.seals, line, value=value, name=f"{row.first_name} {row.last_name}")


class _Proposed(NamedTuple):
    """Change cases: newly opened, how many of these are exits; open already; and those whose value was replaced."""

    opened: list[str]
    exits: int
    waiting: int
    replaced: list[str]


async def _propose(connection: AsyncConnection, importing: Importing, params: dict[str, Any]) -> _Proposed:
    """Open change cases, and bring newer values into open ones."""
    await connection.execute(statements.PROPOSE, params)
    rows = (await connection.execute(statements.PROPOSED)).all()
    opened = [str(row.case_id) for row in rows if not row.waiting]
    replaced = [str(row.case_id) for row in rows if row.replaces]
    of_cases = params | {"policy": importing.policy_id}
    for wanted, statements_ in ((opened, statements.OPEN_CHANGES), (replaced, statements.REPLACE_CHANGES)):
        for statement in statements_ if wanted else ():
            await connection.execute(statement, of_cases)
    exits = sum(row.what == Change.EXIT for row in rows if not row.waiting)
    return _Proposed(opened, exits, len(rows) - len(opened), replaced)


async def _refuse(connection: AsyncConnection, case_id: UUID, refused: Sequence[SealedLine]) -> None:
    if refused:
        of_columns = zip(SealedLine._fields, zip(*refused, strict=True), strict=True)
        await connection.execute(statements.REFUSE, {"case": case_id} | {name: list(of) for name, of in of_columns})


async def _note(connection: AsyncConnection, importing: Importing, after: dict[str, Any]) -> None:
    """One audit line a chunk: counts, and the employments with their changed fields; no values (H2)."""
    actor = "machine" if importing.sender_id is None else f"staff:{importing.sender_id}"
    entry = audit.AuditEntry("import_personnel_rows", actor, str(importing.case_id), after=after)
    await audit.append(connection, audit.case_stream(importing.case_id), entry)
