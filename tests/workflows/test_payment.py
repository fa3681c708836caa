"""Payments on real servers: every way of the process, whoever is silent, late or down, started anew anywhere (E2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from relay import Relay
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.histories.payment_paths import PATHS, Begin
from tests.journeys.paying import Paying, begin_to_pay
from tests.journeys.steps import Steps
from tests.payment_steps import PaymentScenario

pytestmark = pytest.mark.usefixtures("worker")

# Of one link, however long nobody knows what became of it. A second one, or people who are asked, cost as much again.
EVENT_BUDGET, EVENT_BUDGET_OF_MORE = 40, 75
_OF_ONE_LINK = ("paid", "no_gateway", "never_back", "unclear_then_paid", "never_taken", "refused_before")


@pytest.fixture
def gateway(bank: LocalBank) -> FaultyGateway:
    """Before the local bank."""
    return FaultyGateway(bank)


@pytest.fixture
def activity_context(activity_context: ActivityContext, gateway: FaultyGateway) -> ActivityContext:
    """Workers that know it."""
    return replace(activity_context, gateways={gateway.name: gateway})


@pytest.fixture
async def begin(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    bank: LocalBank,
    gateway: FaultyGateway,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
) -> Begin:
    """Begins a payment."""
    scenario = await PaymentScenario.opened(replace(context, nudge=relay.nudge), arrange, activity_context, bank)

    async def begun(*amounts: int, trouble: Trouble = Trouble.NONE) -> Paying:
        return await begin_to_pay(scenario, gateway, steps, temporal, superuser, relay, *amounts, trouble=trouble)

    return begun


@pytest.mark.parametrize("name", PATHS)
async def test_each_way_comes_to_its_end_and_every_rial_is_explained(
    begin: Begin, context: Context, superuser: Superuser, name: str
) -> None:
    way, end = PATHS[name]
    paying = await way(begin)
    await paying.end()

    assert await paying.scenario.phase(paying.id) == end
    assert await superuser.value("SELECT count(*) FROM accounts WHERE kind LIKE 'payment:%%' AND balance <> 0") == 0
    assert await superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 0
    await assert_books_clean(context.engine)
    is_short = name.removeprefix("payment_") in _OF_ONE_LINK
    assert await quiet_events(paying.handle) <= (EVENT_BUDGET if is_short else EVENT_BUDGET_OF_MORE)
