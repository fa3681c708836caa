"""What all forms of a personnel file have in common (A13): heading, rows, and faults of the file as a whole.

A fault of one row is left to domain.personnel.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from domain.personnel import COLUMNS, HEADINGS, MAX_CELL, Column, Place, RawRow, recognise_headings

MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 64
# Some offices put a title or two above the headings.
HEADING_WITHIN: Final = 10
FEW_HEADINGS: Final = 2
_NET_PAY_INDEX: Final = COLUMNS.index(Column.NET_PAY)

SENTENCES: Final = {
    "missing_columns": (
        "این ستون‌ها در فایل نیست: {columns}. لطفاً آن‌ها را بیفزایید و دوباره بفرستید.",
        "The file lacks these columns: {columns}.",
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
        "فایل هیچ ردیفی ندارد.",
        "The file has no rows.",
    ),
}


class PersonnelFileError(Exception):
    """A file that cannot be read as a personnel list, with one of the codes of SENTENCES.

    ``columns`` names the missing ones by their Persian headings; ``row`` is the row at which reading stopped, if known.
    """

    def __init__(self, code: str, columns: Sequence[str] = (), row: int | None = None) -> None:
        """Keep the code, the missing headings and the row."""
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


def rows_of(records: Iterator[Sequence[str]]) -> Iterator[RawRow]:
    """Find the heading among the first records, then yield the rows after it.

    Raises:
        PersonnelFileError: at once for a fault of the heading, later for a fault of the rows as a whole.
    """
    for line, cells in enumerate(itertools.islice(records, HEADING_WITHIN), 1):
        found = recognise_headings(cells)
        if len(found) >= FEW_HEADINGS:
            missing = [HEADINGS[column] for column in COLUMNS if column not in found]
            if missing:
                raise PersonnelFileError("missing_columns", missing)
            return _after_heading(records, tuple(found[column] for column in COLUMNS), len(cells), line)
    raise PersonnelFileError("not_a_personnel_file")


def _after_heading(
    records: Iterator[Sequence[str]], places: tuple[int, ...], width: int, heading_line: int
) -> Iterator[RawRow]:
    needed = max(places) + 1
    any_row = False
    for number, cells in enumerate(records, 1):
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            raise PersonnelFileError("file_too_complex", row=number)
        if not any(map(str.strip, cells)):
            continue
        any_row = True
        if len(cells) < needed:
            cells = [*cells, *[""] * (needed - len(cells))]  # noqa: PLW2901 - the same row, made whole
        values = [cells[place] for place in places]
        if any(map(str.strip, cells[width:])):
            # More cells than headings: an amount whose separators were not quoted fell apart. Never guess it.
            values[_NET_PAY_INDEX] = ""
        if max(map(len, values)) > MAX_CELL:
            values = [value[: MAX_CELL + 1] for value in values]
        yield RawRow(number, tuple(values), Place(row=number, line=heading_line + number))
    if not any_row:
        raise PersonnelFileError("empty_file")
