"""Whoever is faster, the payer, the office or the gateway: what comes meanwhile is neither lost nor done twice (E2)."""

from __future__ import annotations

import asyncio

import pytest

from activities.transition import ActivityContext
from commands import payment as commands
from commands.command import Context
from domain.payment import PaymentReceived
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.payment import TaskKind
from storage import cases
from storage import payment as rows
from storage.database import SERVICE, transaction
from tests.arrange import Arrange, eventually
from tests.books import Superuser
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_desk import DAY, Desk
from tests.payment_steps import AMOUNT, PaymentScenario, pass_time


@pytest.fixture
async def desk(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank, superuser: Superuser
) -> Desk:
    """Nothing is paid yet."""
    return Desk(await PaymentScenario.opened(context, arrange, activity_context, bank), FaultyGateway(bank), superuser)


async def test_a_payer_who_comes_back_while_a_step_is_taken_is_heard(desk: Desk) -> None:
    case_id = await desk.at_bank()
    token, (attempt,) = await desk.scenario.token(case_id), await desk.scenario.attempts(case_id)

    async def waits() -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(await desk.superuser.value(waiting))

    async with transaction(desk.scenario.context.engine, SERVICE) as connection:
        await cases.lock_case(connection, case_id)
        coming = asyncio.create_task(commands.call_back(desk.scenario.context, token=token, origin="origin"))
        await eventually(waits, "the callback to wait for the step")
        await rows.look_later(connection, attempt, attempt.begun_at, look_at=attempt.begun_at + DAY)

    assert await coming == case_id
    assert [one.came_back for one in await desk.scenario.attempts(case_id)] == [True]


async def test_who_asks_for_another_try_while_the_first_is_found_paid_is_sent_to_no_bank(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.scenario.look(case_id)
    desk.gateway.bank.pay(await desk.scenario.authority(case_id), USUAL_CARD)
    # The payer pressed Back and tried again while the gateway was being asked, and it came to know then.
    await desk.superuser.run(
        "INSERT INTO payment_attempts (payment_id, token_hash, gateway) VALUES (%s, 'x', 'local')", case_id
    )
    await desk.superuser.run("UPDATE payment_attempts SET state = 'failed' WHERE token_hash = 'x'")

    async def try_again() -> None:
        desk.gateway.meanwhile = None
        await desk.superuser.run("UPDATE payment_attempts SET state = 'requested' WHERE token_hash = 'x'")

    desk.gateway.meanwhile = try_again
    await desk.scenario.step("verify_payment", case_id)
    await desk.scenario.go_on(case_id)

    assert await desk.scenario.phase(case_id) == "received"
    assert [one.state for one in await desk.scenario.attempts(case_id)] == ["paid", "failed"]
    assert desk.gateway.calls["request_link"] == 1
    with pytest.raises(PaymentReceived):
        await desk.scenario.try_again(case_id)


async def test_what_the_gateway_took_while_the_office_gave_up_is_booked(desk: Desk) -> None:
    case_id = await desk.at_office()
    desk.gateway.bank.pay(await desk.scenario.authority(case_id), USUAL_CARD)
    desk.gateway.always(Trouble.NONE)
    await desk.scenario.come_back(case_id)

    async def give_up() -> None:
        await desk.scenario.decide(case_id, TaskKind.SETTLE_PAYMENT, commands.give_up, "nothing came")

    desk.gateway.meanwhile = give_up
    await desk.scenario.step("verify_payment", case_id)

    assert await desk.scenario.phase(case_id) == "received"
    assert (await desk.balances())["payment:received"] == AMOUNT


async def test_a_try_that_was_given_up_while_the_gateway_was_silent_stays_given_up(desk: Desk) -> None:
    case_id = await desk.at_office()

    async def give_up() -> None:
        await desk.scenario.decide(case_id, TaskKind.SETTLE_PAYMENT, commands.give_up, "nothing came")

    desk.gateway.meanwhile = give_up
    desk.gateway.always(Trouble.LOST, "settle")
    await desk.superuser.run("UPDATE payment_attempts SET unclear_since = now()")
    await desk.scenario.come_back(case_id)
    await desk.scenario.step("verify_payment", case_id)

    assert [one.state for one in await desk.scenario.attempts(case_id)] == ["given_up"]
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "not_paid"


async def test_the_office_gives_up_only_what_it_was_asked_about(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    await desk.scenario.come_back(case_id, 0)
    await desk.unclear(case_id)
    await pass_time(desk.superuser, DAY)
    second = (await desk.scenario.attempts(case_id))[1].id
    await desk.superuser.run("UPDATE payment_attempts SET unclear_since = now() WHERE id = %s", second)
    await desk.scenario.step("verify_payment", case_id)
    await desk.scenario.go_on(case_id)
    assert await desk.superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 1

    # The payer has the bank asked at this very moment: the first stays the office's.
    await desk.scenario.look(case_id)
    await desk.scenario.decide(case_id, TaskKind.SETTLE_PAYMENT, commands.give_up, "nothing came")

    assert [one.state for one in await desk.scenario.attempts(case_id)] == ["given_up", "unclear"]
    desk.gateway.always(Trouble.NONE)
    await desk.scenario.pay(case_id, 1)
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "received"
