"""A gateway's day against the ledger: a clean one is empty, each planted difference is found and settled (E2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.clearing import opening_activities
from activities.outside import AskAgain
from activities.transition import ActivityContext
from activities.turns import Turns
from commands import clearing as commands
from commands.command import Context
from domain.clearing import (
    DayCompared,
    DayNotOver,
    DayTooOld,
    Explanation,
    NotBookable,
    StatementTooLong,
    StatementUnreadable,
)
from domain.errors import Forbidden, NotFound, Refusal, SentByYourself
from gateways.local_bank import LocalBank
from gateways.payment import GatewayUnclear, ListedRow
from messages.clearing import TaskKind
from storage import clearing as rows
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.clearing_steps import AMOUNT, FEE, Day, csv_of, together
from tests.commands.onboarding_steps import run
from tests.length import length

SETTLE, CONFIRM = TaskKind.SETTLE_DIFFERENCE, TaskKind.CONFIRM_PROPOSAL


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


async def test_a_clean_day_of_many_payments_has_no_difference_and_agrees_to_the_last_rial(day: Day) -> None:
    """200 of them in the long form."""
    few = length(10, 40)
    kept = await together(3 * few, day.paid)
    await asyncio.gather(*(day.taken(one) for one in kept[:few]))
    await together(few, day.cancelled)
    for number, one in enumerate(await together(few, day.paid)):
        await day.given_back(one, refund=number % 2 == 0)
    case_id = await day.compared()

    assert await day.outcome(case_id) == "matched"
    assert await day.differences(case_id) == []
    compared = await day.clearing(case_id)
    assert (compared.here_count, compared.there_count) == (4 * few, 4 * few)
    assert compared.here_sum == compared.there_sum == 4 * few * AMOUNT
    assert await day.at_gateway() == await day.owed_by_bank() == 3 * few * AMOUNT - (3 * few + few // 2) * FEE
    await assert_books_clean(day.context.engine)


async def test_what_came_to_light_after_we_gave_up_is_paid_back_and_booked_by_two(day: Day) -> None:
    attempt = await day.given_up()
    case_id = await day.compared()
    (found,) = await day.differences(case_id)
    assert (found.kind, found.here, found.there, found.payment_id) == ("missing_here", 0, AMOUNT, attempt.payment_id)

    await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "به شبا برگشت", paid_back="PAYA-1")
    with pytest.raises(SentByYourself):
        await day.decide(day.first, case_id, CONFIRM, commands.confirm_proposal)
    await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)

    assert await day.outcome(case_id) == "settled"
    states = await day.superuser.rows("SELECT state, paid_amount, fee FROM payment_attempts")
    assert states == [("paid", AMOUNT, FEE)]
    assert await day.superuser.rows("SELECT way, amount, reference FROM payment_returns") == [
        ("hand", AMOUNT, "PAYA-1")
    ]
    assert await day.at_gateway() == AMOUNT - FEE
    await assert_books_clean(day.context.engine)


async def test_what_goes_back_later_is_found_in_the_gateway_s_day_as_what_it_is(day: Day) -> None:
    payments = [await day.paid() for _ in range(3)]
    for attempt in payments:
        await day.taken(attempt)
    whole, parts, listed_first = payments
    for attempt, amount in ((whole, AMOUNT), (parts, AMOUNT // 2), (parts, AMOUNT // 5)):
        await day.go_on("payment", await day.refund(attempt, amount))
    # The gateway has done it, and its answer was lost: the refund's own process is still about it.
    waits = await day.refund(listed_first, AMOUNT // 2)
    key = str(await day.superuser.value("SELECT id FROM payment_returns WHERE payment_id = %s", waits))
    await day.bank.refund(str(listed_first.authority), AMOUNT // 2, key)
    await day.pass_midnight()

    case_id = await day.compared()

    assert (await day.differences(case_id), await day.outcome(case_id)) == ([], "matched")
    assert (await day.clearing(case_id)).there_back == 2 * AMOUNT + AMOUNT // 5


async def test_a_rejected_booking_is_decided_anew(day: Day) -> None:
    await day.given_up()
    case_id = await day.compared()
    await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "به شبا برگشت", paid_back="PAYA-1")
    await day.decide(day.second, case_id, CONFIRM, commands.reject_proposal, "شماره پیگیری نادرست است")
    (found,) = await day.differences(case_id)
    assert (found.state, found.paid_back, found.proposed_by) == ("open", None, None)
    await day.explain(case_id, Explanation.SETTLED_ELSEWHERE)

    assert await day.outcome(case_id) == "settled"
    assert await day.superuser.value("SELECT count(*) FROM journals") == 0


async def test_each_planted_difference_is_found_and_explained(day: Day) -> None:
    _, lost, other, fee = [await day.paid() for _ in range(4)]
    back_there, back_here = await day.paid(), await day.paid()
    await day.plant()
    await day.forge(other, "settled", amount=AMOUNT + 10)
    await day.forge(fee, "settled", fee=FEE + 100)
    await day.forge(lost, "settled")
    await day.bank.refund(str(back_there.authority), AMOUNT, "by the bank's desk")
    await day.given_back(back_here, refund=True)
    await day.forge(back_here, "refunded")
    case_id = await day.compared()

    found = {(one.kind.value, one.attempt_id): (one.here, one.there) for one in await day.differences(case_id)}
    assert found == {
        ("missing_here", None): (0, AMOUNT),
        ("missing_there", lost.id): (AMOUNT, 0),
        ("amount_differs", other.id): (AMOUNT, AMOUNT + 10),
        ("fee_differs", fee.id): (FEE, FEE + 100),
        ("given_back_there", back_there.id): (0, AMOUNT),
        ("given_back_here", back_here.id): (AMOUNT, 0),
    }
    while await day.outcome(case_id) is None:
        await settle_next(day, case_id)

    assert await day.outcome(case_id) == "settled"
    fees = (
        "SELECT sum(-e.amount) FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.code = 'expense:gateway'"
    )
    assert await day.superuser.value(fees) == 6 * FEE + 100
    await assert_books_clean(day.context.engine)


async def settle_next(day: Day, case_id: UUID) -> None:
    """The first officer decides on the difference that is asked about; fees are booked, the rest is explained."""
    asked = "SELECT d.kind FROM tasks t JOIN clearing_differences d ON d.id = t.subject_id WHERE t.status = 'open'"
    if await day.superuser.value(asked) != "fee_differs":
        await day.explain(case_id)
        return
    await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "کارمزد درست است")
    await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)


async def test_what_was_found_and_has_not_changed_is_not_found_again_by_the_next_day(day: Day) -> None:
    await day.given_up()
    case_id = await day.compared()
    await day.explain(case_id, Explanation.SETTLED_ELSEWHERE)
    before = await day.requested(day=day.day - timedelta(days=1))
    await day.go_on("clearing", before)

    assert await day.outcome(before) == "matched"


async def test_a_try_that_the_gateway_is_still_asked_about_is_left_to_its_payment(day: Day) -> None:
    attempt = await day.opened()
    day.bank.pay(str(attempt.authority), "6037990000000105")
    await day.bank.settle(str(attempt.authority), AMOUNT, "")
    case_id = await day.compared()

    assert await day.outcome(case_id) == "matched"


async def test_only_the_settlement_office_has_past_days_compared_and_each_once(day: Day, arrange: Arrange) -> None:
    await day.requested()
    refused: Sequence[tuple[dict[str, Any], type[Refusal]]] = (
        ({}, DayCompared),
        ({"day": day.day + timedelta(days=1)}, DayNotOver),
        ({"day": day.day - timedelta(days=91)}, DayTooOld),
        ({"gateway": "unknown"}, NotFound),
        ({"who": day.payer}, Forbidden),
    )
    effects = await day.superuser.effects()
    for wish, refusal in refused:
        with pytest.raises(refusal):
            await day.requested(**wish)
    assert await day.superuser.effects() == effects


async def test_what_cannot_be_booked_is_refused_and_changes_nothing(day: Day) -> None:
    await day.plant()
    case_id = await day.compared()
    effects = await day.superuser.effects()
    with pytest.raises(NotBookable):
        await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
    assert await day.superuser.effects() == effects


async def test_two_officers_at_once_decide_once(day: Day) -> None:
    await day.given_up()
    case_id = await day.compared()
    explain = (commands.explain_difference, Explanation.ON_ANOTHER_DAY, "x")
    answers = await asyncio.gather(
        *(day.decide(who, case_id, SETTLE, *explain) for who in (day.first, day.second)), return_exceptions=True
    )

    assert sorted(answer is None for answer in answers) == [False, True]
    assert await day.outcome(case_id) == "settled"


class Away(LocalBank):
    """A bank that gives no list."""

    async def list_day(self, day: date) -> list[ListedRow]:  # noqa: ARG002 - whatever the day
        """Nobody knows."""
        raise GatewayUnclear("timed_out")


async def test_a_gateway_that_is_away_is_asked_again_for_a_day_and_its_day_may_then_be_compared_anew(day: Day) -> None:
    await day.paid()
    await day.pass_midnight()
    away = replace(
        day, activity_context=replace(day.activity_context, gateways={"local": Away(day.bank._directory, "")})
    )
    case_id = await day.requested()
    with pytest.raises(Exception, match="asked again in") as asked:
        await away.go_on("clearing", case_id)
    assert isinstance(asked.value.__cause__, AskAgain)
    await day.superuser.run("UPDATE clearings SET opened_at = now() - interval '25 hours'")
    await away.go_on("clearing", case_id)
    assert await day.outcome(case_id) == "no_list"

    again = await day.requested()
    await day.go_on("clearing", again)
    assert await day.outcome(again) == "matched"


async def test_a_gateway_that_is_busy_with_payments_is_asked_for_its_day_after_them(day: Day) -> None:
    await day.paid()
    await day.pass_midnight()
    case_id = await day.requested()
    turns = Turns(at_once=1)
    busy = replace(day, activity_context=replace(day.activity_context, turns=turns))
    with turns.of("local"), pytest.raises(Exception, match="asked again in"):
        await busy.go_on("clearing", case_id)
    await busy.go_on("clearing", case_id)
    assert await day.outcome(case_id) == "matched"


class Empty(LocalBank):
    """A bank whose list has no line."""

    async def list_day(self, day: date) -> list[ListedRow]:  # noqa: ARG002 - whatever the day
        """Nothing."""
        return []


async def test_an_empty_list_of_a_day_with_payments_is_asked_for_again_and_the_office_is_told_once(day: Day) -> None:
    await day.paid()
    await day.pass_midnight()
    empty = Empty(day.bank._directory, "")
    day = replace(day, activity_context=replace(day.activity_context, gateways={"local": empty}))
    case_id = await day.requested()
    with pytest.raises(Exception, match="asked again in") as asked:
        await day.go_on("clearing", case_id)
    assert isinstance(asked.value.__cause__, AskAgain)
    await day.superuser.run("UPDATE clearings SET opened_at = now() - interval '25 hours'")
    await day.go_on("clearing", case_id)

    assert await day.outcome(case_id) == "no_list"
    assert await day.superuser.value("SELECT count(*) FROM clearing_differences") == 0
    told = "SELECT count(*) FROM notices WHERE template = 'clearing_list_empty'"
    assert await day.superuser.value(told) == len((day.first, day.second))


async def test_an_empty_list_of_a_day_without_payments_is_a_list(day: Day) -> None:
    await day.cancelled()
    assert await day.outcome(await day.compared()) == "matched"


async def test_a_day_that_was_compared_may_be_compared_again_and_finds_what_is_new(day: Day) -> None:
    first = await day.compared()
    assert await day.outcome(first) == "matched"
    await day.plant()
    again = await day.requested()
    await day.go_on("clearing", again)

    assert [one.kind for one in await day.differences(again)] == ["missing_here"]
    async with transaction(day.context.engine, SERVICE) as connection:
        charted = await rows.list_clearings(connection, since=day.day, limit=9)
    assert [clearing.case_id for clearing, _, _ in charted] == [again]


async def test_each_step_taken_twice_acts_once(day: Day) -> None:
    await day.given_up()
    case_id = await day.compared()
    await day.step("request_decisions", case_id)
    await day.step("fetch_list", case_id)
    assert await day.superuser.value("SELECT count(*) FROM tasks WHERE case_id = %s", case_id) == 1
    await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
    await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)
    await day.step("book_differences", case_id)
    assert await day.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_received'") == 1


async def test_the_morning_opens_each_missed_day_once_whatever_several_workers_do(day: Day) -> None:
    await day.paid()
    await day.superuser.run("UPDATE payment_attempts SET begun_at = now() - interval '5 days'")
    ((open_clearings,),) = opening_activities(day.activity_context).values()
    opened = await asyncio.gather(*(open_clearings() for _ in range(3)), return_exceptions=True)

    assert sum(one for one in opened if isinstance(one, int)) == 5
    assert await open_clearings() == 0
    assert await day.superuser.value("SELECT count(*) FROM clearings") == 5
    assert await day.superuser.value("SELECT count(*) FROM outbox WHERE payload->>'name' = 'clearing_opened'") == 5


async def send(day: Day, content: bytes) -> UUID:
    """The office sends a statement, and what follows follows."""
    case_id: UUID = await run(day.context, day.first, lambda command: commands.send_statement(command, content))
    await day.go_on("clearing", case_id)
    return case_id


async def test_a_statement_matches_what_was_paid_back_and_a_gateways_pay_out_is_booked_by_two(day: Day) -> None:
    await day.taken(await day.paid())
    await day.given_up()
    listed = await day.compared()
    await day.decide(day.first, listed, SETTLE, commands.propose_booking, "به شبا برگشت", paid_back="PAYA-1")
    await day.decide(day.second, listed, CONFIRM, commands.confirm_proposal)
    today, owed = day.day + timedelta(days=1), await day.at_gateway()
    case_id = await send(day, csv_of((today, -AMOUNT, "PAYA-1"), (today, owed, "SETTLE-1")))
    (found,) = await day.differences(case_id)
    assert (found.kind, found.there, found.reference) == ("bank_unmatched", owed, "SETTLE-1")

    await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "واریز درگاه", settles="local")
    await day.decide(day.second, case_id, CONFIRM, commands.confirm_proposal)

    assert await day.outcome(case_id) == "settled"
    assert await day.at_gateway() == 0
    compared = await day.clearing(case_id)
    assert (compared.here_count, compared.there_count) == (1, 2)
    await assert_books_clean(day.context.engine)


async def test_a_statement_sent_twice_changes_nothing_and_rows_that_are_known_are_not_kept_again(day: Day) -> None:
    content = csv_of((day.day, 100, "A"), (day.day, 100, "A"))
    case_id = await send(day, content)
    effects = await day.superuser.effects()
    assert await send(day, content) == case_id
    again = await day.superuser.effects()
    assert {table: count for table, count in again.items() if count != effects[table]}.keys() <= {
        "idempotency",
        "case_transitions",
        "transitions",
    }

    longer = await send(day, csv_of((day.day, 100, "A"), (day.day, 100, "A"), (day.day, 100, "B")))
    assert [one.reference for one in await day.differences(longer)] == ["B"]


async def test_two_officers_who_send_one_statement_at_once_make_one_comparison(day: Day) -> None:
    content = csv_of((day.day, 100, "A"))
    sent = await asyncio.gather(
        *(
            run(day.context, who, lambda command: commands.send_statement(command, content))
            for who in (day.first, day.second)
        )
    )
    assert len(set(sent)) == 1
    assert await day.superuser.value("SELECT count(*) FROM bank_rows") == 1


async def test_what_we_paid_back_and_the_bank_does_not_list_is_found_once(day: Day) -> None:
    await day.given_up()
    listed = await day.compared()
    await day.decide(day.first, listed, SETTLE, commands.propose_booking, "به شبا برگشت", paid_back="PAYA-1")
    await day.decide(day.second, listed, CONFIRM, commands.confirm_proposal)
    await day.superuser.run("UPDATE payment_returns SET returned_at = returned_at - interval '1 day'")
    today = day.day + timedelta(days=1)
    case_id = await send(day, csv_of((day.day, -7, "OTHER")))
    assert [one.kind for one in await day.differences(case_id)] == ["bank_unmatched"]
    case_id = await send(day, csv_of((today, -9, "OTHER")))

    found = {(one.kind.value, one.here, one.there) for one in await day.differences(case_id)}
    assert found == {("bank_unmatched", 0, -9), ("bank_missing", -AMOUNT, 0)}
    with pytest.raises(NotBookable):
        await day.decide(day.first, case_id, SETTLE, commands.propose_booking, "x", settles="local")
    again = await send(day, csv_of((today, -8, "OTHER")))
    assert [one.kind for one in await day.differences(again)] == ["bank_unmatched"]


async def test_nonsense_in_the_place_of_a_statement_is_refused_and_changes_nothing(day: Day) -> None:
    effects = await day.superuser.effects()
    for content in (b"", b"nonsense", csv_of((day.day, 5, "x")).decode().encode("utf-16")):
        with pytest.raises(StatementUnreadable):
            await send(day, content)
    with pytest.raises(StatementTooLong):
        await send(day, csv_of(*[(day.day, 5, str(number)) for number in range(5_001)]))
    assert await day.superuser.effects() == effects
