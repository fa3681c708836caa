"""What finance sees and decides of an application, and what comes of it (A7)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from storage.database import SERVICE, transaction
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario, finance_officer, guarantee_of, open_task, task_of
from tests.journeys.steps import APPROVE, FORWARD, REFUSE_APPLICATION, RETURN, Steps

REVIEW = "review_application"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance of one region."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def decide(steps: Steps, tavana: TavanaScenario, case_id: Any, decision: dict[str, Any]) -> httpx2.Response:
    """Finance of the region decides on the open review."""
    task_id = await open_task(tavana.context, case_id, REVIEW)
    return await steps.decide(tavana.finance, str(task_id), decision)


async def test_finance_sees_the_guarantor_with_every_rule_and_what_it_decides_by(
    tavana: TavanaScenario, steps: Steps
) -> None:
    case_id = await tavana.backed()

    case = await steps.case(tavana.finance, str(case_id))

    (guarantee,) = case["guarantees"]
    facts = guarantee["facts"]
    assert (guarantee["status"], guarantee["name"]) == ("accepted", "مریم آزمون")
    assert (facts["region_code"], facts["net_pay"]["amount"], facts["stands_for"]) == ("1101", 400_000_000, 0)
    assert {rule["code"]: rule["holds"] for rule in facts["rules"]} == dict.fromkeys(
        ["employed_there", "same_region", "service_short_enough", "pay_high_enough", "stands_for_few"], True
    )
    values = {rule["code"]: rule["value"]["en"] for rule in facts["rules"]}
    assert (values["employed_there"], values["stands_for_few"]) == (
        "works there",
        "stands for 0 others; fewer than 3 asked",
    )
    assert values["same_region"] == f"{case['region_name']}; the applicant: {case['region_name']}"
    assert values["pay_high_enough"] == "40,000,000 toman; the applicant: 40,000,000 toman"
    assert values["service_short_enough"].startswith("hired 1")
    assert case["application"]["ceiling"]["amount"] == (
        case["application"]["monthly"]["amount"] * case["application"]["instalments"]
    )
    assert case["review"] == {
        "findings": [],
        "may_forward": False,
        "monthly_limit": case["review"]["monthly_limit"],
        "contract_in_force": True,
        "net_pay_used": case["application"]["net_pay_used"],
        "net_pay_now": case["application"]["net_pay_used"],
        "region_used": "1101",
        "region_now": "1101",
        "region_now_name": case["region_name"],
        "waiting_seconds": 72 * 3_600,
    }
    assert case["review"]["monthly_limit"]["amount"] == 100_000_000
    assert [action["action"] for action in case["allowed_actions"]] == ["decide_review_application"]


async def test_what_stands_against_an_approval_is_shown_before_and_said_after(
    tavana: TavanaScenario, steps: Steps, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    await superuser.run("UPDATE employments SET net_pay = 300000000 WHERE person_id = %s", tavana.guarantor.id)
    await superuser.run("UPDATE contracts SET state = 'suspended'")

    case = await steps.case(tavana.finance, str(case_id))
    refused = await decide(steps, tavana, case_id, APPROVE)

    assert [finding["code"] for finding in case["review"]["findings"]] == [
        "contract_not_in_force",
        "guarantor_not_eligible",
    ]
    rules = {rule["code"]: rule for rule in case["guarantees"][0]["facts"]["rules"]}
    assert (rules["pay_high_enough"]["holds"], rules["same_region"]["holds"]) == (False, True)
    assert rules["pay_high_enough"]["value"]["fa"] == "۳۰٬۰۰۰٬۰۰۰ تومان؛ متقاضی: ۴۰٬۰۰۰٬۰۰۰ تومان"
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_blocked")
    for finding in case["review"]["findings"]:
        assert finding["words"]["fa"] in refused.json()["detail"]
        assert finding["words"]["en"] in refused.json()["detail_en"]


async def test_auditors_see_the_guarantors_and_who_has_nothing_to_decide_does_not(
    tavana: TavanaScenario, arrange: Arrange, steps: Steps
) -> None:
    case_id = str(await tavana.backed())
    auditor = await steps.case(await arrange.platform(Role.AUDITOR), case_id)
    others = [
        await steps.case(who, case_id)
        for who in (await arrange.hr_officer(tavana.employer), await arrange.platform(Role.OPERATOR))
    ]

    assert auditor["guarantees"][0]["facts"]["net_pay"]["amount"] == 400_000_000
    assert auditor["review"] is None
    assert [(case["guarantees"], case["review"]) for case in others] == [([], None)] * 2


async def test_a_guarantor_who_is_finance_as_well_neither_decides_nor_sees_the_pay(
    context: Context, tavana: TavanaScenario, arrange: Arrange, steps: Steps
) -> None:
    officer = await tavana.colleague()
    async with transaction(context.engine, SERVICE) as connection:
        await arrange.grant(connection, officer.id, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    case_id = await tavana.backed(officer)
    as_staff = await arrange.as_staff(officer)
    task_id = await open_task(context, case_id, REVIEW)

    case = await steps.case(as_staff, str(case_id))
    refused = await steps.decide(as_staff, str(task_id), APPROVE)

    assert case["application"]["net_pay_used"] is None
    assert (case["guarantees"], case["review"], case["allowed_actions"]) == ([], None, [])
    assert (refused.status_code, refused.json()["code"]) == (403, "own_case")


async def test_a_returned_application_tells_the_applicant_why_and_how_to_correct_it(
    tavana: TavanaScenario, steps: Steps
) -> None:
    case_id = await tavana.backed()
    reasons = ["amount_too_high", "personnel_data_wrong"]

    returned = await decide(steps, tavana, case_id, {**RETURN, "reasons": reasons})
    await tavana.go_on(case_id)
    case = await steps.case(tavana.applicant, str(case_id))
    task = await task_of(tavana.context, case_id, tavana.applicant)
    shown = await steps.api.get(f"/v1/tasks/{task.id}", headers=tavana.applicant.headers())

    assert returned.status_code == 200, returned.text
    assert case["phase"] == "awaiting_correction"
    assert case["application"]["returned"] is not None
    assert [reason["code"] for reason in case["application"]["return_reasons"]] == reasons
    assert shown.json()["reasons"] == case["application"]["return_reasons"]
    assert shown.json()["reasons"][0]["words"] == {"fa": "مبلغ ماهانه زیاد است", "en": "the monthly amount is too high"}
    hrefs = {action["action"]: action["href"] for action in case["allowed_actions"]}
    assert hrefs["correct_application"] == f"/v1/onboarding/applications/{case_id}/correction"
    assert f"/v1/tasks/{task.id}/decision" not in hrefs.values()


BAD_RETURNS: list[tuple[dict[str, Any], int, str]] = [
    ({"reasons": []}, 422, "invalid_input"),
    ({"reasons": ["nothing"]}, 422, "invalid_input"),
    ({"reasons": ["other_correction", "other_correction"]}, 422, "reasons_repeated"),
    ({"unsuitable_guarantees": ["01890000-0000-7000-8000-000000000000"]}, 404, "guarantee_unknown"),
    ({"unsuitable_guarantees": ["x"]}, 422, "invalid_input"),
    ({"kind": "name_guarantor"}, 422, "invalid_input"),
    ({"kind": "correct_application"}, 422, "invalid_input"),
    ({"kind": "answer_guarantee", "decision": "refuse"}, 422, "invalid_input"),
]


async def test_a_return_that_cannot_be_is_refused_and_changes_nothing(
    tavana: TavanaScenario, steps: Steps, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    before = await superuser.effects()
    for changes, status, code in BAD_RETURNS:
        answer = await decide(steps, tavana, case_id, {**RETURN, **changes})
        assert (answer.status_code, answer.json()["code"]) == (status, code), changes
    assert await superuser.effects() == before


async def test_an_unsuitable_guarantor_is_released_and_the_applicant_names_another(
    tavana: TavanaScenario, steps: Steps
) -> None:
    case_id = await tavana.backed()
    guarantee = await guarantee_of(tavana.context, case_id, tavana.guarantor)
    decision = {
        **RETURN,
        "reasons": ["guarantor_unsuitable"],
        "unsuitable_guarantees": [str(guarantee.id)],
    }

    answer = await decide(steps, tavana, case_id, decision)
    await tavana.go_on(case_id)
    hidden = await steps.api.get(f"/v1/cases/{case_id}", headers=tavana.guarantor.headers())
    missing = await steps.case(tavana.applicant, str(case_id))
    named = await steps.name(tavana.applicant, str(case_id), await tavana.colleague())
    filled = await steps.case(tavana.applicant, str(case_id))

    assert (answer.status_code, named.status_code) == (200, 200), answer.text + named.text
    assert hidden.status_code == 404
    assert [one["status"] for one in filled["guarantees"]] == ["named", "released"]
    assert [case["application"]["free_places"] for case in (missing, filled)] == [1, 0]


async def test_a_guarantee_that_is_said_twice_to_be_unsuitable_ends_once(
    tavana: TavanaScenario, steps: Steps, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    guarantee = await guarantee_of(tavana.context, case_id, tavana.guarantor)

    twice = {**RETURN, "reasons": ["guarantor_unsuitable"], "unsuitable_guarantees": [str(guarantee.id)] * 2}
    answer = await decide(steps, tavana, case_id, twice)

    assert answer.status_code == 200, answer.text
    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]
    told = await superuser.rows("SELECT person_id FROM notices WHERE template = 'guarantee_released'")
    assert told == [(tavana.guarantor.id,)]


async def test_pay_is_seen_where_the_case_is_now_and_not_where_it_was_nor_for_a_role_held_elsewhere(
    tavana: TavanaScenario, arrange: Arrange, steps: Steps, superuser: Superuser
) -> None:
    there = await finance_officer(arrange, "2201")
    elsewhere = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(await arrange.organisation()))
    mixed = await arrange.staff(elsewhere, Grant(Role.WELFARE_MANAGER, ScopeKind.REGION, "2201"))
    case_id = await tavana.backed()

    async def pay_seen_by(who: Someone) -> tuple[bool, bool]:
        seen = (await steps.case(who, str(case_id)))["application"]
        return seen["net_pay_used"] is not None, seen["hire_date_used"] is not None

    before = await pay_seen_by(tavana.finance)
    await superuser.run("UPDATE employments SET region_code = '2201' WHERE person_id = %s", tavana.applicant.id)
    await decide(steps, tavana, case_id, FORWARD)
    await tavana.go_on(case_id)

    assert before == (True, True)
    assert [await pay_seen_by(who) for who in (tavana.finance, there, mixed, tavana.applicant)] == [
        (False, False),
        (True, True),
        (False, False),
        (True, True),
    ]


async def test_a_region_forwards_only_who_has_left_it(
    tavana: TavanaScenario, steps: Steps, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    stays = await decide(steps, tavana, case_id, FORWARD)
    await superuser.run("UPDATE employments SET region_code = '2201' WHERE person_id = %s", tavana.applicant.id)
    case = await steps.case(tavana.finance, str(case_id))
    forwarded = await decide(steps, tavana, case_id, FORWARD)
    afterwards = await steps.case(tavana.finance, str(case_id))

    assert (stays.status_code, stays.json()["code"]) == (409, "forward_not_needed")
    assert "applicant_moved" in [finding["code"] for finding in case["review"]["findings"]]
    assert case["review"]["may_forward"]
    assert (case["review"]["region_used"], case["review"]["region_now"]) == ("1101", "2201")
    assert forwarded.status_code == 200, forwarded.text
    assert afterwards["review"] is None


async def test_a_refusal_ends_it_with_its_reason(tavana: TavanaScenario, steps: Steps) -> None:
    case_id = await tavana.backed()

    answer = await decide(steps, tavana, case_id, REFUSE_APPLICATION)
    await tavana.go_on(case_id)
    case = await steps.case(tavana.applicant, str(case_id))

    assert answer.status_code == 200, answer.text
    assert (case["outcome"], case["allowed_actions"]) == ("refused", [])
    assert [one["status"] for one in case["guarantees"]] == ["released"]


async def test_an_approval_shows_from_when_the_credit_is_usable(tavana: TavanaScenario, steps: Steps) -> None:
    case_id = await tavana.approved()

    application = (await steps.case(tavana.applicant, str(case_id)))["application"]

    assert application["approved"]["at"] < application["activates"]["at"]
    assert application["returned"] is None
    assert application["return_reasons"] == []


async def test_a_correction_is_judged_like_an_application_and_only_when_it_was_asked_for(
    tavana: TavanaScenario, steps: Steps
) -> None:
    case_id = str(await tavana.returned())
    mandate = {"version": 1, "code_id": "01890000-0000-7000-8000-000000000000", "code": "000000"}

    async def correct(who: Someone, **changes: Any) -> tuple[int, str]:
        terms = {"monthly_amount": {"amount": 40_000_000, "unit": "IRR"}, "instalments": 12, "mandate": mandate}
        answer = await steps.api.post(
            f"/v1/onboarding/applications/{case_id}/correction", json={**terms, **changes}, headers=who.headers()
        )
        return answer.status_code, answer.json()["code"]

    above = {"monthly_amount": {"amount": 100_000_010, "unit": "IRR"}}
    assert await correct(tavana.applicant, **above) == (422, "amount_above_share")
    assert await correct(tavana.applicant, instalments=25) == (422, "too_many_instalments")
    assert await correct(tavana.applicant, mandate={**mandate, "version": 2}) == (409, "mandate_outdated")
    assert await correct(tavana.applicant) == (422, "code_not_accepted")
    assert await correct(tavana.guarantor) == (404, "not_found")
    await steps.withdraw(tavana.applicant, case_id)
    assert await correct(tavana.applicant) == (409, "task_moot")
