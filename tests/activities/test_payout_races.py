"""A batch of withdrawals when two things come together, or what comes is made to mislead (E3)."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from python_calamine import CalamineWorkbook

from activities.outside import AskAgain
from activities.payout import reminding_activities
from activities.payout.answer import apply_chunk
from activities.payout.assessment import assess
from activities.payout.cutting import MadeFiles, cut_lines, record_cut
from activities.payout.reminding import opens_today
from activities.transition import ActivityContext, Transition, run_transition
from commands import payout as commands
from commands.command import Context
from domain.dates import TEHRAN
from domain.errors import OwnCase
from domain.ledger import member_account
from domain.payout import AnswerRow, LineResult
from domain.withdrawal import WithdrawalUnderWay
from domain.working_hours import WorkingHours
from messages.case import NextStep, StepInput
from messages.payout import Step
from storage import payout as rows
from storage.case_lists import list_late_cases
from storage.database import SERVICE, tehran_today, transaction
from storage.ledger import posting
from storage.working_hours import put_holiday
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import run
from tests.payout_steps import AMOUNT, HEADING, PayoutOffice, give_money, opened_offices, queue_withdrawals

_ROUND = 5_000
_END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def record(office: PayoutOffice, case_id: UUID, files: MadeFiles | None, round_: int = _ROUND) -> NextStep:
    """A worker comes late with the files that it made."""

    async def late(step: Transition) -> NextStep:
        return await record_cut(step, files)

    return await run_transition(
        office.activity_context, Step.CUT_LINES, StepInput(case_id, round_, None), late, assess=assess
    )


async def test_files_of_a_worker_that_comes_late_change_nothing_of_what_was_confirmed(office: PayoutOffice) -> None:
    await office.withdraw()
    case_id = await office.make()
    late = await cut_lines(office.activity_context, case_id)
    await office.go_on(case_id)
    await office.confirm(case_id)
    before = await office.batch(case_id)
    await record(office, case_id, late)
    assert await office.batch(case_id) == before


async def test_files_that_lack_a_line_of_the_batch_are_never_those_of_the_batch(office: PayoutOffice) -> None:
    await office.withdraw()
    other = await office.cut()
    await office.withdraw()
    case_id = await office.make()
    late = await cut_lines(office.activity_context, case_id)
    await office.reject(other)
    await office.go_on(other)
    async with transaction(office.context.engine, SERVICE) as connection:
        await rows.cut_chunk(connection, case_id, 10)

    with pytest.raises(AskAgain):
        await record(office, case_id, late)
    await office.go_on(case_id)
    assert (await office.batch(case_id)).lines == 2
    assert await office.phase(case_id) == "awaiting_confirmation"


async def test_rows_of_a_file_that_is_over_count_nothing_for_the_next_one(office: PayoutOffice) -> None:
    one = await office.withdraw()
    case_id = await office.sent()
    first = await office.answered(case_id, f"{HEADING}\nnonsense\nnonsense\nnonsense")
    await office.send_answer(case_id, await office.answer_to(case_id))
    late = [AnswerRow(number, "nonsense", "", "", "", "", "", doubled=True) for number in (1, 2, 3)]
    async with transaction(office.context.engine, SERVICE) as connection:
        await apply_chunk(connection, office.seals, first, late)
    await office.go_on(case_id)
    assert (await office.one(one)).state == "paid"


async def test_a_line_that_is_named_in_two_spellings_is_not_named_twice(office: PayoutOffice) -> None:
    one = await office.withdraw()
    case_id = await office.sent()
    (line,) = await office.lines(case_id)
    row = office.row(line.withdrawal, "rejected")
    read = await office.answered(
        case_id, "\n".join([HEADING, row.replace(str(one), one.hex), row, f"{{{row[:36]}}}{row[36:]}"])
    )
    assert await office.refusals(read) == [(1, "unknown_line"), (3, "unknown_line")]


async def test_whoever_is_paid_by_a_batch_does_not_say_what_the_bank_answered(office: PayoutOffice) -> None:
    third = await office.arrange.platform(commands.OFFICE)
    await give_money(office.context, third.id, AMOUNT)
    await queue_withdrawals(office.context, [third.id], 1, AMOUNT)
    case_id = await office.sent()
    with pytest.raises(OwnCase):
        await office.send_answer(case_id, await office.answer_to(case_id, rejected=[1]), third)
    await office.answered(case_id, await office.answer_to(case_id))
    assert await office.phase(case_id) == "settled"


def left_behind() -> list[Path]:
    """Directories in which a worker's files stand in clear."""
    return [*Path(tempfile.gettempdir()).glob("amanat-payout-*")]


def left_in_clear() -> Path:
    """What a worker left that was killed a minute ago."""
    left, then = Path(tempfile.mkdtemp(prefix="amanat-payout-")), time.time() - 60
    (left / "payout.csv").write_text("IR", "ascii")
    os.utime(left, (then, then))
    return left


