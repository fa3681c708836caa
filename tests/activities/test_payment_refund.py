"""What a case has taken goes back later, by a payment's case of its own: by gateway, pay-out, or hand (E6a)."""

from __future__ import annotations

from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.transition import ActivityContext
from commands.command import Context
from domain.money import Money
from gateways.local_bank import LocalBank
from messages.case import OVER, WAIT
from storage import clearing
from storage import payment as rows
from storage.database import SERVICE, transaction
from storage.payment_refund import Refund, refunds_of
from tests.activities.test_payment_pay_out import SHEBA, Office
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_desk import DAY
from tests.payment_steps import AMOUNT, PURPOSE, PaymentScenario, give_back, pass_time, refuse, take
from tests.payout_steps import PayoutOffice, give_sheba

PART = 200_000
_STEPS = ("request_link", "return_money", "request_return", "book_return", "close_payment", "assess_payment")


@pytest.fixture
async def office(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank, superuser: Superuser
) -> Office:
    """Nothing is paid yet."""
    scenario = await PaymentScenario.opened(context, arrange, activity_context, bank)
    office = Office(scenario, FaultyGateway(bank), superuser)
    office.payouts = await PayoutOffice.opened(context, arrange, activity_context)
    return office


async def _taken(office: Office, *amounts: int) -> UUID:
    """A payment that is over: each purpose has taken its part."""
    case_id = await office.paid(*(amounts or (AMOUNT,)))
    for purpose in office.purposes:
        assert await take(office.scenario.context, purpose)
    assert (await office.scenario.go_on(case_id)).step == OVER
    return case_id


async def _refunded(office: Office, amount: int = PART, *, number: int = 0) -> UUID:
    """A part of it is to go back; returns the refund."""
    return await give_back(office.scenario.context, office.purposes[number], await _payment(office), amount)


async def _payment(office: Office) -> UUID:
    found: UUID = await office.superuser.value("SELECT case_id FROM payments WHERE refund_of IS NULL")
    return found


async def _known(office: Office, number: int = 0) -> list[Refund]:
    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        return await refunds_of(connection, office.purposes[number])


async def _told(office: Office, template: str) -> int:
    told = "SELECT count(*) FROM notices WHERE template = %s AND person_id = %s"
    return int(await office.superuser.value(told, template, office.scenario.payer.id))


async def _twice(office: Office, refund: UUID) -> None:
    """Take each step in one round twice, whatever the case waits for."""
    for name in _STEPS:
        for _ in range(2):
            await office.scenario.step_in(name, refund, 1)


async def test_a_part_goes_back_through_the_gateway_once_and_its_purpose_hears_of_it(office: Office) -> None:
    payment = await _taken(office)
    refund = await _refunded(office)
    case = await office.scenario.case(refund)
    assert (case.phase, case.variant, case.person_id) == ("returning", "refund", office.scenario.payer.id)
    assert (await office.balances())["payment:refunding"] == PART
    assert [(one.case_id, one.payment_id, one.amount, one.returned_at) for one in await _known(office)] == [
        (refund, payment, PART, None)
    ]
    await assert_books_clean(office.scenario.context.engine)

    await _twice(office, refund)

    assert await office.scenario.phase(refund) == "returned"
    assert await office.deeds() == ["settled", "refunded"]
    (known,) = await _known(office)
    assert known.returned_at is not None
    # The gateway keeps its fee of the whole.
    balances, fee = await office.balances(), AMOUNT // 100
    assert (balances["gateway:clearing"], "payment:refunding" in balances) == (PART + fee - AMOUNT, False)
    ended = "SELECT count(*) FROM outbox WHERE case_id = %s AND payload ->> 'name' = 'payment_ended'"
    assert await office.superuser.value(ended, office.purposes[0]) == 1
    assert [await _told(office, one) for one in ("payment_refund_begun", "payment_returning", "payment_returned")] == [
        1,
        0,
        1,
    ]
    # The payment stays what it was.
    assert await office.scenario.phase(payment) == "paid"
    await assert_books_clean(office.scenario.context.engine)


async def test_the_process_is_started_by_its_own_case(office: Office) -> None:
    await _taken(office)
    refund = await _refunded(office)
    started = "SELECT payload ->> 'kind', payload ->> 'name' FROM outbox WHERE case_id = %s AND message = 'CaseSignal'"
    assert await office.superuser.rows(started, refund) == [("payment", "payment_refund_begun")]


async def test_several_refunds_of_one_payment_are_no_more_than_was_taken(office: Office) -> None:
    payment = await _taken(office, AMOUNT, 2 * AMOUNT)
    for amount in (PART, AMOUNT - PART):
        assert (await office.scenario.go_on(await _refunded(office, amount))).step == OVER
    for number, amount in ((0, 1), (1, 2 * AMOUNT + 1), (1, 0)):
        with pytest.raises(ValueError, match="can go back"):
            await _refunded(office, amount, number=number)
    assert (await office.scenario.go_on(await _refunded(office, 2 * AMOUNT, number=1))).step == OVER

    assert [one.amount for one in await _known(office)] == [PART, AMOUNT - PART]
    assert await office.superuser.value("SELECT count(*) FROM payments WHERE refund_of = %s", payment) == 3
    assert (await office.balances())["gateway:clearing"] == 3 * AMOUNT // 100
    await assert_books_clean(office.scenario.context.engine)


