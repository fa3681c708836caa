"""Steps of the personnel tests: files made of people, sent through the real command, imported by the real activity."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from temporalio.testing import ActivityEnvironment

from activities.personnel.imports import PersonnelImport
from activities.transition import ActivityContext
from commands.command import Context
from commands.personnel import send_file
from commands.upload import Upload
from domain.access import Actor
from domain.personnel.headings import COLUMNS, HEADINGS
from domain.personnel.status import StatusWords
from messages.case import StepInput
from storage import personnel
from storage.database import SERVICE, transaction
from storage.migrations.shipping import policy_file, read_data
from storage.migrations.versions import personnel_status
from storage.rows.cases import cases
from storage.rows.organisation import employments
from storage.rows.people import persons
from storage.rows.personnel import Import
from tests.arrange import Arrange, fresh_totp, next_national_id

DATA = Path(__file__).parent / "data"
# What statuses mean in a new database.
STATUSES = StatusWords.from_policy(
    read_data(policy_file(StatusWords.POLICY), personnel_status.POLICIES[StatusWords.POLICY])
)
SHEBAS = ("IR490546091390996030824628", "IR420199754323194875749118", "IR550551049746507529170342")
_MOBILES = itertools.count(9_350_000_000)


@dataclass(frozen=True, slots=True)
class Line:
    """One person's row, valid unless a test says otherwise."""

    national_id: str = field(default_factory=next_national_id)
    first_name: str = "سارا"
    last_name: str = "یزدانی"
    mobile: str = field(default_factory=lambda: f"+98{next(_MOBILES)}")
    region_code: str = "1101"
    hire_date: str = "1395/01/10"
    net_pay_rial: str = "400000000"
    sheba: str = SHEBAS[0]
    employment: str = "شاغل"

    def cells(self) -> list[str]:
        """The cells, in the order of the columns."""
        return [getattr(self, column) for column in COLUMNS]

    def but(self, **changes: str) -> Line:
        """The same person with other values."""
        return replace(self, **changes)


def csv_of(lines: Iterable[Line]) -> bytes:
    """A personnel file in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADINGS[column] for column in COLUMNS)
    writer.writerows(line.cells() for line in lines)
    return text.getvalue().encode()


def as_xlsx(path: Path, content: bytes, encoding: str) -> bytes:
    """A CSV file's cells as an XLSX."""
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        for number, cells in enumerate(csv.reader(io.StringIO(content.decode(encoding), newline=""))):
            sheet.write_row(number, 0, cells)
    return path.read_bytes()


@dataclass(frozen=True, slots=True)
class PersonnelOffice:
    """An organisation's HR at work."""

    context: Context
    activity_context: ActivityContext
    organisation_id: UUID
    actor: Actor

    @classmethod
    async def open(
        cls, activity_context: ActivityContext, arrange: Arrange, employer: UUID | None = None
    ) -> PersonnelOffice:
        """An organisation, a new one unless given, with an hr_officer."""
        organisation_id = employer or await arrange.organisation()
        officer = await arrange.hr_officer(organisation_id)
        return cls(arrange.context, activity_context, organisation_id, await arrange.actor(officer))

    async def send(self, content: bytes | Sequence[Line]) -> UUID:
        """Send a file; returns the import's case."""
        body = content if isinstance(content, bytes) else csv_of(content)
        upload = Upload(self.actor, self.organisation_id, uuid4().hex, "", in_parts(body), fresh_totp())
        answer = await send_file(self.context, upload, lambda received: str(received.case_id).encode())
        return UUID(answer.body.decode())

    async def run(self, case_id: UUID) -> Import:
        """Import a sent file to its end."""
        activities, environment = PersonnelImport(self.activity_context), ActivityEnvironment()
        await environment.run(activities.import_personnel, StepInput(case_id))
        await environment.run(activities.finish_import, StepInput(case_id))
        await environment.run(activities.discard_file, StepInput(case_id))
        return await self.read(case_id)

    async def import_(self, *lines: Line) -> Import:
        """Send and import people."""
        return await self.run(await self.send(lines))

    async def read(self, case_id: UUID) -> Import:
        """The import as it stands."""
        async with transaction(self.context.engine, SERVICE) as connection:
            found = await personnel.read_import(connection, case_id)
        assert found is not None
        return found

    async def refused(self, case_id: UUID) -> dict[str, str]:
        """Row numbers and codes of the refused rows."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return {str(line.number): line.code for line in await personnel.list_refusals(connection, case_id)}

    async def fetch(self, query: sa.Select[Any]) -> list[Any]:
        """The rows of a query."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return list(await connection.execute(query))

    async def person(self, line: Line) -> Any:
        """The stored person and employment of a row."""
        index = self.context.seals.index.of("national_id", line.national_id)
        (found,) = await self.fetch(
            sa.select(persons, *(c.label(f"job_{c.name}") for c in employments.c))
            .join(employments, employments.c.person_id == persons.c.id)
            .where(persons.c.national_id_index == index, employments.c.organisation_id == self.organisation_id)
        )
        return found

    async def mobile(self, line: Line) -> str:
        """The stored mobile of a row's person, opened."""
        return self.context.seals.cipher.open_text((await self.person(line)).mobile_sealed, "person.mobile")

    async def changes(self) -> list[Any]:
        """The change cases of the organisation, oldest first."""
        wanted = (cases.c.organisation_id == self.organisation_id, cases.c.kind == "personnel_change")
        return await self.fetch(sa.select(cases).where(*wanted).order_by(cases.c.id))

    async def change(self, first: Line, second: Line) -> UUID:
        """The one change case that comes of a person's second row."""
        await self.import_(first)
        await self.import_(second)
        (case,) = await self.changes()
        case_id: UUID = case.id
        return case_id


async def in_parts(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Content as it comes over a wire."""
    for start in range(0, len(content), size):
        yield content[start : start + size]
