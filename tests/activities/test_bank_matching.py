"""Pay-outs found again in the bank's statement, one by one or in one sum, and what only one side knows (E2)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.access import Role
from domain.clearing import Correction, Explanation, StatementUnreadable
from domain.dates import tehran_day
from domain.errors import OwnCase
from domain.money import Money
from messages.clearing import TaskKind
from storage import clearing as rows
from storage.bank_matching import MOST_SINGLE, ON_ITS_WAY_DAYS
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.clearing_steps import csv_of
from tests.commands.onboarding_steps import answer, open_task, run
from tests.payout_steps import AMOUNT, PayoutOffice, give_money, queue_withdrawals

EACH = AMOUNT.amount
Row = tuple[date, int, str]
Found = set[tuple[str, int, int, str]]


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with money, and two settlement officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


def today() -> date:
    """By the clock of Tehran."""
    return tehran_day(datetime.now(UTC))


async def sent_batch(office: PayoutOffice, count: int = 2) -> UUID:
    """A batch of so many lines of one member that the bank has."""
    await give_money(office.context, office.member.id, Money(count * EACH))
    await queue_withdrawals(office.context, [office.member.id], count, AMOUNT)
    return await office.sent()


async def paid_batch(office: PayoutOffice, count: int = 2) -> UUID:
    """A batch of so many lines, each of them paid under REF- and its number."""
    case_id = await sent_batch(office, count)
    await office.answered(case_id, await office.answer_to(case_id))
    return case_id


async def compared(office: PayoutOffice, *sent: Row) -> tuple[UUID, Found]:
    """A statement of these rows is sent; the case, and what differs: kind, here, there, the bank's number."""
    case_id: UUID = await run(
        office.context, office.maker, lambda command: commands.send_statement(command, csv_of(*sent))
    )
    await office.take("assess_clearing", case_id)
    async with transaction(office.context.engine, SERVICE) as connection:
        found = await rows.differences_of(connection, case_id)
    return case_id, {(one.kind.value, one.here, one.there, one.reference) for one in found}


async def matched(office: PayoutOffice, case_id: UUID) -> tuple[int | None, int | None]:
    """How many rows of a statement are ours, and their rial."""
    async with transaction(office.context.engine, SERVICE) as connection:
        found = await rows.read_clearing(connection, case_id)
    assert found is not None
    return found.here_count, found.here_sum


async def recorded_as(superuser: Superuser, reference: str, days_ago: int = 0) -> None:
    """The bank's answer named this reference for each line, so long ago."""
    await superuser.run("UPDATE withdrawals SET reference = %s WHERE state = 'paid'", reference)
    await aged(superuser, days_ago)


async def aged(superuser: Superuser, days: int) -> None:
    """What was settled was settled so many days earlier."""
    await superuser.run("UPDATE withdrawals SET settled_at = settled_at - %s * interval '1 day'", days)


async def test_each_line_that_the_bank_books_by_itself_is_found_and_nothing_differs(office: PayoutOffice) -> None:
    await paid_batch(office)
    case_id, found = await compared(office, (today(), -EACH, "REF-1"), (today(), -EACH, "REF-2"))

    assert found == set()
    assert await matched(office, case_id) == (2, -2 * EACH)
    assert await office.phase(case_id) == "matched"


async def test_equal_lines_under_one_reference_are_as_many_rows_and_one_row_too_many_is_found(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office)
    await recorded_as(superuser, "SAME")
    case_id, found = await compared(office, *[(today(), -EACH, "SAME")] * 3)

    assert found == {("bank_unmatched", 0, -EACH, "SAME")}
    assert await matched(office, case_id) == (2, -2 * EACH)


async def test_a_batch_that_the_bank_books_in_one_sum_is_found_by_a_shared_reference(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office, 3)
    await recorded_as(superuser, "GROUP-1", days_ago=1)
    case_id, found = await compared(office, (today(), -3 * EACH, "GROUP-1"))

    assert found == set()
    assert await matched(office, case_id) == (1, -3 * EACH)


