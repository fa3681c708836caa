"""A withdrawal that costs a fee: held with its VAT, charged when the bank has paid, invoiced, else given back (E3)."""

from __future__ import annotations

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.account import CodeNotAccepted
from domain.ledger import InsufficientFunds
from domain.money import Money
from storage.database import SERVICE, transaction
from storage.profile import seal_email, set_email
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.fee_steps import FEE, change_policy, charge, code_for, withdraw_with_fee
from tests.payout_steps import AMOUNT, PayoutOffice

_WHOLE = AMOUNT + FEE.total
_ENTRIES = (
    "SELECT a.kind, sum(e.amount)::bigint FROM entries e JOIN journals j ON j.id = e.journal_id"
    " JOIN accounts a ON a.id = e.account_id WHERE j.reason = 'payout_paid' GROUP BY a.kind"
)
_INVOICES = "SELECT kind, subject_id, fee, vat, vat_rate, number FROM invoices ORDER BY number"


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, two officers, and a fee for each withdrawal."""
    office = await PayoutOffice.opened(context, arrange, activity_context)
    await charge(context)
    return office


async def test_amount_fee_and_vat_are_held_and_booked_apart_when_the_bank_has_paid(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    one = await withdraw_with_fee(office)
    assert await office.balance() == (100_000_000 - _WHOLE.amount, _WHOLE.amount)
    assert await superuser.rows(_INVOICES) == []
    case_id = await office.sent()
    assert (await office.batch(case_id)).amount == AMOUNT.amount

    await office.answered(case_id, await office.answer_to(case_id))

    booked = dict(await superuser.rows(_ENTRIES))
    assert booked == {
        "member:payable": -_WHOLE.amount,
        "bank": AMOUNT.amount,
        "revenue:withdrawal": FEE.net.amount,
        "vat:payable": FEE.vat.amount,
    }
    assert await superuser.rows(_INVOICES) == [("withdrawal", one, FEE.net.amount, FEE.vat.amount, FEE.rate, 1)]
    assert await office.balance() == (100_000_000 - _WHOLE.amount, 0)
    await assert_books_clean(context.engine)


async def test_what_the_bank_rejects_and_what_is_taken_back_costs_nothing(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    await withdraw_with_fee(office)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id, rejected=[1]))
    await office.take_back(await withdraw_with_fee(office))

    assert await office.balance() == (100_000_000, 0)
    assert (await superuser.rows(_ENTRIES), await superuser.rows(_INVOICES)) == ([], [])
    await assert_books_clean(context.engine)


async def test_what_is_paid_by_hand_is_charged_as_well(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    one = await withdraw_with_fee(office)
    case_id = await office.sent()
    await office.record(case_id, one)
    await office.go_on(case_id)
    await office.confirm_record(case_id)
    await office.go_on(case_id)

    assert [row[1] for row in await superuser.rows(_INVOICES)] == [one]
    await assert_books_clean(context.engine)


async def test_a_code_is_worth_nothing_once_the_fee_or_its_vat_is_another(
    office: PayoutOffice, context: Context
) -> None:
    code_id, code = await code_for(office)
    await change_policy(context, "vat", rate_per_ten_thousand=900)
    with pytest.raises(CodeNotAccepted):
        await office.withdraw_with(AMOUNT, code_id, code)
    code_id, code = await code_for(office)
    await charge(context, Money(20_000))
    with pytest.raises(CodeNotAccepted):
        await office.withdraw_with(AMOUNT, code_id, code)
    assert await office.balance() == (100_000_000, 0)


async def test_fee_and_vat_stay_as_they_were_accepted_whatever_the_policies_say_when_it_is_paid(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    await withdraw_with_fee(office)
    await charge(context, Money(0))
    await change_policy(context, "vat", rate_per_ten_thousand=0)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))

    assert [row[2:5] for row in await superuser.rows(_INVOICES)] == [(FEE.net.amount, FEE.vat.amount, FEE.rate)]


async def test_the_balance_must_hold_the_fee_besides_the_amount(office: PayoutOffice) -> None:
    most = Money(100_000_000) - FEE.total
    over = most + Money(1)
    with pytest.raises(InsufficientFunds):
        await withdraw_with_fee(office, over)
    await withdraw_with_fee(office, most)
    assert await office.balance() == (0, 100_000_000)


async def test_without_a_fee_there_are_two_entries_and_no_invoice(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    await charge(context, Money(0))
    await office.withdraw()
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))

    booked = dict(await superuser.rows(_ENTRIES))
    assert booked == {"member:payable": -AMOUNT.amount, "bank": AMOUNT.amount}
    assert await superuser.rows(_INVOICES) == []
    await assert_books_clean(context.engine)


async def test_invoices_of_a_batch_are_numbered_one_after_the_other(office: PayoutOffice, superuser: Superuser) -> None:
    for _ in range(3):
        await withdraw_with_fee(office)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id, rejected=[2]))
    assert [row[5] for row in await superuser.rows(_INVOICES)] == [1, 2]


async def test_who_has_a_confirmed_address_is_told_by_mail_too_where_the_receipt_is(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    other = await office.arrange.person("member")
    async with transaction(context.engine, SERVICE) as connection:
        await set_email(connection, context.seals, other.id, seal_email(context.seals, "member@example.org"))
    await charge(context, Money(0))
    await office.fund(other)
    for one in (office.member, other):
        await office.withdraw(member=one)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))

    told = "SELECT person_id, params ->> 'amount_rial' FROM notices WHERE template = 'withdrawal_paid' AND channel = %s"
    assert await superuser.rows(told, "mail") == [(other.id, str(AMOUNT.amount))]
    assert len(await superuser.rows(told, "sms")) == 2
