"""Workbooks as people keep them: several sheets, hidden ones, merged cells, notes; and where a row is found."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from domain.personnel.headings import COLUMNS, HEADINGS, Column
from domain.personnel.rows import Place, RefusedRow, judge_row
from gateways import personnel_rows, xlsx_guard
from gateways.personnel_file import PersonnelFileError, open_rows
from tests.personnel_cases import DIRECTORY
from tests.personnel_steps import STATUSES

HEADING = [HEADINGS[column] for column in COLUMNS]
ROW = [
    "5260181591",
    "حمید",
    "حسینی",
    "09128513358",
    "1104",
    "1375/02/14",
    "324071000",
    "IR490546091390996030824628",
    "شاغل",
]
OTHER = ["2199351815", *ROW[1:]]
Fill = Callable[[Any], None]


def workbook(path: Path, fill: Fill) -> Path:
    with xlsxwriter.Workbook(path) as book:
        fill(book)
    return path


def sheet(book: Any, name: str, *rows: list[str], top: int = 0, left: int = 0) -> Any:
    """Add a sheet whose rows begin in a cell."""
    made = book.add_worksheet(name)
    for number, cells in enumerate(rows):
        made.write_row(top + number, left, cells)
    return made


def code_of(path: Path) -> str:
    with pytest.raises(PersonnelFileError) as caught:
        open_rows(path)
    return caught.value.code


def refused(path: Path) -> dict[int, tuple[str, str]]:
    """Column and code of the refused rows."""
    seen: set[str] = set()
    verdicts = [judge_row(raw, {"1104"}, seen, date(2026, 11, 21), STATUSES) for raw in open_rows(path).rows]
    return {found.number: (found.column, found.code) for found in verdicts if isinstance(found, RefusedRow)}


def test_all_visible_sheets_with_the_headings_are_read_each_with_its_own_row_numbers(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet(book, "ستاد", HEADING, ROW, OTHER)
        sheet(book, "راهنما", ["این فایل را پر کنید"])
        sheet(book, "شهرستان", ["فهرست شهرستان"], HEADING, [], OTHER, top=3, left=2)
        book.add_worksheet("خالی")

    opened = open_rows(workbook(tmp_path / "upload", fill))
    rows = list(opened.rows)
    assert opened.total == len(rows) == 3
    assert [row.number for row in rows] == [1, 2, 4]
    assert [row.place for row in rows] == [Place("ستاد", 1, 2), Place("ستاد", 2, 3), Place("شهرستان", 2, 7)]
    assert [row.values[0] for row in rows] == [ROW[0], OTHER[0], OTHER[0]]
    assert opened.sheets_left_out == ["راهنما"]


@pytest.mark.parametrize("hide", ["hide", "very_hidden"])
def test_a_hidden_sheet_is_neither_read_nor_named(tmp_path: Path, hide: str) -> None:
    def fill(book: Any) -> None:
        getattr(sheet(book, "ماه پیش", HEADING, ROW, OTHER), hide)()
        sheet(book, "این ماه", HEADING, OTHER).activate()

    opened = open_rows(workbook(tmp_path / "upload", fill))
    assert [(row.place.sheet, row.values[0]) for row in opened.rows] == [("این ماه", OTHER[0])]
    assert opened.sheets_left_out == []


def test_a_workbook_whose_visible_sheets_are_empty_has_no_rows(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("این ماه").activate()
        sheet(book, "ماه پیش", HEADING, ROW).hide()

    assert code_of(workbook(tmp_path / "upload", fill)) == "empty_file"


def test_a_sheet_that_lacks_a_column_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet(book, "جمع", ["کد منطقه", "نام", "جمع"], ["1104", "تهران", "5"])
        sheet(book, "تومان", [*HEADING[:6], "خالص پرداختی (تومان)", *HEADING[7:]], ROW)
        sheet(book, "فهرست", HEADING, ROW)
        sheet(book, "الگو", HEADING)

    opened = open_rows(workbook(tmp_path / "upload", fill))
    assert [row.place.sheet for row in opened.rows] == ["فهرست"]
    assert opened.sheets_left_out == ["جمع", "تومان"]


def test_without_any_list_the_fault_of_the_first_sheet_with_headings_is_told(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet(book, "راهنما", ["این فایل را پر کنید"])
        sheet(book, "فهرست", HEADING[:-1], ROW)

    assert code_of(workbook(tmp_path / "upload", fill)) == "missing_columns"


def test_no_more_than_twenty_sheets_are_named_and_none_at_length(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet(book, "فهرست", HEADING, ROW)
        for number in range(25):
            sheet(book, f"یادداشت {number} " + "ب" * 15, ["یادداشت"])

    left_out = open_rows(workbook(tmp_path / "upload", fill)).sheets_left_out
    assert len(left_out) == personnel_rows.MAX_NAMED
    assert max(map(len, left_out)) <= personnel_rows.MAX_SHEET_NAME


def test_more_sheets_than_a_list_can_have_are_refused(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        for number in range(101):
            sheet(book, str(number), HEADING, ROW)

    assert code_of(workbook(tmp_path / "upload", fill)) == "file_too_complex"


@pytest.mark.parametrize(
    ("column", "place"), [(Column.NET_PAY, 6), (Column.FIRST_NAME, 1), (Column.NATIONAL_ID, 0), (Column.EMPLOYMENT, 8)]
)
def test_a_cell_that_is_empty_because_it_is_merged_refuses_its_row_and_says_so(
    tmp_path: Path, column: Column, place: int
) -> None:
    def fill(book: Any) -> None:
        cells = [*OTHER]
        cells[place] = ""
        made = sheet(book, "فهرست", HEADING, ROW, cells, top=2, left=1)
        made.merge_range(3, place + 1, 4, place + 1, ROW[place])

    assert refused(workbook(tmp_path / "upload", fill)) == {2: (column, "merged_cells")}


def test_merged_titles_and_merged_cells_beside_the_list_refuse_nothing(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        made = sheet(book, "فهرست", HEADING, ROW, OTHER, top=1)
        made.merge_range(0, 0, 0, 8, "فهرست کارکنان")
        made.merge_range(2, 10, 3, 11, "یادداشت")

    assert refused(workbook(tmp_path / "upload", fill)) == {}


def test_an_empty_cell_that_is_not_merged_is_refused_as_before(tmp_path: Path) -> None:
    path = workbook(tmp_path / "upload", lambda book: sheet(book, "فهرست", HEADING, [*ROW[:6], "", *ROW[7:]]))
    assert refused(path) == {1: (Column.NET_PAY, "bad_amount")}


def test_a_fraction_that_a_spreadsheet_shows_is_no_noise(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        made = sheet(book, "فهرست", HEADING, ROW, OTHER)
        made.write_number(1, 6, 31_500_000.5)
        made.write_number(2, 6, 400_000_000)

    assert refused(workbook(tmp_path / "upload", fill)) == {1: (Column.NET_PAY, "bad_amount")}


def test_a_bomb_is_counted_whatever_slashes_its_name_has(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes((DIRECTORY / "backslash_parts.xlsx").read_bytes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl\\media\\image1.bin", bytes(xlsx_guard.MAX_UNPACKED // 8))
    assert code_of(path) == "file_too_complex"
