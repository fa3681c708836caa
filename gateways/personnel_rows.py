"""What all forms of a personnel file have in common (A13): heading, rows, and faults of the file as a whole.

A fault of one row is left to domain.personnel.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from domain.persian import value_text
from domain.personnel.headings import (
    COLUMNS,
    HEADINGS,
    Column,
    headings_given_twice,
    is_pay_in_toman,
    recognise_headings,
    says_rial,
    says_toman,
)
from domain.personnel.rows import MAX_CELL, Place, RawRow

MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 64
# Some offices put a title or two above the headings.
HEADING_WITHIN: Final = 10
FEW_HEADINGS: Final = 2
# As Excel bounds it; a file may say otherwise.
MAX_SHEET_NAME: Final = 31
MAX_NAMED: Final = 20
_NET_PAY_INDEX: Final = COLUMNS.index(Column.NET_PAY)
_NOT_GIVEN: Final = -1
_FIRST_DIGITS: Final = re.compile(r"[0-9]{1,3}")
_THREE_DIGITS: Final = re.compile(r"[0-9]{3}")

SENTENCES: Final = {
    "missing_columns": (
        "این ستون‌ها در فایل نیست: {columns}. لطفاً آن‌ها را بیفزایید و دوباره بفرستید.",
        "The file lacks these columns: {columns}.",
    ),
    "columns_given_twice": (
        "این ستون‌ها بیش از یک بار آمده است: {columns}. از هر کدام تنها یکی را نگه دارید و دوباره بفرستید.",
        "The file has more than one column for: {columns}; keep one of each.",
    ),
    "pay_in_toman": (
        "خالص دریافتی در این فایل به تومان است؛ مبلغ‌ها را به ریال بنویسید و نام ستون را {columns} بگذارید.",
        "The net pay in this file is in toman; write the amounts in rial, and head the column {columns}.",
    ),
    "not_a_personnel_file": (
        "این فایل فهرست کارکنان نیست یا آسیب دیده است؛ فایل CSV یا XLSX بفرستید.",
        "This is not a personnel list in CSV or XLSX, or it is damaged.",
    ),
    "unreadable_encoding": (
        "نویسه‌های فایل خوانده نمی‌شود؛ آن را با کدگذاری UTF-8 یا Windows-1256 ذخیره کنید.",
        "The file's text encoding is neither UTF-8 nor Windows-1256.",
    ),
    "file_too_complex": (
        "فایل بزرگ‌تر یا پیچیده‌تر از اندازهٔ مجاز است؛ آن را به چند فایل کوچک‌تر تقسیم کنید.",
        "The file is larger or more complex than allowed; please split it.",
    ),
    "empty_file": (
        "فایل هیچ ردیفی ندارد؛ برگه‌های پنهان خوانده نمی‌شود.",
        "The file has no rows; hidden sheets are not read.",
    ),
}


class PersonnelFileError(Exception):
    """A file that cannot be read as a personnel list, with one of the codes of SENTENCES.

    ``columns`` names those at fault by their Persian headings; ``row`` is the row at which reading stopped, if known.
    """

    def __init__(self, code: str, columns: Sequence[str] = (), row: int | None = None) -> None:
        """Keep the code, the headings at fault and the row."""
        super().__init__(code)
        self.code = code
        self.columns = tuple(columns)
        self.row = row

    @property
    def fa(self) -> str:
        """The Persian sentence."""
        return SENTENCES[self.code][0].format(columns="، ".join(f"«{name}»" for name in self.columns))

    @property
    def en(self) -> str:
        """The English sentence."""
        return SENTENCES[self.code][1].format(columns=", ".join(self.columns))


class OpenedFile(NamedTuple):
    """A personnel file: how many rows it has, the rows, and the visible sheets with something in them but no rows.

    ``sheets_left_out`` has at most MAX_NAMED names of at most MAX_SHEET_NAME letters.
    """

    total: int
    rows: Iterator[RawRow]
    sheets_left_out: Sequence[str] = ()


class Record(NamedTuple):
    """The cells of a row of a file, and on which line of it they begin.

    ``merged``: the places of cells that are empty because they are merged with others.
    """

    cells: Sequence[str]
    line: int
    merged: Sequence[range] = ()


class _Form(NamedTuple):
    """Where in a row each of COLUMNS stands, and the length of service if it is given; how many cells are headed."""

    places: tuple[int, ...]
    service: int
    width: int


def rows_of(records: Iterator[Record], sheet: str = "", after: int = 0) -> Iterator[RawRow]:
    """Find the heading among the first records, then yield the rows after it.

    Args:
        records: of one sheet, or of a CSV.
        sheet: its name; empty for a CSV.
        after: the last number of the sheets before it.

    Raises:
        PersonnelFileError: at once for a fault of the heading, later for a fault of the rows as a whole.
    """
    titles: list[str] = []
    for cells, *_ in itertools.islice(records, HEADING_WITHIN):
        found = recognise_headings(cells)
        if len(found) >= FEW_HEADINGS:
            _check_headings(cells, found)
            if says_toman(titles) and not says_rial(cells[found[Column.NET_PAY]]):
                raise PersonnelFileError("pay_in_toman", [HEADINGS[Column.NET_PAY]])
            # In a workbook notes may stand beside the table; in a CSV what nothing heads is an amount's third part.
            width = len(cells) if sheet else max(place for place, cell in enumerate(cells, 1) if cell.strip())
            places = tuple(found[column] for column in COLUMNS)
            return _after_heading(records, _Form(places, found.get(Column.SERVICE, _NOT_GIVEN), width), sheet, after)
        titles += cells
    raise PersonnelFileError("not_a_personnel_file")


def _check_headings(cells: Sequence[str], found: dict[Column, int]) -> None:
    missing = [HEADINGS[column] for column in COLUMNS if column not in found]
    if missing == [HEADINGS[Column.NET_PAY]] and is_pay_in_toman(cells):
        raise PersonnelFileError("pay_in_toman", missing)
    if missing:
        raise PersonnelFileError("missing_columns", missing)
    if twice := headings_given_twice(cells):
        raise PersonnelFileError("columns_given_twice", [HEADINGS[column] for column in twice])


def _after_heading(records: Iterator[Record], form: _Form, sheet: str, after: int) -> Iterator[RawRow]:
    places = form.places if form.service == _NOT_GIVEN else (*form.places, form.service)
    needed = max(places) + 1
    any_row = False
    for row, (cells, line, merged) in enumerate(records, 1):
        number = after + row
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            raise PersonnelFileError("file_too_complex", row=row)
        if not any(map(str.strip, cells)):
            continue
        any_row = True
        if len(cells) < needed:
            cells = [*cells, *[""] * (needed - len(cells))]  # noqa: PLW2901 - the same row, made whole
        values = _as_meant([cells[place] for place in places])
        if any(map(str.strip, cells[form.width :])) or _fell_apart(cells, places[_NET_PAY_INDEX]):
            # More cells than headings: an amount whose separators were not quoted fell apart. Never guess it, nor what
            # its parts have pushed aside.
            values[_NET_PAY_INDEX:] = [""] * (len(values) - _NET_PAY_INDEX)
        hidden = _merged_columns(places, merged) if merged else ()
        service = values.pop() if len(values) > len(COLUMNS) else ""
        yield RawRow(number, tuple(values), Place(sheet, row, line), service, hidden)
    if not any_row:
        raise PersonnelFileError("empty_file")


def _fell_apart(cells: Sequence[str], pay: int) -> bool:
    """Whether an amount's thousands went on into the next cell, whatever heads that: 400,000,000 unquoted.

    Columns that a row leaves empty at its end may have room for them, so that the row is no longer than its headings.
    """
    first, following = (value_text(cell) for cell in (*cells[pay : pay + 2], "", "")[:2])
    return _FIRST_DIGITS.fullmatch(first) is not None and _THREE_DIGITS.fullmatch(following) is not None


def _as_meant(values: list[str]) -> list[str]:
    """Take off what programs put around a text so that Excel keeps its zeros (="0123", '0123), and cut what is long."""
    together = "".join(values)
    if "=" in together or "'" in together:
        values = [_unwrapped(value.strip()) for value in values]
    if len(together) > MAX_CELL:
        values = [value[: MAX_CELL + 1] for value in values]
    return values


def _unwrapped(text: str) -> str:
    if text.startswith('="') and text.endswith('"') and len(text) > len('=""'):
        text = text[2:-1].replace('""', '"')
    return text.removeprefix("'")


def _merged_columns(places: Sequence[int], merged: Sequence[range]) -> tuple[Column, ...]:
    columns = (*COLUMNS, Column.SERVICE)
    return tuple(column for column, place in zip(columns, places, strict=False) if any(place in cut for cut in merged))
