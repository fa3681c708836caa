"""What a personnel file says besides its rows is kept: sheets that were left out, and the length of service."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from activities.transition import ActivityContext
from domain.dates import add_months, format_jalali, tehran_day, to_jalali
from domain.personnel.headings import COLUMNS, HEADINGS
from messages.personnel import ImportPhase
from storage.rows.personnel import Import
from tests.arrange import Arrange
from tests.books import Superuser
from tests.personnel_steps import Line, PersonnelOffice, csv_of


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


def with_service(*lines: tuple[Line, str]) -> bytes:
    """A personnel file that gives the length of service."""
    text = csv_of([line for line, _ in lines]).decode().splitlines()
    given = ["سنوات خدمت", *(service for _, service in lines)]
    return "\n".join(f"{row},{service}" for row, service in zip(text, given, strict=True)).encode()


async def imported(office: PersonnelOffice, content: bytes) -> Import:
    return await office.run(await office.send(content))


async def service_of(office: PersonnelOffice, line: Line) -> tuple[Any, Any]:
    person = await office.person(line)
    return person.job_service, person.job_service_start


async def test_all_sheets_are_imported_and_those_left_out_are_kept_by_name(office: PersonnelOffice) -> None:
    lines, file = [Line(), Line(mobile="12")], io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        for name, line in zip(("ستاد", "شهرستان"), lines, strict=True):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, [HEADINGS[column] for column in COLUMNS])
            sheet.write_row(1, 0, line.cells())
        book.add_worksheet("راهنما").write(0, 0, "این فایل را پر کنید")
        hidden = book.add_worksheet("پنهان")
        hidden.write(0, 0, "یادداشت")
        hidden.hide()

    done = await imported(office, file.getvalue())

    assert (done.phase, done.rows_total, done.rows_added, done.rows_refused) == (ImportPhase.IMPORTED, 2, 1, 1)
    assert done.sheets_left_out == ["راهنما"]


async def test_a_length_of_service_is_kept_with_the_day_from_which_it_counts(office: PersonnelOffice) -> None:
    given, without = Line(), Line()
    done = await imported(office, with_service((given, "۲۱ سال و ۴ ماه"), (without, "")))
    today = to_jalali(tehran_day(done.received_at))

    assert done.rows_added == 2
    assert await service_of(office, given) == ("P21Y4M0D", add_months(today, -21 * 12 - 4).to_gregorian())
    assert await service_of(office, without) == (None, None)


async def test_the_same_length_on_a_later_day_changes_nothing_even_if_the_pay_does(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    line = Line()
    await imported(office, with_service((line, "21")))
    earlier = date(2003, 1, 1)
    await superuser.run("UPDATE employments SET service_start = %s", earlier)

    again = await imported(office, with_service((line, "۲۱ سال")))
    paid = await imported(office, with_service((line.but(net_pay_rial="410000000"), "21")))
    absent = await imported(office, csv_of([line]))

    assert [(one.rows_unchanged, one.rows_changed) for one in (again, paid, absent)] == [(1, 0), (0, 1), (0, 1)]
    assert await service_of(office, line) == ("P21Y0M0D", earlier)


async def test_another_length_counts_from_another_day_and_what_was_before_is_kept(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    line = Line(hire_date="1395/01/10")
    await imported(office, csv_of([line]))
    first = await imported(office, with_service((line, "21")))
    before = (await service_of(office, line))[1]
    second = await imported(office, with_service((line, "22")))

    assert (first.rows_changed, second.rows_changed) == (1, 1)
    assert (await service_of(office, line))[0] == "P22Y0M0D"
    kept = await superuser.rows("SELECT before FROM personnel_versions ORDER BY id")
    assert kept == [({"service_start": "2016-03-29"},), ({"service_start": before.isoformat()},)]


async def test_whole_years_that_agree_with_the_hire_date_are_not_taken_for_its_day(office: PersonnelOffice) -> None:
    hired = add_months(to_jalali(tehran_day(datetime.now(UTC))), -21 * 12 - 7)
    line = Line(hire_date=format_jalali(hired.to_gregorian()))
    await imported(office, with_service((line, "21")))

    assert await service_of(office, line) == ("P21Y0M0D", hired.to_gregorian())
