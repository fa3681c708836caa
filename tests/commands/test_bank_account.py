"""A member's own cards and shebas: added with a code, believed after the bank's yes, and nobody else's (E3, F4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from psycopg import IntegrityError

from activities.transition import ActivityContext
from commands.account import authenticate, request_code
from commands.bank_account import choose_bank_account, remove_bank_account, sheba_to_add
from commands.command import Command, Context
from domain.access import Actor, Role
from domain.account import CodeNotAccepted, CodePurpose, sheba_binding
from domain.bank_account import (
    ACCOUNT_INQUIRIES,
    INQUIRIES_PER_MEMBER,
    INQUIRY_TRIES,
    MOST_OF_A_KIND,
    BankAccountKnown,
    BankAccountState,
    BankAccountUnconfirmed,
    CardUnreadable,
    ShebaUnreadable,
    TooManyBankAccounts,
    WhyNotOwn,
)
from domain.errors import Forbidden, NotFound, Refusal, StepUpRequired, TooMany
from domain.onboarding import MoneyPaused
from gateways.account_owner import AccountUnknown, Holder, LocalAccountOwners, Ownership
from storage import bank_account
from storage.bank_account import last4, masked, own_cards, own_sheba, whole_number
from storage.database import SERVICE, Acting, transaction
from storage.rows.bank_account import bank_accounts
from tests.account_people import Member, add_member, audited, sent_code
from tests.arrange import Arrange
from tests.bank_account_steps import Accounts, a_card, a_sheba
from tests.books import Superuser
from tests.commands.account_steps import do, use_up, wrong
from tests.commands.test_profile import signed_in

CONFIRMED, REFUSED, FAILED = BankAccountState.CONFIRMED, BankAccountState.REFUSED, BankAccountState.FAILED


@pytest.fixture
async def member(context: Context) -> Member:
    """A member."""
    return await add_member(context)


@pytest.fixture
async def accounts(
    context: Context, activity_context: ActivityContext, member: Member, superuser: Superuser
) -> Accounts:
    """What they have, with a fresh code."""
    actor = await authenticate(context, (await signed_in(context, member, superuser)).session.token)
    return Accounts(context, activity_context, actor)


@dataclass(frozen=True, slots=True)
class Silent(LocalAccountOwners):
    """A registry that does not answer."""

    retryable: bool = True

    async def owns_sheba(self, holder: Holder, sheba: str) -> Ownership:
        """No answer."""
        del holder, sheba
        raise AccountUnknown("away", retryable=self.retryable)


async def cards_of(accounts: Accounts) -> list[str]:
    async with transaction(accounts.context.engine, SERVICE) as connection:
        return await own_cards(connection, accounts.context.seals, accounts.actor.person_id)


async def sheba_of(accounts: Accounts) -> str | None:
    """Where the member's money goes."""
    async with transaction(accounts.context.engine, SERVICE) as connection:
        found = await own_sheba(connection, accounts.actor.person_id)
    return None if found is None else whole_number(accounts.context.seals, found)


async def change(accounts: Accounts, command: Callable[[Command, UUID], Awaitable[None]], account_id: UUID) -> None:
    await do(accounts.context, accounts.actor, lambda running: command(running, account_id))


async def refused(superuser: Superuser, deed: Awaitable[Any], by: type[Refusal]) -> Refusal:
    """The deed is refused and leaves no row."""
    before = await superuser.effects()
    with pytest.raises(by) as caught:
        await deed
    assert type(caught.value) is by
    assert await superuser.effects() == before
    return caught.value


async def told(superuser: Superuser) -> list[tuple[str, str]]:
    """Which SMS there are, with the last digits in them."""
    rows = await superuser.rows("SELECT template, params ->> 'last_four' FROM notices ORDER BY id")
    return [(template, digits) for template, digits in rows]


async def test_a_card_counts_only_after_the_banks_yes(accounts: Accounts, member: Member) -> None:
    added = await accounts.add_card("6037-9901 0001 ۱۲۳۴")
    assert (await accounts.mine())[added].state is BankAccountState.CHECKING
    assert await cards_of(accounts) == []

    await accounts.check(added)

    one = (await accounts.mine())[added]
    assert (one.state, one.reason, one.is_default, one.bank) == (CONFIRMED, None, True, "017")
    assert (masked(one), last4(one)) == ("************1234", "1234")
    assert await cards_of(accounts) == [a_card("1234", 1)]
    stream = await audited(accounts.context, f"account:{member.person_id}")
    assert stream[-2:] == ["test_operation", "check_bank_account"]


