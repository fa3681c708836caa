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
from tests.commands.onboarding_steps import Branch, add_programme, open_task
from tests.commands.substitution_steps import REVIEW, Swap
from tests.journeys.steps import Steps


@pytest.fixture
async def swap(context: Context, arrange: Arrange, activity_context: ActivityContext) -> Swap:
    """A usable credit, its guarantor, and a colleague."""
    return await Swap.opened(context, arrange, activity_context)


async def request(api: httpx2.AsyncClient, swap: Swap, who: Someone, **changes: Any) -> httpx2.Response:
    """Ask for the newcomer in the guarantor's place."""
    body = {"guarantee_id": str(swap.current.id), "national_id": swap.newcomer.national_id} | changes
    return await api.post(f"/v1/credit-lines/{swap.line_id}/guarantor-substitutions", json=body, headers=who.headers())


async def read(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> httpx2.Response:
    """Look at a substitution."""
    return await api.get(f"/v1/guarantor-substitutions/{case_id}", headers=who.headers())


async def test_the_owner_asks_sees_both_guarantors_and_withdraws(api: httpx2.AsyncClient, swap: Swap) -> None:
    answer = await request(api, swap, swap.owner)
    case_id = UUID(answer.json()["id"])
    seen = (await read(api, swap.owner, case_id)).json()
    case = (await api.get(f"/v1/cases/{case_id}", headers=swap.owner.headers())).json()
    withdrawal = f"/v1/guarantor-substitutions/{case_id}/withdrawal"
    ended = [await api.post(withdrawal, headers=swap.owner.headers()) for _ in range(2)]

    assert answer.status_code == 201, answer.text
    assert (answer.json()["kind"], case["variant"], answer.json()["phase"]) == ("substitution", "tavana", "submitted")
    assert seen["credit_line_id"] == str(swap.line_id)
    assert (seen["current"]["id"], seen["current"]["status"]) == (str(swap.current.id), "accepted")
    assert seen["current"]["name"] == "مریم آزمون"
    assert (seen["proposed"]["status"], seen["proposed"]["name"]) == ("named", None)
    assert seen["proposed"]["replaces"] == str(swap.current.id)
    assert seen["findings"] is None
    assert [one.status_code for one in ended] == [200, 409]
    assert ended[1].json()["code"] == "case_closed"


async def test_each_sees_their_own_part_and_finance_what_it_decides_by(
    api: httpx2.AsyncClient, swap: Swap, arrange: Arrange
) -> None:
    case_id = await swap.accepted()
    auditor, stranger = await arrange.platform(Role.AUDITOR), await swap.branch.colleague()
    hr = await arrange.hr_officer(swap.branch.employer)
    people = {
        "new": swap.newcomer,
        "old": swap.branch.guarantor,
        "finance": swap.branch.finance,
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
    for foreign, whose in ((stranger, case_id), (swap.owner, swap.credit_case_id), (swap.owner, uuid4())):
        assert (await read(api, foreign, whose)).status_code == 404


async def test_finance_decides_in_its_inbox_and_the_owner_may_withdraw_until_it_takes_effect(
    api: httpx2.AsyncClient, swap: Swap
) -> None:
    case_id, finance = await swap.accepted(), swap.branch.finance
    inbox = await api.get("/v1/tasks?kind=review_substitution", headers=finance.headers())
    (task,) = inbox.json()["items"]
    offered = (await api.get(f"/v1/cases/{case_id}", headers=swap.owner.headers())).json()["allowed_actions"]

    decision = {"kind": "review_substitution", "decision": "approve"}
    answer = await api.post(f"/v1/tasks/{task['id']}/decision", json=decision, headers=finance.headers())
    await swap.go_on(case_id)
    after = (await api.get(f"/v1/cases/{case_id}", headers=swap.owner.headers())).json()

    assert [one["href"] for one in offered] == [f"/v1/guarantor-substitutions/{case_id}/withdrawal"]
    assert answer.status_code == 200, answer.text
    assert (after["phase"], after["allowed_actions"]) == ("replaced", [])


async def test_a_substitution_that_cannot_be_says_why_and_one_that_is_foreign_is_not_found(
    api: httpx2.AsyncClient, swap: Swap
) -> None:
    foreign = await request(api, swap, swap.newcomer)
    unknown = await request(api, swap, swap.owner, guarantee_id=str(uuid4()))
    unfit = await request(api, swap, swap.owner, national_id="1111111111")
    staff = await request(api, swap, swap.branch.finance)
    opened = await request(api, swap, swap.owner)
    again = await request(api, swap, swap.owner)

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
    branch = await Branch.opened(context, arrange, activity_context)
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", branch.employer)
    shipped = await superuser.value("SELECT value -> 'guarantor' FROM policies WHERE name = 'programme:tavana'")
    await add_programme(branch, "two", organisation=code, guarantor={**shipped, "count": 2})
    beside = await branch.colleague()
    swap = await Swap.behind(branch, activity_context, await branch.approved(branch.guarantor, beside, programme="two"))
    async with transaction(context.engine, SERVICE) as connection:
        await arrange.grant(connection, beside.id, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    case_id = await swap.accepted()
    decision = f"/v1/tasks/{await open_task(context, case_id, REVIEW)}/decision"
    approve = {"kind": REVIEW, "decision": "approve"}

    as_staff = await arrange.as_staff(beside)
    refused = await api.post(decision, json=approve, headers=as_staff.headers())
    seen = [(await api.get(f"/v1/cases/{case_id}", headers=one.headers())) for one in (beside, as_staff)]
    decided = await api.post(decision, json=approve, headers=branch.finance.headers())

    asked = await superuser.rows("SELECT person_id FROM notices WHERE template = 'task_review_substitution'")
    assert asked == [(branch.finance.id,)]
    assert (refused.status_code, refused.json()["code"]) == (403, "own_case")
    assert [one.status_code for one in seen] == [404, 200]
    assert seen[1].json()["allowed_actions"] == []
    assert decided.status_code == 200, decided.text


async def test_what_finance_finds_against_it_is_for_the_owner_and_not_for_either_guarantor(
    swap: Swap, steps: Steps, superuser: Superuser
) -> None:
    case_id = await swap.accepted()
    await swap.review(case_id)
    await superuser.run("UPDATE employments SET state = 'exit_reported' WHERE person_id = %s", swap.owner.id)
    await swap.go_on(case_id)

    shown = [await steps.timeline(who, str(case_id)) for who in (swap.owner, swap.branch.guarantor, swap.newcomer)]

    assert ["substitution_blocked" in codes for codes in shown] == [True, False, False]
