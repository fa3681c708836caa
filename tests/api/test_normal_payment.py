"""What each side of a normal payment sees of it, and what its answers keep to themselves (E7)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from gateways.local_bank import LocalBank
from tests.arrange import Arrange, Someone
from tests.commands.normal_payment_steps import WHAT_FOR, NormalPaymentScenario

STRANGER = "+989351110066"


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> NormalPaymentScenario:
    """A payer and a payee."""
    return await NormalPaymentScenario.opened(context, arrange, activity_context, bank)


async def read(api: httpx2.AsyncClient, who: Someone, path: str) -> dict[str, Any]:
    """What somebody is answered."""
    answer = await api.get(path, headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def without_what_differs(case: dict[str, Any]) -> dict[str, Any]:
    """A case without its own ids, moments and masked number."""
    payment = {**case["normal_payment"], "payee_mobile": None}
    apart = {"id", "number", "opened", "changed", "due", "normal_payment", "allowed_actions"}
    actions = [one["action"] for one in case["allowed_actions"]]
    return {name: value for name, value in case.items() if name not in apart} | {"is": payment, "may": actions}


async def test_the_payer_sees_the_same_whether_or_not_the_number_is_a_members(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario
) -> None:
    seen = []
    for mobile in (scenario.payee.mobile, STRANGER):
        case_id = await scenario.asked(mobile)
        case = await read(api, scenario.payer, f"/v1/cases/{case_id}")
        assert case["normal_payment"]["payee_mobile"] == f"0{mobile[3:6]}***{mobile[-4:]}"
        events = (await read(api, scenario.payer, f"/v1/cases/{case_id}/timeline"))["items"]
        seen.append((without_what_differs(case), [(one["code"], one["words"], one["actor"]) for one in events]))
    assert seen[0] == seen[1]
    lines = (await read(api, scenario.payer, "/v1/normal-payments"))["items"]
    assert [(one["other_name"], one["phase"]) for one in lines] == [(None, "awaiting_payee")] * 2


async def test_each_side_learns_the_others_name_in_its_turn(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario
) -> None:
    case_id = await scenario.asked()

    async def names(who: Someone) -> tuple[str | None, str | None]:
        shown = (await read(api, who, f"/v1/cases/{case_id}"))["normal_payment"]
        return shown["payer_name"], shown["payee_name"]

    assert await names(scenario.payer) == ("مریم آزمون", None)
    assert await names(scenario.payee) == ("مریم آزمون", "مریم آزمون")
    await scenario.accept(case_id)
    assert await names(scenario.payer) == ("مریم آزمون", "مریم آزمون")
    shown = (await read(api, scenario.payer, f"/v1/cases/{case_id}"))["normal_payment"]
    assert (shown["payee_mobile"], shown["what_for"]) == (None, WHAT_FOR)


async def test_auditors_see_what_is_paid_and_operators_only_that_there_is_a_case(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario, arrange: Arrange
) -> None:
    case_id = await scenario.accepted()
    seen = {
        role: (await read(api, await arrange.platform(role), f"/v1/cases/{case_id}"))["normal_payment"]
        for role in (Role.AUDITOR, Role.OPERATOR)
    }
    assert seen[Role.AUDITOR]["what_for"] == WHAT_FOR
    assert seen[Role.OPERATOR] is None


async def test_the_payer_is_led_to_the_payment_that_is_under_way(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario
) -> None:
    case_id = await scenario.accepted()
    answer = await api.post(f"/v1/normal-payments/{case_id}/payment", json={}, headers=scenario.payer.headers())
    assert answer.status_code == 201, answer.text
    assert answer.json()["kind"] == "payment"
    for who, payment in ((scenario.payer, answer.json()["id"]), (scenario.payee, None)):
        assert (await read(api, who, f"/v1/cases/{case_id}"))["normal_payment"]["payment_id"] == payment


async def test_both_sides_have_it_in_their_lists_newest_first_and_page_by_page(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario
) -> None:
    cases = [str(await scenario.asked()) for _ in range(3)]
    for who, is_payer in ((scenario.payer, True), (scenario.payee, False)):
        first = await read(api, who, "/v1/normal-payments?limit=2")
        rest = await read(api, who, f"/v1/normal-payments?limit=2&cursor={first['next']}")
        lines = [*first["items"], *rest["items"]]
        assert [one["case_id"] for one in lines] == cases[::-1]
        assert {one["is_payer"] for one in lines} == {is_payer}
        assert rest["next"] is None


async def test_the_words_in_force_are_those_that_a_request_accepts(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario
) -> None:
    terms = await read(api, scenario.payer, "/v1/normal-payments/terms")
    assert "هیچ مسئولیتی ندارد" in terms["text"]["fa"]
    wish = {"mobile": STRANGER, "amount": {"amount": 25_000_000}, "what_for": WHAT_FOR}
    answer = await api.post(
        "/v1/normal-payments", json={**wish, "terms_version": terms["version"]}, headers=scenario.payer.headers()
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["phase"] == "submitted"
