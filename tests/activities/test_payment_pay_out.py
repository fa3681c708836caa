"""What no gateway gives back goes to the payer's own sheba with the next pay-out: once, or by two officers (E2, E3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError
from temporalio.exceptions import ApplicationError

from activities.payment.returning import GivenBack, record_given_back
from activities.payout import reminding_activities
from activities.payout.settling import RecordSettling
from activities.transition import ActivityContext, run_transition
from commands.command import Context
from commands.withdrawal import take_back_withdrawal
from domain.errors import NotFound
from domain.ledger import member_account, payment_accounts
from gateways.local_bank import LocalBank
from messages.case import WAIT, StepInput
from messages.payout import SettleRecord
from storage import clearing, withdrawal
from storage.database import SERVICE, transaction
from storage.ledger import posting
from storage.rows.payout import Withdrawal
from tests.arrange import Arrange
from tests.bank_account_steps import a_sheba
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import run
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_desk import Desk
from tests.payment_steps import AMOUNT, PaymentScenario, pass_time, refuse, take
from tests.payout_steps import PayoutOffice, give_sheba, opened_offices
from tests.transitions import until_answered

PART = 15_000
SHEBA = a_sheba("1234", 77)


class Office(Desk):
    """A payment of which a part goes back that is too small for the gateway, and those who pay money out."""

    payouts: PayoutOffice

    async def line(self) -> Withdrawal | None:
        """The line by which it goes back."""
        owed = await self.superuser.value("SELECT id FROM payment_returns ORDER BY id LIMIT 1")
        async with transaction(self.scenario.context.engine, SERVICE) as connection:
            return await withdrawal.line_for(connection, owed)

    async def lines(self) -> Withdrawal:
        """The same where there is one."""
        line = await self.line()
        assert line is not None
        return line

    async def part_goes_back(self) -> UUID:
        """One takes its part of what was paid, another one's is owed; nobody was asked to give it back yet."""
        case_id = await self.paid(AMOUNT, PART)
        await take(self.scenario.context, self.purposes[0])
        await refuse(self.scenario.context, self.purposes[1])
        return case_id

    async def waits(self) -> UUID:
        """It waits for the next pay-out."""
        case_id = await self.part_goes_back()
        await self.scenario.go_on(case_id)
        return case_id

    async def answer(self, *, rejected: bool = False) -> UUID:
        """The bank has answered to the batch; returns the batch."""
        batch = await self.payouts.sent()
        rows = await self.payouts.answer_to(batch, rejected=[1] if rejected else [])
        await self.payouts.answered(batch, rows)
        return batch

    async def way(self) -> str:
        """By which way it goes, or went, back."""
        return str(await self.superuser.value("SELECT way FROM payment_returns ORDER BY id LIMIT 1"))


@pytest.fixture
async def office(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank, superuser: Superuser
) -> Office:
    """Nothing is paid yet; the payer has a sheba of their own."""
    scenario = await PaymentScenario.opened(context, arrange, activity_context, bank)
    office = Office(scenario, FaultyGateway(bank), superuser)
    payouts = await PayoutOffice.opened(context, arrange, activity_context)
    office.payouts = payouts
    await give_sheba(context, scenario.payer.id, SHEBA)
    return office


async def test_what_the_gateway_cannot_give_back_waits_for_a_pay_out_and_is_booked_when_the_bank_paid_it(
    office: Office,
) -> None:
    case_id = await office.waits()
    line = await office.lines()
    assert (await office.scenario.phase(case_id), line.state, line.amount) == ("awaiting_payout", "waiting", PART)
    assert withdrawal.sheba_of(office.scenario.context.seals, line) == SHEBA
    assert (await office.balances())["payment:refunding"] == PART
    await assert_books_clean(office.scenario.context.engine)

    await office.answer()

    told = "SELECT count(*) FROM outbox WHERE case_id = %s AND payload ->> 'name' = 'payment_returned'"
    assert await office.superuser.value(told, case_id) == 1
    await office.scenario.go_on(case_id)
    (returned,) = await office.scenario.returns(case_id)
    assert (returned.way, returned.reference, returned.returned_at is not None) == ("sheba", "REF-1", True)
    assert await office.scenario.phase(case_id) == "partly_returned"
    assert "payment:refunding" not in await office.balances()
    assert await office.superuser.value(
        "SELECT count(*) FROM notices WHERE template = 'payment_returned' AND person_id = %s", office.scenario.payer.id
    )
    await assert_books_clean(office.scenario.context.engine)


