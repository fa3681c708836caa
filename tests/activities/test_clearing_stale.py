"""What a difference says may be true no longer when it is decided, or as two comparisons run at once (E2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from activities.clearing import opening_activities
from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.clearing import CAUGHT_UP, DayCompared, Explanation, NotBookable
from domain.errors import OwnCase
from gateways.local_bank import LocalBank
from gateways.payment import ListedRow, Outcome, Paid
from messages.clearing import TaskKind
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.clearing_steps import AMOUNT, FEE, GATEWAY, Day
from tests.commands.onboarding_steps import answer

SETTLE, CONFIRM = TaskKind.SETTLE_DIFFERENCE, TaskKind.CONFIRM_PROPOSAL
_FEES = "SELECT coalesce(sum(-e.amount), 0) FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.code = %s"


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


async def fees(day: Day) -> int:
    """Rial of gateways' fees in the ledger."""
    return int(await day.superuser.value(_FEES, "expense:gateway"))


async def test_nobody_decides_about_a_payment_in_which_they_take_part(day: Day) -> None:
    attempt = await day.given_up()
    case_id = await day.compared()
    take_part = "INSERT INTO case_people (case_id, person_id, part) VALUES (%s, %s, 'payer')"
    await day.superuser.run(take_part, attempt.payment_id, day.first.id)
    effects = await day.superuser.effects()
    for decision in (
        (commands.explain_difference, Explanation.FAULT_OF_GATEWAY, "نامه"),
        (commands.propose_booking, "به شبا برگشت"),
    ):
        with pytest.raises(OwnCase):
            await day.decide(day.first, case_id, SETTLE, *decision)
    assert await day.superuser.effects() == effects

    await day.decide(day.second, case_id, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
    with pytest.raises(OwnCase):
        await day.decide(day.first, case_id, CONFIRM, commands.confirm_proposal)


async def test_what_the_gateway_gave_back_is_not_paid_back_once_more_by_hand(day: Day) -> None:
    before, after = await day.given_up(), await day.given_up()
    await day.bank.refund(str(before.authority), AMOUNT, "by the bank's desk")
    case_id = await day.compared()
    kinds = {(one.kind.value, one.attempt_id) for one in await day.differences(case_id)}
    assert ("missing_here", before.id) not in kinds
    assert ("missing_here", after.id) in kinds
    await list_again(day, after.id, "given_back", AMOUNT)

    while await day.outcome(case_id) is None:
        with pytest.raises(NotBookable):
            await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
        await day.explain(case_id, Explanation.SETTLED_ELSEWHERE)
    assert await day.superuser.value("SELECT count(*) FROM journals") == 0


async def list_again(day: Day, order: object, what: str, amount: int, *, fee: int = 0) -> None:
    """A later list of the gateway tells more of a try."""
    await day.superuser.run(
        "INSERT INTO gateway_rows (gateway, day, order_id, reference, what, amount, fee, at)"
        " VALUES (%s, %s, %s, 'later', %s, %s, %s, now())",
        GATEWAY,
        day.day,
        str(order),
        what,
        amount,
        fee,
    )


async def test_a_booking_that_is_true_no_longer_when_it_is_taken_is_decided_anew(day: Day) -> None:
    attempt = await day.given_up()
    case_id = await day.compared()
    await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
    task = await day.superuser.value("SELECT id FROM tasks WHERE status = 'open'")
    await answer(day.context, day.second, task, commands.confirm_proposal)
    await list_again(day, attempt.id, "given_back", AMOUNT)
    await day.go_on("clearing", case_id)

    (found,) = await day.differences(case_id)
    assert (found.state, found.proposed_by, found.decided_by) == ("open", None, None)
    assert await day.superuser.value("SELECT count(*) FROM journals") == 0


async def test_a_fee_that_a_newer_list_tells_otherwise_is_booked_as_the_newer_one_says(day: Day) -> None:
    attempt = await day.paid()
    await day.forge(attempt, "settled", fee=FEE + 100)
    first = await day.compared()
    await list_again(day, attempt.id, "taken", 1, fee=50)
    later = await day.requested(day=day.day - timedelta(days=1))
    await day.superuser.run("UPDATE gateway_rows SET day = day - 1 WHERE reference = 'later'")
    await day.go_on("clearing", later)

    with pytest.raises(NotBookable):
        await day.decide(day.first, first, SETTLE, commands.propose_booking, "کارمزد درست است")


async def test_a_line_that_the_gateway_corrects_is_compared_as_it_is_now(day: Day) -> None:
    wrong, right = await day.paid(), await day.paid()
    await day.forge(wrong, "settled", fee=FEE + 100)
    await day.pass_midnight()
    first = await day.requested()
    await day.go_on("clearing", first)
    assert [one.attempt_id for one in await day.differences(first)] == [wrong.id]
    await day.forge(wrong, "settled", fee=FEE)
    await day.forge(right, "settled", fee=FEE + 200)
    before = await day.requested(day=day.day - timedelta(days=1))
    await day.go_on("clearing", before)

    with pytest.raises(NotBookable):
        await day.decide(day.first, first, SETTLE, commands.propose_booking, "کارمزد درست است")
    (found,) = await day.differences(before)
    assert (found.attempt_id, found.here, found.there) == (right.id, FEE, FEE + 200)


class Twice(LocalBank):
    """A bank whose pages overlap."""

    async def list_day(self, day: date) -> list[ListedRow]:
        """Each line twice."""
        return 2 * await super().list_day(day)


async def test_a_line_that_is_listed_twice_counts_once(day: Day) -> None:
    await day.paid()
    twice = Twice(day.bank._directory, "", day.bank._clock)
    day = replace(day, activity_context=replace(day.activity_context, gateways={GATEWAY: twice}))

    assert await day.outcome(await day.compared()) == "matched"


class Silent(LocalBank):
    """A bank that tells its fee in the list only, and to two who ask at once."""

    both: asyncio.Barrier | None = None

    async def list_day(self, day: date) -> list[ListedRow]:
        """The list, once both have asked."""
        listed = await super().list_day(day)
        if self.both is not None:
            await self.both.wait()
        return listed

    async def settle(self, authority: str, amount: int, order: str = "") -> Outcome:
        """Paid, without the fee."""
        told = await super().settle(authority, amount, order)
        return Paid(told.reference, told.amount, told.card, None) if isinstance(told, Paid) else told


async def test_a_fee_that_no_gateway_takes_is_for_people_though_nobody_told_another(day: Day) -> None:
    silent = Silent(day.bank._directory, "", day.bank._clock)
    day = replace(day, bank=silent, activity_context=replace(day.activity_context, gateways={GATEWAY: silent}))
    await day.paid()
    absurd = await day.paid()
    await day.forge(absurd, "settled", fee=10 * AMOUNT)
    case_id = await day.compared()

    assert [(one.kind.value, one.attempt_id) for one in await day.differences(case_id)] == [("fee_differs", absurd.id)]
    assert await fees(day) == FEE


async def test_two_days_that_are_compared_at_once_book_a_fee_once(day: Day) -> None:
    silent = Silent(day.bank._directory, "", day.bank._clock)
    day = replace(day, bank=silent, activity_context=replace(day.activity_context, gateways={GATEWAY: silent}))
    attempts = [await day.paid() for _ in range(3)]
    for attempt in attempts:
        await day.bank.refund(str(attempt.authority), 100_000, "k")
    await day.pass_midnight()
    await day.pass_midnight()
    # Taken two days ago, a part given back yesterday.
    for attempt in attempts:
        with day.bank._changing(str(attempt.authority)) as payment:
            payment.lines = tuple(
                line if line.what == "refunded" else line.model_copy(update={"at": line.at - timedelta(days=1)})
                for line in payment.lines
            )
    cases = [await day.requested(day=day.day - timedelta(days=back)) for back in (0, 1)]
    silent.both = asyncio.Barrier(2)
    await asyncio.gather(*(day.go_on("clearing", case_id) for case_id in cases))

    assert await fees(day) == 3 * FEE


async def test_two_officers_who_ask_for_one_day_at_once_get_one_comparison(day: Day) -> None:
    asked: Sequence[Any] = await asyncio.gather(
        *(day.requested(who) for who in (day.first, day.second)), return_exceptions=True
    )
    assert sorted(isinstance(one, DayCompared) for one in asked) == [False, True]


class Slow(LocalBank):
    """A bank whose list lags a day behind."""

    lags = True

    async def list_day(self, day: date) -> list[ListedRow]:
        """Nothing yet."""
        return [] if self.lags else await super().list_day(day)


async def test_what_a_list_tells_late_is_found_by_the_next_comparison(day: Day) -> None:
    attempt = await day.given_up()
    slow = Slow(day.bank._directory, "", day.bank._clock)
    day = replace(day, activity_context=replace(day.activity_context, gateways={GATEWAY: slow}))
    await day.superuser.run("UPDATE payment_attempts SET begun_at = begun_at - interval '3 days'")
    await day.pass_midnight()
    before = replace(day, day=day.day - timedelta(days=1))
    for line in ("paid", "settled"):
        with day.bank._changing(str(attempt.authority)) as payment:
            payment.lines = tuple(
                one.model_copy(update={"at": one.at - timedelta(days=1)}) if one.what == line else one
                for one in payment.lines
            )
    first = await before.requested()
    await day.go_on("clearing", first)
    assert await day.outcome(first) == "matched"
    slow.lags = False
    following = await day.requested()
    await day.go_on("clearing", following)

    assert [one.kind for one in await day.differences(following)] == ["missing_here"]
    await assert_books_clean(day.context.engine)


async def opened(day: Day) -> int:
    """How many days the morning opens."""
    ((open_clearings,),) = opening_activities(day.activity_context).values()
    return int(await open_clearings())


async def test_each_morning_opens_the_day_before(day: Day) -> None:
    await day.paid()
    await day.pass_midnight()
    assert await opened(day) == 1
    await day.pass_midnight()
    await day.superuser.run("UPDATE clearings SET day = day - 1")
    assert await opened(day) == 1


async def test_after_weeks_without_a_worker_the_morning_opens_each_day_since_the_last(day: Day) -> None:
    await day.paid()
    await day.superuser.run("UPDATE payment_attempts SET begun_at = now() - interval '200 days'")
    await day.requested(day=day.day - timedelta(days=29))

    assert await opened(day) == 29
    await day.superuser.run("UPDATE clearings SET gateway = 'another'")
    assert await opened(day) == CAUGHT_UP.days


async def test_a_service_that_is_closed_opens_no_day_by_the_clock_either(day: Day) -> None:
    await day.paid()
    await day.pass_midnight()
    await day.superuser.run(
        "UPDATE services SET is_open = false, reason = 'x', changed_by = %s WHERE name = 'clearing'", day.first.id
    )
    assert await opened(day) == 0
