"""Reads one workbook in a process of its own, and says its rows as lines of JSON; started by xlsx_rows.

The first line is ``{"rows": count, "sheets_left_out": names}``, or what is wrong with the file as a whole; then comes
one line for each row.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final, TextIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from domain.dates import format_jalali
from domain.persian import clean_text
from domain.personnel.rows import RawRow
from gateways import xlsx_guard
from gateways.apart import limit_this_process
from gateways.personnel_rows import (
    HEADING_WITHIN,
    MAX_COLUMNS,
    MAX_NAMED,
    MAX_ROWS,
    MAX_SHEET_NAME,
    PersonnelFileError,
    Record,
    rows_of,
)

_MAX_MEMORY: Final = 1024 * 1024 * 1024
_MAX_SECONDS: Final = 120
_MAX_SHEETS: Final = 100
# With one of these a sheet is left out, and named, if another one has rows; the empty one need not be named.
_OF_ONE_SHEET: Final = frozenset(
    ("not_a_personnel_file", "missing_columns", "pay_in_toman", "columns_given_twice", "empty_file")
)
_PANIC: Final = "PanicException"


def main(path: Path, out: TextIO) -> None:
    """Say what is wrong with the workbook, or how many rows it has and then the rows."""
    limit_this_process(_MAX_MEMORY, _MAX_SECONDS)
    try:
        book = _open(path)
    except PersonnelFileError as fault:
        _say(out, {"code": fault.code, "columns": fault.columns, "row": fault.row})
        return
    except MemoryError:
        _say(out, {"code": "file_too_complex", "columns": (), "row": None})
        return
    except BaseException as panic:
        if type(panic).__name__ != _PANIC:
            raise
        _say(out, {"code": "not_a_personnel_file", "columns": (), "row": None})
        return
    _say(out, {"rows": book.total, "sheets_left_out": book.left_out[:MAX_NAMED]})
    for sheet, after in book.sheets:
        for row in _rows(sheet, after):
            _say(out, (row.number, row.values, astuple(row.place), row.service, row.merged))


def _say(out: TextIO, answer: object) -> None:
    out.write(json.dumps(answer) + "\n")


@dataclass(slots=True)
class _Book:
    """The sheets with rows, each with the last number before it; the names of others with something in them."""

    sheets: list[tuple[CalamineSheet, int]] = field(default_factory=list)
    total: int = 0
    left_out: list[str] = field(default_factory=list)


def _open(path: Path) -> _Book:
    """Read the visible sheets; those with rows together have no more than one alone may have."""
    try:
        xlsx_guard.inspect(path, MAX_ROWS + HEADING_WITHIN, MAX_COLUMNS)
        with path.open("rb") as file:
            return _read(CalamineWorkbook.from_filelike(file))
    except xlsx_guard.TooComplex as error:
        raise PersonnelFileError("file_too_complex") from error
    except (xlsx_guard.NotXlsx, CalamineError) as error:
        raise PersonnelFileError("not_a_personnel_file") from error


def _read(workbook: CalamineWorkbook) -> _Book:
    names = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]
    if len(names) > _MAX_SHEETS:
        raise PersonnelFileError("file_too_complex")
    book, after, faults = _Book(), 0, []
    for name in names:
        sheet, last = workbook.get_sheet_by_name(name), after
        if not sheet.height:
            continue
        try:
            for row in _rows(sheet, after):
                book.total, last = book.total + 1, row.number
        except PersonnelFileError as fault:
            if fault.code not in _OF_ONE_SHEET:
                raise
            faults.append(fault)
            if fault.code != "empty_file":
                book.left_out.append(_name(sheet))
        else:
            book.sheets.append((sheet, after))
            after = last
    if not book.sheets:
        # The fault of the first sheet with headings, else of the first with anything in it.
        of_a_list = (fault for fault in faults if fault.code != "not_a_personnel_file")
        raise next(of_a_list, faults[0] if faults else PersonnelFileError("empty_file"))
    return book


def _rows(sheet: CalamineSheet, after: int) -> Iterator[RawRow]:
    return rows_of(_records(sheet), _name(sheet), after)


def _name(sheet: CalamineSheet) -> str:
    return clean_text(sheet.name[:MAX_SHEET_NAME])


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    merged = _merged(sheet)
    for index, cells in enumerate(sheet.iter_rows()):
        yield Record([_cell_text(value) for value in cells], index + 1, merged.get(index, ()))


def _merged(sheet: CalamineSheet) -> dict[int, list[range]]:
    """By row, the places of merged cells but the first of each, which alone holds what was written."""
    found: dict[int, list[range]] = defaultdict(list)
    # Rows come from the first of the sheet, cells from the first column that holds anything.
    (_, first), (last, _) = sheet.start or (0, 0), sheet.end or (0, 0)
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        for row in range(top, min(bottom, last) + 1):
            found[row].append(range(left - first + (row == top), right - first + 1))
    return found


def _cell_text(value: object) -> str:
    """Return a cell's text: whole numbers without '.0' and with all their digits, real dates as Jalali ones."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.date):
        day = value.date() if isinstance(value, dt.datetime) else value
        with contextlib.suppress(ValueError):  # a year that the Jalali calendar lacks stays as it is: a bad date
            return format_jalali(day)
    return str(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdout)
    sys.stdout.flush()
    # Nothing is left to do; laying down a large sheet takes time.
    os._exit(0)
