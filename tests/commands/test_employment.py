"""Personnel data corrected by HR (A3): by whom, against what happens at the same moment, and with what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from commands.account import authenticate
from commands.command import Context
from commands.employment import correct_employment, search_employments
from domain.access import Grant, Role, ScopeKind
from domain.employment import EmploymentEnded, OwnEmployment
from domain.errors import Forbidden, NotFound, OwnCase, Refusal
from storage.account import begin_session
from storage.database import SERVICE, transaction
from storage.employment import EARLIER_VERSIONS, EmploymentCorrection, History
from storage.rows.organisation import employments
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice as CreditOffice
from tests.commands.onboarding_steps import TavanaScenario, guarantee_of, refuse_guarantee, run, withdraw
from tests.personnel_steps import Line, PersonnelOffice


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    """An organisation's HR that sends files."""
    return await PersonnelOffice.open(activity_context, arrange)


async def region_officer(arrange: Arrange, region: str) -> Someone:
    """HR of a region."""
    return await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.REGION, region))


def corrected(context: Context, officer: Someone, employment_id: UUID, **values: Any) -> Awaitable[Any]:
    """Correct an employment."""
    wanted = EmploymentCorrection(**values)
    return run(context, officer, lambda command: correct_employment(command, employment_id, wanted, reason="حکم تازه"))


async def looked_up(context: Context, officer: Someone, national_id: str) -> list[History]:
    """What an officer finds."""
    return await search_employments(context, await authenticate(context, officer.token), national_id)


async def stands(superuser: Superuser, employment_id: UUID) -> tuple[Any, ...]:
    """Pay, region, hire date and state as stored."""
    (row,) = await superuser.rows(
        "SELECT net_pay, region_code, hire_date, state FROM employments WHERE id = %s", employment_id
    )
    return tuple(row)


