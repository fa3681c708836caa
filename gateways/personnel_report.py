"""The report of a personnel file that HR downloads (A13): CSV (UTF-8 with BOM, as Excel wants it) and XLSX.

It has each row that brought nothing to the list: the refused ones, and apart from them those that report an exit, on
which nothing is to be corrected. At its end stand the sheets that were not read. Both forms read right to left; no
cell is a formula.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from domain.personnel.file import SHEET_LEFT_OUT, RefusedLine

HEADING: Final = ("نتیجه", "برگه", "شماره ردیف", "ردیف در فایل", "نام", "ستون", "مقدار", "کد خطا", "توضیح")
REFUSED: Final = "ردشده"
LEAVING: Final = "گزارش پایان همکاری"
LEFT_OUT: Final = "برگهٔ خوانده‌نشده"
_WIDTHS: Final = (18, 14, 12, 12, 26, 22, 30, 20, 90)
_SHEETS: Final = {REFUSED: "ردیف‌های ردشده", LEAVING: LEAVING}
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path, lines: Iterable[RefusedLine], sheets_left_out: Sequence[str] = ()) -> int:
    """Write the report as CSV, in the order of the file; return how many rows of the file it has."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADING)
        for count, line in enumerate(lines, 1):  # noqa: B007 - counted
            writer.writerow(_cells(line))
        writer.writerows(map(_left_out, sheets_left_out))
    return count


def write_xlsx(path: Path, lines: Iterable[RefusedLine], sheets_left_out: Sequence[str] = ()) -> int:
    """Write the report as XLSX, the reported exits on a sheet of their own; return how many rows of the file it has."""
    # What it keeps on the way goes with the report's own directory.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "tmpdir": str(path.parent),
    }
    written = dict.fromkeys(_SHEETS, 0)
    with xlsxwriter.Workbook(path, options) as workbook:
        bold = workbook.add_format({"bold": True})
        sheets = {result: workbook.add_worksheet(title) for result, title in _SHEETS.items()}
        for sheet in sheets.values():
            sheet.right_to_left()
            sheet.freeze_panes(1, 0)
            for index, width in enumerate(_WIDTHS):
                sheet.set_column(index, index, width)
            sheet.write_row(0, 0, HEADING, bold)
        for line in lines:
            result = _result(line)
            written[result] += 1
            sheets[result].write_row(written[result], 0, _cells(line))
        for row, name in enumerate(sheets_left_out, written[REFUSED] + 1):
            sheets[REFUSED].write_row(row, 0, _left_out(name))
    return sum(written.values())


def _result(line: RefusedLine) -> str:
    return REFUSED if line.leaving is None else LEAVING


def _cells(line: RefusedLine) -> tuple[str | int, ...]:
    texts = (line.name or "", line.heading, line.value or "", line.code, line.sentence.fa)
    place = (harmless(line.place.sheet), line.place.row, line.place.line or "")
    return (_result(line), *place, *map(harmless, texts))


def _left_out(name: str) -> tuple[str, ...]:
    return (LEFT_OUT, harmless(name), *[""] * (len(HEADING) - 3), SHEET_LEFT_OUT.fa)


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