async def test_what_the_bank_gives_back_of_a_return_is_in_the_payers_balance_for_the_payment_is_over(
    office: Office,
) -> None:
    case_id = await office.waits()
    batch = await office.answer()
    await office.scenario.go_on(case_id)
    line = await office.lines()
    await office.payouts.record(batch, line.id, result="returned")
    await office.payouts.confirm_record(batch)
    await RecordSettling(office.payouts.activity_context).settle(SettleRecord(batch))

    assert (await office.lines()).state == "returned"
    assert await office.scenario.phase(case_id) == "partly_returned"
    code = member_account(office.scenario.payer.id).code
    assert await office.superuser.value("SELECT balance FROM accounts WHERE code = %s", code) == PART
    assert "payment:refunding" not in await office.balances()
    await assert_books_clean(office.scenario.context.engine)


async def test_what_the_bank_rejects_is_for_two_officers(office: Office) -> None:
    case_id = await office.waits()
    await office.answer(rejected=True)
    await office.scenario.go_on(case_id)

    assert (await office.way(), await office.scenario.phase(case_id)) == ("hand", "awaiting_return")
    assert (await office.balances())["payment:refunding"] == PART
    await assert_books_clean(office.scenario.context.engine)
    await office.scenario.pay_back(case_id, "bank-1")
    await office.scenario.go_on(case_id)
    assert await office.scenario.phase(case_id) == "partly_returned"
    await assert_books_clean(office.scenario.context.engine)


async def test_a_sheba_that_the_payer_removes_meanwhile_is_still_the_one_that_is_paid(office: Office) -> None:
    case_id = await office.waits()
    removed = "UPDATE bank_accounts SET removed_at = now(), is_default = false WHERE person_id = %s"
    await office.superuser.run(removed, office.scenario.payer.id)
    await office.answer()
    await office.scenario.go_on(case_id)
    assert await office.scenario.phase(case_id) == "partly_returned"


async def test_without_a_sheba_a_person_pays_it_back(office: Office) -> None:
    await office.superuser.run("UPDATE bank_accounts SET is_default = false")
    case_id = await office.waits()
    assert (await office.line(), await office.way()) == (None, "hand")
    assert await office.scenario.phase(case_id) == "awaiting_return"


async def test_what_another_s_card_paid_never_goes_to_the_payer_s_sheba(office: Office) -> None:
    await office.by_hand()
    assert (await office.line(), await office.way()) == (None, "hand")


async def test_a_second_payment_by_another_s_card_is_known_as_that_and_no_officer_is_led_to_the_payer_s_sheba(
    office: Office,
) -> None:
    case_id = await office.at_bank()
    await office.scenario.try_again(case_id)
    await office.scenario.go_on(case_id)
    await office.scenario.pay(case_id, 0)
    await office.scenario.go_on(case_id)
    await office.superuser.run("UPDATE payments SET own_card = true")
    office.gateway.always(Trouble.REFUSES, "reverse", "refund")
    await office.scenario.pay(case_id, 1)
    await office.scenario.step("verify_payment", case_id)
    # What was paid first goes on.
    assert await office.scenario.phase(case_id) == "received"
    await office.scenario.go_on(case_id)
    assert await office.superuser.value("SELECT reason FROM payment_returns") == "foreign_card"
    assert (await office.line(), await office.way()) == (None, "hand")


async def test_what_the_gateway_may_have_given_back_is_never_paid_out_by_itself(office: Office) -> None:
    office.gateway.reverses_within, office.gateway.knows_refunds = None, False
    case_id = await office.paid(AMOUNT, 2 * AMOUNT)
    await take(office.scenario.context, office.purposes[0])
    await refuse(office.scenario.context, office.purposes[1])
    office.gateway.once(Trouble.LOST, "refund")
    with pytest.raises(Exception, match="asked again"):
        await office.scenario.go_on(case_id)
    await office.scenario.go_on(case_id)
    assert (await office.line(), await office.way()) == (None, "hand")