async def test_whoever_is_moved_out_of_a_region_is_from_then_on_the_other_regions(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    person = await arrange.person("member")
    employment_id = await arrange.employ(person.id, await arrange.organisation(), region="1101")
    here, there = await region_officer(arrange, "1101"), await region_officer(arrange, "2201")
    with pytest.raises(NotFound):
        await corrected(context, there, employment_id, region_code="2201")

    await corrected(context, here, employment_id, region_code="۲۲۰۱")

    assert (await stands(superuser, employment_id))[1] == "2201"
    with pytest.raises(NotFound):
        await looked_up(context, here, person.national_id)
    with pytest.raises(NotFound):
        await corrected(context, here, employment_id, region_code="1101")
    (found,) = await looked_up(context, there, person.national_id)
    assert [version.before for version in found.earlier] == [{"region_code": "1101"}]
    await corrected(context, there, employment_id, net_pay=390_000_000)


async def test_an_officer_sees_and_corrects_only_the_employment_within_reach_of_whoever_has_two(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    person, mine = await arrange.person("member"), await arrange.organisation()
    here = await arrange.employ(person.id, mine)
    elsewhere = await arrange.employ(person.id, await arrange.organisation(), region="2201")
    officer = await arrange.hr_officer(mine)

    (found,) = await looked_up(context, officer, person.national_id)
    await corrected(context, officer, here, net_pay=450_000_000)

    assert found.employment.id == here
    with pytest.raises(NotFound):
        await corrected(context, officer, elsewhere, net_pay=450_000_000)
    assert (await stands(superuser, elsewhere))[0] == 400_000_000


async def test_who_corrects_the_hire_date_says_from_when_service_counts(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    person, organisation_id = await arrange.person("member"), await arrange.organisation()
    employment_id = await arrange.employ(person.id, organisation_id)
    await superuser.run("UPDATE employments SET service = 'P28Y0M0D', service_start = '1998-11-29'")
    officer = await arrange.hr_officer(organisation_id)
    service = "SELECT service, service_start FROM employments"

    await corrected(context, officer, employment_id, net_pay=390_000_000)
    assert await superuser.rows(service) == [("P28Y0M0D", date(1998, 11, 29))]
    await corrected(context, officer, employment_id, hire_date=date(2016, 3, 29))
    assert await superuser.rows(service) == [(None, None)]
    (found,) = await looked_up(context, officer, person.national_id)
    assert found.earlier[0].before == {"hire_date": "2015-04-04", "service_start": "1998-11-29"}


async def test_nobody_corrects_their_own_employment_whatever_their_roles(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    organisation_id = await arrange.organisation()
    grants = (
        Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id)),
        Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"),
    )
    officer = await arrange.staff(*grants)
    employment_id = await arrange.employ(officer.id, organisation_id)

    with pytest.raises(OwnEmployment):
        await corrected(context, officer, employment_id, net_pay=900_000_000)
    assert (await stands(superuser, employment_id))[0] == 400_000_000

    await corrected(context, await arrange.hr_officer(organisation_id), employment_id, net_pay=900_000_000)
    assert (await stands(superuser, employment_id))[0] == 900_000_000


@pytest.mark.parametrize("far", ["named", "asked", "stands"])
async def test_nobody_corrects_whoever_they_stand_for_or_who_stands_for_them_until_it_has_ended(
    context: Context, arrange: Arrange, superuser: Superuser, activity_context: ActivityContext, far: str
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await {"named": tavana.apply, "asked": tavana.asked, "stands": tavana.backed}[far]()
    assert (await guarantee_of(context, case_id, tavana.guarantor)).status == {"stands": "accepted"}.get(far, far)
    found = await superuser.rows("SELECT person_id, id FROM employments")
    employment_of = dict(found)
    async with transaction(context.engine, SERVICE) as connection:
        for one in (tavana.applicant, tavana.guarantor):
            await arrange.grant(connection, one.id, Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"))
    applicant, guarantor = [await arrange.as_staff(one) for one in (tavana.applicant, tavana.guarantor)]
    pairs = [(applicant, employment_of[guarantor.id]), (guarantor, employment_of[applicant.id])]

    for officer, employment_id in pairs:
        for values in ({"net_pay": 900_000_000}, {"region_code": "2201"}, {"hire_date": date(2016, 3, 29)}):
            with pytest.raises(OwnCase):
                await corrected(context, officer, employment_id, **values)
            assert await stands(superuser, employment_id) == (400_000_000, "1101", date(2015, 4, 4), "employed")
    if far == "asked":
        await refuse_guarantee(tavana, case_id, tavana.guarantor)
    else:
        await withdraw(CreditOffice(context, tavana.applicant, tavana.finance), case_id)
    for officer, employment_id in pairs:
        await corrected(context, officer, employment_id, net_pay=900_000_000)


async def test_an_officer_signed_in_as_a_member_neither_looks_up_nor_corrects(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    organisation_id = await arrange.organisation()
    colleague, officer = await arrange.member(organisation_id), await arrange.hr_officer(organisation_id)
    employment_id = await superuser.value("SELECT id FROM employments")
    async with transaction(context.engine, SERVICE) as connection:
        session = await begin_session(connection, officer.id, "member")
    as_member = Someone(officer.id, officer.national_id, officer.mobile, session.token)

    with pytest.raises(Forbidden):
        await looked_up(context, as_member, colleague.national_id)
    with pytest.raises(Forbidden):
        await corrected(context, as_member, employment_id, net_pay=900_000_000)


async def test_files_and_corrections_keep_one_history_of_which_nothing_sealed_is_shown(
    context: Context, arrange: Arrange, office: PersonnelOffice
) -> None:
    line = Line()
    await office.import_(line)
    file = await office.import_(line.but(net_pay_rial="500000000", first_name="ساره"))
    employment_id = (await office.person(line)).job_id
    officer = await arrange.hr_officer(office.organisation_id)

    await corrected(context, officer, employment_id, net_pay=450_000_000, hire_date=date(2016, 4, 4))
    same = await office.import_(
        line.but(net_pay_rial="450000000", hire_date="1395/01/16", first_name="ساره", mobile="+989990000001")
    )

    assert (same.rows_changed, same.rows_unchanged, same.changes_opened) == (0, 1, 1)
    (found,) = await looked_up(context, officer, line.national_id)
    assert [(version.case_id, version.before) for version in found.earlier] == [
        (None, {"net_pay_rial": 500_000_000, "hire_date": "2016-03-29"}),
        (file.case_id, {"net_pay_rial": 400_000_000}),
    ]
    stored = await office.person(line)
    assert (stored.job_net_pay, stored.first_name) == (450_000_000, "ساره")


async def test_postgres_itself_notes_who_corrected_and_takes_no_version_without_a_source(
    context: Context, arrange: Arrange, superuser: Superuser, office: PersonnelOffice
) -> None:
    line = Line()
    await office.import_(line)
    await office.import_(line.but(net_pay_rial="500000000"))
    officer = await arrange.hr_officer(office.organisation_id)

    await corrected(context, officer, (await office.person(line)).job_id, net_pay=450_000_000)

    rows = await superuser.rows("SELECT case_id IS NULL, actor_id FROM personnel_versions ORDER BY id")
    assert [tuple(row) for row in rows] == [(False, None), (True, officer.id)]
    with pytest.raises(sa.exc.IntegrityError, match="personnel_versions_source"):
        async with transaction(context.engine, SERVICE) as connection:
            await connection.execute(
                sa.text("INSERT INTO personnel_versions (person_id, before) SELECT id, '{}' FROM persons")
            )


async def test_two_corrections_of_one_moment_both_stand(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    organisation_id, person = await arrange.organisation(), await arrange.person("member")
    employment_id = await arrange.employ(person.id, organisation_id)
    officers = [await arrange.hr_officer(organisation_id) for _ in range(3)]
    wanted: list[dict[str, Any]] = [
        {"net_pay": 410_000_000},
        {"region_code": "2201"},
        {"hire_date": date(2014, 3, 21)},
    ]

    await asyncio.gather(
        *(
            corrected(context, officer, employment_id, **values)
            for officer, values in zip(officers, wanted, strict=True)
        )
    )

    assert await stands(superuser, employment_id) == (410_000_000, "2201", date(2014, 3, 21), "employed")
    rows = await superuser.rows("SELECT before FROM personnel_versions")
    kept = {name: value for (before,) in rows for name, value in before.items()}
    assert kept == {"net_pay_rial": 400_000_000, "region_code": "1101", "hire_date": "2015-04-04"}
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("meanwhile", "refused"),
    [({"state": "left"}, EmploymentEnded), ({"region_code": "2201"}, NotFound)],
)
async def test_a_correction_that_waited_for_an_exit_or_a_move_is_judged_by_what_stands_then(
    context: Context, arrange: Arrange, superuser: Superuser, meanwhile: dict[str, str], refused: type[Refusal]
) -> None:
    person = await arrange.person("member")
    employment_id = await arrange.employ(person.id, await arrange.organisation(), region="1101")
    officer = await region_officer(arrange, "1101")

    async with transaction(context.engine, SERVICE) as connection:
        await connection.execute(sa.update(employments).values(**meanwhile))
        correcting = asyncio.ensure_future(corrected(context, officer, employment_id, net_pay=450_000_000))

        async def waits() -> bool:
            return bool(await superuser.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(waits, "the correction to wait")

    with pytest.raises(refused):
        await correcting
    now = {"region_code": "1101", "state": "employed"} | meanwhile
    assert await stands(superuser, employment_id) == (400_000_000, now["region_code"], date(2015, 4, 4), now["state"])
    assert await superuser.value("SELECT count(*) FROM personnel_versions") == 0


async def test_a_reported_exit_stays_reported_when_the_pay_is_corrected(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    organisation_id, person = await arrange.organisation(), await arrange.person("member")
    employment_id = await arrange.employ(person.id, organisation_id)
    await superuser.run("UPDATE employments SET state = 'exit_reported'")

    await corrected(context, await arrange.hr_officer(organisation_id), employment_id, net_pay=450_000_000)

    assert await stands(superuser, employment_id) == (450_000_000, "1101", date(2015, 4, 4), "exit_reported")


async def test_of_a_long_history_the_newest_versions_are_shown(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    organisation_id, person = await arrange.organisation(), await arrange.person("member")
    employment_id = await arrange.employ(person.id, organisation_id)
    await superuser.run(
        "INSERT INTO personnel_versions (person_id, employment_id, actor_id, before) SELECT %s, %s, %s, before FROM"
        " (SELECT jsonb_build_object('net_pay_rial', n) AS before FROM generate_series(1, 25) n UNION ALL"
        ' SELECT \'{"sheba_sealed": "x"}\') earlier',
        person.id,
        employment_id,
        person.id,
    )

    (found,) = await looked_up(context, await arrange.hr_officer(organisation_id), person.national_id)

    shown = [version.before["net_pay_rial"] for version in found.earlier]
    assert shown == list(range(25, 25 - EARLIER_VERSIONS, -1))
