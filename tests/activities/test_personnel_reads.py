"""What a chunk of a personnel file costs where thousands wait already: it looks at its own people, not at everybody's.

Counted by Postgres in rows, not in time, on tables that were never analysed: the day a file opens many cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from domain.personnel.rows import PersonnelRow, RawRow, judge_row
from storage.cases import read_case
from storage.database import SERVICE, transaction
from storage.personnel import Chunk, Importing, apply_chunk, seal_row
from storage.rows.guarantor import guarantees
from storage.rows.organisation import employments
from tests.arrange import Arrange
from tests.commands.onboarding_steps import TavanaScenario
from tests.personnel_steps import STATUSES, Line, PersonnelOffice

PEOPLE = 300
# Several lookups a person, and the checks of foreign keys; one look at everybody a person would be PEOPLE.
READS_A_PERSON = 30
_READ = sa.text(
    "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables"
    " WHERE relname IN ('cases', 'employments', 'guarantees', 'personnel_changes', 'persons', 'tasks')"
)


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


def moved(lines: Sequence[Line], first: int) -> list[Line]:
    """The same people with other mobiles."""
    return [line.but(mobile=f"+98{first + number}") for number, line in enumerate(lines)]


async def rows_read(office: PersonnelOffice, lines: Sequence[Line]) -> dict[str, int]:
    """Apply people as one chunk, and tell how many rows of each table Postgres looked at."""
    case_id = await office.send(lines)
    rows, seen = [], set[str]()
    for number, line in enumerate(lines, 1):
        judged = judge_row(RawRow(number, tuple(line.cells())), {line.region_code}, seen, date(2026, 3, 1), STATUSES)
        assert isinstance(judged, PersonnelRow)
        rows.append(seal_row(office.context.seals, judged))
    async with transaction(office.context.engine, SERVICE) as connection:
        case = await read_case(connection, case_id)
        assert case is not None
        importing = Importing(
            case_id, office.organisation_id, case.policy_id, office.actor.person_id, [], office.context.seals
        )
        before = {row.relname: row.rows for row in await connection.execute(_READ)}
        await apply_chunk(connection, importing, Chunk(len(rows), rows, {}, [], []))
        return {row.relname: row.rows - before.get(row.relname, 0) for row in await connection.execute(_READ)}


@pytest.mark.untouched
async def test_a_chunk_opens_and_replaces_proposals_without_looking_at_everybody_elses(office: PersonnelOffice) -> None:
    lines = [Line() for _ in range(2 * PEOPLE)]
    await office.import_(*lines)
    await office.import_(*moved(lines[:PEOPLE], 9_360_000_000))
    opening = await rows_read(office, moved(lines[PEOPLE:], 9_361_000_000))
    assert len(await office.changes()) == 2 * PEOPLE
    replacing = await rows_read(office, moved(lines[:PEOPLE], 9_362_000_000))
    for read in (opening, replacing):
        assert {table: rows for table, rows in read.items() if rows > READS_A_PERSON * PEOPLE} == {}
        assert read["cases"] >= PEOPLE


@pytest.mark.untouched
async def test_a_chunk_of_new_pay_looks_only_at_its_own_peoples_guarantees(
    activity_context: ActivityContext, arrange: Arrange
) -> None:
    tavana = await TavanaScenario.opened(arrange.context, arrange, activity_context)
    office = await PersonnelOffice.open(activity_context, arrange, tavana.employer)
    lines = [Line() for _ in range(PEOPLE)]
    await office.import_(*lines)
    case_id = await tavana.apply()
    async with transaction(office.context.engine, SERVICE) as connection:
        columns = ["case_id", "credit_case_id", "applicant_id", "person_id", "employment_id", "monthly", "instalments"]
        those = sa.select(
            *map(sa.literal, (case_id, case_id, tavana.applicant.id)),
            *(employments.c.person_id, employments.c.id, sa.literal(1), sa.literal(1)),
        ).where(employments.c.person_id.not_in([tavana.applicant.id, tavana.guarantor.id]))
        await connection.execute(sa.insert(guarantees).from_select(columns, those))
    read = await rows_read(office, [line.but(net_pay_rial="500000000") for line in lines])
    assert PEOPLE <= read["guarantees"] <= READS_A_PERSON * PEOPLE
