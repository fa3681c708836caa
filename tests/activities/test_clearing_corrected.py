"""What is missing or too much is explained by two, or the ledger is corrected by two and then says the same (E2)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.clearing import Correction, Explanation, NotBookable
from domain.errors import SentByYourself, TaskNotOpen
from gateways.local_bank import LocalBank
from messages.clearing import TaskKind
from storage import clearing as rows
from storage.database import SERVICE, transaction
from storage.rows.clearing import Difference
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.clearing_steps import AMOUNT, FEE, Day, csv_of
from tests.commands.onboarding_steps import run

SETTLE, CONFIRM = TaskKind.SETTLE_DIFFERENCE, TaskKind.CONFIRM_PROPOSAL
AGED = "UPDATE clearing_differences SET found_at = found_at - interval '8 days'"


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


async def sent(day: Day, *said: tuple[object, int, str]) -> UUID:
    """The office sends a statement, and what follows follows."""
    case_id: UUID = await run(day.context, day.first, lambda command: commands.send_statement(command, csv_of(*said)))
    await day.go_on("clearing", case_id)
    return case_id


async def to_be_found(day: Day) -> list[Difference]:
    """What the suspense list has of differences."""
    async with transaction(day.context.engine, SERVICE) as connection:
        return await rows.list_to_be_found(connection)


async def compared_again(day: Day) -> UUID:
    """The day before is compared, and tells what is news; the case."""
    before = await day.requested(day=day.day - timedelta(days=1))
    await day.go_on("clearing", before)
    return before


@pytest.mark.parametrize("explanation", [Explanation.FAULT_OF_GATEWAY, Explanation.SETTLED_ELSEWHERE])
async def test_nobody_explains_alone_where_money_went(day: Day, explanation: Explanation) -> None:
    case_id = await sent(day, (day.day, -AMOUNT, "STRANGE"))
    await day.decide(day.first, case_id, SETTLE, commands.explain_difference, explanation, "نامهٔ بانک")
    assert await day.outcome(case_id) is None
    with pytest.raises(SentByYourself):
        await day.decide(day.first, case_id, CONFIRM, commands.confirm_proposal)
    await day.decide(day.second, case_id, CONFIRM, commands.reject_proposal, "نامه‌ای نیست")
    (found,) = await day.differences(case_id)
    assert (found.state, found.explanation, found.proposed_by) == ("open", None, None)

    await day.explain(case_id, explanation)
    (found,) = await day.differences(case_id)
    assert (found.state, found.explanation) == ("explained", explanation)
    assert {found.proposed_by, found.decided_by} == {day.first.id, day.second.id}
    assert await day.outcome(case_id) == "settled"


async def change(day: Day, one: Difference, **said: Any) -> None:
    """Write that a difference is explained, past the commands."""
    async with transaction(day.context.engine, SERVICE) as connection:
        await rows.change(connection, one.id, "explained", **said)


async def test_the_database_too_keeps_one_officer_from_explaining_alone(day: Day) -> None:
    case_id = await sent(day, (day.day, -AMOUNT, "STRANGE"))
    (found,) = await day.differences(case_id)
    said = {"explanation": Explanation.FAULT_OF_GATEWAY, "decided_by": day.first.id}
    with pytest.raises(IntegrityError, match="explained_by_two"):
        await change(day, found, **said)


async def test_that_it_stands_on_another_day_one_says_alone_and_is_asked_again_after_a_week(day: Day) -> None:
    await day.plant()
    case_id = await day.compared()
    away = (commands.explain_difference, Explanation.ON_ANOTHER_DAY, "فردا می‌آید")
    await day.decide(day.first, case_id, SETTLE, *away)
    assert await day.outcome(case_id) == "settled"
    assert await day.differences(await compared_again(day)) == []

    await day.superuser.run(AGED)
    again = await day.requested(day=day.day - timedelta(days=2))
    await day.go_on("clearing", again)
    assert [one.kind for one in await day.differences(again)] == ["missing_here"]
    once_more = await day.requested(day=day.day - timedelta(days=3))
    await day.go_on("clearing", once_more)
    assert await day.differences(once_more) == []


async def test_a_row_of_the_bank_that_was_to_match_another_day_is_asked_about_again_once_a_week(day: Day) -> None:
    case_id = await sent(day, (day.day, -AMOUNT, "STRANGE"))
    away = (commands.explain_difference, Explanation.ON_ANOTHER_DAY, "فردا می‌آید")
    await day.decide(day.first, case_id, SETTLE, *away)
    await day.superuser.run(AGED)
    again = await sent(day, (day.day, -AMOUNT, "STRANGE"), (day.day, 5, "X"))
    once_more = await sent(day, (day.day, -AMOUNT, "STRANGE"), (day.day, 6, "X"))

    assert {one.reference for one in await day.differences(again)} == {"STRANGE", "X"}
    assert {one.reference for one in await day.differences(once_more)} == {"X"}


async def test_what_the_bank_charged_becomes_an_expense_and_the_bank_agrees(day: Day) -> None:
    case_id = await sent(day, (day.day, -12_000, "CHARGE"))
    await day.decide(day.first, case_id, SETTLE, commands.propose_correction, Correction.BANK_CHARGES, "کارمزد")
    with pytest.raises(SentByYourself):
        await day.decide(day.first, case_id, CONFIRM, commands.confirm_proposal)
    await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)

    assert await day.outcome(case_id) == "settled"
    assert (await day.in_account("bank:main"), await day.in_account("expense:bank")) == (12_000, -12_000)
    assert await to_be_found(day) == []
    await assert_books_clean(day.context.engine)


async def test_money_at_the_bank_that_is_none_of_ours_is_kept_apart_and_stays_on_the_list(day: Day) -> None:
    case_id = await sent(day, (day.day, 70_000, "STRANGE"))
    with pytest.raises(NotBookable):
        await day.decide(day.first, case_id, SETTLE, commands.propose_correction, Correction.BANK_CHARGES, "کارمزد")
    await day.correct(case_id)

    assert (await day.in_account("bank:main"), await day.in_account("clearing:differences")) == (-70_000, 70_000)
    (kept,) = await to_be_found(day)
    assert (kept.reference, kept.more) == ("STRANGE", 70_000)
    assert await day.differences(await sent(day, (day.day, 70_000, "STRANGE"), (day.day, 1, "X")))
    await assert_books_clean(day.context.engine)


async def test_each_difference_that_was_corrected_is_equal_on_both_sides_and_not_found_again(day: Day) -> None:
    lost, other, back_there, back_here = [await day.paid() for _ in range(4)]
    await day.plant()
    await day.forge(other, "settled", amount=AMOUNT + 10)
    await day.forge(lost, "settled")
    await day.bank.refund(str(back_there.authority), AMOUNT, "by the bank's desk")
    await day.given_back(back_here, refund=True)
    await day.forge(back_here, "refunded")
    case_id = await day.compared()
    assert {one.kind for one in await day.differences(case_id)} == {
        *("missing_here", "missing_there", "amount_differs", "given_back_there", "given_back_here")
    }
    while await day.outcome(case_id) is None:
        await day.correct(case_id)

    assert await day.at_gateway() == await day.owed_by_bank()
    assert sum(one.more for one in await to_be_found(day)) == await day.in_account("clearing:differences") == 10
    await day.superuser.run("UPDATE clearing_differences SET found_at = found_at - interval '200 days'")
    await day.superuser.run("DELETE FROM gateway_rows")
    assert await day.differences(await compared_again(day)) == []
    await assert_books_clean(day.context.engine)


async def test_what_the_gateway_lists_after_all_is_corrected_back_and_leaves_the_list(day: Day) -> None:
    lost = await day.paid()
    await day.paid()
    with day.bank._changing(str(lost.authority)) as payment:
        lines = payment.lines
    await day.forge(lost, "settled")
    case_id = await day.compared()
    await day.correct(case_id)
    assert [one.attempt_id for one in await to_be_found(day)] == [lost.id]
    assert await day.at_gateway() == AMOUNT - FEE

    with day.bank._changing(str(lost.authority)) as payment:
        payment.lines = lines
    later = await compared_again(day)
    (found,) = await day.differences(later)
    assert (found.kind, found.here, found.there) == ("missing_here", 0, AMOUNT)
    with pytest.raises(NotBookable):
        await day.decide(day.first, later, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
    await day.correct(later)

    assert await to_be_found(day) == []
    assert await day.at_gateway() == await day.owed_by_bank() == 2 * (AMOUNT - FEE)
    await assert_books_clean(day.context.engine)


async def test_a_correction_that_holds_no_longer_is_decided_anew(day: Day) -> None:
    lost = await day.paid()
    await day.paid()
    await day.forge(lost, "settled")
    case_id = await day.compared()
    propose = (commands.propose_correction, Correction.TO_BE_FOUND, "نامه به درگاه")
    await day.decide(day.first, case_id, SETTLE, *propose)
    await day.superuser.run(
        "INSERT INTO gateway_rows (gateway, day, order_id, reference, what, amount, fee, at)"
        " VALUES ('local', %s, %s, 'later', 'taken', %s, 0, now())",
        day.day,
        str(lost.id),
        AMOUNT,
    )
    with pytest.raises(NotBookable):
        await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)
    await day.decide(day.second, case_id, CONFIRM, commands.reject_proposal, "در فهرست آمد")
    with pytest.raises(NotBookable):
        await day.decide(day.first, case_id, SETTLE, *propose)
    assert await day.superuser.value("SELECT count(*) FROM journals WHERE reason = 'difference_corrected'") == 0


async def test_a_correction_is_posted_once_however_often_its_step_is_taken(day: Day) -> None:
    case_id = await sent(day, (day.day, -12_000, "CHARGE"))
    await day.correct(case_id, Correction.BANK_CHARGES)
    await day.step("book_differences", case_id)
    async with transaction(day.context.engine, SERVICE) as connection:
        keys = list(await connection.scalars(sa.text("SELECT key FROM journals")))
    (found,) = await day.differences(case_id)

    assert keys == [f"clearing:{found.id}:corrected"]


async def test_an_officer_who_is_asked_reads_what_the_bank_wrote_and_it_is_noted(day: Day) -> None:
    case_id = await sent(day, (day.day, -12_000, "CHARGE"))
    (found,) = await day.differences(case_id)
    look = partial(commands.reveal_bank_description, case_id=case_id, difference_id=found.id)
    assert await run(day.context, day.first, look) == "x"
    noted = "SELECT count(*) FROM audit WHERE strpos(content, %s) > 0"
    assert await day.superuser.value(noted, str(found.id)) == 1

    await day.correct(case_id, Correction.BANK_CHARGES)
    with pytest.raises(TaskNotOpen):
        await run(day.context, day.second, look)
