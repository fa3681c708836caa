"""What the machine does with a personnel file (A13): reads, judges, seals and applies it, chunk by chunk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.files import READINGS, reading
from activities.outside import beating, broken_off, counting_failures
from activities.transition import ActivityContext, Transition, run_transition
from domain.dates import tehran_day
from domain.persian import persian_digits
from domain.personnel.file import keep_within
from domain.personnel.rows import PersonnelRow, Place, RawRow, judge_row
from domain.personnel.status import StatusWords
from gateways.files import FileDamaged
from gateways.personnel_file import PersonnelFileError, open_rows
from gateways.workplace import workplace
from messages.case import NextStep, StepInput
from messages.personnel import Event, ImportPhase, ImportResult, ImportStep
from messages.queue import Queue
from storage import personnel
from storage.cases import read_case
from storage.database import SERVICE, transaction
from storage.organisation import list_regions
from storage.personnel import Chunk, Importing
from storage.policies import in_force
from storage.retries import retried
from storage.sealing import SealBroken, Seals

CHUNK_ROWS = 1_000
FILE_MISSING = "file_missing"
FILE_DAMAGED = "file_damaged"
GAVE_UP = "import_gave_up"
_CHUNK_LIMIT_MS = 10_000
_PREFIX = "amanat-personnel-"
_log = logging.getLogger("amanat.activities")


_NO_WORDS = StatusWords({})


@dataclass(slots=True)
class _FileReader:
    """Reads, judges and seals a file chunk by chunk; runs in a thread. What it has seen spans the whole file."""

    seals: Seals
    rows: Iterator[RawRow] = field(repr=False)
    regions: Collection[str]
    today: date
    statuses: StatusWords = _NO_WORDS
    # Those for which the sender speaks; none is all.
    own_regions: Collection[str] = ()
    row: int = 0
    _seen: set[str] = field(default_factory=set, repr=False)

    def next_chunk(self) -> Chunk | None:
        """The next rows, or None at the end.

        Raises:
            PersonnelFileError: the file cannot be read further.
        """
        good, refused, leavers, places = [], [], [], dict[int, Place]()
        for raw in islice(self.rows, CHUNK_ROWS):
            self.row = raw.number
            judged = judge_row(raw, self.regions, self._seen, self.today, self.statuses)
            judged = keep_within(raw, judged, self.own_regions)
            if isinstance(judged, PersonnelRow):
                good.append(personnel.seal_row(self.seals, judged))
                places[raw.number] = raw.place
                continue
            refused.append(personnel.seal_refused(self.seals, raw, judged))
            if judged.leaver is not None and judged.national_id is not None:
                leavers.append(personnel.index_leaver(self.seals, judged.number, judged.national_id, judged.leaver))
        return Chunk(self.row, good, places, refused, leavers) if good or refused else None


class PersonnelImport:
    """Reading a personnel file, and ending its import."""

    def __init__(self, context: ActivityContext) -> None:
        self._context = context

    @activity.defn
    async def import_personnel(self, step: StepInput) -> ImportResult:
        """Import the file's rows (A13). An interrupted import resumes after its last chunk.

        It is given up once its reading broke off ``READINGS`` times.
        """
        async with counting_failures(self._context, step.case_id):
            return await self._import(step.case_id)

    async def _import(self, case_id: UUID) -> ImportResult:
        importing, key, today = await self._begin(case_id)
        if not key:
            return ImportResult()
        if broken_off() >= READINGS:
            return await self._alarm(case_id, GAVE_UP)
        async with workplace(_PREFIX) as directory:
            path = directory / "file"
            try:
                await self._context.files.fetch(key, path)
            except FileNotFoundError:
                return await self._stop(case_id, FILE_MISSING)
            except (FileDamaged, SealBroken):
                return await self._alarm(case_id, FILE_DAMAGED)
            try:
                await self._import_rows(importing, path, today)
            except PersonnelFileError as fault:
                return await self._stop(case_id, fault.code, fault.columns, fault.row)
        return ImportResult()

    @activity.defn
    async def finish_import(self, step: StepInput) -> NextStep:
        """End the import, and tell its sender."""
        return await run_transition(self._context, ImportStep.FINISH_IMPORT, step, _finish)

    @activity.defn
    async def discard_file(self, step: StepInput) -> None:
        """Delete the file: what is needed of it stands in Postgres."""
        async with transaction(self._context.engine, SERVICE) as connection:
            imported = await personnel.read_import(connection, step.case_id)
        if imported is not None:
            await self._context.files.remove(imported.file_key)

    async def _begin(self, case_id: UUID) -> tuple[Importing, str, date]:
        """For what, from which file (none if the import has ended), and of which day."""
        async with transaction(self._context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
            imported = await personnel.read_import(connection, case_id)
            sender = await personnel.sender_of(connection, case_id)
        if case is None or imported is None:
            raise ApplicationError(f"no import {case_id}", type="NoSuchCase", non_retryable=True)
        importing = Importing(
            case_id, imported.organisation_id, case.policy_id, sender, imported.regions, self._context.seals
        )
        # The day on which the file came: a second attempt after midnight must judge as the first one did.
        going_on = case.is_open and imported.error is None
        return importing, imported.file_key if going_on else "", tehran_day(case.opened_at)

    async def _import_rows(self, importing: Importing, path: Path, today: date) -> None:
        engine = self._context.engine
        reader = _FileReader(self._context.seals, iter(()), (), today, own_regions=importing.regions)
        async with beating():
            opened = await reading(open_rows, path)
            reader.rows = opened.rows
            async with transaction(engine, SERVICE) as connection:
                reader.regions = frozenset(await list_regions(connection))
                reader.statuses = await _status_words(connection)
                await personnel.begin_reading(
                    connection, importing.case_id, rows_total=opened.total, sheets_left_out=opened.sheets_left_out
                )
            chunk = await reading(reader.next_chunk)
            while chunk is not None:
                # One chunk is read and sealed in a thread while Postgres works on the one before.
                _, chunk = await asyncio.gather(self._apply(importing, chunk), reading(reader.next_chunk))

    async def _apply(self, importing: Importing, chunk: Chunk) -> None:
        async def apply_once() -> None:
            async with transaction(self._context.engine, SERVICE, limit_ms=_CHUNK_LIMIT_MS) as connection:
                await personnel.apply_chunk(connection, importing, chunk)

        await retried(apply_once, of="import:chunk")

    async def _stop(
        self, case_id: UUID, code: str, columns: Sequence[str] = (), row: int | None = None
    ) -> ImportResult:
        async with transaction(self._context.engine, SERVICE) as connection:
            await personnel.stop_reading(connection, case_id, code=code, columns=columns, row=row)
        return ImportResult(code)

    async def _alarm(self, case_id: UUID, code: str) -> ImportResult:
        """Stop for a reason that an operator must look into."""
        _log.error("import_stopped", extra={"case_id": str(case_id), "code": code})
        return await self._stop(case_id, code)


async def _status_words(connection: AsyncConnection) -> StatusWords:
    """What statuses mean now, which a file is judged by whenever it came."""
    policy = await in_force(connection, StatusWords.POLICY)
    if policy is None:
        raise LookupError("there is no policy for statuses")
    return StatusWords.from_policy(policy.value)


async def _finish(step: Transition) -> NextStep:
    imported = await personnel.read_import(step.connection, step.case.id)
    if imported is None:
        raise LookupError(f"case {step.case.id} has no personnel file")
    counts = {
        "added": imported.rows_added,
        "changed": imported.rows_changed,
        "unchanged": imported.rows_unchanged,
        "refused": imported.rows_refused,
    }
    code = Event.FILE_REFUSED if imported.error else Event.FILE_IMPORTED
    if code is Event.FILE_IMPORTED and imported.rows_leaving:
        code, counts["leaving"] = Event.FILE_IMPORTED_LEAVING, imported.rows_leaving
    await step.add_event(code, params=counts)
    sender = await personnel.sender_of(step.connection, step.case.id)
    if sender is not None:
        await step.notify([sender], code, {name: persian_digits(str(count)) for name, count in counts.items()})
    return await step.end(ImportPhase.REFUSED if imported.error else ImportPhase.IMPORTED)


def import_activities(context: ActivityContext) -> dict[Queue, list[Callable[[StepInput], Awaitable[Any]]]]:
    """What a worker registers."""
    imports = PersonnelImport(context)
    return {
        # The first release had one queue: what it scheduled still waits there when another one takes over.
        Queue.PROCESSES: [imports.import_personnel, imports.finish_import, imports.discard_file],
        Queue.OUTSIDE: [imports.discard_file],
        Queue.BATCH: [imports.import_personnel],
    }
