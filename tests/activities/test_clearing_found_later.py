"""What was booked to be found out is found in a later difference, by two officers and once; it then stands nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.access import Role
from domain.clearing import Correction, NotBookable
from domain.errors import OwnCase, SentByYourself
from gateways.local_bank import LocalBank
from messages.clearing import TaskKind
from storage import clearing as rows
from storage.database import SERVICE, transaction
from storage.rows.clearing import Difference
from storage.rows.payment import PaymentAttempt
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.clearing_steps import AMOUNT, Day, csv_of
from tests.commands.onboarding_steps import run

SETTLE, CONFIRM = TaskKind.SETTLE_DIFFERENCE, TaskKind.CONFIRM_PROPOSAL
STRANGE = 70_000


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


async def sent(day: Day, amount: int, reference: str) -> UUID:
    """A statement with one row that nobody knows; its case."""
    content = csv_of((day.day, amount, reference))
    case_id: UUID = await run(day.context, day.first, lambda command: commands.send_statement(command, content))
    await day.go_on("clearing", case_id)
    return case_id


async def to_be_found(day: Day, amounts: Sequence[int] | None = None) -> list[Difference]:
    """What the list of money that stands apart has of differences."""
    async with transaction(day.context.engine, SERVICE) as connection:
        return await rows.list_to_be_found(connection, amounts)


@pytest.fixture
async def strange(day: Day) -> Difference:
    """Money came to the bank on Monday that nobody could explain."""
    await day.correct(await sent(day, STRANGE, "MONDAY"))
    (kept,) = await to_be_found(day)
    return kept


async def proposed(day: Day, case_id: UUID, *, resolves: UUID, against: Correction = Correction.TO_BE_FOUND) -> None:
    """One officer says in which difference the earlier one is found."""
    what = (SETTLE, commands.propose_correction, against, "x")
    await day.decide(day.first, case_id, *what, resolves=resolves)


async def change(day: Day, one: Difference, **said: Any) -> None:
    """Write past the commands what becomes of a difference."""
    async with transaction(day.context.engine, SERVICE) as connection:
        await rows.change(connection, one.id, "proposed", proposed_by=day.first.id, **said)


async def test_what_the_bank_takes_back_on_wednesday_is_what_came_on_monday(day: Day, strange: Difference) -> None:
    case_id = await sent(day, -STRANGE, "WEDNESDAY")
    await proposed(day, case_id, resolves=strange.id)
    with pytest.raises(SentByYourself):
        await day.decide(day.first, case_id, CONFIRM, commands.confirm_proposal)
    assert [one.id for one in await to_be_found(day)] == [strange.id]
    await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)

    assert await day.outcome(case_id) == "settled"
    assert (await day.in_account("bank:main"), await day.in_account("clearing:differences")) == (0, 0)
    assert await to_be_found(day) == []
    await assert_books_clean(day.context.engine)


async def test_without_naming_the_earlier_one_both_stay_on_the_list(day: Day, strange: Difference) -> None:
    await day.correct(await sent(day, -STRANGE, "WEDNESDAY"))
    assert [one.more for one in await to_be_found(day)] == [strange.more, -STRANGE]


async def test_what_a_gateway_lacked_is_found_where_it_arrives_at_the_bank(day: Day) -> None:
    lost = await day.paid()
    await day.paid()
    await day.forge(lost, "settled")
    await day.correct(await day.compared())
    (lacking,) = await to_be_found(day)
    assert lacking.more == -AMOUNT

    await day.correct(await sent(day, AMOUNT, "LATE"), resolves=lacking.id)
    assert (await to_be_found(day), await day.in_account("clearing:differences")) == ([], 0)
    await assert_books_clean(day.context.engine)


@pytest.mark.parametrize("amount", [STRANGE, -STRANGE - 1, -STRANGE + 1])
async def test_it_is_not_found_in_another_amount_or_in_more_of_the_same(
    day: Day, strange: Difference, amount: int
) -> None:
    case_id = await sent(day, amount, "OTHER")
    with pytest.raises(NotBookable):
        await proposed(day, case_id, resolves=strange.id)
    assert await day.superuser.value("SELECT count(*) FROM clearing_differences WHERE state = 'proposed'") == 0


async def test_a_charge_of_the_bank_or_what_is_not_to_be_found_out_is_no_answer(day: Day, strange: Difference) -> None:
    case_id = await sent(day, -STRANGE, "WEDNESDAY")
    (later,) = await day.differences(case_id)
    with pytest.raises(NotBookable):
        await proposed(day, case_id, resolves=strange.id, against=Correction.BANK_CHARGES)
    with pytest.raises(NotBookable):
        await proposed(day, case_id, resolves=later.id)


async def test_it_is_found_once_and_after_a_rejection_it_may_be_found_elsewhere(day: Day, strange: Difference) -> None:
    first, second = await sent(day, -STRANGE, "TUESDAY"), await sent(day, -STRANGE, "WEDNESDAY")
    await proposed(day, first, resolves=strange.id)
    with pytest.raises(NotBookable):
        await proposed(day, second, resolves=strange.id)
    assert await to_be_found(day, [STRANGE]) == []

    await day.decide(day.second, first, CONFIRM, commands.reject_proposal, "روز دیگری است")
    await day.correct(second, resolves=strange.id)
    with pytest.raises(NotBookable):
        await proposed(day, first, resolves=strange.id)
    assert await to_be_found(day) == []


async def test_of_two_officers_who_name_it_at_once_one_is_refused(day: Day, strange: Difference) -> None:
    cases = [await sent(day, -STRANGE, name) for name in ("TUESDAY", "WEDNESDAY")]
    told = await asyncio.gather(
        *(proposed(day, case_id, resolves=strange.id) for case_id in cases), return_exceptions=True
    )
    assert [type(one) for one in told if one is not None] == [NotBookable]
    assert await day.superuser.value("SELECT count(*) FROM clearing_differences WHERE resolves IS NOT NULL") == 1


async def test_the_database_too_has_it_found_once_and_by_a_correction_alone(day: Day, strange: Difference) -> None:
    cases = [await sent(day, -STRANGE, name) for name in ("TUESDAY", "WEDNESDAY")]
    first, second = [(await day.differences(case_id))[0] for case_id in cases]
    await change(day, first, against=Correction.TO_BE_FOUND, resolves=strange.id)
    with pytest.raises(IntegrityError, match="resolved_once"):
        await change(day, second, against=Correction.TO_BE_FOUND, resolves=strange.id)
    for against in (None, Correction.BANK_CHARGES):
        with pytest.raises(IntegrityError, match="resolved_by_correction"):
            await change(day, first, against=against)


async def test_what_a_gateway_lists_after_it_was_found_elsewhere_stands_on_the_list(day: Day) -> None:
    lost = await day.paid()
    await day.paid()
    with day.bank._changing(str(lost.authority)) as payment:
        lines = payment.lines
    await day.forge(lost, "settled")
    await day.correct(await day.compared())
    (lacking,) = await to_be_found(day)
    await day.correct(await sent(day, AMOUNT, "LATE"), resolves=lacking.id)

    with day.bank._changing(str(lost.authority)) as payment:
        payment.lines = lines
    again = await day.requested()
    await day.go_on("clearing", again)
    await day.correct(again)
    (left,) = await to_be_found(day)
    assert left.more == await day.in_account("clearing:differences") == AMOUNT
    await assert_books_clean(day.context.engine)


async def listed_again(day: Day, lost: PaymentAttempt, lines: Any) -> UUID:
    """The gateway's later list has the payment after all; the case that says so."""
    with day.bank._changing(str(lost.authority)) as payment:
        payment.lines = lines
    case_id = await day.requested()
    await day.go_on("clearing", case_id)
    return case_id


