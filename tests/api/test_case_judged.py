"""What an officer sees of the person: enough to recognise them and what is proposed, never the whole value."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from messages.case import StepInput
from tests.arrange import Arrange, Someone
from tests.commands import onboarding_steps
from tests.commands.onboarding_steps import apply, issue
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice
from tests.transitions import Transitions


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    """An organisation whose HR sends files."""
    return await PersonnelOffice.open(activity_context, arrange)


async def asked(office: PersonnelOffice, line: Line, other: Line) -> UUID:
    """A change of a person's data whose confirmation is awaited."""
    case_id = await office.change(line, other)
    await Transitions(office.activity_context).request_decision(StepInput(case_id))
    return case_id


async def read(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> dict[str, Any]:
    """The case as somebody sees it."""
    answer = await api.get(f"/v1/cases/{case_id}", headers=who.headers())
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_support_sees_whose_number_changes_from_what_to_what_but_no_whole_value(
    api: httpx2.AsyncClient, office: PersonnelOffice, arrange: Arrange
) -> None:
    line = Line(mobile="+989121234567")
    case_id = await asked(office, line, line.but(mobile="+989190000001"))
    agent = await arrange.platform(Role.SUPPORT_AGENT)

    seen = await read(api, agent, case_id)

    assert seen["national_id_masked"] == f"{line.national_id[:3]}****{line.national_id[-3:]}"
    (listed_as,) = seen["change"].pop("lists")
    assert (listed_as["organisation_id"], listed_as["says"]) == (str(office.organisation_id), "proposed")
    assert seen["change"] == {
        "what": "mobile",
        "present_masked": "0912***4567",
        "proposed_masked": "0919***0001",
        "exit_reason": None,
    }
    listed = await api.get("/v1/cases", headers=agent.headers())
    assert str(case_id) in listed.text
    assert "masked" not in listed.text
    assert "masked" not in (await api.get("/v1/tasks", headers=agent.headers())).text


async def test_a_sheba_is_shown_by_its_bank_and_end_and_an_exit_without_values(
    api: httpx2.AsyncClient, office: PersonnelOffice, arrange: Arrange
) -> None:
    line, leaver = Line(), Line()
    sheba = await asked(office, line, line.but(sheba=SHEBAS[1]))
    await office.import_(leaver)
    await office.import_(leaver.but(employment="خروج"))
    exit_case = next(case.id for case in await office.changes() if case.id != sheba)
    auditor = await arrange.platform(Role.AUDITOR)

    changes = [(await read(api, auditor, case_id))["change"] for case_id in (sheba, exit_case)]

    shown = [f"IR**{value[4:7]}***{value[-4:]}" for value in SHEBAS[:2]]
    reasons = [change.pop("exit_reason") for change in changes]
    assert reasons == [None, {"code": "left", "words": {"fa": "ترک کار یا قطع همکاری", "en": "left"}}]
    assert changes == [
        {"what": "sheba", "present_masked": shown[0], "proposed_masked": shown[1], "lists": []},
        {"what": "exit", "present_masked": None, "proposed_masked": None, "lists": []},
    ]


async def test_staff_who_see_the_case_without_a_task_in_it_recognise_nobody(
    api: httpx2.AsyncClient, office: PersonnelOffice, arrange: Arrange
) -> None:
    line = Line()
    case_id = await asked(office, line, line.but(mobile="+989190000002"))
    officer = await arrange.hr_officer(office.organisation_id)

    seen = await read(api, officer, case_id)

    assert seen["national_id_masked"] is None
    assert seen["change"] is None


async def test_hr_recognises_the_applicant_while_it_is_theirs_to_answer(
    api: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    office = onboarding_steps.MinipayOffice(context, member, officer)
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))

    before = await read(api, officer, case_id)
    their_own = await read(api, member, case_id)
    await issue(office, case_id)
    after = await read(api, officer, case_id)

    assert before["national_id_masked"] == f"{member.national_id[:3]}****{member.national_id[-3:]}"
    assert before["change"] is None
    assert their_own["national_id_masked"] is None
    assert after["national_id_masked"] is None
