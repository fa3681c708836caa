"""What becomes of the rows of a personnel file: kept as they were found, exits apart, and each region by its own HR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from domain.access import Grant, Role, ScopeKind
from domain.errors import Forbidden, NotFound
from domain.personnel.file import RefusedLine
from domain.personnel.rows import Place
from messages.personnel import Event, Leaving
from storage import personnel
from storage.database import SERVICE, transaction
from storage.housekeeping import tidy
from storage.rows.audit import audit
from storage.rows.cases import timeline
from storage.rows.notices import notices
from storage.rows.outbox import outbox
from storage.rows.personnel import Import
from tests.arrange import Arrange
from tests.books import Superuser
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


async def regional(office: PersonnelOffice, arrange: Arrange, *regions: str) -> PersonnelOffice:
    """HR of some regions, for the same organisation."""
    officer = await arrange.staff(*(Grant(Role.HR_OFFICER, ScopeKind.REGION, region) for region in regions))
    return replace(office, actor=await arrange.actor(officer))


async def report(office: PersonnelOffice, imported: Import) -> list[RefusedLine]:
    """The lines of an import's report, as HR sees them."""
    async with transaction(office.context.engine, SERVICE) as connection:
        return await personnel.list_refusals(connection, imported.case_id, seals=office.context.seals)


def codes(lines: Sequence[RefusedLine]) -> list[str]:
    """What is the matter with each line."""
    return [line.code for line in lines]


