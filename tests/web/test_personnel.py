"""The desk of HR: which organisation it is about, and what it says of files."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.personnel import FILE_LIMIT
from domain.access import Grant, Role, ScopeKind
from messages.case import StepInput
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.personnel_steps import Line, PersonnelOffice
from tests.transitions import Transitions
from tests.web.conftest import HERE, cookies
from web.language import COOKIE as LANGUAGE_COOKIE


async def seen(site: httpx2.AsyncClient, who: Someone, address: str) -> str:
    """What somebody sees, in English."""
    cookie = f"{cookies(who)['Cookie']}; {LANGUAGE_COOKIE}=en"
    answer = await site.get(address, headers={"Cookie": cookie})
    assert answer.status_code == 200, answer.text
    return answer.text


def linked(page: str) -> list[UUID]:
    """The organisations that a page leads to."""
    return [UUID(found) for found in re.findall(r'href="[^"]*organisation_id=([0-9a-f-]{36})"', page)]


async def test_the_desk_says_of_a_file_what_the_api_takes(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    page = await seen(site, await arrange.hr_officer(await arrange.organisation()), "/personnel")

    assert f'data-most="{FILE_LIMIT}"' in page
    assert f"at most {FILE_LIMIT // 1024**2} megabytes" in page


@pytest.mark.parametrize("address", ["/personnel", "/certificates"])
async def test_an_officer_of_several_organisations_begins_with_the_first_and_goes_to_the_others(
    site: httpx2.AsyncClient, arrange: Arrange, address: str
) -> None:
    first, second, third, foreign = [await arrange.organisation() for _ in range(4)]
    grants = [Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(one)) for one in (first, second, third)]
    officer = await arrange.staff(*grants)

    assert linked(await seen(site, officer, address)) == [second, third]
    assert linked(await seen(site, officer, f"{address}?organisation_id={third}")) == [first, second]
    refused = await site.get(f"{address}?organisation_id={foreign}", headers=cookies(officer))
    assert refused.status_code == 404


async def test_who_sent_the_file_reads_that_a_colleague_decides_and_the_contracts_officer_how_somebody_left(
    site: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    office, line = await PersonnelOffice.open(activity_context, arrange), Line()
    contracts = await arrange.platform(Role.CONTRACTS_OFFICER)
    sender = await arrange.as_staff(replace(contracts, id=office.actor.person_id), *office.actor.grants)
    case_id = await office.change(line, line.but(employment="فوت"))
    await Transitions(activity_context).request_decision(StepInput(case_id))
    task = await superuser.value("SELECT id FROM tasks WHERE case_id = %s", case_id)
    # Asked of the contracts office, the task is not the sender's to read at all; of their own office, it says why.
    assert (await site.get(f"/tasks/{task}", headers=cookies(sender))).status_code == 404
    page = await seen(site, contracts, f"/tasks/{task}")
    assert "<dt>How they left</dt><dd>died</dd>" in page
    assert 'value="confirm"' in page

    organisation = str(office.organisation_id)
    await superuser.run("UPDATE tasks SET role = 'hr_officer', scope_kind = 'organisation', scope = %s", organisation)
    page = await seen(site, sender, f"/tasks/{task}")
    assert "You sent the file that proposes this." in page
    assert 'value="confirm"' not in page


async def test_an_exit_that_waits_is_not_called_left_and_hr_reads_what_takes_it_back(
    site: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext
) -> None:
    office, line = await PersonnelOffice.open(activity_context, arrange), Line()
    officer = await arrange.hr_officer(office.organisation_id)
    await office.change(line, line.but(employment="ترک کار"))
    headers = {"Cookie": f"{cookies(officer)['Cookie']}; {LANGUAGE_COOKIE}=en", **HERE}
    page = (await site.post("/personnel/people", data={"national_id": line.national_id}, headers=headers)).text

    assert "Exit awaits confirmation" in page
    assert "Has left" not in page
    assert "a newer file that lists them as employed takes it back at once" in page


async def test_sheets_that_were_left_out_are_named(
    site: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    office = await PersonnelOffice.open(activity_context, arrange)
    officer = await arrange.hr_officer(office.organisation_id)
    done = await office.import_(Line())
    address = f"/personnel/imports/{done.case_id}"
    assert "sheets-left-out" not in await seen(site, officer, address)

    await superuser.run("UPDATE personnel_imports SET sheets_left_out = %s", '["راهنما", "<b>"]')
    page = await seen(site, officer, address)
    assert "These sheets of the file were not read" in page
    assert "<li>راهنما</li><li>&lt;b&gt;</li>" in page


async def test_hr_reads_from_when_service_counts_where_a_list_says_so(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    employer = await arrange.organisation()
    officer, colleague = await arrange.hr_officer(employer), await arrange.member(employer)
    headers = {"Cookie": f"{cookies(officer)['Cookie']}; {LANGUAGE_COOKIE}=en", **HERE}

    async def looked_up() -> str:
        data = {"national_id": colleague.national_id}
        return (await site.post("/personnel/people", data=data, headers=headers)).text

    assert "Service counts from" not in await looked_up()
    await superuser.run("UPDATE employments SET service = 'P21Y0M0D', service_start = '2005-11-29'")
    assert re.search(r"Service counts from</dt><dd>8 Azar 1384", await looked_up())
