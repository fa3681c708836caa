"""Money that goes back to its payer: by reversal, by refund, by the office's hand, never twice (E2)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.transition import ActivityContext
from commands import payment as commands
from commands.command import Context
from gateways.local_bank import LocalBank
from gateways.payment import Outcome, Paid
from messages.payment import TaskKind
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_desk import DAY, Desk
from tests.payment_steps import AMOUNT, PaymentScenario, pass_time, refuse, take


@pytest.fixture
async def desk(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank, superuser: Superuser
) -> Desk:
    """Nothing is paid yet."""
    return Desk(await PaymentScenario.opened(context, arrange, activity_context, bank), FaultyGateway(bank), superuser)


async def returns_of(desk: Desk, case_id: UUID) -> list[tuple[str, str, int, bool]]:
    """Why, by which way, how much, and whether it has gone."""
    return [
        (one.reason, one.way, one.amount, one.returned_at is not None) for one in await desk.scenario.returns(case_id)
    ]


async def test_by_another_s_card_it_goes_back_and_the_payer_pays_with_their_own(desk: Desk) -> None:
    case_id = await desk.foreign_card()
    assert await desk.scenario.phase(case_id) == "returning"
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "awaiting_payer"
    assert await desk.balances() == {}

    # The one that they use now is theirs.
    await desk.superuser.run("UPDATE payments SET own_card = false")
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(case_id)
    await desk.scenario.go_on(case_id)
    await take(desk.scenario.context, desk.purposes[0])
    await desk.scenario.go_on(case_id)

    assert await desk.scenario.phase(case_id) == "paid"
    assert await returns_of(desk, case_id) == [("foreign_card", "reverse", AMOUNT, True)]
    await assert_books_clean(desk.scenario.context.engine)


async def test_another_amount_goes_back_whole(desk: Desk) -> None:
    class Another(FaultyGateway):
        async def settle(self, authority: str, amount: int, order: str) -> Outcome:
            paid = await self.bank.settle(authority, amount, order)
            return Paid(paid.reference, amount + 1) if isinstance(paid, Paid) else paid

    case_id = await desk.at_bank()
    await desk.scenario.pay(case_id)
    another = desk.scenario.with_gateways(local=Another(desk.gateway.bank))
    assert (await another.step("verify_payment", case_id)).step == "return_money"
    assert await desk.balances() == {"gateway:clearing": -AMOUNT - 1, "payment:refunding": AMOUNT + 1}
    await desk.scenario.go_on(case_id)
    assert await returns_of(desk, case_id) == [("amount_differs", "reverse", AMOUNT + 1, True)]


async def test_of_two_paid_tries_the_later_goes_back_and_the_first_is_taken(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(case_id, 1)
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.go_on(case_id)
    assert await returns_of(desk, case_id) == [("second_attempt", "reverse", AMOUNT, True)]
    assert await desk.scenario.phase(case_id) == "received"
    await take(desk.scenario.context, desk.purposes[0])
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "paid"
    assert (await desk.balances())["bank"] == AMOUNT
    assert sorted(await desk.deeds()) == ["reversed", "settled", "settled"]


async def test_what_one_of_two_refuses_goes_back_by_refund(desk: Desk) -> None:
    case_id = await desk.paid(AMOUNT, 2 * AMOUNT)
    await take(desk.scenario.context, desk.purposes[0])
    await refuse(desk.scenario.context, desk.purposes[1])
    await desk.scenario.go_on(case_id)

    assert await desk.scenario.phase(case_id) == "partly_returned"
    assert await returns_of(desk, case_id) == [("not_taken", "refund", 2 * AMOUNT, True)]
    # A refund undoes no payment: the gateway keeps its fee of the whole.
    fee = 3 * AMOUNT // 100
    expected = {"bank": AMOUNT, "gateway:clearing": fee - AMOUNT, "expense:gateway": -fee}
    assert await desk.balances() == expected
    assert await desk.superuser.value(
        "SELECT count(*) FROM outbox WHERE case_id = %s AND payload ->> 'name' = 'payment_ended'", desk.purposes[1]
    )


async def test_what_a_gateway_cannot_give_back_in_part_the_office_does(desk: Desk) -> None:
    case_id = await desk.paid(AMOUNT, 15_000)
    await take(desk.scenario.context, desk.purposes[0])
    await refuse(desk.scenario.context, desk.purposes[1])
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "awaiting_return"
    assert desk.gateway.calls["refund"] == 0

    await desk.scenario.pay_back(case_id, "bank-1")
    await desk.scenario.go_on(case_id)

    assert await desk.scenario.phase(case_id) == "partly_returned"
    assert (await desk.balances())["bank"] == AMOUNT + 15_000
    assert await desk.superuser.value("SELECT reference FROM payment_returns") == "bank-1"


async def test_what_cannot_be_reversed_any_more_is_refunded(desk: Desk) -> None:
    desk.gateway.always(Trouble.REFUSES, "reverse")
    case_id = await desk.foreign_card()
    await desk.scenario.go_on(case_id)
    assert await returns_of(desk, case_id) == [("foreign_card", "refund", AMOUNT, True)]
    assert await desk.balances() == {"gateway:clearing": AMOUNT // 100, "expense:gateway": -AMOUNT // 100}


@pytest.mark.parametrize("trouble", [Trouble.LOST, Trouble.SILENT])
async def test_a_refund_whose_answer_was_lost_is_asked_about_before_it_is_asked_for_again(
    desk: Desk, trouble: Trouble
) -> None:
    desk.gateway.reverses_within = None
    case_id = await desk.foreign_card()
    desk.gateway.once(trouble, "refund")
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.step("return_money", case_id)

    await desk.scenario.go_on(case_id)

    assert desk.gateway.calls["refunded"] == 1
    assert desk.gateway.calls["refund"] == (1 if trouble is Trouble.LOST else 2)
    assert await desk.deeds() == ["settled", "refunded"]
    assert await returns_of(desk, case_id) == [("foreign_card", "refund", AMOUNT, True)]


async def test_where_the_gateway_cannot_say_whether_it_refunded_a_person_decides(desk: Desk) -> None:
    desk.gateway.reverses_within, desk.gateway.knows_refunds = None, False
    case_id = await desk.foreign_card()
    desk.gateway.once(Trouble.LOST, "refund")
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.step("return_money", case_id)

    await desk.scenario.go_on(case_id)

    assert desk.gateway.calls["refund"] == 1
    ((kind, details),) = await desk.superuser.rows("SELECT kind, details FROM tasks")
    assert (kind, details["asked"], details["amount"]) == ("return_payment", True, AMOUNT)


async def test_where_the_gateway_does_not_say_because_it_knows_us_no_more_a_person_decides(desk: Desk) -> None:
    desk.gateway.reverses_within = None
    case_id = await desk.foreign_card()
    desk.gateway.once(Trouble.LOST, "refund")
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.step("return_money", case_id)
    # Its token has expired.
    desk.gateway.always(Trouble.REFUSES, "refund", "refunded")

    await desk.scenario.go_on(case_id)

    ((kind, details),) = await desk.superuser.rows("SELECT kind, details FROM tasks")
    assert (kind, details["asked"]) == ("return_payment", True)


async def test_a_refund_refused_three_times_is_paid_back_from_the_bank_once(desk: Desk) -> None:
    case_id = await desk.by_hand()
    for _ in range(3):
        await desk.scenario.go_on(case_id)
    assert await desk.superuser.value("SELECT count(*) FROM tasks") == 1
    await desk.scenario.pay_back(case_id, "bank-1")
    await desk.scenario.go_on(case_id)

    assert await returns_of(desk, case_id) == [("foreign_card", "hand", AMOUNT, True)]
    fee = AMOUNT // 100
    assert await desk.balances() == {"gateway:clearing": fee - AMOUNT, "expense:gateway": -fee, "bank": AMOUNT}
    assert await desk.scenario.phase(case_id) == "awaiting_payer"


async def test_a_gateway_silent_for_a_day_leaves_it_to_the_office(desk: Desk) -> None:
    case_id = await desk.foreign_card()
    desk.gateway.always(Trouble.SILENT)
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.step("return_money", case_id)
    await pass_time(desk.superuser, DAY)

    await desk.scenario.go_on(case_id)

    assert await returns_of(desk, case_id) == [("foreign_card", "hand", AMOUNT, False)]
    assert await desk.scenario.phase(case_id) == "awaiting_return"


async def test_an_office_that_stays_silent_is_asked_anew(desk: Desk) -> None:
    case_id = await desk.by_hand()
    await pass_time(desk.superuser, DAY)
    await desk.scenario.step("remind_payment", case_id)
    assert (await desk.scenario.step("lapse_payment", case_id)).step == "request_return"
    await desk.scenario.go_on(case_id)
    statuses = await desk.superuser.rows("SELECT status FROM tasks ORDER BY id")
    assert statuses == [("expired",), ("open",)]


async def test_without_the_gateway_s_keys_nobody_knows_and_what_is_owed_is_for_the_office(desk: Desk) -> None:
    case_id = await desk.foreign_card()
    without = desk.scenario.with_gateways()
    # A release whose keys were lost does not turn everything that goes back over to people.
    with pytest.raises(ApplicationError, match="asked again"):
        await without.go_on(case_id)
    await pass_time(desk.superuser, DAY)
    await without.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "awaiting_return"
    found = await desk.superuser.rows("SELECT gateway, kind FROM reconciliation_findings")
    assert found == [("local", "gateway_not_set_up")]

    other = await desk.at_bank()
    await desk.scenario.pay(other)
    with pytest.raises(ApplicationError, match="asked again"):
        await without.go_on(other)
    assert await desk.scenario.phase(other) == "unclear"
    await pass_time(desk.superuser, DAY)
    await without.go_on(other)
    assert await desk.scenario.phase(other) == "awaiting_settlement"
    # The keys are back; the office has it asked again.
    await desk.scenario.decide(other, TaskKind.SETTLE_PAYMENT, commands.ask_again)
    await desk.scenario.go_on(other)
    assert [one.reason for one in await desk.scenario.attempts(other)] == [None]
    assert await desk.scenario.phase(other) == "received"


async def test_a_try_that_is_asked_for_while_money_goes_back_does_not_wait_for_it(desk: Desk) -> None:
    case_id = await desk.foreign_card()
    desk.gateway.always(Trouble.SILENT, "reverse")
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.step_in("return_money", case_id, 7)
    await desk.scenario.try_again(case_id)
    # Before the gateway is asked again.
    assert (await desk.scenario.step_in("return_money", case_id, 7)).step == "request_link"


async def test_two_returns_of_the_office_are_asked_for_one_after_the_other(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.superuser.run("UPDATE payments SET own_card = true")
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    desk.gateway.always(Trouble.REFUSES, "reverse", "refund")
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.pay(case_id, 1)
    await desk.scenario.go_on(case_id)
    for number in (1, 2):
        assert await desk.superuser.value("SELECT count(*) FROM tasks WHERE kind = 'return_payment'") == number
        await desk.scenario.pay_back(case_id, f"bank-{number}")
        await desk.scenario.go_on(case_id)
    assert (await desk.balances())["bank"] == 2 * AMOUNT
    assert await desk.scenario.phase(case_id) == "awaiting_payer"
    await assert_books_clean(desk.scenario.context.engine)


async def test_a_silent_gateway_holds_up_no_sum_that_is_in_the_office_s_hands(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.superuser.run("UPDATE payments SET own_card = true")
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    desk.gateway.always(Trouble.REFUSES, "reverse", "refund")
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.go_on(case_id)
    desk.gateway.always(Trouble.SILENT, "reverse", "refund")
    await desk.scenario.pay(case_id, 1)
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.go_on(case_id)

    await desk.scenario.record_return(case_id, "bank-1")
    # Before the gateway is asked again.
    assert (await desk.scenario.step("return_money", case_id)).step == "request_return"
    await desk.scenario.step("request_return", case_id)
    await desk.scenario.confirm_return(case_id)

    assert (await desk.scenario.step("return_money", case_id)).step == "book_return"
    assert (await desk.scenario.step("book_return", case_id)).step == "return_money"
    assert [(one[1], one[3]) for one in await returns_of(desk, case_id)] == [("hand", True), ("reverse", False)]


async def test_the_office_is_asked_at_once_for_what_is_its_own_while_a_gateway_is_silent(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.superuser.run("UPDATE payments SET own_card = true")
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    desk.gateway.always(Trouble.SILENT, "reverse")
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.pay(case_id, 1)
    with pytest.raises(ApplicationError, match="asked again"):
        await desk.scenario.go_on(case_id)
    await desk.superuser.run(
        "UPDATE payment_returns SET way = 'hand' WHERE id = (SELECT id FROM payment_returns ORDER BY id LIMIT 1)"
    )

    assert (await desk.scenario.step("return_money", case_id)).step == "request_return"
    assert (await desk.scenario.step("request_return", case_id)).step == "return_money"


async def test_slow_returns_of_one_payment_do_not_use_up_each_other_s_time(desk: Desk) -> None:
    both = asyncio.Barrier(2)

    class Slow(FaultyGateway):
        async def reverse(self, authority: str) -> str:
            # Answers only once it was asked for both.
            async with asyncio.timeout(5), both:
                return await self.bank.reverse(authority)

    case_id = await desk.at_bank()
    await desk.superuser.run("UPDATE payments SET own_card = true")
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.pay(case_id, 1)
    await desk.scenario.step("verify_payment", case_id)

    await desk.scenario.with_gateways(local=Slow(desk.gateway.bank)).step("return_money", case_id)

    assert [(one[1], one[3]) for one in await returns_of(desk, case_id)] == [("reverse", True), ("reverse", True)]