async def test_a_refused_row_is_told_with_value_name_and_places_and_these_are_kept_sealed(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    line = Line(mobile="0912 333", first_name="نازنین", last_name="پرتوی")
    done = await office.import_(Line(), line)
    assert await report(office, done) == [
        RefusedLine(2, "mobile", "bad_mobile", Place("", 2, 3), value="0912 333", name="نازنین پرتوی")
    ]
    ((kept,),) = await superuser.rows("SELECT personnel_refusals::text || value_sealed::text FROM personnel_refusals")
    told = await office.fetch(sa.select(audit.c.content)) + await office.fetch(
        sa.select(sa.cast(outbox.c.payload, sa.Text))
    )
    for text in (kept, *(str(row) for row in told)):
        assert "0912 333" not in text
        assert "پرتوی" not in text


async def test_what_stood_in_refused_rows_is_forgotten_after_ninety_days_and_the_rest_stays(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    old, new = await office.import_(Line(mobile="1")), await office.import_(Line(mobile="2"))
    await superuser.run("ALTER TABLE personnel_refusals DROP CONSTRAINT personnel_refusals_case_id_fkey")
    aged = await superuser.value(
        "UPDATE personnel_refusals SET case_id = uuidv7(interval '-91 days') WHERE case_id = %s RETURNING case_id",
        old.case_id,
    )
    await tidy(office.context.engine)
    (forgotten,), (kept,) = await report(office, replace(old, case_id=aged)), await report(office, new)
    assert (forgotten.value, forgotten.name, forgotten.code, forgotten.place.line) == (None, None, "bad_mobile", 2)
    assert (kept.value, kept.name) == ("2", "سارا یزدانی")


async def test_who_has_left_is_not_counted_as_refused_and_nobody_is_told_to_correct_them(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    leaver, former = Line(), Line()
    await office.import_(leaver, former)
    index = office.context.seals.index.of("national_id", former.national_id)
    await superuser.run(
        "UPDATE employments SET state = 'left' WHERE person_id = (SELECT id FROM persons WHERE national_id_index = %s)",
        index,
    )
    left = [line.but(employment="بازنشسته") for line in (leaver, former, Line())]
    done = await office.import_(*left, leaver.but(mobile="0912"), Line(mobile="0912"))
    found = await report(office, done)
    assert [line.leaving for line in found] == [Leaving.WAITING, Leaving.ENDED, None, None, None]
    assert codes(found) == ["not_employed", "not_employed", "not_employed", "duplicate", "bad_mobile"]
    assert (done.rows_leaving, done.rows_refused, done.rows_unchanged) == (2, 3, 0)
    assert (done.changes_opened, done.exits_opened) == (1, 1)
    assert "در انتظار تأیید" in found[0].sentence.fa
    assert all("نیازی به اصلاح ندارد" in line.sentence.fa for line in found[:2])

    again = await office.import_(left[0])
    assert (again.rows_leaving, again.rows_refused, again.changes_opened) == (1, 0, 0)


async def test_the_sender_is_told_how_many_have_left_apart_from_the_refused(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    done = await office.import_(line.but(employment="ترک کار"), Line(mobile="1"))
    events = await office.fetch(sa.select(timeline.c.code, timeline.c.params).where(timeline.c.case_id == done.case_id))
    (params,) = [row.params for row in events if row.code == Event.FILE_IMPORTED_LEAVING]
    assert (params["refused"], params["leaving"]) == (1, 1)
    ((template,),) = await office.fetch(sa.select(notices.c.template).where(notices.c.case_id == done.case_id))
    assert template == Event.FILE_IMPORTED_LEAVING


async def test_changes_are_counted_by_who_confirms_them(office: PersonnelOffice) -> None:
    first, second = Line(), Line()
    await office.import_(first, second)
    done = await office.import_(first.but(mobile="09350009999", sheba=SHEBAS[1]), second.but(employment="فوت"))
    assert (done.changes_opened, done.exits_opened) == (3, 1)


async def test_hr_of_a_region_lists_its_own_people_and_rows_of_other_regions_are_refused_alone(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    await office.import_(Line(region_code="1101"))
    here = await regional(office, arrange, "1101", "3302")
    done = await here.import_(Line(region_code="1101"), Line(region_code="1104"), Line(region_code="۱۱۰۱"))
    assert (done.regions, done.rows_added, done.rows_refused) == (["1101"], 2, 1)
    (line,) = await report(office, done)
    assert (line.code, line.column, line.value, line.place) == ("other_region", "region_code", "1104", Place("", 2, 3))
    assert "منطقه" in line.sentence.fa
    trail = await office.fetch(sa.select(audit.c.content).where(audit.c.content.contains("import_personnel")))
    assert any('"regions":["1101"]' in row.content.replace(" ", "") for row in trail)


async def test_hr_of_a_region_changes_nobody_of_another_one_whatever_the_row_says(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    mine, theirs, leaving = Line(region_code="1101"), Line(region_code="1104"), Line(region_code="1104")
    await office.import_(mine, theirs, leaving)
    before = [await office.person(line) for line in (theirs, leaving)]
    here = await regional(office, arrange, "1101")
    done = await here.import_(
        # A person of another region is not pulled over, be it with another number.
        theirs.but(region_code="1101", mobile="09350008888"),
        leaving.but(region_code="1101", employment="بازنشسته"),
    )
    assert codes(await report(office, done)) == ["other_region", "other_region"]
    assert (done.rows_refused, done.rows_leaving, done.changes_opened) == (2, 0, 0)
    outright = await here.import_(theirs.but(mobile="09350008888"), leaving.but(employment="بازنشسته"))
    assert codes(await report(office, outright)) == ["other_region", "other_region"]
    assert [await office.person(line) for line in (theirs, leaving)] == before
    assert await office.changes() == []

    own = await here.import_(mine.but(net_pay_rial="500000000", mobile="09350007777"))
    assert (own.rows_changed, own.changes_opened) == (1, 1)


async def test_a_file_does_not_tell_hr_of_a_region_who_works_in_another_one(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    theirs = Line(region_code="1104")
    await office.import_(Line(region_code="1101"), theirs)
    here = await regional(office, arrange, "1101")
    done = await here.import_(
        *(line.but(region_code="1101", employment="بازنشسته") for line in (theirs, Line())),
        Line(region_code="1101", employment="نامشخص"),
    )
    assert codes(await report(office, done)) == ["other_region", "other_region", "unreadable_status"]
    assert (done.rows_leaving, done.rows_refused) == (0, 3)


async def test_hr_of_a_region_reports_who_has_left_though_the_row_names_no_region(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    mine, theirs = Line(region_code="1101"), Line(region_code="1104")
    await office.import_(mine, theirs)
    here = await regional(office, arrange, "1101")
    done = await here.import_(*(line.but(region_code="", employment="ترک کار") for line in (mine, theirs, Line())))
    assert [line.leaving for line in await report(office, done)] == [Leaving.WAITING, None, None]
    assert codes(await report(office, done))[1:] == ["other_region", "other_region"]


async def test_hr_of_a_region_sends_for_no_organisation_without_people_there(
    office: PersonnelOffice, arrange: Arrange, activity_context: ActivityContext
) -> None:
    await office.import_(Line(region_code="1101"))
    elsewhere = await regional(office, arrange, "2201")
    with pytest.raises(NotFound):
        await elsewhere.send([Line(region_code="2201")])
    foreign = await PersonnelOffice.open(activity_context, arrange)
    here = await regional(foreign, arrange, "1101")
    with pytest.raises(NotFound):
        await here.send([Line(region_code="1101")])
    finance = replace(office, actor=await arrange.actor(await arrange.finance_officer()))
    with pytest.raises(Forbidden):
        await finance.send([Line()])
