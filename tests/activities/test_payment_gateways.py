"""Gateways that are slow, away, broken or do not know us: nothing of another is held up, and operators learn of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.payment import question
from activities.transition import ActivityContext
from activities.turns import Turns
from commands.command import Context
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.payment import Step
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_desk import DAY, Desk
from tests.payment_steps import AMOUNT, PaymentScenario, pass_time, refuse

OTHER = "zibal"


@pytest.fixture
async def desk(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank, superuser: Superuser
) -> Desk:
    """Two gateways take payments; ``desk.gateway`` is the wished one."""
    desk = Desk(await PaymentScenario.opened(context, arrange, activity_context, bank), FaultyGateway(bank), superuser)
    desk.scenario = desk.scenario.with_gateways(**{"local": desk.gateway, OTHER: FaultyGateway(bank, OTHER)})
    return desk


async def at_bank(desk: Desk, gateway: str = "local") -> UUID:
    """Somebody is at the bank, by a gateway."""
    return await desk.scenario.at_bank((await desk.scenario.purpose(), AMOUNT), gateway=gateway)


async def findings(desk: Desk) -> list[tuple[str, str, bool]]:
    """What operators are told of gateways: which, what, and whether that is over."""
    query = "SELECT gateway, kind, settled_at IS NOT NULL FROM reconciliation_findings ORDER BY id"
    return [(gateway, kind, is_over) for gateway, kind, is_over in await desk.superuser.rows(query)]


async def ask_in_vain(desk: Desk, case_id: UUID) -> timedelta:
    """The gateway is asked and nobody can say; how long until it is asked again."""
    with pytest.raises(ApplicationError, match="asked again") as again:
        await desk.scenario.step(Step.VERIFY_PAYMENT, case_id)
    assert again.value.next_retry_delay is not None
    return again.value.next_retry_delay


@contextlib.asynccontextmanager
async def hanging(desk: Desk, *case_ids: UUID) -> AsyncIterator[None]:
    """The wished gateway thinks about these payments, as long as the body lasts."""
    over = asyncio.Event()
    desk.gateway.meanwhile = over.wait
    steps = [asyncio.create_task(desk.scenario.step(Step.VERIFY_PAYMENT, one)) for one in case_ids]
    asked = desk.gateway.calls["settle"] + len(steps)
    async with asyncio.timeout(10):
        while desk.gateway.calls["settle"] < asked:  # noqa: ASYNC110 - it counts, and tells nobody
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*steps)
        desk.gateway.meanwhile = None


def one_at_once(desk: Desk) -> None:
    """Of each gateway one call is under way at most."""
    desk.scenario = replace(
        desk.scenario, activity_context=replace(desk.scenario.activity_context, turns=Turns(at_once=1))
    )


async def test_who_finds_a_slow_gateway_busy_comes_again_and_the_other_gateway_answers_meanwhile(desk: Desk) -> None:
    one_at_once(desk)
    first, second, third = [await at_bank(desk) for _ in range(3)]
    other = await at_bank(desk, OTHER)
    for case_id in (first, second, third, other):
        await desk.scenario.pay(case_id)

    async with hanging(desk, first):
        # One after the other, and nothing of it is called unclear.
        delays = [await ask_in_vain(desk, case_id) for case_id in (second, third)]
        assert timedelta(0) < delays[0] < delays[1] < timedelta(seconds=5)
        assert await desk.scenario.phase(second) == "at_bank"
        await desk.scenario.step(Step.VERIFY_PAYMENT, other)
        assert await desk.scenario.phase(other) == "received"

    assert desk.gateway.calls["settle"] == 1
    for case_id in (first, second, third):
        await desk.scenario.go_on(case_id)
        assert await desk.scenario.phase(case_id) == "received"
    await assert_books_clean(desk.scenario.context.engine)


async def test_of_one_payment_the_try_by_the_other_gateway_is_booked_though_the_first_is_busy(desk: Desk) -> None:
    one_at_once(desk)
    slow, case_id = await at_bank(desk), await at_bank(desk)
    await desk.scenario.try_again(case_id, OTHER)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(slow)
    await desk.scenario.pay(case_id, 1)

    async with hanging(desk, slow):
        await desk.scenario.step(Step.VERIFY_PAYMENT, case_id)
        assert [one.state for one in await desk.scenario.attempts(case_id)] == ["open", "paid"]


async def test_a_link_is_given_by_the_other_gateway_while_the_wished_one_is_busy(desk: Desk) -> None:
    one_at_once(desk)
    slow = await at_bank(desk)
    await desk.scenario.pay(slow)
    async with hanging(desk, slow):
        case_id = await at_bank(desk)
        assert [one.gateway for one in await desk.scenario.attempts(case_id)] == [OTHER]

        only = desk.scenario.with_gateways(local=desk.gateway)
        waiting = await only.open((await only.purpose(), AMOUNT))
        with pytest.raises(ApplicationError, match="asked again"):
            await only.step(Step.REQUEST_LINK, waiting)
        # Nobody waits longer than a minute to hear that they may try again.
        await pass_time(desk.superuser, timedelta(minutes=1))
        await only.step(Step.REQUEST_LINK, waiting)
        assert [one.state for one in await only.attempts(waiting)] == ["failed"]
        assert await only.phase(waiting) == "awaiting_payer"


async def test_a_return_that_finds_its_gateway_busy_comes_again_and_is_not_the_office_s(desk: Desk) -> None:
    one_at_once(desk)
    slow, case_id = await at_bank(desk), await at_bank(desk)
    await desk.superuser.run("UPDATE payments SET own_card = true WHERE case_id = %s", case_id)
    await desk.scenario.pay(case_id)
    await desk.scenario.step(Step.VERIFY_PAYMENT, case_id)
    await desk.scenario.pay(slow)
    async with hanging(desk, slow):
        await pass_time(desk.superuser, DAY)
        with pytest.raises(ApplicationError, match="asked again"):
            await desk.scenario.step(Step.RETURN_MONEY, case_id)
    assert [one.way for one in await desk.scenario.returns(case_id)] == ["reverse"]
    await desk.scenario.go_on(case_id)
    assert (await desk.scenario.returns(case_id))[0].returned_at is not None


async def test_what_one_gateway_verified_is_booked_though_the_adapter_of_another_fails(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    case_id = await at_bank(desk)
    await desk.scenario.try_again(case_id, OTHER)
    await desk.scenario.go_on(case_id)
    desk.gateway.always(Trouble.FAILS, "settle")
    await desk.scenario.pay(case_id, 1)
    with caplog.at_level(logging.DEBUG):
        await desk.scenario.step(Step.VERIFY_PAYMENT, case_id)

    assert [one.state for one in await desk.scenario.attempts(case_id)] == ["unclear", "paid"]
    assert (await desk.balances())["payment:received"] == AMOUNT
    assert await findings(desk) == [("local", "gateway_fails", False)]
    (told,) = [record for record in caplog.records if record.msg == "gateway_fails"]
    assert (told.levelname, vars(told)["reason"]) == ("ERROR", "KeyError")
    assert USUAL_CARD not in caplog.text


async def test_an_adapter_that_fails_for_a_day_is_for_the_office(desk: Desk) -> None:
    case_id = await at_bank(desk)
    desk.gateway.always(Trouble.FAILS, "settle")
    await desk.scenario.come_back(case_id)
    await ask_in_vain(desk, case_id)
    await pass_time(desk.superuser, DAY)
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "awaiting_settlement"


async def test_a_gateway_that_answers_no_more_is_left_before_the_others_time_is_used_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "_LIMIT", timedelta(milliseconds=50))
    case_id = await at_bank(desk)
    await desk.scenario.try_again(case_id, OTHER)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(case_id, 1)
    desk.gateway.meanwhile = asyncio.Event().wait

    await desk.scenario.step(Step.VERIFY_PAYMENT, case_id)

    assert [one.state for one in await desk.scenario.attempts(case_id)] == ["unclear", "paid"]


async def test_a_gateway_that_does_not_know_us_is_found_once_and_settled_as_soon_as_it_answers(desk: Desk) -> None:
    case_ids = [await at_bank(desk) for _ in range(3)]
    desk.gateway.always(Trouble.UNKNOWN)
    for case_id in case_ids:
        await desk.scenario.pay(case_id)
        await ask_in_vain(desk, case_id)
    assert await findings(desk) == [("local", "gateway_refuses", False)]
    assert await desk.superuser.value("SELECT times FROM reconciliation_findings") == len(case_ids)

    desk.gateway.always(Trouble.NONE)
    await desk.superuser.run("UPDATE payment_attempts SET look_at = now()")
    await desk.scenario.go_on(case_ids[0])
    assert await findings(desk) == [("local", "gateway_refuses", True)]


async def test_new_payments_go_by_another_gateway_while_one_does_not_know_us_and_later_it_is_tried_again(
    desk: Desk,
) -> None:
    desk.gateway.always(Trouble.UNKNOWN)
    gave = [(await desk.scenario.attempts(await at_bank(desk)))[0].gateway for _ in range(2)]
    assert (gave, desk.gateway.calls["request_link"]) == ([OTHER, OTHER], 1)

    desk.gateway.always(Trouble.NONE)
    await desk.superuser.run("UPDATE reconciliation_findings SET found_at = found_at - interval '11 minutes'")
    assert (await desk.scenario.attempts(await at_bank(desk)))[0].gateway == "local"
    assert await findings(desk) == [("local", "gateway_refuses", True)]


async def test_the_only_gateway_is_asked_for_a_link_although_it_was_in_trouble(desk: Desk) -> None:
    only = desk.scenario.with_gateways(local=desk.gateway)
    desk.gateway.once(Trouble.UNKNOWN)
    for state in ("failed", "open"):
        case_id = await only.at_bank((await only.purpose(), AMOUNT))
        assert [one.state for one in await only.attempts(case_id)] == [state]


async def test_a_gateway_that_takes_no_such_amount_is_in_no_trouble(desk: Desk) -> None:
    desk.gateway.always(Trouble.REFUSES, "request_link")
    case_id = await at_bank(desk)
    assert [one.gateway for one in await desk.scenario.attempts(case_id)] == [OTHER]
    assert await findings(desk) == []


async def test_a_gateway_down_for_an_hour_is_asked_until_it_is_back_and_what_was_paid_is_booked(desk: Desk) -> None:
    case_id = await at_bank(desk)
    await desk.scenario.pay(case_id)
    desk.gateway.always(Trouble.SILENT)
    await ask_in_vain(desk, case_id)
    down = timedelta(minutes=25)
    await pass_time(desk.superuser, down)
    while down < timedelta(hours=1):
        pause = await ask_in_vain(desk, case_id)
        down += pause
        await pass_time(desk.superuser, pause)
        assert await desk.scenario.phase(case_id) == "unclear"
    # Meanwhile others pay by the gateway that is there.
    assert (await desk.scenario.attempts(await at_bank(desk)))[0].gateway == OTHER

    desk.gateway.always(Trouble.NONE)
    await desk.scenario.step(Step.VERIFY_PAYMENT, case_id)
    assert await desk.scenario.phase(case_id) == "received"
    assert (await desk.balances())["payment:received"] == AMOUNT
    assert await findings(desk) == []


async def test_the_way_back_of_another_s_payment_has_the_bank_asked_about_that_one_alone(desk: Desk) -> None:
    mine, another_s = await at_bank(desk), await at_bank(desk)
    desk.scenario.bank.pay(await desk.scenario.authority(another_s), USUAL_CARD)

    # Whoever brings another's token to their own payment's page is told that other payment, and nothing of theirs.
    assert await desk.scenario.come_back(another_s) == another_s
    await desk.scenario.go_on(mine)
    await desk.scenario.go_on(another_s)

    assert [await desk.scenario.phase(one) for one in (mine, another_s)] == ["at_bank", "received"]
    assert desk.gateway.calls["settle"] == 1


async def test_who_comes_back_a_day_late_finds_what_came_of_it_and_changes_nothing(desk: Desk) -> None:
    case_id = await at_bank(desk)
    desk.scenario.bank.pay(await desk.scenario.authority(case_id), USUAL_CARD)
    # After ten minutes the bank is asked, though nobody came back.
    await pass_time(desk.superuser, timedelta(minutes=10))
    await desk.scenario.go_on(case_id)
    await pass_time(desk.superuser, timedelta(hours=23))

    assert await desk.scenario.come_back(case_id) == case_id
    await desk.scenario.go_on(case_id)

    assert await desk.scenario.phase(case_id) == "received"
    assert ((await desk.balances())["payment:received"], desk.gateway.calls["settle"]) == (AMOUNT, 1)


async def test_an_adapter_that_fails_as_money_goes_back_is_a_silent_gateway_and_after_a_day_the_office_is_asked(
    desk: Desk,
) -> None:
    desk.purposes = [await desk.scenario.purpose()]
    case_id = await desk.scenario.at_bank((desk.purposes[0], AMOUNT), gateway="local")
    await desk.scenario.pay(case_id)
    await desk.scenario.go_on(case_id)
    await refuse(desk.scenario.context, desk.purposes[0])
    desk.gateway.always(Trouble.FAILS, "reverse")
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.go_on(case_id)
    assert await findings(desk) == [("local", "gateway_fails", False)]

    await pass_time(desk.superuser, DAY)
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "awaiting_return"


async def test_a_gateway_whose_adapter_failed_as_money_went_back_answers_again_with_the_money(desk: Desk) -> None:
    desk.purposes = [await desk.scenario.purpose()]
    case_id = await desk.scenario.at_bank((desk.purposes[0], AMOUNT), gateway="local")
    await desk.scenario.pay(case_id)
    await desk.scenario.go_on(case_id)
    await refuse(desk.scenario.context, desk.purposes[0])
    desk.gateway.once(Trouble.FAILS, "reverse")
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.go_on(case_id)
    await desk.scenario.go_on(case_id)
    assert await findings(desk) == [("local", "gateway_fails", True)]
    assert await desk.deeds() == ["settled", "reversed"]
