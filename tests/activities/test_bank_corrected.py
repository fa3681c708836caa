"""What was corrected in one statement of the bank and shows up in a later one is found there by people (E2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.clearing import Correction
from messages.clearing import TaskKind
from storage import clearing as rows
from storage.database import SERVICE, transaction
from storage.rows.clearing import Difference
from tests.activities.test_bank_matching import EACH, aged, compared, paid_batch, today
from tests.activities.test_payout_returned import came_back
from tests.activities.test_payout_returned import paid as paid_lines
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import answer, open_task
from tests.payout_steps import PayoutOffice


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with money, and two settlement officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def corrected(office: PayoutOffice, superuser: Superuser, case_id: UUID, one: str, **named: Any) -> None:
    """Two officers correct a difference of a statement against what must be found out; its others are left away."""
    await superuser.run("DELETE FROM clearing_differences WHERE case_id = %s AND reference <> %s", case_id, one)
    await office.take("request_decisions", case_id)
    task_id = await open_task(office.context, case_id, TaskKind.SETTLE_DIFFERENCE)
    what: tuple[Any, ...] = (commands.propose_correction, Correction.TO_BE_FOUND, "نامهٔ بانک")
    await answer(office.context, office.maker, task_id, *what, **named)
    await office.take("request_decisions", case_id)
    task_id = await open_task(office.context, case_id, TaskKind.CONFIRM_PROPOSAL)
    await answer(office.context, office.checker, task_id, commands.confirm_proposal)
    await office.take("book_differences", case_id)


async def to_be_found(office: PayoutOffice) -> list[Difference]:
    """What the list of money that stands apart has of differences."""
    async with transaction(office.context.engine, SERVICE) as connection:
        return await rows.list_to_be_found(connection)


async def test_a_line_that_was_corrected_for_the_bank_lacked_it_is_a_difference_when_its_row_comes(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await paid_batch(office, 1)
    await aged(superuser, 1)
    await compared(office, (today() - timedelta(days=1), 5, "X"))
    case_id, _ = await compared(office, (today(), 5, "Y"))
    await corrected(office, superuser, case_id, "REF-1")
    (lacking,) = await to_be_found(office)

    late, found = await compared(office, (today(), -EACH, "REF-1"))
    assert ("bank_unmatched", 0, -EACH, "REF-1") in found
    await corrected(office, superuser, late, "REF-1", resolves=lacking.id)
    assert await to_be_found(office) == []
    await assert_books_clean(office.context.engine)


async def test_a_row_that_was_corrected_is_no_line_that_came_back_and_the_line_is_a_difference(
    office: PayoutOffice, superuser: Superuser
) -> None:
    paid, (one,) = await paid_lines(office)
    early, _ = await compared(office, (today() - timedelta(days=2), EACH, "BACK-777"))
    await corrected(office, superuser, early, "BACK-777")
    (strange,) = await to_be_found(office)
    await came_back(office, paid, one)
    await superuser.run("UPDATE withdrawals SET returned_at = returned_at - interval '1 day'")

    late, found = await compared(office, (today(), -EACH, "REF-1"))
    assert ("bank_missing", EACH, 0, "BACK-777") in found
    await corrected(office, superuser, late, "BACK-777", resolves=strange.id)
    assert await to_be_found(office) == []
    await assert_books_clean(office.context.engine)


async def test_what_has_met_its_like_at_the_bank_is_not_corrected(office: PayoutOffice, superuser: Superuser) -> None:
    paid, (one,) = await paid_lines(office)
    case_id, _ = await compared(office, (today() - timedelta(days=2), EACH, "BACK-777"))
    await came_back(office, paid, one)
    await compared(office, (today(), -EACH, "REF-1"))

    second, (other,) = await paid_lines(office)
    await came_back(office, second, other)
    await superuser.run("UPDATE withdrawals SET returned_at = returned_at - interval '1 day'")
    missed, _ = await compared(office, (today(), -EACH, "REF-1"), (today(), -1, "other"))
    await compared(office, (today(), EACH, "BACK-777"), (today(), -2, "other"))
    assert await superuser.value("SELECT count(*) FROM bank_rows WHERE returned_line IS NOT NULL") == 2
    async with transaction(office.context.engine, SERVICE) as connection:
        for each in (case_id, missed):
            differs = [one for one in await rows.differences_of(connection, each) if one.reference == "BACK-777"]
            assert [way.against for way in (await rows.ways_of(connection, differs)).values()] == [()]
