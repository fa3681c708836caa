"""Another guarantor behind a usable credit, over HTTP: shapes, errors, and who sees what of it (A4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from storage.database import SERVICE, transaction
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario, add_programme, open_task
from tests.commands.substitution_steps import REVIEW, SubstitutionScenario
from tests.journeys.steps import Steps


@pytest.fixture
async def scenario(context: Context, arrange: Arrange, activity_context: ActivityContext) -> SubstitutionScenario:
    """A usable credit, its guarantor, and a colleague."""
    return await SubstitutionScenario.opened(context, arrange, activity_context)


async def request(
    api: httpx2.AsyncClient, scenario: SubstitutionScenario, who: Someone, **changes: Any
) -> httpx2.Response:
    """Ask for the newcomer in the guarantor's place."""
    body = {"guarantee_id": str(scenario.current.id), "national_id": scenario.newcomer.national_id} | changes
    return await api.post(
        f"/v1/credit-lines/{scenario.line_id}/guarantor-substitutions", json=body, headers=who.headers()
    )


async def read(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> httpx2.Response:
    """Look at a substitution."""
    return await api.get(f"/v1/guarantor-substitutions/{case_id}", headers=who.headers())


async def test_the_owner_asks_sees_both_guarantors_and_withdraws(
    api: httpx2.AsyncClient, scenario: SubstitutionScenario
) -> None:
    answer = await request(api, scenario, scenario.owner)
    case_id = UUID(answer.json()["id"])
    seen = (await read(api, scenario.owner, case_id)).json()
    case = (await api.get(f"/v1/cases/{case_id}", headers=scenario.owner.headers())).json()
    withdrawal = f"/v1/guarantor-substitutions/{case_id}/withdrawal"
    ended = [await api.post(withdrawal, headers=scenario.owner.headers()) for _ in range(2)]

    assert answer.status_code == 201, answer.text
    assert (answer.json()["kind"], case["variant"], answer.json()["phase"]) == ("substitution", "tavana", "submitted")
    assert seen["credit_line_id"] == str(scenario.line_id)
    assert (seen["current"]["id"], seen["current"]["status"]) == (str(scenario.current.id), "accepted")
    assert seen["current"]["name"] == "مریم آزمون"
    assert (seen["proposed"]["status"], seen["proposed"]["name"]) == ("named", None)
    assert seen["proposed"]["replaces"] == str(scenario.current.id)
    assert seen["findings"] is None
    assert [one.status_code for one in ended] == [200, 409]
    assert ended[1].json()["code"] == "case_closed"


async def test_each_sees_their_own_part_and_finance_what_it_decides_by(
    api: httpx2.AsyncClient, scenario: SubstitutionScenario, arrange: Arrange
) -> None:
    case_id = await scenario.accepted()
    auditor, stranger = await arrange.platform(Role.AUDITOR), await scenario.tavana.colleague()
    hr = await arrange.hr_officer(scenario.tavana.employer)
    people = {
        "new": scenario.newcomer,
        "old": scenario.tavana.guarantor,
        "finance": scenario.tavana.finance,
        "auditor": auditor,
        "hr": hr,
    }

    seen = {name: (await read(api, who, case_id)).json() for name, who in people.items()}

    shown = {name: (one["current"] is not None, one["proposed"] is not None) for name, one in seen.items()}
    assert shown == {
        "new": (False, True),
        "old": (True, False),
        "finance": (True, True),
        "auditor": (True, True),
        "hr": (False, False),
    }
    assert (seen["new"]["proposed"]["facts"], seen["new"]["proposed"]["national_id_masked"]) == (None, None)
    facts = seen["finance"]["proposed"]["facts"]
    assert all(rule["holds"] for rule in facts["rules"])
    assert facts["net_pay"]["amount"] == 400_000_000
    assert (seen["finance"]["findings"], seen["auditor"]["findings"]) == ([], None)
    for foreign, whose in ((stranger, case_id), (scenario.owner, scenario.credit_case_id), (scenario.owner, uuid4())):
        assert (await read(api, foreign, whose)).status_code == 404


async def test_finance_decides_in_its_inbox_and_the_owner_may_withdraw_until_it_takes_effect(
    api: httpx2.AsyncClient, scenario: SubstitutionScenario
) -> None:
    case_id, finance = await scenario.accepted(), scenario.tavana.finance
    inbox = await api.get("/v1/tasks?kind=review_substitution", headers=finance.headers())
    (task,) = inbox.json()["items"]
    offered = (await api.get(f"/v1/cases/{case_id}", headers=scenario.owner.headers())).json()["allowed_actions"]

    decision = {"kind": "review_substitution", "decision": "approve"}
    answer = await api.post(f"/v1/tasks/{task['id']}/decision", json=decision, headers=finance.headers())
    await scenario.go_on(case_id)
    after = (await api.get(f"/v1/cases/{case_id}", headers=scenario.owner.headers())).json()

    assert [one["href"] for one in offered] == [f"/v1/guarantor-substitutions/{case_id}/withdrawal"]
    assert answer.status_code == 200, answer.text
    assert (after["phase"], after["allowed_actions"]) == ("replaced", [])


async def test_a_substitution_that_cannot_be_says_why_and_one_that_is_foreign_is_not_found(
    api: httpx2.AsyncClient, scenario: SubstitutionScenario
) -> None:
    foreign = await request(api, scenario, scenario.newcomer)
    unknown = await request(api, scenario, scenario.owner, guarantee_id=str(uuid4()))
    unfit = await request(api, scenario, scenario.owner, national_id="1111111111")
    staff = await request(api, scenario, scenario.tavana.finance)
    opened = await request(api, scenario, scenario.owner)
    again = await request(api, scenario, scenario.owner)

    answers = [foreign, unknown, unfit, staff, opened, again]
    assert [(one.status_code, one.json().get("code")) for one in answers] == [
        (404, "not_found"),
        (404, "guarantee_unknown"),
        (422, "guarantor_may_not_be_asked"),
        (403, "not_allowed"),
        (201, None),
        (409, "substitution_open"),
    ]


async def test_whoever_stands_beside_the_bound_guarantor_neither_decides_nor_hears_nor_sees_the_case(
    api: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", tavana.employer)
    shipped = await superuser.value("SELECT value -> 'guarantor' FROM policies WHERE name = 'programme:tavana'")
    await add_programme(tavana, "two", organisation=code, guarantor={**shipped, "count": 2})
    beside = await tavana.colleague()
    scenario = await SubstitutionScenario.behind(
        tavana, activity_context, await tavana.approved(tavana.guarantor, beside, programme="two")
    )
    async with transaction(context.engine, SERVICE) as connection:
        await arrange.grant(connection, beside.id, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    case_id = await scenario.accepted()
    decision = f"/v1/tasks/{await open_task(context, case_id, REVIEW)}/decision"
    approve = {"kind": REVIEW, "decision": "approve"}

    as_staff = await arrange.as_staff(beside)
    refused = await api.post(decision, json=approve, headers=as_staff.headers())
    seen = [(await api.get(f"/v1/cases/{case_id}", headers=one.headers())) for one in (beside, as_staff)]
    decided = await api.post(decision, json=approve, headers=tavana.finance.headers())

    asked = await superuser.rows("SELECT person_id FROM notices WHERE template = 'task_review_substitution'")
    assert asked == [(tavana.finance.id,)]
    assert (refused.status_code, refused.json()["code"]) == (403, "own_case")
    assert [one.status_code for one in seen] == [404, 200]
    assert seen[1].json()["allowed_actions"] == []
    assert decided.status_code == 200, decided.text


async def test_what_finance_finds_against_it_is_for_the_owner_and_not_for_either_guarantor(
    scenario: SubstitutionScenario, steps: Steps, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id)
    await superuser.run("UPDATE employments SET state = 'exit_reported' WHERE person_id = %s", scenario.owner.id)
    await scenario.go_on(case_id)

    shown = [
        await steps.timeline(who, str(case_id))
        for who in (scenario.owner, scenario.tavana.guarantor, scenario.newcomer)
    ]

    assert ["substitution_blocked" in codes for codes in shown] == [True, False, False]
