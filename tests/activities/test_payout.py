"""A batch of withdrawals: cut, confirmed by another, answered by the bank; each line is settled once (E3)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from psycopg import errors

from activities.payout import answer as answering
from activities.payout import cutting
from activities.transition import ActivityContext
from commands import payout as commands
from commands.command import Context
from domain.errors import OwnCase, Refusal, SentByYourself, TaskNotOpen
from domain.money import Money
from domain.payout import LineSettled, PayoutDiffers, PayoutNotReady, SettlementWaiting
from messages.payout import Step
from storage.database import SERVICE, transaction
from storage.withdrawal import list_withdrawals
from tests.arrange import Arrange, Someone, eventually
from tests.bank_account_steps import a_sheba
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import answer, open_task
from tests.length import IS_LONG, length
from tests.payout_steps import (
    AMOUNT,
    CONFIRM,
    HEADING,
    PayoutOffice,
    give_money,
    give_sheba,
    queue_withdrawals,
)

_END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)
_PAID = "SELECT count(*), coalesce(sum(-e.amount), 0) FROM entries e JOIN journals j ON j.id = e.journal_id"
_PAID += " WHERE j.reason = 'payout_paid' AND e.amount < 0"


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def refused(superuser: Superuser, deed: Any, by: type[Refusal]) -> None:
    before = await superuser.effects()
    with pytest.raises(by):
        await deed
    assert await superuser.effects() == before


async def waiting(office: PayoutOffice, count: int, each: Money = AMOUNT, people: int = 3) -> list[Someone]:
    """Members whose withdrawals wait, so many in all."""
    members = [await office.arrange.person("member") for _ in range(people)]
    for member in members:
        await give_money(office.context, member.id, Money(each.amount * (count // people + 1)))
    await queue_withdrawals(office.context, [one.id for one in members], count, each)
    return members


async def test_a_batch_is_cut_confirmed_by_another_handed_over_and_paid(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    first, second = await office.withdraw(), await office.withdraw(Money(7_000_000))
    case_id = await office.cut()
    batch = await office.batch(case_id)
    assert (batch.lines, batch.amount, await office.phase(case_id)) == (2, 12_000_000, "awaiting_confirmation")
    assert None not in {batch.csv_sha256, batch.xlsx_sha256}

    await office.confirm(case_id)
    await office.go_on(case_id)
    await office.hand_over(case_id)
    await office.go_on(case_id)
    assert await office.phase(case_id) == "sent"
    read = await office.answered(case_id, await office.answer_to(case_id))

    assert (read.paid, read.rejected, read.repeated, read.refused, read.error) == (2, 0, 0, 0, None)
    assert await office.phase(case_id) == "settled"
    assert [(await office.one(one)).state for one in (first, second)] == ["paid", "paid"]
    assert await office.balance() == (88_000_000, 0)
    assert await superuser.rows(_PAID) == [(2, 12_000_000)]
    told = Counter(name for (name,) in await superuser.rows("SELECT template FROM notices"))
    assert told["withdrawal_paid"] == 2
    await assert_books_clean(context.engine)


async def test_what_the_bank_rejects_is_available_again_and_its_owner_is_told(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    one = await office.withdraw()
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id, rejected=[1]))

    settled = await office.one(one)
    assert (settled.state, settled.reason) == ("rejected", "حساب بسته است")
    assert await office.balance() == (100_000_000, 0)
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'withdrawal_rejected'") == 1
    assert await superuser.rows(_PAID) == [(0, 0)]
    await assert_books_clean(context.engine)


async def test_its_maker_cannot_confirm_it_nor_can_postgres_be_made_to(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await office.withdraw()
    case_id = await office.cut()
    await refused(superuser, office.confirm(case_id, office.maker), SentByYourself)
    forged = "UPDATE payouts SET confirmed_by = made_by, confirmed_at = now()"
    with pytest.raises(errors.CheckViolation):
        await superuser.run(forged)


async def test_of_two_officers_who_confirm_at_once_one_does(office: PayoutOffice, superuser: Superuser) -> None:
    third = await office.arrange.platform(commands.OFFICE)
    await office.withdraw()
    case_id = await office.cut()
    came = await asyncio.gather(office.confirm(case_id), office.confirm(case_id, third), return_exceptions=True)
    (lost,) = [one for one in came if one is not None]
    assert isinstance(lost, TaskNotOpen)
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'payout_confirmed'") == 1


async def test_what_was_not_seen_is_not_confirmed(office: PayoutOffice, superuser: Superuser) -> None:
    await office.withdraw()
    case_id = await office.cut()
    seen, task_id = await office.seen(case_id), await open_task(office.context, case_id, CONFIRM)
    others = [replace(seen, lines=2), replace(seen, amount=seen.amount + 1)]
    for other in (*others, replace(seen, csv_sha256="0" * 64), replace(seen, xlsx_sha256="0" * 64)):
        await refused(
            superuser, answer(office.context, office.checker, task_id, commands.confirm_payout, other), PayoutDiffers
        )


async def test_nobody_confirms_a_batch_that_pays_them_and_its_maker_is_not_in_it(
    office: PayoutOffice, superuser: Superuser
) -> None:
    for officer in (office.maker, office.checker):
        await give_money(office.context, officer.id, AMOUNT)
        await queue_withdrawals(office.context, [officer.id], 1, AMOUNT)
    case_id = await office.cut()
    assert [one.withdrawal.person_id for one in await office.lines(case_id)] == [office.checker.id]
    await refused(superuser, office.confirm(case_id), OwnCase)


async def test_a_rejected_batch_lets_its_lines_wait_and_another_one_takes_them(
    office: PayoutOffice, context: Context
) -> None:
    one = await office.withdraw()
    rejected = await office.cut()
    await office.reject(rejected)
    await office.go_on(rejected)
    assert await office.phase(rejected) == "rejected"
    assert (await office.one(one)).state == "waiting"

    next_one = await office.cut()
    assert [line.withdrawal.id for line in await office.lines(next_one)] == [one]
    assert await office.balance() == (95_000_000, 5_000_000)
    await assert_books_clean(context.engine)


async def test_two_batches_at_once_take_no_line_twice(office: PayoutOffice) -> None:
    await waiting(office, 40)
    batches = [await office.make(), await office.make()]
    await asyncio.gather(*(office.go_on(one) for one in batches))
    lines = [line.withdrawal.id for one in batches for line in await office.lines(one)]
    assert len(lines) == len(set(lines)) == 40


async def test_a_batch_keeps_to_its_count_and_its_sum_and_without_lines_it_ends(office: PayoutOffice) -> None:
    await waiting(office, 9)
    by_count = await office.batch(await office.cut(most_lines=4))
    by_sum = await office.batch(await office.cut(most_amount=Money(12_000_000)))
    assert (by_count.lines, by_sum.lines, by_sum.amount) == (4, 2, 10_000_000)
    await office.cut()
    assert await office.phase(await office.cut()) == "empty"


async def test_rows_that_are_unknown_doubled_altered_or_without_reference_are_refused_alone(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    await waiting(office, 7)
    case_id = await office.sent()
    one = [line.withdrawal for line in await office.lines(case_id)]
    rows = [
        office.row(one[0]),
        office.row(one[1]),
        office.row(one[1], "rejected"),
        office.row(one[2], amount="4999999"),
        office.row(one[3], sheba=a_sheba("9999", 5)),
        office.row(one[4], reference=""),
        office.row(one[5]).replace(str(one[5].id), "01234567-89ab-7def-8123-456789abcdef"),
        office.row(one[5]).replace("paid", "perhaps"),
        "nonsense",
    ]
    read = await office.answered(case_id, "\n".join([HEADING, *rows]))

    assert (read.paid, read.rejected, read.refused) == (1, 0, 8)
    assert await office.refusals(read) == [
        (2, "doubled_line"),
        (3, "doubled_line"),
        (4, "other_amount"),
        (5, "other_sheba"),
        (6, "reference_missing"),
        (7, "unknown_line"),
        (8, "bad_row"),
        (9, "bad_row"),
    ]
    states = Counter(line.withdrawal.state for line in await office.lines(case_id))
    assert states == {"paid": 1, "cut": 6}
    assert await office.phase(case_id) == "sent"
    await assert_books_clean(context.engine)


async def test_the_same_answer_twice_pays_once_and_another_one_changes_nothing_of_what_is_settled(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    await waiting(office, 4)
    case_id = await office.sent()
    said = await office.answer_to(case_id, rejected=[2], left_out=[4])
    for repeated in (0, 3):
        read = await office.answered(case_id, said)
        assert (read.repeated, read.refused) == (repeated, 0)
    read = await office.answered(case_id, await office.answer_to(case_id, rejected=[1], left_out=[3, 4]))
    assert await office.refusals(read) == [(1, "settled_otherwise"), (2, "settled_otherwise")]
    assert await superuser.rows(_PAID) == [(2, 2 * AMOUNT.amount)]
    assert await office.phase(case_id) == "sent"
    await assert_books_clean(context.engine)


async def test_a_sheba_that_changes_after_the_cut_changes_nothing_of_the_line(office: PayoutOffice) -> None:
    one = await office.withdraw()
    before = await office.sheba()
    case_id = await office.sent()
    await give_sheba(office.context, office.member.id, a_sheba("4321", 77))
    (line,) = await office.lines(case_id)
    read = await office.answered(case_id, f"{HEADING}\n{office.row(line.withdrawal, sheba=await office.sheba())}")
    assert await office.refusals(read) == [(1, "other_sheba")]
    await office.answered(case_id, f"{HEADING}\n{office.row(line.withdrawal, sheba=before)}")
    assert (await office.one(one)).state == "paid"


async def test_an_answer_as_workbook_with_persian_headings_is_read_and_nonsense_is_refused_whole(
    office: PayoutOffice, tmp_path: Path, superuser: Superuser
) -> None:
    await office.withdraw()
    case_id = await office.sent()
    for content in (b"\x00\x01", b"PK\x03\x04 no zip", b"a,b,c\n1,2,3", b"<html>", b"\xff\xfe"):
        assert (await office.answered(case_id, content)).error is not None
    sent_back = "SELECT count(*) FROM notices WHERE template = 'payout_answer_unreadable'"
    assert await superuser.value(sent_back) == 5

    (line,) = await office.lines(case_id)
    cells = office.row(line.withdrawal).split(",")
    with xlsxwriter.Workbook(tmp_path / "answer.xlsx") as book:
        sheet = book.add_worksheet("پاسخ")
        sheet.write_row(0, 0, ("شناسه", "شبا", "مبلغ (ریال)", "نتیجه", "شماره پیگیری", "علت"))
        sheet.write_row(1, 0, (cells[0], cells[1], line.withdrawal.amount, "موفق", cells[4], ""))
    read = await office.answered(case_id, (tmp_path / "answer.xlsx").read_bytes())
    assert (read.error, read.paid, await office.phase(case_id)) == (None, 1, "settled")


async def test_no_answer_is_taken_before_the_bank_has_the_file(office: PayoutOffice, superuser: Superuser) -> None:
    one = await office.withdraw()
    case_id = await office.cut()
    said = await office.answer_to(case_id)
    await refused(superuser, office.send_answer(case_id, said), PayoutNotReady)
    await refused(superuser, office.record(case_id, one), PayoutNotReady)


async def test_a_line_recorded_by_hand_counts_once_another_officer_confirms(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    first, second = await office.withdraw(), await office.withdraw()
    case_id = await office.sent()
    await office.record(case_id, first)
    await office.go_on(case_id)
    await refused(superuser, office.confirm_record(case_id, office.maker), SentByYourself)
    await refused(superuser, office.send_answer(case_id, await office.answer_to(case_id)), SettlementWaiting)
    await office.confirm_record(case_id)
    await office.go_on(case_id)
    assert (await office.one(first)).reference == "REF-777"
    await refused(superuser, office.record(case_id, first), LineSettled)

    await office.record(case_id, second, result="rejected")
    await office.go_on(case_id)
    await office.reject_record(case_id)
    await office.go_on(case_id)
    assert (await office.one(second)).state == "cut"
    await office.record(case_id, second, result="rejected")
    await office.go_on(case_id)
    await office.confirm_record(case_id)
    await office.go_on(case_id)
    assert await office.phase(case_id) == "settled"
    assert await office.balance() == (95_000_000, 0)
    await assert_books_clean(context.engine)


async def test_a_silent_bank_has_the_office_reminded_and_nothing_is_sent_again(
    office: PayoutOffice, superuser: Superuser
) -> None:
    await office.withdraw()
    case_id = await office.sent()
    before = await office.batch(case_id)
    for _ in range(2):
        await office.take(Step.AWAIT_BANK, case_id, until=_END_OF_TIME)
    reminded = "SELECT count(*) FROM notices WHERE template = 'payout_unanswered'"
    assert await superuser.value(reminded) == 2 * 2
    assert await office.batch(case_id) == before


async def killed_after(superuser: Superuser, deed: Any, query: str, at_least: int) -> None:
    """A worker dies as soon as so much is done."""
    task = asyncio.ensure_future(deed)

    async def so_far() -> bool:
        return task.done() or int(await superuser.value(query) or 0) >= at_least

    await eventually(so_far, "a part of it")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_worker_killed_in_the_middle_of_cutting_and_of_applying_goes_on_where_it_was(
    office: PayoutOffice, superuser: Superuser, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "CHUNK_LINES", 20)
    monkeypatch.setattr(answering, "CHUNK_ROWS", 20)
    count = 300
    await waiting(office, count)
    case_id = await office.make()
    await killed_after(superuser, office.go_on(case_id), "SELECT max(lines) FROM payouts", 40)
    await office.go_on(case_id)
    numbers = [line.withdrawal.line for line in await office.lines(case_id)]
    assert numbers == list(range(1, count + 1))

    for deed in (office.confirm, office.hand_over):
        await deed(case_id)
        await office.go_on(case_id)
    await office.send_answer(case_id, await office.answer_to(case_id, rejected=[7, 250]))
    await killed_after(superuser, office.go_on(case_id), "SELECT max(rows_read) FROM payout_answers", 40)
    await office.go_on(case_id)
    await office.confirm_rejections(case_id)
    await office.go_on(case_id)

    (read,) = await office.answers(case_id)
    assert (read.paid, read.rejected, read.repeated, read.refused) == (count - 2, 2, 0, 0)
    assert await superuser.rows(_PAID) == [(count - 2, (count - 2) * AMOUNT.amount)]
    assert await office.phase(case_id) == "settled"
    await assert_books_clean(context.engine)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_ten_thousand_lines_are_cut_and_paid_with_flat_memory(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    assert IS_LONG
    await waiting(office, 10_000, people=200)
    case_id = await office.sent()
    said = await office.answer_to(case_id)
    before = _resident()
    read = await office.answered(case_id, said)
    assert (read.paid, await office.phase(case_id)) == (10_000, "settled")
    assert _resident() - before < 64 * 1024
    await assert_books_clean(context.engine)


def _resident() -> int:
    """Kilobytes of memory that this process has."""
    (line,) = [one for one in Path("/proc/self/status").read_text("ascii").splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1])


async def test_whatever_comes_in_whatever_order_available_held_and_paid_are_what_was_received(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    dice, batches, mine = random.Random(14), list[UUID](), list[UUID]()  # noqa: S311 - a sequence to be repeated
    for _ in range(length(40, 400)):
        match dice.randrange(6):
            case 0 | 1:
                if (await office.balance())[0] >= AMOUNT.amount:
                    mine.append(await _queue(office))
            case 2 if mine:
                await asyncio.gather(office.take_back(dice.choice(mine)), return_exceptions=True)
            case 3:
                batches.append(await office.cut(most_lines=dice.randrange(1, 4)))
            case _ if batches:
                await _move(office, dice.choice(batches), dice)
        paid = await superuser.value("SELECT coalesce(sum(amount), 0) FROM withdrawals WHERE state = 'paid'")
        available, held = await office.balance()
        open_ones = "SELECT coalesce(sum(amount), 0) FROM withdrawals WHERE state IN ('waiting', 'cut')"
        assert available + held + paid == 100_000_000
        assert held == await superuser.value(open_ones)
        assert (await superuser.rows(_PAID))[0][1] == paid
    await assert_books_clean(context.engine)


async def _queue(office: PayoutOffice) -> UUID:
    await queue_withdrawals(office.context, [office.member.id], 1, AMOUNT)
    async with transaction(office.context.engine, SERVICE) as connection:
        (row,) = await list_withdrawals(connection, office.member.id, before=None, limit=1)
    return row.withdrawal.id


async def _move(office: PayoutOffice, case_id: UUID, dice: random.Random) -> None:
    """Something happens to a batch, wherever it stands."""
    match await office.phase(case_id):
        case "awaiting_confirmation":
            await (office.confirm if dice.random() < 0.8 else office.reject)(case_id)
        case "confirmed":
            await office.hand_over(case_id)
        case "sent" if await office.asks_about_rejections(case_id):
            await (office.confirm_rejections if dice.random() < 0.8 else office.refuse_rejections)(case_id)
        case "sent":
            numbers = [line.withdrawal.line or 0 for line in await office.lines(case_id)]
            some = [one for one in numbers if dice.random() < 0.3]
            await office.send_answer(case_id, await office.answer_to(case_id, rejected=some[::2], left_out=some[1::2]))
        case _:
            return
    await office.go_on(case_id)