async def test_a_batch_that_the_bank_books_in_one_sum_is_found_by_its_number_and_once(
    office: PayoutOffice, superuser: Superuser
) -> None:
    batch = await paid_batch(office)
    number = await superuser.value("SELECT number FROM cases WHERE id = %s", batch)
    _, found = await compared(office, (today(), -2 * EACH, number), (today(), -2 * EACH, number))

    assert found == {("bank_unmatched", 0, -2 * EACH, number)}


async def test_a_statement_with_a_day_that_has_not_come_is_not_read(office: PayoutOffice, superuser: Superuser) -> None:
    await paid_batch(office)
    for day in (today() + timedelta(days=1), date(9999, 12, 31)):
        with pytest.raises(StatementUnreadable):
            await compared(office, (today(), 5, "X"), (day, 5, "X"))
    assert await superuser.value("SELECT count(*) FROM bank_rows") == 0


async def test_no_line_is_in_two_sums_of_the_bank(office: PayoutOffice, superuser: Superuser) -> None:
    batch = await paid_batch(office, 3)
    await superuser.run("UPDATE withdrawals SET reference = 'PAYA-1' WHERE line < 3")
    number = await superuser.value("SELECT number FROM cases WHERE id = %s", batch)
    _, found = await compared(office, (today(), -2 * EACH, "PAYA-1"), (today(), -3 * EACH, number))

    assert found == {("bank_unmatched", 0, -3 * EACH, number)}


async def test_a_sum_that_is_not_that_of_the_paid_lines_is_found_on_both_sides(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office)
    await recorded_as(superuser, "GROUP-1", days_ago=1)
    _, before = await compared(office, (today() - timedelta(days=1), 7, "EARLIER"))
    _, found = await compared(office, (today(), -2 * EACH + 1, "GROUP-1"))

    assert before == {("bank_unmatched", 0, 7, "EARLIER")}
    assert found == {("bank_unmatched", 0, 1 - 2 * EACH, "GROUP-1"), ("bank_missing", -2 * EACH, 0, "GROUP-1")}


async def test_a_line_that_the_bank_does_not_list_is_found_once_and_the_last_day_is_left_to_the_next_statement(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office)
    yesterday = today() - timedelta(days=1)
    await aged(superuser, 1)
    _, first = await compared(office, (yesterday, -EACH, "REF-1"))
    case_id, second = await compared(office, (today(), 5, "X"))
    _, third = await compared(office, (today(), 6, "X"))

    assert first == set()
    assert second == {("bank_unmatched", 0, 5, "X"), ("bank_missing", -EACH, 0, "REF-2")}
    assert third == {("bank_unmatched", 0, 6, "X")}
    async with transaction(office.context.engine, SERVICE) as connection:
        one = next(d for d in await rows.differences_of(connection, case_id) if d.payout_id)
        ways = (await rows.ways_of(connection, [one]))[one.id]
    assert (ways.may_book, ways.against) == (False, (Correction.TO_BE_FOUND,))


async def test_what_was_settled_before_the_first_statement_of_all_is_nobodys_difference(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office)
    await aged(superuser, 2)
    _, found = await compared(office, (today(), 5, "X"))

    assert found == {("bank_unmatched", 0, 5, "X")}


async def test_of_a_batch_that_misses_many_lines_one_difference_tells(
    office: PayoutOffice, superuser: Superuser
) -> None:
    batch = await paid_batch(office, MOST_SINGLE + 1)
    await aged(superuser, 1)
    await compared(office, (today() - timedelta(days=1), 5, "X"))
    _, found = await compared(office, (today(), 5, "Y"))

    number = await superuser.value("SELECT number FROM cases WHERE id = %s", batch)
    total = -(MOST_SINGLE + 1) * EACH
    assert found == {("bank_missing", total, 0, number), ("bank_unmatched", 0, 5, "Y")}
    assert await superuser.value("SELECT count(*) FROM bank_lines") == MOST_SINGLE + 1