async def test_what_a_killed_worker_left_in_clear_is_deleted_with_the_next_batch(office: PayoutOffice) -> None:
    left = left_in_clear()
    await office.withdraw()
    await office.cut()
    assert left not in left_behind()


async def test_a_workbook_with_hidden_controls_is_read_like_any_other(office: PayoutOffice, tmp_path: Path) -> None:
    await office.withdraw()
    case_id = await office.sent()
    (line,) = await office.lines(case_id)
    cells = office.row(line.withdrawal).split(",")
    with xlsxwriter.Workbook(tmp_path / "plain.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADING.split(","))
        sheet.write_row(1, 0, [*cells[:4], "REF_x0000_1"])
        sheet.write_row(2, 0, ["k_x0000_", *cells[1:]])
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as plain, zipfile.ZipFile(tmp_path / "answer.xlsx", "w") as answer:
        for part in plain.namelist():
            answer.writestr(part, plain.read(part).replace(b"_x005F_", b"_"))
    read = await office.answered(case_id, (tmp_path / "answer.xlsx").read_bytes())
    assert (read.paid, await office.refusals(read)) == (1, [(2, "unknown_line")])


async def test_our_own_workbook_is_an_answer_once_the_result_is_added_to_the_sheet_that_has_lines(
    office: PayoutOffice, context: Context, tmp_path: Path
) -> None:
    await office.withdraw()
    case_id = await office.sent()
    batch = await office.batch(case_id)
    await commands.write_file(context, str(batch.xlsx_key), tmp_path / "ours.xlsx")
    sheets = CalamineWorkbook.from_path(tmp_path / "ours.xlsx")
    with xlsxwriter.Workbook(tmp_path / "answer.xlsx") as book:
        for name in sheets.sheet_names:
            added, rows = book.add_worksheet(name), sheets.get_sheet_by_name(name).to_python()
            for number, row in enumerate(rows):
                result = ("نتیجه", "شماره پیگیری") if number == 0 else ("موفق", "REF-1")
                added.write_row(number, 0, [*row, *(result if len(rows) > 1 else ())])
    read = await office.answered(case_id, (tmp_path / "answer.xlsx").read_bytes())
    assert (read.error, read.paid, await office.phase(case_id)) == (None, 1, "settled")


async def test_a_workbook_whose_sheets_have_no_lines_at_all_is_no_answer(office: PayoutOffice, tmp_path: Path) -> None:
    await office.withdraw()
    case_id = await office.sent()
    with xlsxwriter.Workbook(tmp_path / "answer.xlsx") as book:
        for name in ("پایا", "ساتنا"):
            book.add_worksheet(name).write_row(0, 0, HEADING.split(","))
    read = await office.answered(case_id, (tmp_path / "answer.xlsx").read_bytes())
    assert (read.error, read.rows_read) == ("answer_no_table", 0)


async def test_a_reference_by_hand_with_a_hidden_control_is_kept_without_it(office: PayoutOffice) -> None:
    one = await office.withdraw()
    case_id = await office.sent()
    found = commands.ByHand(LineResult.PAID, reference="REF\x00-1", note="بانک گفت")
    await run(office.context, office.maker, lambda command: commands.record_settlement(command, case_id, one, found))
    async with transaction(office.context.engine, SERVICE) as connection:
        recorded = await rows.open_settlement(connection, case_id)
    assert recorded is not None
    assert recorded.reference == "REF -1"


async def test_a_batch_that_nobody_confirms_hands_over_or_answers_is_among_the_late_cases(
    office: PayoutOffice, superuser: Superuser
) -> None:
    async def late() -> list[UUID]:
        async with transaction(office.context.engine, SERVICE) as connection:
            return [one.case.id for one in await list_late_cases(connection, after=None, limit=10)]

    past = "UPDATE cases SET due_at = now() - interval '1 minute'"
    await office.withdraw()
    case_id = await office.cut()
    for deed in (office.confirm, office.hand_over, None):
        assert await late() == []
        await superuser.run(past)
        if deed is None:
            await office.take(Step.AWAIT_BANK, case_id, until=_END_OF_TIME)
        else:
            await office.take("lapse_payout", case_id, until=_END_OF_TIME)
            await office.go_on(case_id)
        assert await late() == [case_id]
        if deed is not None:
            await deed(case_id)
            await office.go_on(case_id)


async def test_of_withdrawals_that_no_batch_takes_the_office_is_told_once_a_working_morning(
    office: PayoutOffice, superuser: Superuser
) -> None:
    ((remind,),) = reminding_activities(office.activity_context).values()
    await opened_offices(office)
    await office.withdraw()
    told = "SELECT params ->> 'count' FROM notices WHERE template = 'withdrawals_wait'"
    assert await remind() == 0
    await superuser.run("UPDATE withdrawals SET asked_at = now() - interval '25 hours'")
    for _ in range(2):
        assert await remind() == 1
    assert await superuser.rows(told) == [("۱",), ("۱",)]

    await superuser.run("UPDATE notices SET created_at = now() - interval '24 hours'")
    async with transaction(office.context.engine, SERVICE) as connection:
        today = await tehran_today(connection)
        # One more, should midnight pass meanwhile.
        for day in (today, today + timedelta(days=1)):
            await put_holiday(connection, day, name="تعطیل", closed=True, changed_by=office.maker.id)
    assert await remind() == 0
    assert len(await superuser.rows(told)) == 2


@pytest.mark.parametrize(
    ("hours", "day", "is_told"),
    [
        ("Sa-We 08:00-17:00; Th 08:00-13:00", 1, True),
        # As in Ramadan: at nine nobody is there yet.
        ("Sa-We 10:00-14:00", 1, True),
        ("Sa-We 10:00-14:00", 3, False),
        ("Sa-We 08:00-17:00; Th 08:00-13:00", 4, False),
        ("24/7", 4, True),
    ],
)
def test_the_office_is_told_each_day_on_which_it_opens_though_later_than_at_nine(
    hours: str, day: int, is_told: bool
) -> None:
    # The first of December 2026 is a Tuesday.
    nine = datetime(2026, 12, day, 9, tzinfo=TEHRAN)
    first_hour = WorkingHours.from_policy({"opening_hours": hours}).after(nine, 1, frozenset()) - nine
    assert opens_today(nine, first_hour) is is_told


async def test_the_case_says_why_a_batch_and_a_record_were_rejected(office: PayoutOffice, superuser: Superuser) -> None:
    one = await office.withdraw()
    await office.go_on(rejected := await office.cut())
    await office.reject(rejected)
    await office.go_on(rejected)
    case_id = await office.sent()
    await office.record(case_id, one)
    await office.go_on(case_id)
    await office.reject_record(case_id)
    said = await superuser.rows("SELECT params ->> 'reason' FROM timeline WHERE code LIKE '%%rejected' ORDER BY id")
    assert said == [("مبلغ‌ها درست نیست",), ("چنین نیست",)]


async def test_a_file_that_contradicts_what_two_officers_recorded_is_told_to_the_office_though_the_batch_ends(
    office: PayoutOffice, superuser: Superuser
) -> None:
    one = await office.withdraw()
    await office.withdraw()
    case_id = await office.sent()
    await office.record(case_id, one)
    await office.go_on(case_id)
    await office.confirm_record(case_id)
    await office.go_on(case_id)
    read = await office.answered(case_id, await office.answer_to(case_id, rejected=[1]))
    assert await office.refusals(read) == [(1, "settled_otherwise")]
    assert await office.phase(case_id) == "settled"
    told = "SELECT person_id FROM notices WHERE template = 'payout_rows_refused'"
    assert {who for (who,) in await superuser.rows(told)} == {office.maker.id, office.checker.id}


async def test_a_frozen_account_keeps_its_own_line_alone_until_it_is_frozen_no_more(
    office: PayoutOffice, context: Context
) -> None:
    frozen = member_account(office.member.id).code
    one = await office.withdraw()
    await office.fund(other := await office.arrange.person("member"))
    two = await office.withdraw(AMOUNT, other)
    case_id = await office.sent()
    said = await office.answer_to(case_id)
    async with transaction(context.engine, SERVICE) as connection:
        await posting.freeze(connection, frozen)
    assert await office.refusals(await office.answered(case_id, said)) == [(1, "account_frozen")]
    assert [(await office.one(each)).state for each in (one, two)] == ["cut", "paid"]
    await assert_books_clean(context.engine)
    async with transaction(context.engine, SERVICE) as connection:
        await posting.unfreeze(connection, frozen)
    await office.answered(case_id, said)
    assert await office.phase(case_id) == "settled"


async def test_what_is_taken_back_while_the_batch_is_cut_is_taken_back_or_cut_and_never_both(
    office: PayoutOffice, context: Context
) -> None:
    asked = [await office.withdraw() for _ in range(6)]
    case_id = await office.make()
    came = await asyncio.gather(
        office.go_on(case_id), *(office.take_back(one) for one in asked), return_exceptions=True
    )
    refused = {one for one, result in zip(asked, came[1:], strict=True) if isinstance(result, WithdrawalUnderWay)}
    lines = await office.lines(case_id)
    assert {line.withdrawal.id for line in lines} == refused
    assert (await office.batch(case_id)).lines == len(lines)
    assert await office.balance() == (100_000_000 - len(lines) * AMOUNT.amount, len(lines) * AMOUNT.amount)
    await assert_books_clean(context.engine)
