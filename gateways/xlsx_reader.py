"""Reads one workbook in a process of its own, and says its rows as lines of JSON; started by xlsx_rows.

The first line is ``{"rows": count}``, or what is wrong with the file as a whole; then comes one line for each row.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Final, TextIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from domain.dates import format_jalali
from domain.personnel import recognise_headings
from gateways import xlsx_guard
from gateways.personnel_rows import FEW_HEADINGS, HEADING_WITHIN, MAX_COLUMNS, MAX_ROWS, PersonnelFileError, rows_of

_MAX_MEMORY: Final = 1024 * 1024 * 1024
_MAX_SECONDS: Final = 120
_SHEETS_LOOKED_AT: Final = 3
# If the machine runs out of memory after all, this process goes first.
_FIRST_TO_GO: Final = "1000"
_PANIC: Final = "PanicException"


def main(path: Path, out: TextIO) -> None:
    """Say what is wrong with the workbook, or how many rows it has and then the rows."""
    _limit()
    try:
        sheet = _sheet(path)
        total = sum(1 for _ in rows_of(_records(sheet)))
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
    _say(out, {"rows": total})
    for row in rows_of(_records(sheet)):
        _say(out, (row.number, row.values, astuple(row.place)))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_SECONDS, _MAX_SECONDS + 5))
    with contextlib.suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")


def _say(out: TextIO, answer: object) -> None:
    out.write(json.dumps(answer) + "\n")


def _sheet(path: Path) -> CalamineSheet:
    """Return the first sheet with a heading (else the first with anything in it)."""
    try:
        xlsx_guard.inspect(path, MAX_ROWS + HEADING_WITHIN, MAX_COLUMNS)
        with path.open("rb") as file:
            workbook = CalamineWorkbook.from_filelike(file)
            names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
            sheets = [workbook.get_sheet_by_name(name) for name in names[:_SHEETS_LOOKED_AT]]
    except xlsx_guard.TooComplex as error:
        raise PersonnelFileError("file_too_complex") from error
    except (xlsx_guard.NotXlsx, CalamineError) as error:
        raise PersonnelFileError("not_a_personnel_file") from error
    filled = [sheet for sheet in sheets if sheet.height]
    if not filled:
        raise PersonnelFileError("empty_file")
    return next(filter(_has_heading, filled), filled[0])


def _has_heading(sheet: CalamineSheet) -> bool:
    first = itertools.islice(_records(sheet), HEADING_WITHIN)
    return any(len(recognise_headings(cells)) >= FEW_HEADINGS for cells in first)


def _records(sheet: CalamineSheet) -> Iterator[Sequence[str]]:
    return ([_cell_text(value) for value in cells] for cells in sheet.iter_rows())


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