async def test_a_row_that_may_be_a_line_without_an_answer_is_left_until_the_bank_has_answered(
    office: PayoutOffice, superuser: Superuser
) -> None:
    batch = await sent_batch(office)
    sent: list[Row] = [(today(), -EACH, "REF-1"), (today(), -EACH, "STRANGE"), (today(), -1, "OTHER")]
    _, early = await compared(office, *sent)
    await office.answered(batch, await office.answer_to(batch, rejected=[2]))
    _, late = await compared(office, (today(), 5, "X"))

    assert early == {("bank_unmatched", 0, -1, "OTHER")}
    assert late == {("bank_unmatched", 0, 5, "X"), ("bank_unmatched", 0, -EACH, "STRANGE")}
    assert await superuser.value("SELECT count(*) FROM bank_lines WHERE row_id IS NOT NULL") == 1


async def test_only_as_many_rows_wait_for_the_banks_answer_as_lines_are_on_their_way_and_only_for_some_days(
    office: PayoutOffice,
) -> None:
    await sent_batch(office, 1)
    before = today() - timedelta(days=ON_ITS_WAY_DAYS)
    _, early = await compared(office, (before, -EACH, "A"), (before, -EACH, "B"))
    _, late = await compared(office, (today(), 5, "X"))
    _, once = await compared(office, (today(), 6, "X"))

    assert early == {("bank_unmatched", 0, -EACH, "B")}
    assert late == {("bank_unmatched", 0, 5, "X"), ("bank_unmatched", 0, -EACH, "A")}
    assert once == {("bank_unmatched", 0, 6, "X")}


async def test_a_row_that_waited_is_found_though_no_statement_came_for_months(office: PayoutOffice) -> None:
    await sent_batch(office, 1)
    await compared(office, (today() - timedelta(days=90), -EACH, "A"))
    _, late = await compared(office, (today(), 5, "X"))

    assert late == {("bank_unmatched", 0, 5, "X"), ("bank_unmatched", 0, -EACH, "A")}


async def test_a_line_that_is_missed_and_listed_later_is_known_from_then_on(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office, 1)
    await aged(superuser, 1)
    await compared(office, (today() - timedelta(days=1), 5, "X"))
    _, missed = await compared(office, (today(), 5, "Y"))
    case_id, listed = await compared(office, (today(), -EACH, "REF-1"))

    assert missed == {("bank_missing", -EACH, 0, "REF-1"), ("bank_unmatched", 0, 5, "Y")}
    assert listed == set()
    assert await matched(office, case_id) == (1, -EACH)


async def test_nobody_explains_why_the_bank_lacks_a_line_by_which_they_are_paid(
    office: PayoutOffice, superuser: Superuser, arrange: Arrange
) -> None:
    batch = await paid_batch(office, 1)
    await aged(superuser, 1)
    await compared(office, (today() - timedelta(days=1), 5, "X"))
    case_id, _ = await compared(office, (today(), 5, "Y"))
    await superuser.run("DELETE FROM clearing_differences WHERE kind = 'bank_unmatched'")
    await office.take("request_decisions", case_id)
    await superuser.run("UPDATE withdrawals SET person_id = %s WHERE payout_id = %s", office.maker.id, batch)
    task_id = await open_task(office.context, case_id, TaskKind.SETTLE_DIFFERENCE)
    explain, why = commands.explain_difference, (Explanation.SETTLED_ELSEWHERE, "نامهٔ بانک")
    with pytest.raises(OwnCase):
        await answer(office.context, office.maker, task_id, explain, *why)
    await answer(office.context, office.checker, task_id, explain, *why)
    await office.take("request_decisions", case_id)
    third = await arrange.platform(Role.SETTLEMENT_OFFICER)
    task_id = await open_task(office.context, case_id, TaskKind.CONFIRM_PROPOSAL)
    await answer(office.context, third, task_id, commands.confirm_proposal)
    await office.take("assess_clearing", case_id)

    assert await office.phase(case_id) == "settled"