async def test_what_a_lost_reversal_may_have_given_back_is_not_paid_out_though_the_gateway_knows_us_no_more(
    office: Office,
) -> None:
    case_id = await office.paid(AMOUNT)
    await refuse(office.scenario.context, office.purposes[0])
    office.gateway.once(Trouble.LOST, "reverse")
    with pytest.raises(ApplicationError, match="asked again"):
        await office.scenario.go_on(case_id)
    office.gateway.always(Trouble.UNKNOWN)
    await office.scenario.go_on(case_id)
    assert (await office.deeds())[-1] == "reversed"
    assert (await office.line(), await office.way()) == (None, "hand")
    assert (await office.scenario.returns(case_id))[0].asked_at is not None


async def test_what_the_gateway_clearly_refused_is_paid_out_and_nobody_is_warned(office: Office) -> None:
    office.gateway.always(Trouble.REFUSES, "refund", "reverse")
    case_id = await office.paid(AMOUNT, 2 * AMOUNT)
    await take(office.scenario.context, office.purposes[0])
    await refuse(office.scenario.context, office.purposes[1])
    await office.scenario.go_on(case_id)
    assert (await office.lines()).amount == 2 * AMOUNT
    assert (await office.scenario.returns(case_id))[0].asked_at is None


async def test_killed_between_hold_and_state_it_is_held_once_with_one_line(office: Office) -> None:
    case_id = await office.part_goes_back()
    await office.superuser.run(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'killed'; END $$;"
        "CREATE TRIGGER die BEFORE UPDATE OF way ON payment_returns FOR EACH ROW WHEN (NEW.way = 'sheba')"
        " EXECUTE FUNCTION die()"
    )
    try:
        with pytest.raises(DBAPIError, match="killed"):
            await office.scenario.go_on(case_id)
        assert await office.line() is None
        assert await office.superuser.value("SELECT count(*) FROM holds") == 0
    finally:
        await office.superuser.run("DROP TRIGGER die ON payment_returns; DROP FUNCTION die()")
    for _ in range(2):
        assert (await office.scenario.go_on(case_id)).step == WAIT
    assert await office.superuser.value("SELECT count(*) FROM holds WHERE state = 'pending'") == 1
    await assert_books_clean(office.scenario.context.engine)


async def _gateway_says_late(office: Office, case_id: UUID) -> None:
    """An answer of the gateway, which everybody had given up, says that it gave it back."""
    (owed,) = await office.scenario.returns(case_id)

    async def body(step: object) -> object:
        return await record_given_back(step, GivenBack({owed.id: "late-1"}, frozenset()))  # type: ignore[arg-type]

    there = office.scenario.activity_context
    await until_answered(lambda: run_transition(there, "return_money", StepInput(case_id, 99), body))  # type: ignore[arg-type]


async def test_what_the_gateway_gives_back_after_all_though_the_office_was_asked_is_booked_as_the_gateway_s(
    office: Office,
) -> None:
    await office.superuser.run("UPDATE bank_accounts SET is_default = false")
    case_id = await office.waits()
    assert await office.way() == "hand"
    await _gateway_says_late(office, case_id)
    # By the way its books are compared with the gateway's list, or with the bank's statement.
    assert await office.way() == "refund"
    await assert_books_clean(office.scenario.context.engine)


async def test_what_the_gateway_gives_back_while_its_line_waits_is_booked_as_the_gateway_s(office: Office) -> None:
    case_id = await office.waits()
    await _gateway_says_late(office, case_id)
    line = await office.lines()
    (returned,) = await office.scenario.returns(case_id)
    assert (line.state, returned.way, returned.reference) == ("taken_back", "refund", "late-1")
    await assert_books_clean(office.scenario.context.engine)
    assert await office.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_returned'") == 1


async def test_what_the_gateway_says_after_the_line_was_cut_is_not_booked_twice(office: Office) -> None:
    case_id = await office.waits()
    batch = await office.payouts.sent()
    await _gateway_says_late(office, case_id)
    assert (await office.lines()).state == "cut"
    await office.payouts.answered(batch, await office.payouts.answer_to(batch))
    await office.scenario.go_on(case_id)
    # That the gateway gave it back as well, its list of the day tells as a difference.
    assert await office.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_returned'") == 1
    await assert_books_clean(office.scenario.context.engine)


