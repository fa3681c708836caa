"""The walls around files of cases: each part sees its own, adds for itself alone, and nothing is rewritten (G7)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from storage.database import SERVICE, Acting, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario

ADD = (
    "INSERT INTO attachments (case_id, person_id, part, seen_by, purpose, name_sealed, media_type, size, sha256,"
    " file_key) VALUES (:case, :person, :part, jsonb_build_array(CAST(:seen AS text)), 'supporting_paper', 'x',"
    " 'application/pdf', 1, 'x', :key)"
)


@dataclass(frozen=True, slots=True)
class Sides:
    """A case with two parties."""

    engine: AsyncEngine
    case_id: UUID
    applicant: Acting
    guarantor: Acting

    async def add(self, by: Acting, *, seen: str, part: str = "applicant", of: Acting | None = None) -> None:
        """Add a row that says by whom, as what and for whom it is."""
        values = {"case": self.case_id, "person": (of or by).person_id, "part": part, "seen": seen}
        async with transaction(self.engine, by) as connection:
            key = await connection.scalar(sa.text("SELECT uuidv7()::text"))
            await connection.execute(sa.text(ADD), {**values, "key": key})

    async def seen(self, by: Acting) -> int:
        """How many rows somebody sees."""
        async with transaction(self.engine, by) as connection:
            return int(await connection.scalar(sa.text("SELECT count(*) FROM attachments")) or 0)


@pytest.fixture
async def sides(
    context: Context, arrange: Arrange, activity_context: ActivityContext, engine: AsyncEngine, superuser: Superuser
) -> Sides:
    """An applicant and a guarantor who has accepted."""
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.backed()
    return Sides(engine, case_id, Acting("member", tavana.applicant.id), Acting("member", tavana.guarantor.id))


async def test_each_party_sees_what_is_for_its_part_and_staff_see_all(sides: Sides) -> None:
    await sides.add(sides.applicant, seen="applicant")
    await sides.add(sides.guarantor, seen="guarantor", part="guarantor")
    await sides.add(SERVICE, seen="nobody", of=sides.applicant)
    assert [await sides.seen(who) for who in (sides.applicant, sides.guarantor)] == [1, 1]
    assert await sides.seen(Acting("staff", UUID(int=7))) == 3
    assert await sides.seen(Acting("member", UUID(int=7))) == 0


async def test_who_no_longer_takes_part_sees_no_file_any_more(sides: Sides, superuser: Superuser) -> None:
    await sides.add(sides.guarantor, seen="guarantor", part="guarantor")
    ended = "UPDATE case_people SET until = now() WHERE person_id = %s"
    await superuser.run(ended, sides.guarantor.person_id)
    assert await sides.seen(sides.guarantor) == 0


async def test_nobody_adds_a_file_as_somebody_else_as_another_part_or_unseen_by_themselves(sides: Sides) -> None:
    forged = (
        {"by": sides.guarantor, "seen": "applicant", "part": "applicant"},
        {"by": sides.guarantor, "seen": "guarantor", "part": "guarantor", "of": sides.applicant},
        {"by": sides.guarantor, "seen": "applicant", "part": "guarantor"},
        {"by": Acting("member", UUID(int=7)), "seen": "applicant"},
    )
    for values in forged:
        with pytest.raises(DBAPIError, match="row-level security"):
            await sides.add(**values)  # type: ignore[arg-type]  # as named
    assert await sides.seen(SERVICE) == 0


@pytest.mark.parametrize("deed", ["DELETE FROM attachments", "UPDATE attachments SET file_key = 'x'"])
async def test_a_row_stays_as_it_was_written(sides: Sides, deed: str) -> None:
    await sides.add(sides.applicant, seen="applicant")
    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(sides.engine, SERVICE) as connection:
            await connection.execute(sa.text(deed))


async def test_nobody_removes_the_file_of_another_party(sides: Sides) -> None:
    await sides.add(sides.applicant, seen="applicant")
    async with transaction(sides.engine, sides.guarantor) as connection:
        done = await connection.execute(sa.text("UPDATE attachments SET removed_at = now()"))
    assert done.rowcount == 0
