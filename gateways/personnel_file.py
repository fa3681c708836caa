"""Personnel files from HR (A13): CSV in UTF-8 or Windows-1256, and XLSX, read row by row from a local path.

A fault of the file as a whole is a PersonnelFileError; a fault of one row is left to domain.personnel. CSV is read
with flat memory, an XLSX sheet at once, after xlsx_guard has looked into it.
"""

import codecs
import contextlib
import csv
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from domain.dates import format_jalali
from domain.personnel import COLUMNS, HEADINGS, MAX_CELL, Column, RawRow, recognise_headings
from gateways import xlsx_guard

MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 64
_MAX_LINE: Final = 128 * 1024
# Some offices put a title or two above the headings.
_HEADING_WITHIN: Final = 10
_FEW_HEADINGS: Final = 2
_SHEETS_LOOKED_AT: Final = 3
_BLOCK: Final = 1024 * 1024
_SAMPLE: Final = 64 * 1024
_DELIMITERS: Final = (",", ";", "\t")
# A cell with a line break and this many delimiters has swallowed other rows: a quote was left open.
_SWALLOWED_DELIMITERS: Final = 3
_ZIP_MAGIC: Final = b"PK\x03\x04"
_EMPTY_ZIP_MAGIC: Final = b"PK\x05\x06"
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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

    `columns` names the missing ones by their Persian headings; `row` is the row at which reading stopped, if known.
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


@dataclass(frozen=True, slots=True)
class _CsvForm:
    encoding: str
    delimiter: str


def read_rows(path: Path) -> Iterator[RawRow]:
    """Yield the rows of a personnel file, blank ones left out but counted; cells longer than 512 are cut to 513.

    Raises PersonnelFileError, before the first row wherever that is possible.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if head.startswith((_ZIP_MAGIC, _EMPTY_ZIP_MAGIC)):
        return _rows_of(_xlsx_records(path))
    form = _csv_form(path, head)
    return _rows_of(_csv_records(path, form))


def count_rows(path: Path) -> int:
    """Return how many rows `read_rows` yields, reading the whole file: also proves it readable to its end."""
    return sum(1 for _ in read_rows(path))


def _rows_of(records: Iterator[Sequence[str]]) -> Iterator[RawRow]:
    """Find the heading among the first records, then yield the rows after it."""
    for cells in itertools.islice(records, _HEADING_WITHIN):
        found = recognise_headings(cells)
        if len(found) >= _FEW_HEADINGS:
            break
    else:
        raise PersonnelFileError("not_a_personnel_file")
    missing = [HEADINGS[column] for column in COLUMNS if column not in found]
    if missing:
        raise PersonnelFileError("missing_columns", missing)
    return _after_heading(records, tuple(found[column] for column in COLUMNS), len(cells))


def _after_heading(records: Iterator[Sequence[str]], places: tuple[int, ...], width: int) -> Iterator[RawRow]:
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
        yield RawRow(number, tuple(values))
    if not any_row:
        raise PersonnelFileError("empty_file")


def _csv_form(path: Path, head: bytes) -> _CsvForm:
    """Find encoding and delimiter; refuse what is binary, empty, or in another encoding."""
    if head.startswith(_UTF16_MARKS):
        raise PersonnelFileError("unreadable_encoding")
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise PersonnelFileError("empty_file")
    is_utf8 = _scan(path)
    if not is_utf8 and head.startswith(codecs.BOM_UTF8):
        raise PersonnelFileError("unreadable_encoding")
    encoding = "utf-8-sig" if is_utf8 else "cp1256"
    sample = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    found, delimiter = max((_headings_with(sample, delimiter), delimiter) for delimiter in _DELIMITERS)
    if found < _FEW_HEADINGS:
        raise PersonnelFileError("not_a_personnel_file" if is_utf8 else "unreadable_encoding")
    return _CsvForm(encoding, delimiter)


def _scan(path: Path) -> bool:
    """Read the file once in blocks: tell whether all of it is UTF-8, and refuse NUL bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if b"\0" in block:
                raise PersonnelFileError("not_a_personnel_file")
            is_utf8 = is_utf8 and _decodes(decoder, block)
    return is_utf8 and _decodes(decoder, b"", final=True)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _headings_with(sample: str, delimiter: str) -> int:
    """Return the most headings that one of the sample's first records shows with this delimiter."""
    reader = csv.reader(sample.splitlines(), delimiter=delimiter)
    try:
        return max(len(recognise_headings(cells)) for cells in itertools.islice(reader, _HEADING_WITHIN))
    except csv.Error:
        return 0


def _csv_records(path: Path, form: _CsvForm) -> Iterator[Sequence[str]]:
    with path.open(encoding=form.encoding, newline="") as file:
        reader = csv.reader(_lines(file), delimiter=form.delimiter)
        lines_before = 0
        try:
            for cells in reader:
                if reader.line_num > lines_before + 1 and _swallowed(cells, form.delimiter):
                    raise PersonnelFileError("not_a_personnel_file", row=lines_before)
                lines_before = reader.line_num
                yield cells
        except csv.Error as error:
            raise PersonnelFileError("not_a_personnel_file", row=lines_before) from error


def _lines(file: IO[str]) -> Iterator[str]:
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise PersonnelFileError("file_too_complex")
        yield line


def _swallowed(cells: Iterable[str], delimiter: str) -> bool:
    return any(("\n" in cell or "\r" in cell) and cell.count(delimiter) >= _SWALLOWED_DELIMITERS for cell in cells)


def _xlsx_records(path: Path) -> Iterator[Sequence[str]]:
    """Return the records of the first sheet with a heading (else of the first sheet)."""
    try:
        xlsx_guard.inspect(path, MAX_ROWS + _HEADING_WITHIN, MAX_COLUMNS)
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
    return _sheet_records(next(filter(_has_heading, filled), filled[0]))


def _has_heading(sheet: CalamineSheet) -> bool:
    first = itertools.islice(_sheet_records(sheet), _HEADING_WITHIN)
    return any(len(recognise_headings(cells)) >= _FEW_HEADINGS for cells in first)


def _sheet_records(sheet: CalamineSheet) -> Iterator[Sequence[str]]:
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