async def test_a_sheba_takes_the_code_for_exactly_it_and_its_owner_is_told(
    accounts: Accounts, superuser: Superuser
) -> None:
    right, other = a_sheba("1234"), a_sheba("1235")
    code_id = await accounts.code_for(right)
    code = await sent_code(accounts.context, code_id)
    await refused(superuser, accounts.type_code(other, code_id, code), CodeNotAccepted)
    await refused(superuser, accounts.type_code(right, code_id, wrong(code)), CodeNotAccepted)

    added = await accounts.type_code(f" {right[2:].lower()} ", code_id, code)

    await refused(superuser, accounts.type_code(a_sheba("1236"), code_id, code), CodeNotAccepted)
    assert await told(superuser) == [("bank_account_sheba_added", "۱۲۳۴")]
    assert await sheba_of(accounts) is None
    await accounts.check(added)
    assert await sheba_of(accounts) == right
    assert masked((await accounts.mine())[added]) == "IR**017***1234"


async def test_a_code_of_another_member_adds_nothing(
    accounts: Accounts, context: Context, superuser: Superuser
) -> None:
    stranger = await authenticate(
        context, (await signed_in(context, await add_member(context, 2), superuser)).session.token
    )
    code_id = await accounts.code_for(a_sheba())
    theirs = replace(accounts, actor=stranger)
    code = await sent_code(context, code_id)
    await refused(superuser, theirs.type_code(a_sheba(), code_id, code), CodeNotAccepted)


@pytest.mark.parametrize(
    ("ending", "state", "reason"),
    [("4040", REFUSED, WhyNotOwn.NOT_OWNER), ("6060", REFUSED, WhyNotOwn.NOT_ACTIVE), ("1234", CONFIRMED, None)],
)
async def test_what_the_bank_says_is_what_counts(
    accounts: Accounts, ending: str, state: BankAccountState, reason: WhyNotOwn | None
) -> None:
    added = await accounts.confirmed_sheba(a_sheba(ending))
    one = (await accounts.mine())[added]
    assert (one.state, one.reason, one.answered_at is not None) == (state, reason, True)
    assert (await sheba_of(accounts) is not None) is (state is CONFIRMED)


async def test_the_bank_is_asked_about_the_person_of_the_register(
    accounts: Accounts, member: Member, context: Context
) -> None:
    asked: list[tuple[Holder, str]] = []

    class Asked(LocalAccountOwners):
        async def owns_sheba(self, holder: Holder, sheba: str) -> Ownership:
            asked.append((holder, sheba))
            return await super().owns_sheba(holder, sheba)

    await replace(accounts, owners=Asked()).confirmed_sheba(a_sheba())
    assert asked == [(Holder(member.national_id, "مریم رضایی"), a_sheba())]


async def test_without_an_answer_the_bank_is_asked_so_often_and_the_member_told_to_try_again(
    accounts: Accounts,
) -> None:
    silent = replace(accounts, owners=Silent())
    added = await accounts.add_card(a_card())
    for _ in range(INQUIRY_TRIES - 1):
        with pytest.raises(AccountUnknown):
            await silent.check(added)
    assert (await accounts.mine())[added].state is BankAccountState.CHECKING

    await silent.check(added)

    assert (await accounts.mine())[added].state is FAILED
    await accounts.check(added)
    assert (await accounts.mine())[added].state is FAILED


async def test_an_inquiry_whose_process_died_each_time_ends_too(accounts: Accounts, superuser: Superuser) -> None:
    added = await accounts.add_card(a_card())
    await superuser.run("UPDATE bank_accounts SET tries = %s", INQUIRY_TRIES)
    await accounts.check(added)
    assert (await accounts.mine())[added].state is FAILED


async def test_what_only_an_operator_can_mend_is_asked_once(accounts: Accounts) -> None:
    added = await accounts.add_card(a_card())
    await replace(accounts, owners=Silent(retryable=False)).check(added)
    assert (await accounts.mine())[added].state is FAILED


async def test_an_answer_about_what_was_removed_meanwhile_changes_nothing(accounts: Accounts, context: Context) -> None:
    added = await accounts.add_card(a_card())
    async with transaction(context.engine, SERVICE) as connection:
        asked = await bank_account.begin_inquiry(connection, context.seals, added)
    assert asked is not None
    await change(accounts, remove_bank_account, added)
    async with transaction(context.engine, SERVICE) as connection:
        assert not await bank_account.record_answer(connection, added, asked, CONFIRMED, None)
    assert await cards_of(accounts) == []


async def test_what_was_refused_or_failed_may_be_added_again_and_counts_once(
    accounts: Accounts, superuser: Superuser
) -> None:
    card = a_card()
    first = await accounts.add_card(card)
    await replace(accounts, owners=Silent(retryable=False)).check(first)

    second = await accounts.confirmed_card(card)

    assert set(await accounts.mine()) == {second}
    assert await cards_of(accounts) == [card]
    refusal = await refused(superuser, accounts.add_card(card), BankAccountKnown)
    assert refusal.field == "number"