async def test_the_payer_cannot_take_the_line_back_nor_see_it_among_their_withdrawals(office: Office) -> None:
    await office.waits()
    line, payer = await office.lines(), office.scenario.payer
    with pytest.raises(NotFound):
        await run(office.scenario.context, payer, lambda command: take_back_withdrawal(command, line.id))
    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        assert await withdrawal.list_withdrawals(connection, payer.id, before=None, limit=10) == []


async def test_of_a_line_that_nobody_pays_the_case_says_so_each_time_after_as_long_as_it_waited_and_no_sms(
    office: Office,
) -> None:
    case_id = await office.waits()
    waits = []
    for _ in range(3):
        found = await office.scenario.step("assess_payment", case_id)
        assert (found.step, found.at_end) == (WAIT, "request_return")
        waits.append(round(found.expire_in / 86_400))
        passed = timedelta(seconds=found.expire_in + 1)
        await pass_time(office.superuser, passed)
        # As the process takes it, which says for which moment it waited.
        until = None if found.expires_at is None else found.expires_at - passed
        assert (await office.scenario.step("request_return", case_id, until)).step == WAIT
    assert waits == [7, 7, 14]
    noted = "SELECT count(*) FROM timeline WHERE code = 'payment_to_sheba_waits' AND case_id = %s"
    assert await office.superuser.value(noted, case_id) == 3
    told = "SELECT count(*) FROM notices WHERE person_id = %s"
    assert await office.superuser.value(told, office.scenario.officer.id) == 0
    assert await office.scenario.phase(case_id) == "awaiting_payout"


async def test_of_all_that_payments_owe_and_no_batch_takes_the_office_is_told_once_a_morning(office: Office) -> None:
    ((remind,),) = reminding_activities(office.scenario.activity_context).values()
    await opened_offices(office.payouts)
    for _ in range(2):
        await office.waits()
    await office.superuser.run("UPDATE withdrawals SET asked_at = now() - interval '25 hours'")
    assert [await remind() for _ in range(2)] == [2, 2]
    told = "SELECT params ->> 'count' FROM notices WHERE template = 'withdrawals_wait' AND person_id = %s"
    assert await office.superuser.rows(told, office.scenario.officer.id) == [("۲",)]


async def test_what_waits_for_a_pay_out_is_at_work_and_no_money_in_suspense(office: Office) -> None:
    await office.waits()
    await office.superuser.run("SET session_replication_role = replica")
    for table in ("journals", "accounts"):
        await office.superuser.run(f"UPDATE {table} SET created_at = created_at - interval '2 hours'")  # noqa: S608 - our own names
    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        assert await clearing.list_suspense(connection) == []
    await assert_books_clean(office.scenario.context.engine)


async def test_what_the_bank_paid_is_booked_once_though_the_account_was_frozen_as_it_said_so(office: Office) -> None:
    case_id = await office.waits()
    batch = await office.payouts.sent()
    said = await office.payouts.answer_to(batch)
    refunding = payment_accounts(case_id)[1].code
    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        await posting.freeze(connection, refunding)
    assert await office.payouts.refusals(await office.payouts.answered(batch, said)) == [(1, "account_frozen")]
    (owed,) = await office.scenario.returns(case_id)
    assert (owed.returned_at, (await office.lines()).state) == (None, "cut")
    told = "SELECT count(*) FROM notices WHERE template = 'payment_returned'"
    assert await office.superuser.value(told) == 0

    async with transaction(office.scenario.context.engine, SERVICE) as connection:
        await posting.unfreeze(connection, refunding)
    await office.payouts.answered(batch, said)
    await office.scenario.go_on(case_id)
    assert await office.scenario.phase(case_id) == "partly_returned"
    assert await office.superuser.value(told) == 1
    await assert_books_clean(office.scenario.context.engine)


async def test_whoever_settles_a_payment_while_the_bank_answers_for_it_waits_and_nothing_is_done_twice(
    office: Office,
) -> None:
    case_id = await office.waits()
    batch = await office.payouts.sent()
    said = await office.payouts.answer_to(batch)
    await asyncio.gather(
        office.payouts.answered(batch, said),
        *(office.scenario.step("assess_payment", case_id) for _ in range(3)),
        _gateway_says_late(office, case_id),
    )
    await office.scenario.go_on(case_id)
    assert await office.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_returned'") == 1
    await assert_books_clean(office.scenario.context.engine)
