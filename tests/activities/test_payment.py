from __future__ import annotations
import pytest
from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from tests.arrange import Arrange
from tests.payment_steps import AMOUNT, PaymentScenario, take


@pytest.fixture
async def scenario(context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank) -> PaymentScenario:
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


async def test_x(scenario: PaymentScenario, context: Context) -> None:
    purpose = await scenario.purpose()
    case_id = await scenario.at_bank((purpose, AMOUNT))
    assert await scenario.phase(case_id) == "at_bank"
    await scenario.pay(case_id)
    print(await scenario.go_on(case_id))
    assert await scenario.phase(case_id) == "received"
    assert await take(context, purpose)
    print(await scenario.go_on(case_id))
    assert await scenario.phase(case_id) == "paid"
