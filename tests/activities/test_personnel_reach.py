"""How far a file reaches: not into what another employer says, nor into the sender's own pay (A3, A13)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from storage.database import SERVICE, transaction
from storage.rows.account import staff_credentials
from storage.rows.organisation import employments
from storage.rows.people import persons
from storage.rows.personnel import personnel_changes, personnel_versions
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice as CreditOffice
from tests.commands.onboarding_steps import TavanaScenario, withdraw
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


async def test_another_organisations_proposal_is_not_dropped_because_one_waits(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange
) -> None:
    line, elsewhere = Line(), await PersonnelOffice.open(activity_context, arrange)
    await office.import_(line)
    other = line.but(mobile="+989990000001")
    for _ in range(2):
        await elsewhere.import_(other)
        await office.import_(other)
    (theirs,), (ours,) = await elsewhere.changes(), await office.changes()
    assert (theirs.organisation_id, ours.organisation_id) == (elsewhere.organisation_id, office.organisation_id)
    assert theirs.organisation_id != ours.organisation_id


async def test_no_employer_renames_whoever_works_elsewhere_too(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange
) -> None:
    line, elsewhere = Line(), await PersonnelOffice.open(activity_context, arrange)
    await office.import_(line)
    renamed = line.but(first_name="بدنام", last_name="بدنام")
    first = await elsewhere.import_(renamed)
    second = await elsewhere.import_(renamed)
    assert [(done.rows_added, done.rows_changed, done.rows_unchanged) for done in (first, second)] == [
        (1, 0, 0),
        (0, 0, 1),
    ]
    assert (await office.person(line)).first_name == "سارا"
    # Nor does the first employer any more; what else its file says still counts.
    third = await office.import_(renamed.but(net_pay_rial="500000000"))
    assert third.rows_changed == 1
    stored = await office.person(line)
    assert (stored.last_name, stored.job_net_pay) == ("یزدانی", 500_000_000)
    versions = await office.fetch(sa.select(personnel_versions.c.before))
    assert [version.before for version in versions] == [{"net_pay_rial": 400_000_000}]


async def test_no_file_renames_a_member_of_staff(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    async with transaction(office.context.engine, SERVICE) as connection:
        await connection.execute(
            sa.insert(staff_credentials).values(
                person_id=(await office.person(line)).id, username="sara", password_hash="x", totp_sealed=b"x"
            )
        )
    done = await office.import_(line.but(first_name="مدیر"))
    assert (done.rows_changed, done.rows_unchanged) == (0, 1)
    assert (await office.person(line)).first_name == "سارا"


async def own_line(office: PersonnelOffice) -> Line:
    """The row of the person who sends the files."""
    (found,) = await office.fetch(sa.select(persons).where(persons.c.id == office.actor.person_id))
    opened = office.context.seals.cipher.open_text
    return Line(
        national_id=opened(found.national_id_sealed, "person.national_id"),
        mobile=opened(found.mobile_sealed, "person.mobile"),
        first_name=found.first_name,
        last_name=found.last_name,
    )


@pytest.mark.parametrize(
    "changes",
    [{"net_pay_rial": "9000000000"}, {"hire_date": "1380/01/10"}, {"region_code": "2201"}],
)
async def test_nobody_changes_their_own_pay_hire_date_or_region_with_a_file(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange, changes: dict[str, str]
) -> None:
    own, other = await own_line(office), Line()
    colleague = replace(office, actor=await arrange.acting((await arrange.person("staff")).id, *office.actor.grants))
    assert (await colleague.import_(own, other)).rows_added == 2
    before = await office.person(own)

    new = own.but(**changes, sheba=SHEBAS[1])
    done = await office.import_(new, other.but(**changes))
    assert await office.refused(done.case_id) == {"1": "own_row"}
    assert (done.rows_read, done.rows_changed, done.rows_unchanged, done.rows_refused) == (2, 1, 0, 1)
    assert (await office.person(own), await office.changes()) == (before, [])
    assert (await colleague.import_(own.but(**changes))).rows_changed == 1


async def test_an_own_row_that_says_nothing_new_is_like_any_other_and_a_new_one_is_refused(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    own = await own_line(office)
    colleague = replace(office, actor=await arrange.acting((await arrange.person("staff")).id, *office.actor.grants))
    first = await office.import_(own, Line())
    assert await office.refused(first.case_id) == {"1": "own_row"}
    assert (first.rows_added, first.rows_refused) == (1, 1)
    wanted = sa.select(employments.c.id).where(employments.c.person_id == office.actor.person_id)
    assert await office.fetch(wanted) == []
    await colleague.import_(own)
    same = await office.import_(own)
    assert (same.rows_unchanged, same.rows_refused) == (1, 0)
    # Another mobile or sheba is for somebody else to confirm, so it may be proposed.
    assert (await office.import_(own.but(sheba=SHEBAS[1]))).changes_opened == 1


@pytest.mark.parametrize("far", ["named", "stands"])
async def test_a_file_changes_nobody_for_whom_its_sender_stands_or_who_stands_for_them_until_it_has_ended(
    activity_context: ActivityContext, arrange: Arrange, far: str
) -> None:
    tavana = await TavanaScenario.opened(arrange.context, arrange, activity_context)
    office = await PersonnelOffice.open(activity_context, arrange, tavana.employer)
    case_id = await {"named": tavana.apply, "stands": tavana.backed}[far]()

    async def sent_by(sender: Someone) -> PersonnelOffice:
        return replace(office, actor=await arrange.acting(sender.id, *office.actor.grants))

    def row(listed: Someone, **changes: str) -> Line:
        about = Line(listed.national_id, first_name="", last_name="", mobile=listed.mobile, hire_date="1394/01/15")
        return about.but(**changes)

    pairs = [(tavana.guarantor, tavana.applicant), (tavana.applicant, tavana.guarantor)]
    richer, moved = {"net_pay_rial": "900000000"}, {"region_code": "2201"}
    for sender, listed in pairs:
        for changes in (richer, moved, {"hire_date": "1380/01/10"}, {"employment": "ترک کار"}):
            done = await (await sent_by(sender)).import_(row(listed, **changes))
            assert await office.refused(done.case_id) == {"1": "own_row"}
            assert (done.rows_changed, done.rows_refused, done.changes_opened) == (0, 1, 0)
    same = await (await sent_by(tavana.guarantor)).import_(row(tavana.applicant))
    assert (same.rows_unchanged, same.rows_refused) == (1, 0)
    await withdraw(CreditOffice(arrange.context, tavana.applicant, tavana.finance), case_id)
    for sender, listed in pairs:
        assert (await (await sent_by(sender)).import_(row(listed, **richer))).rows_changed == 1


async def test_a_change_of_sheba_that_waits_is_not_ended_by_whoever_stands_for_the_person(
    activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    tavana = await TavanaScenario.opened(arrange.context, arrange, activity_context)
    office = await PersonnelOffice.open(activity_context, arrange, tavana.employer)
    await tavana.backed()
    await superuser.run("UPDATE employments SET sheba_index = %s", office.context.seals.index.of("sheba", SHEBAS[0]))
    listed = tavana.applicant
    row = Line(listed.national_id, first_name="", last_name="", mobile=listed.mobile, hire_date="1394/01/15")
    await office.import_(row.but(sheba=SHEBAS[1]))
    waiting = sa.select(personnel_changes.c.value_index).where(personnel_changes.c.what == "sheba")
    before = await office.fetch(waiting)
    bound = replace(office, actor=await arrange.acting(tavana.guarantor.id, *office.actor.grants))

    await bound.import_(row)
    assert await office.fetch(waiting) == before

    await office.import_(row)
    assert await office.fetch(waiting) != before