async def test_only_who_took_the_money_gives_it_back_and_no_more_than_is_left_of_the_try(office: Office) -> None:
    payment = await office.paid(AMOUNT, 2 * AMOUNT)
    with pytest.raises(LookupError, match="has taken nothing"):
        await _refunded(office)
    await take(office.scenario.context, office.purposes[0])
    await refuse(office.scenario.context, office.purposes[1])
    await office.scenario.go_on(payment)
    with pytest.raises(LookupError, match="has taken nothing"):
        await _refunded(office, number=1)
    refund = await _refunded(office, AMOUNT)
    # What goes back goes back once.
    with pytest.raises(LookupError, match="has taken nothing"):
        await give_back(office.scenario.context, office.purposes[0], refund, 1)
    await office.scenario.go_on(refund)
    await office.superuser.run("UPDATE payment_items SET amount = amount + 1 WHERE payment_id = %s", payment)
    with pytest.raises(ValueError, match="no more than 0 rial"):
        await _refunded(office, 1)


async def test_a_refund_is_no_paying(office: Office) -> None:
    await _taken(office)
    await _refunded(office)
    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        assert await rows.paid_today(connection, office.scenario.payer.id) == Money(AMOUNT)
        assert await rows.running_for(connection, office.purposes[0]) is None
    await office.scenario.open((office.purposes[0], AMOUNT), purpose=PURPOSE)


async def test_a_silent_gateway_is_asked_for_a_day_then_a_person_finds_out(office: Office) -> None:
    await give_sheba(office.scenario.context, office.scenario.payer.id, SHEBA)
    await _taken(office)
    refund = await _refunded(office)
    office.gateway.always(Trouble.SILENT)
    with pytest.raises(ApplicationError, match="asked again"):
        await office.scenario.go_on(refund)
    assert await office.scenario.phase(refund) == "returning"
    await pass_time(office.superuser, DAY)
    # Whether it was given back is not known: no pay-out pays it by itself.
    await office.scenario.go_on(refund)
    assert (await office.way(), await office.scenario.phase(refund)) == ("hand", "awaiting_return")


async def test_what_the_gateway_refuses_is_paid_out_to_the_payers_sheba(office: Office) -> None:
    await give_sheba(office.scenario.context, office.scenario.payer.id, SHEBA)
    await _taken(office)
    refund = await _refunded(office)
    office.gateway.always(Trouble.REFUSES, "refund")
    assert (await office.scenario.go_on(refund)).step == WAIT
    assert (await office.way(), await office.scenario.phase(refund)) == ("sheba", "awaiting_payout")
    assert office.gateway.calls["reverse"] == 0
    await office.superuser.run("SET session_replication_role = replica")
    for table in ("journals", "accounts"):
        await office.superuser.run(f"UPDATE {table} SET created_at = created_at - interval '2 hours'")  # noqa: S608 - our own names
    await office.superuser.run("SET session_replication_role = DEFAULT")
    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        assert await clearing.list_suspense(connection) == []
    await assert_books_clean(office.scenario.context.engine)

    await office.answer()
    await office.scenario.go_on(refund)

    assert await office.scenario.phase(refund) == "returned"
    assert [one.returned_at is not None for one in await _known(office)] == [True]
    assert "payment:refunding" not in await office.balances()
    await assert_books_clean(office.scenario.context.engine)


async def test_what_the_bank_rejects_too_is_paid_back_by_two_officers(office: Office) -> None:
    await give_sheba(office.scenario.context, office.scenario.payer.id, SHEBA)
    await _taken(office)
    refund = await _refunded(office)
    office.gateway.always(Trouble.REFUSES, "refund")
    await office.scenario.go_on(refund)
    await office.answer(rejected=True)
    await office.scenario.go_on(refund)
    assert (await office.way(), await office.scenario.phase(refund)) == ("hand", "awaiting_return")
    assert [one.returned_at for one in await _known(office)] == [None]
    await assert_books_clean(office.scenario.context.engine)

    await office.scenario.pay_back(refund, "bank-1")
    await _twice(office, refund)

    assert await office.scenario.phase(refund) == "returned"
    reasons = "SELECT count(*) FROM journals WHERE case_id = %s AND reason = 'payment_returned'"
    assert await office.superuser.value(reasons, refund) == 1
    assert "payment:refunding" not in await office.balances()
    await assert_books_clean(office.scenario.context.engine)


async def test_where_the_own_card_alone_may_pay_a_card_that_is_not_known_leads_to_no_sheba(office: Office) -> None:
    await give_sheba(office.scenario.context, office.scenario.payer.id, SHEBA)
    await _taken(office)
    await office.superuser.run("UPDATE payments SET own_card = true")
    refund = await _refunded(office)
    office.gateway.always(Trouble.REFUSES, "refund")
    await office.scenario.go_on(refund)
    assert (await office.line(), await office.way()) == (None, "hand")
