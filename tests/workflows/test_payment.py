"""Payments on real servers: every way of the process, somebody silent, late or down, started anew anywhere (E2)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from activities.turns import AT_ONCE
from commands import payment as commands
from commands.command import Context
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.payment import TaskKind
from relay import Relay
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.histories.payment_paths import PATHS, Begin
from tests.journeys.paying import Paying, begin_to_pay
from tests.journeys.steps import Steps
from tests.payment_steps import AMOUNT, PaymentScenario, pass_time

pytestmark = pytest.mark.usefixtures("worker")

# Of one link, however long nobody knows what became of it. A second one, or people who are asked (two for each sum that
# is paid back by hand), cost as much again.
EVENT_BUDGET, EVENT_BUDGET_OF_MORE = 40, 80
IN_THE_SUITE = {
    "payment_paid",
    "payment_unclear_then_paid",
    "payment_part_refused",
    "payment_refused_part_by_hand",
    "payment_to_sheba",
}
# Far below the rest that somebody would wait for.
_SECONDS = 20
_OF_ONE_LINK = ("paid", "no_gateway", "never_back", "unclear_then_paid", "never_taken", "refused_before")


@pytest.fixture
def gateway(bank: LocalBank) -> FaultyGateway:
    """Before the local bank."""
    return FaultyGateway(bank)


@pytest.fixture
def activity_context(activity_context: ActivityContext, gateway: FaultyGateway) -> ActivityContext:
    """Workers that know it, and another one."""
    return replace(activity_context, gateways={gateway.name: gateway, "zibal": FaultyGateway(gateway.bank, "zibal")})


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


@pytest.mark.parametrize(
    "name", [name if name in IN_THE_SUITE else pytest.param(name, marks=pytest.mark.long) for name in PATHS]
)
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


async def test_a_process_started_anew_at_each_wait_goes_on_and_moves_nothing_twice(
    begin: Begin, context: Context, superuser: Superuser
) -> None:
    paying = await begin(AMOUNT, AMOUNT)
    await paying.start_anew()
    await paying.cancel()
    await paying.start_anew()
    await paying.try_again()
    await paying.nobody_knows()
    await paying.start_anew()
    await paying.end_unclear()
    await paying.start_anew()
    paying.gateway.always(Trouble.REFUSES, "reverse", "refund")
    await paying.decide(TaskKind.SETTLE_PAYMENT, commands.ask_again)
    paying.scenario.bank.pay(await paying.scenario.authority(paying.id), USUAL_CARD)
    await paying.phase("received")
    await paying.start_anew()
    await paying.take(0)
    await paying.refuse(1)
    await paying.phase("awaiting_return")
    await paying.start_anew()
    await paying.send_everything_again()
    await paying.return_by_hand()
    await paying.end()

    assert await paying.scenario.phase(paying.id) == "partly_returned"
    counted = "SELECT count(*) FROM journals WHERE case_id = %s AND reason = %s"
    for reason in ("payment_received", "payment_to_return", "payment_returned"):
        assert await superuser.value(counted, paying.id, reason) == 1
    # To find out, to pay back, and to confirm that.
    assert await superuser.value("SELECT count(*) FROM tasks") == 3
    await assert_books_clean(context.engine)


async def test_coming_back_twice_and_long_after_the_end_is_heard_once(begin: Begin, superuser: Superuser) -> None:
    paying = await begin()
    token = await paying.scenario.token(paying.id)
    paying.scenario.bank.pay(await paying.scenario.authority(paying.id), USUAL_CARD)
    await asyncio.gather(*(paying.scenario.come_back(paying.id) for _ in range(5)))
    await paying.take()
    await paying.end()
    before = await superuser.effects()

    await pass_time(superuser, timedelta(days=1))
    assert await commands.call_back(paying.scenario.context, token=token, origin="origin") == paying.id

    assert await superuser.effects() == before
    assert (await paying.timeline()).count("payment_called_back") == 1


async def test_a_payment_whose_way_back_was_lost_is_found_after_ten_minutes(begin: Begin) -> None:
    paying = await begin()
    paying.scenario.bank.pay(await paying.scenario.authority(paying.id), USUAL_CARD)
    await paying.pass_hours(10 / 60)
    await paying.take()
    await paying.end()
    assert "payment_called_back" not in await paying.timeline()


async def test_who_presses_try_again_while_a_return_rests_has_a_link_within_seconds(begin: Begin) -> None:
    paying = await begin()
    await paying.superuser.run("UPDATE payments SET own_card = true")
    paying.gateway.always(Trouble.SILENT, "reverse")
    # Owed for an hour: the gateway is asked again after 10 minutes.
    await paying.pay()
    await paying.phase("returning")
    await paying.superuser.run("UPDATE payment_returns SET owed_since = owed_since - interval '1 hour'")
    await paying.rests(timedelta(minutes=10))

    await asyncio.wait_for(paying.try_again(), _SECONDS)

    assert [one.state for one in await paying.scenario.attempts(paying.id)] == ["paid", "open"]
    # And it is asked about as soon as its payer comes back.
    await paying.rests(timedelta(minutes=10))
    asked = paying.gateway.calls["settle"]
    await paying.pay()
    await asyncio.wait_for(paying.called("settle", asked + 1), _SECONDS)


async def test_who_has_the_bank_asked_while_the_question_rests_does_not_wait_for_it(begin: Begin) -> None:
    paying = await begin()
    await paying.nobody_knows()
    await paying.superuser.run("UPDATE payment_attempts SET unclear_since = unclear_since - interval '1 hour'")
    await paying.rests(timedelta(minutes=10))
    paying.scenario.bank.pay(await paying.scenario.authority(paying.id), USUAL_CARD)
    paying.gateway.always(Trouble.NONE)
    await paying.superuser.run("UPDATE payment_attempts SET looked_at = looked_at - interval '1 minute'")

    await paying.scenario.look(paying.id)

    await asyncio.wait_for(paying.phase("received"), _SECONDS)


@pytest.mark.long
async def test_a_gateway_that_hangs_holds_up_its_own_payments_and_no_other_gateway_s(
    begin: Begin, gateway: FaultyGateway
) -> None:
    paying, over = await begin(), asyncio.Event()
    scenario = paying.scenario.with_gateways(local=gateway, zibal=gateway)

    async def at_bank(by: str) -> UUID:
        case_id = await scenario.open((await scenario.purpose(), AMOUNT), gateway=by)
        await eventually(lambda: _stands(scenario, case_id, "at_bank"), f"a link of {by}", seconds=_SECONDS)
        return case_id

    # More than the queue has slots.
    hanging = [await at_bank("local") for _ in range(14)]
    gateway.meanwhile = over.wait
    try:
        for case_id in hanging:
            await scenario.pay(case_id)
        await paying.called("settle", AT_ONCE)
        other = await at_bank("zibal")
        await scenario.pay(other)
        await eventually(lambda: _stands(scenario, other, "received"), "the other's money", seconds=_SECONDS)
        assert gateway.calls["settle"] == AT_ONCE
    finally:
        over.set()
    for case_id in hanging:
        await eventually(partial(_stands, scenario, case_id, "received"), "the money of each")


async def _stands(scenario: PaymentScenario, case_id: UUID, phase: str) -> bool:
    return await scenario.phase(case_id) == phase
