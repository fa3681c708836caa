"""The member's balance and its movements: what came, from which case, and nothing of anybody else's."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.ledger import HoldRequest, Occasion, member_account
from domain.money import Money
from gateways.local_bank import LocalBank
from storage.database import SERVICE, postgres_now, transaction
from storage.ledger.holding import hold
from tests.arrange import Arrange, Someone
from tests.commands.account_steps import statements
from tests.commands.normal_payment_steps import AMOUNT, NormalPaymentScenario


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


async def test_who_was_never_paid_has_nothing(api: httpx2.AsyncClient, scenario: NormalPaymentScenario) -> None:
    found = await read(api, scenario.payee, "/v1/balance")
    assert [found[name]["amount"] for name in ("available", "held", "total")] == [0, 0, 0]
    assert found["unit"] == "IRR"
    assert await read(api, scenario.payee, "/v1/balance/entries") == {"items": [], "next": None}


async def test_each_movement_is_told_with_its_case_and_the_balance_after_it(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario
) -> None:
    cases = [str(await scenario.paid()) for _ in range(3)]
    numbers = [(await read(api, scenario.payee, f"/v1/cases/{case_id}"))["number"] for case_id in cases]

    assert (await read(api, scenario.payee, "/v1/balance"))["available"]["amount"] == 3 * AMOUNT.amount
    first = await read(api, scenario.payee, "/v1/balance/entries?limit=2")
    rest = await read(api, scenario.payee, f"/v1/balance/entries?limit=2&cursor={first['next']}")
    lines = [*first["items"], *rest["items"]]
    assert [one["case_number"] for one in lines] == numbers
    assert [one["balance"]["amount"] for one in lines] == [AMOUNT.amount * count for count in (1, 2, 3)]
    assert {(one["amount"], one["reason"], one["words"]["fa"]) for one in lines} == {
        (AMOUNT.amount, "normal_payment_made", "دریافت پرداخت عادی")
    }
    assert rest["next"] is None


async def test_what_is_held_is_part_of_the_whole_and_not_available(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario, context: Context
) -> None:
    await scenario.paid()
    async with transaction(context.engine, SERVICE) as connection:
        occasion = Occasion("test:hold", None, "system", await postgres_now(connection))
        account = member_account(scenario.payee.id).code
        await hold(connection, HoldRequest(occasion, account, Money(5_000_000), "test_hold"))
    found = await read(api, scenario.payee, "/v1/balance")
    amounts = [found[name]["amount"] for name in ("available", "held", "total")]
    assert amounts == [AMOUNT.amount - 5_000_000, 5_000_000, AMOUNT.amount]


async def test_a_balance_is_its_members_alone(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario, arrange: Arrange
) -> None:
    await scenario.paid()
    assert (await read(api, scenario.payer, "/v1/balance"))["total"]["amount"] == 0
    assert (await read(api, scenario.payer, "/v1/balance/entries"))["items"] == []
    officer = await arrange.platform(Role.SETTLEMENT_OFFICER)
    for path in ("/v1/balance", "/v1/balance/entries"):
        assert (await api.get(path, headers=officer.headers())).status_code == 403


async def test_a_page_of_movements_takes_as_many_queries_as_one_movement(
    api: httpx2.AsyncClient, scenario: NormalPaymentScenario, context: Context
) -> None:
    counts = []
    for _ in range(2):
        await scenario.paid()
        with statements(context) as seen:
            await read(api, scenario.payee, "/v1/balance/entries")
        counts.append(len(seen))
    assert counts[0] == counts[1]
