"""The report of refused rows that HR downloads (A13): CSV (UTF-8 with BOM, as Excel wants it) and XLSX, right to left.

It holds row number, column, code and a sentence; nothing of the row itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from domain.personnel import REFUSALS
from domain.personnel_headings import HEADINGS, Column

HEADING: Final = ("شماره ردیف", "ستون", "کد خطا", "توضیح")
_WIDTHS: Final = (12, 24, 20, 90)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")

Refused = tuple[int, Column | str, str]
"""Row number, column, code."""


def write_csv(path: Path, refused: Iterable[Refused]) -> int:
    """Write the report as CSV; return how many rows it has."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADING)
        for line in _lines(refused):
            writer.writerow(line)
            count += 1
    return count


def write_xlsx(path: Path, refused: Iterable[Refused]) -> int:
    """Write the report as XLSX; return how many rows it has."""
    count = 0
    # What it keeps on the way goes with the report's own directory.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "tmpdir": str(path.parent),
    }
    with xlsxwriter.Workbook(path, options) as workbook:
        sheet = workbook.add_worksheet("ردیف‌های ردشده")
        sheet.right_to_left()
        sheet.freeze_panes(1, 0)
        for index, width in enumerate(_WIDTHS):
            sheet.set_column(index, index, width)
        sheet.write_row(0, 0, HEADING, workbook.add_format({"bold": True}))
        for line in _lines(refused):
            count += 1
            sheet.write_row(count, 0, line)
    return count


def _lines(refused: Iterable[Refused]) -> Iterator[tuple[int, str, str, str]]:
    for row, column, code in refused:
        heading = HEADINGS[Column(column)] if column in HEADINGS else str(column)
        sentence = REFUSALS[code][0] if code in REFUSALS else ""
        yield row, harmless(heading), harmless(code), harmless(sentence)


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