async def test_the_same_number_added_twice_at_once_is_added_once(accounts: Accounts) -> None:
    both = await asyncio.gather(*(accounts.add_card(a_card()) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in both if not isinstance(one, UUID)] == [BankAccountKnown]
    assert len(await accounts.mine()) == 1


async def test_two_answers_at_once_make_one_default(accounts: Accounts) -> None:
    added = [await accounts.add_card(a_card(number=number)) for number in range(4)]
    await asyncio.gather(*(accounts.check(one) for one in added))
    mine = await accounts.mine()
    assert all(one.state is CONFIRMED for one in mine.values())
    assert sum(one.is_default for one in mine.values()) == 1


async def test_another_member_may_add_the_same_number_and_learns_nothing_by_it(
    accounts: Accounts, context: Context, superuser: Superuser
) -> None:
    await accounts.confirmed_card(a_card("4041"))
    stranger = await authenticate(
        context, (await signed_in(context, await add_member(context, 2), superuser)).session.token
    )

    class Another(LocalAccountOwners):
        async def owns_sheba(self, holder: Holder, sheba: str) -> Ownership:  # noqa: ARG002
            return Ownership(is_owner=False, is_active=False)

    theirs = replace(accounts, actor=stranger, owners=Another())
    added = await theirs.confirmed_card(a_card("4041"))

    one = (await theirs.mine())[added]
    assert (one.state, one.reason) == (REFUSED, WhyNotOwn.NOT_OWNER)
    assert await cards_of(theirs) == []
    assert await cards_of(accounts) == [a_card("4041")]


async def test_ten_of_a_kind_are_kept_and_no_more(accounts: Accounts, superuser: Superuser) -> None:
    for number in range(MOST_OF_A_KIND):
        await accounts.confirmed_card(a_card(number=number))
    await superuser.run("DELETE FROM rate_windows")
    assert len(await cards_of(accounts)) == MOST_OF_A_KIND

    refusal = await refused(superuser, accounts.add_card(a_card("1235")), TooManyBankAccounts)

    assert "۱۰" in refusal.sentence("fa")
    await accounts.add_sheba(a_sheba())


async def test_inquiries_cost_money_so_each_member_has_so_many_a_day_and_all_together_too(
    accounts: Accounts, context: Context, superuser: Superuser
) -> None:
    await use_up(context, INQUIRIES_PER_MEMBER, str(accounts.actor.person_id))
    await refused(superuser, accounts.add_card(a_card()), TooMany)
    await superuser.run("DELETE FROM rate_windows")
    await use_up(context, ACCOUNT_INQUIRIES, "")
    await refused(superuser, accounts.add_card(a_card()), TooMany)
    await superuser.run("DELETE FROM rate_windows")
    await accounts.add_card(a_card())


@pytest.mark.parametrize("text", ["", "1234", "6037990000021235", "603799000002123", "IR" + "0" * 24, "۰" * 17])
async def test_no_card_is_refused(accounts: Accounts, superuser: Superuser, text: str) -> None:
    assert (await refused(superuser, accounts.add_card(text), CardUnreadable)).field == "number"


async def test_no_sheba_is_refused_before_a_code_is_sent(accounts: Accounts, superuser: Superuser) -> None:
    async def ask(command: Command) -> None:
        sheba = await sheba_to_add(command, a_sheba()[:-1] + "9")
        await request_code(command, CodePurpose.ADD_SHEBA, sheba_binding(sheba))

    await refused(superuser, do(accounts.context, accounts.actor, ask), ShebaUnreadable)


async def test_without_a_fresh_code_no_card_is_added_and_nothing_removed_or_chosen(
    accounts: Accounts, superuser: Superuser
) -> None:
    card, other = await accounts.confirmed_card(a_card()), await accounts.confirmed_card(a_card(number=1))
    await superuser.run("UPDATE sessions SET strong_until = now() - interval '1 second'")
    await refused(superuser, accounts.add_card(a_card(number=2)), StepUpRequired)
    await refused(superuser, change(accounts, remove_bank_account, card), StepUpRequired)
    await refused(superuser, change(accounts, choose_bank_account, other), StepUpRequired)


async def test_after_a_change_of_mobile_no_sheba_is_added_removed_or_chosen_for_a_while(
    accounts: Accounts, superuser: Superuser
) -> None:
    first, second = [await accounts.confirmed_sheba(a_sheba(number=number)) for number in range(2)]
    code_id = await accounts.code_for(a_sheba(number=2))
    code = await sent_code(accounts.context, code_id)
    await superuser.run("UPDATE persons SET money_paused_until = now() + interval '1 hour'")

    await refused(superuser, accounts.type_code(a_sheba(number=2), code_id, code), MoneyPaused)
    await refused(superuser, change(accounts, remove_bank_account, first), MoneyPaused)
    await refused(superuser, change(accounts, choose_bank_account, second), MoneyPaused)
    card = await accounts.confirmed_card(a_card())
    await change(accounts, remove_bank_account, card)

    await superuser.run("UPDATE persons SET money_paused_until = now() - interval '1 second'")
    await accounts.type_code(a_sheba(number=2), code_id, code)


async def test_the_default_is_chosen_among_the_confirmed_and_its_owner_told(
    accounts: Accounts, superuser: Superuser
) -> None:
    first, second = await accounts.confirmed_sheba(a_sheba("1111")), await accounts.confirmed_sheba(a_sheba("2222"))
    unchecked = await accounts.add_sheba(a_sheba("3333"))
    assert await sheba_of(accounts) == a_sheba("1111")

    await refused(superuser, change(accounts, choose_bank_account, unchecked), BankAccountUnconfirmed)
    await change(accounts, choose_bank_account, second)
    assert await sheba_of(accounts) == a_sheba("2222")
    await change(accounts, choose_bank_account, second)
    assert (await told(superuser))[3:] == [("bank_account_sheba_chosen", "۲۲۲۲")]

    await change(accounts, remove_bank_account, second)
    assert await sheba_of(accounts) is None
    assert (await told(superuser))[4:] == [("bank_account_sheba_removed", "۲۲۲۲")]
    await accounts.check(unchecked)
    assert await sheba_of(accounts) == a_sheba("3333")
    assert set(await accounts.mine()) == {first, unchecked}


async def test_the_default_card_is_named_first_to_the_gateway(accounts: Accounts, superuser: Superuser) -> None:
    await accounts.confirmed_card(a_card(number=1))
    second = await accounts.confirmed_card(a_card(number=2))
    await change(accounts, choose_bank_account, second)
    assert await cards_of(accounts) == [a_card(number=2), a_card(number=1)]
    assert await told(superuser) == []


async def test_anothers_account_is_not_found_and_a_removed_one_neither(
    accounts: Accounts, context: Context, superuser: Superuser
) -> None:
    stranger = await authenticate(
        context, (await signed_in(context, await add_member(context, 2), superuser)).session.token
    )
    card = await accounts.confirmed_card(a_card())
    theirs = replace(accounts, actor=stranger)
    for command in (remove_bank_account, choose_bank_account):
        await refused(superuser, change(theirs, command, card), NotFound)
        await refused(superuser, change(accounts, command, uuid4()), NotFound)
    await change(accounts, remove_bank_account, card)
    await refused(superuser, change(accounts, remove_bank_account, card), NotFound)


async def test_staff_have_no_accounts_here(accounts: Accounts, arrange: Arrange, superuser: Superuser) -> None:
    actor: Actor = await arrange.actor(await arrange.platform(Role.AUDITOR))
    staff = replace(accounts, actor=actor)
    await refused(superuser, staff.add_card(a_card()), Forbidden)
    await refused(superuser, staff.type_code(a_sheba(), uuid4(), "123456"), Forbidden)
    await refused(superuser, change(staff, remove_bank_account, uuid4()), Forbidden)


async def test_numbers_stand_in_no_column_in_clear(accounts: Accounts, superuser: Superuser) -> None:
    await accounts.confirmed_card(a_card())
    await accounts.confirmed_sheba(a_sheba())
    for table in ("bank_accounts", "audit", "outbox", "notices", "one_time_codes", "idempotency"):
        rows = str(await superuser.rows(f"SELECT * FROM {table}"))  # noqa: S608 - our own names
        assert a_card() not in rows, table
        assert a_sheba() not in rows, table


async def test_postgres_shows_a_member_no_row_of_anothers(
    accounts: Accounts, context: Context, superuser: Superuser
) -> None:
    await accounts.confirmed_card(a_card())
    for who, seen in ((accounts.actor.person_id, 1), (uuid4(), 0), (None, 0)):
        async with transaction(context.engine, Acting("member", who)) as connection:
            found = await connection.execute(sa.select(bank_accounts.c.id))
            touched = await connection.execute(sa.update(bank_accounts).values(is_default=False))
            # Their own neither changes by their connection.
            assert (len(found.all()), touched.rowcount) == (seen, 0)


async def test_postgres_keeps_a_default_to_what_is_confirmed_and_one_of_a_kind(
    accounts: Accounts, superuser: Superuser
) -> None:
    await accounts.confirmed_card(a_card())
    await accounts.confirmed_card(a_card(number=1))
    for deed in ("is_default = true", "state = 'refused', reason = 'not_owner'"):
        with pytest.raises(IntegrityError):
            await superuser.run(f"UPDATE bank_accounts SET {deed}")  # noqa: S608 - our own words
