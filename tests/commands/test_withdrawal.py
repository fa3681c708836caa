"""A member withdraws from their balance to a sheba of their own: held at once, taken back while it waits (E3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.account import CodeNotAccepted
from domain.errors import NotFound, Refusal
from domain.ledger import AccountFrozen, InsufficientFunds, member_account
from domain.money import Money
from domain.onboarding import MoneyPaused
from domain.withdrawal import OwnShebaMissing, WithdrawalTooSmall, WithdrawalUnderWay
from storage.database import SERVICE, transaction
from storage.ledger import posting
from tests.arrange import Arrange
from tests.bank_account_steps import a_sheba
from tests.books import Superuser, assert_books_clean
from tests.payout_steps import AMOUNT, PayoutOffice, give_sheba


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def refused(superuser: Superuser, deed: Any, by: type[Refusal]) -> None:
    before = await superuser.effects()
    with pytest.raises(by):
        await deed
    assert await superuser.effects() == before


async def test_what_is_withdrawn_is_held_at_once_and_its_owner_is_told(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    one = await office.one(await office.withdraw())

    assert (one.state, one.amount, one.sheba_masked[-4:]) == ("waiting", AMOUNT.amount, "1234")
    assert await office.balance() == (95_000_000, 5_000_000)
    assert await superuser.value("SELECT template FROM notices") == "withdrawal_asked"
    assert b"IR" not in one.sheba_sealed
    await assert_books_clean(context.engine)


async def test_a_code_is_worth_nothing_for_another_amount_or_after_the_sheba_changed(
    office: PayoutOffice, superuser: Superuser
) -> None:
    code_id, code = await office.code(AMOUNT)
    await refused(superuser, office.withdraw_with(Money(6_000_000), code_id, code), CodeNotAccepted)
    await give_sheba(office.context, office.member.id, a_sheba("4321", 99))
    await refused(superuser, office.withdraw_with(AMOUNT, code_id, code), CodeNotAccepted)


async def test_nothing_is_withdrawn_without_a_confirmed_sheba_or_while_money_pauses(
    office: PayoutOffice, superuser: Superuser
) -> None:
    code_id, code = await office.code(AMOUNT)
    paused = "UPDATE persons SET money_paused_until = now() + interval '1 hour' WHERE id = %s"
    await superuser.run(paused, office.member.id)
    await refused(superuser, office.withdraw_with(AMOUNT, code_id, code), MoneyPaused)
    await superuser.run("UPDATE persons SET money_paused_until = NULL")
    await superuser.run("UPDATE bank_accounts SET is_default = false")
    await refused(superuser, office.withdraw_with(AMOUNT, code_id, code), OwnShebaMissing)


async def test_too_little_and_more_than_is_available_are_refused(office: PayoutOffice, superuser: Superuser) -> None:
    for amount, by in ((Money(99_999), WithdrawalTooSmall), (Money(100_000_001), InsufficientFunds)):
        code_id, code = await office.code(amount)
        await refused(superuser, office.withdraw_with(amount, code_id, code), by)


async def test_of_a_frozen_balance_nothing_is_withdrawn_and_the_code_stays_good(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    code_id, code = await office.code(AMOUNT)
    account = member_account(office.member.id).code
    async with transaction(context.engine, SERVICE) as connection:
        await posting.freeze(connection, account)
    await refused(superuser, office.withdraw_with(AMOUNT, code_id, code), AccountFrozen)
    async with transaction(context.engine, SERVICE) as connection:
        await posting.unfreeze(connection, account)
    await office.withdraw_with(AMOUNT, code_id, code)
    assert await office.balance() == (95_000_000, 5_000_000)


async def test_two_withdrawals_that_fit_singly_but_not_together_one_of_them_is_made(office: PayoutOffice) -> None:
    amount = Money(60_000_000)
    codes = [await office.code(amount) for _ in range(2)]
    came = await asyncio.gather(*(office.withdraw_with(amount, *one) for one in codes), return_exceptions=True)
    assert [type(one) for one in came if isinstance(one, BaseException)] == [InsufficientFunds]
    assert await office.balance() == (40_000_000, 60_000_000)


async def test_what_waits_is_taken_back_by_its_owner_and_released_once(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    one = await office.withdraw()
    stranger = await office.arrange.person("member")
    await refused(superuser, office.take_back(one, stranger), NotFound)

    await office.take_back(one)
    await office.release(one)

    assert (await office.one(one)).state == "taken_back"
    assert await office.balance() == (100_000_000, 0)
    told = await superuser.rows("SELECT template FROM notices ORDER BY id")
    assert told == [("withdrawal_asked",), ("withdrawal_taken_back",)]
    with pytest.raises(WithdrawalUnderWay):
        await office.take_back(one)
    await assert_books_clean(context.engine)


async def test_what_a_batch_has_is_not_taken_back(office: PayoutOffice) -> None:
    one = await office.withdraw()
    await office.cut()
    with pytest.raises(WithdrawalUnderWay):
        await office.take_back(one)
    assert await office.balance() == (95_000_000, 5_000_000)
