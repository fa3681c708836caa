"""Personnel files from HR (A13): CSV in UTF-8 or Windows-1256, and XLSX, read row by row from a local path.

A fault of the file as a whole is a PersonnelFileError; a fault of one row is left to domain.personnel. CSV is read
here with flat memory; a workbook is read by a process of its own, see xlsx_rows.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from domain.personnel.headings import recognise_headings
from domain.personnel.rows import RawRow
from gateways import xlsx_rows
from gateways.personnel_rows import (
    FEW_HEADINGS,
    HEADING_WITHIN,
    SENTENCES,
    OpenedFile,
    PersonnelFileError,
    Record,
    rows_of,
)

__all__ = ["SENTENCES", "OpenedFile", "PersonnelFileError", "count_rows", "open_rows", "read_rows"]

_MAX_LINE: Final = 128 * 1024
_BLOCK: Final = 1024 * 1024
_SAMPLE: Final = 64 * 1024
_DELIMITERS: Final = (",", ";", "\t")
# A cell with a line break and this many delimiters has swallowed other rows: a quote was left open.
_SWALLOWED_DELIMITERS: Final = 3
_ZIP_MAGIC: Final = b"PK\x03\x04"
_EMPTY_ZIP_MAGIC: Final = b"PK\x05\x06"
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class _CsvForm:
    encoding: str
    delimiter: str


def open_rows(path: Path) -> OpenedFile:
    """Open a personnel file, all of it proven readable; its rows are those that ``read_rows`` yields.

    Raises:
        PersonnelFileError: the file is at fault as a whole, so none of it is imported.
    """
    if _is_zip(path):
        return xlsx_rows.open_rows(path)
    return OpenedFile(sum(1 for _ in read_rows(path)), read_rows(path))


def read_rows(path: Path) -> Iterator[RawRow]:
    """Yield the rows of a personnel file; of a workbook those of all visible sheets with the headings.

    Blank rows are left out but counted; cells longer than 512 are cut to 513.

    Raises:
        PersonnelFileError: before the first row wherever that is possible.
    """
    if _is_zip(path):
        return xlsx_rows.open_rows(path).rows
    form = _csv_form(path)
    return rows_of(_csv_records(path, form))


def count_rows(path: Path) -> int:
    """Return how many rows ``read_rows`` yields, reading the whole file: also proves it readable to its end."""
    return sum(1 for _ in read_rows(path))


def _is_zip(path: Path) -> bool:
    return _head(path).startswith((_ZIP_MAGIC, _EMPTY_ZIP_MAGIC))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SAMPLE)


def _csv_form(path: Path) -> _CsvForm:
    """Find encoding and delimiter; refuse what is binary, empty, or in another encoding."""
    head = _head(path)
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
    if found < FEW_HEADINGS:
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
        return max(len(recognise_headings(cells)) for cells in itertools.islice(reader, HEADING_WITHIN))
    except csv.Error:
        return 0


def _csv_records(path: Path, form: _CsvForm) -> Iterator[Record]:
    with path.open(encoding=form.encoding, newline="") as file:
        reader = csv.reader(_lines(file), delimiter=form.delimiter)
        lines_before = 0
        try:
            for cells in reader:
                if reader.line_num > lines_before + 1 and _swallowed(cells, form.delimiter):
                    raise PersonnelFileError("not_a_personnel_file", row=lines_before)
                yield Record(cells, lines_before + 1)
                lines_before = reader.line_num
        except csv.Error as error:
            raise PersonnelFileError("not_a_personnel_file", row=lines_before) from error


def _lines(file: IO[str]) -> Iterator[str]:
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise PersonnelFileError("file_too_complex")
        yield line


def _swallowed(cells: Iterable[str], delimiter: str) -> bool:
    return any(("\n" in cell or "\r" in cell) and cell.count(delimiter) >= _SWALLOWED_DELIMITERS for cell in cells)
