"""A file's name and what a report shows of a row: whatever its sender wrote."""

from __future__ import annotations

import pytest

from domain.file_name import MAX_FILE_NAME, clean_file_name
from domain.persian import ZWNJ
from domain.personnel.file import (
    MAX_VALUE,
    RefusedLine,
    keep_within,
    name_of,
    value_of,
)
from domain.personnel.headings import COLUMNS, Column
from domain.personnel.rows import Place, RawRow, RefusedRow, judge_row
from messages.personnel import ExitReason
from tests.domain.test_personnel import GOOD, REGIONS, TODAY
from tests.personnel_steps import STATUSES


def row(changes: dict[Column, str]) -> RawRow:
    """A row as read, good unless changed."""
    cells = GOOD | changes
    return RawRow(1, tuple(cells[column] for column in COLUMNS))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("آذر.xlsx", "آذر.xlsx"),
        ("C:\\Users\\hr\\list.csv", "list.csv"),
        ("../../etc/passwd", "passwd"),
        (f"می{ZWNJ}شود.csv", f"می{ZWNJ}شود.csv"),
        ("\u202excod.exe", "xcod.exe"),
        ("a\x00b\r\nc\u2066.csv", "a b c .csv"),
        ("", ""),
        ("dir/", ""),
        ("x" * 500, "x" * (MAX_FILE_NAME - 1) + "…"),
    ],
)
def test_a_file_name_has_no_directory_no_marks_and_an_end(sent: str, kept: str) -> None:
    assert clean_file_name(sent) == kept


def test_value_and_name_of_a_row_are_shown_in_one_line_without_marks_and_cut() -> None:
    raw = row({Column.MOBILE: "09\u202e12\n3" + "4" * 600, Column.FIRST_NAME: "\u2067سارا\t"})
    assert value_of(raw, Column.MOBILE) == f"09 12 3{'4' * (MAX_VALUE - 8)}…"
    assert name_of(raw) == "سارا حسيني"


def test_a_refused_line_shows_nothing_personal_in_logs() -> None:
    line = RefusedLine(1, "mobile", "bad_mobile", Place(row=1, line=2), value="0912", name="سارا")
    assert not {"0912", "سارا"} & set(repr(line).replace("'", " ").split())


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, (Column.REGION_CODE, "other_region", None)),
        ({Column.EMPLOYMENT: "بازنشسته"}, (Column.REGION_CODE, "other_region", None)),
        ({Column.EMPLOYMENT: "بازنشسته", Column.MOBILE: "0912"}, (Column.MOBILE, "bad_mobile", None)),
        ({Column.REGION_CODE: "9999"}, (Column.REGION_CODE, "unknown_region", None)),
        (
            {Column.REGION_CODE: "۱۱۰۱", Column.EMPLOYMENT: "بازنشسته"},
            (Column.EMPLOYMENT, "not_employed", ExitReason.RETIRED),
        ),
    ],
)
def test_who_speaks_for_one_region_lists_nobody_of_another_and_reports_no_exit_there(
    changes: dict[Column, str], found: tuple[Column, str, ExitReason | None]
) -> None:
    raw = row(changes)
    judged = keep_within(raw, judge_row(raw, REGIONS, set(), TODAY, STATUSES), ["1101"])
    assert isinstance(judged, RefusedRow)
    assert (judged.column, judged.code, judged.leaver) == found
    assert keep_within(raw, judged, []) is judged