async def test_what_its_own_gateway_listed_meanwhile_is_not_found_a_second_time(day: Day) -> None:
    lost = await day.paid()
    await day.paid()
    with day.bank._changing(str(lost.authority)) as payment:
        lines = payment.lines
    await day.forge(lost, "settled")
    await day.correct(await day.compared())
    (lacking,) = await to_be_found(day)
    late = await sent(day, AMOUNT, "LATE")
    await proposed(day, late, resolves=lacking.id)

    await day.correct(await listed_again(day, lost, lines))
    assert await to_be_found(day) == []
    with pytest.raises(NotBookable):
        await day.decide(day.second, late, CONFIRM, commands.confirm_proposal)
    await day.decide(day.second, late, CONFIRM, commands.reject_proposal, "در فهرست درگاه آمد")
    await day.correct(late)
    assert [one.case_id for one in await to_be_found(day)] == [late]
    assert await day.in_account("clearing:differences") == AMOUNT
    await assert_books_clean(day.context.engine)


async def test_nobody_says_where_money_is_found_of_a_payment_in_which_they_take_part(
    day: Day, arrange: Arrange
) -> None:
    lost = await day.paid()
    await day.paid()
    await day.forge(lost, "settled")
    await day.correct(await day.compared())
    (lacking,) = await to_be_found(day)
    take_part = "INSERT INTO case_people (case_id, person_id, part) VALUES (%s, %s, 'payer')"
    await day.superuser.run(take_part, lost.payment_id, day.second.id)
    late = await sent(day, AMOUNT, "LATE")
    with pytest.raises(OwnCase):
        await day.decide(
            day.second, late, SETTLE, commands.propose_correction, Correction.TO_BE_FOUND, "x", resolves=lacking.id
        )
    await proposed(day, late, resolves=lacking.id)
    with pytest.raises(OwnCase):
        await day.decide(day.second, late, CONFIRM, commands.confirm_proposal)
    third = await arrange.platform(Role.SETTLEMENT_OFFICER)
    await day.decide(third, late, CONFIRM, commands.confirm_proposal)
    assert await to_be_found(day) == []
