"""What an inbox tells of each task: whose case it is, which programme, whether it is late or mine (A5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from messages.case import StepInput
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    TavanaScenario,
    approve,
    finance_officer,
    guarantee_of,
    name,
    open_task,
    refuse_guarantee,
)
from tests.personnel_steps import Line
from tests.personnel_steps import PersonnelOffice as Personnel
from tests.transitions import Transitions

NAME = "مریم آزمون"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance of one region."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def inbox(api: httpx2.AsyncClient, who: Someone, query: str = "") -> list[dict[str, Any]]:
    """What waits for somebody."""
    answer = await api.get(f"/v1/tasks{query}", headers=who.headers())
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_finance_reads_whose_application_it_is_and_what_for_and_whether_it_is_late(
    api: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    await tavana.backed()
    (fresh,) = await inbox(api, tavana.finance)
    await superuser.run("UPDATE tasks SET due_at = now() - interval '1 second' WHERE status = 'open'")
    (late,) = await inbox(api, tavana.finance, "?late=true")

    assert (fresh["person_name"], fresh["late"], late["late"]) == (NAME, False, True)
    assert fresh["programme"]["en"]
    assert fresh["programme"]["fa"] != fresh["programme"]["en"]
    alone = (await api.get(f"/v1/tasks/{late['id']}", headers=tavana.finance.headers())).json()
    assert alone == late


async def test_a_guarantor_reads_who_asks_and_the_applicant_no_name_for_their_own(
    api: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser, context: Context
) -> None:
    await superuser.run("UPDATE persons SET first_name = 'زهرا' WHERE id = %s", tavana.guarantor.id)
    case_id = await tavana.asked()
    guarantee = await guarantee_of(context, case_id, tavana.guarantor)
    (asked,) = await inbox(api, tavana.guarantor)
    alone = (await api.get(f"/v1/tasks/{asked['id']}", headers=tavana.guarantor.headers())).json()
    await refuse_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    (own,) = await inbox(api, tavana.applicant)

    assert (asked["kind"], asked["person_name"]) == ("answer_guarantee", NAME)
    assert alone == asked
    assert (asked["subject_id"], own["subject_id"]) == (str(guarantee.id), None)
    assert (own["kind"], own["person_name"]) == ("name_guarantor", None)
    # Whoever was asked instead reads of the applicant, and the one who refused of nobody any more.
    other = await tavana.colleague()
    await name(tavana, case_id, other)
    await tavana.go_on(case_id)
    assert [item["person_name"] for item in await inbox(api, other)] == [NAME]
    assert await inbox(api, tavana.guarantor) == []


async def test_a_claimed_task_is_mine_for_me_and_not_for_my_colleague(
    api: httpx2.AsyncClient, arrange: Arrange, tavana: TavanaScenario
) -> None:
    await tavana.backed()
    colleague = await arrange.finance_officer()
    (item,) = await inbox(api, tavana.finance)
    claimed = await api.post(f"/v1/tasks/{item['id']}/claim", headers=tavana.finance.headers())

    (mine,), (theirs,) = await inbox(api, tavana.finance), await inbox(api, colleague)

    assert (item["claimed_by_me"], claimed.json()["claimed_by_me"]) == (False, True)
    assert (mine["claimed_by_me"], theirs["claimed_by_me"]) == (True, False)
    assert claimed.json()["person_name"] == NAME


async def test_proposed_changes_wait_for_support_and_exits_for_the_organisations_hr(
    api: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext
) -> None:
    personnel = await Personnel.open(activity_context, arrange)
    officer = await arrange.hr_officer(personnel.organisation_id)
    stranger = await arrange.hr_officer(await arrange.organisation())
    support = await arrange.platform(Role.SUPPORT_AGENT)
    moved, left = Line(), Line()
    await personnel.import_(moved, left)
    await personnel.import_(moved.but(mobile="09129999999"), left.but(employment="بازنشسته"))
    for case in await personnel.changes():
        await Transitions(activity_context).request_decision(StepInput(case.id))

    by_who = {
        role: await inbox(api, who, "?kind=confirm_change")
        for role, who in {"support": support, "hr": officer, "stranger": stranger}.items()
    }

    assert {role: len(items) for role, items in by_who.items()} == {"support": 1, "hr": 1, "stranger": 0}
    for items in (by_who["support"], by_who["hr"]):
        assert items[0]["case_kind"] == "personnel_change"
        assert items[0]["programme"] is None
        assert items[0]["person_name"] == "سارا یزدانی"


async def test_a_task_that_is_over_says_how_and_when_to_whom_it_was_asked_of_and_to_nobody_else(
    api: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.asked()
    (task,) = await inbox(api, tavana.guarantor)
    assert (task["closed"], task["ended"]) == (None, None)
    due = datetime.fromisoformat(task["due"]["at"])
    await tavana.take("lapse_onboarding", case_id, due)
    path, refusal = f"/v1/tasks/{task['id']}", {"kind": "answer_guarantee", "decision": "refuse"}

    read = await api.get(path, headers=tavana.guarantor.headers())
    late = await api.post(f"{path}/decision", json=refusal, headers=tavana.guarantor.headers())
    others = [
        await api.get(path, headers=tavana.applicant.headers()),
        await api.post(f"{path}/decision", json=refusal, headers=(await tavana.colleague()).headers()),
        await api.post(f"{path}/decision", json=refusal, headers=tavana.finance.headers()),
    ]

    assert (read.json()["status"], read.json()["ended"]["code"]) == ("expired", "task_expired")
    assert (late.status_code, late.json()["code"]) == (409, "task_expired")
    assert datetime.fromisoformat(late.json()["params"]["ended_at"]) == due
    assert read.json()["ended"]["words"] == {"fa": late.json()["detail"], "en": late.json()["detail_en"]}
    assert {answer.json()["code"] for answer in others} == {"not_found"}
    assert {str(answer.json()["params"]) for answer in others} == {"{}"}


async def test_what_a_colleague_decided_is_told_in_both_languages(
    api: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.backed()
    task_id = await open_task(tavana.context, case_id, "review_application")
    await approve(tavana, case_id)
    colleague = await finance_officer(tavana.arrange)

    late = (await api.post(f"/v1/tasks/{task_id}/claim", headers=colleague.headers())).json()

    assert late["code"] == "task_decided"
    assert late["params"]["by"] == {"fa": "امور مالی", "en": "the finance office"}
    assert late["params"]["outcome"]["en"] == "approved this application"


async def test_an_exit_of_ones_own_file_is_not_in_the_inbox_and_its_task_says_why(
    api: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext
) -> None:
    personnel, line = await Personnel.open(activity_context, arrange), Line()
    colleague = await arrange.hr_officer(personnel.organisation_id)
    sender = replace(colleague, token=(await arrange.as_staff(replace(colleague, id=personnel.actor.person_id))).token)
    case_id = await personnel.change(line, line.but(employment="بازنشسته"))
    await Transitions(activity_context).request_decision(StepInput(case_id))

    (task,) = await inbox(api, colleague)
    assert await inbox(api, sender) == []
    address = f"/v1/tasks/{task['id']}"
    seen = await api.get(address, headers=sender.headers())
    assert (seen.json()["sent_by_me"], task["sent_by_me"]) == (True, False)
    case = (await api.get(f"/v1/cases/{case_id}", headers=sender.headers())).json()
    assert (case["allowed_actions"], case["change"], case["is_moving"]) == ([], None, False)
    decision = {"kind": "confirm_change", "decision": "confirm"}
    headers = {**sender.headers(), "If-Match": seen.headers["ETag"]}
    refused = await api.post(f"{address}/decision", json=decision, headers=headers)
    claimed = await api.post(f"{address}/claim", headers=sender.headers())
    assert [(answer.status_code, answer.json()["code"]) for answer in (refused, claimed)] == [
        (403, "sent_by_yourself")
    ] * 2
