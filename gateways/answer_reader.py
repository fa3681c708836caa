"""Reads one answer of a bank in a process of its own, and writes its rows as lines of JSON; started by answer_file."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from domain.payout import HEADINGS, MOST_LINES, NEEDED, AnswerError
from domain.persian import clean_text, squashed_key, value_text
from gateways import xlsx_guard
from gateways.answer_file import AnswerFileError
from gateways.apart import limit_this_process, writing

_MEMORY: Final = 512 * 1024 * 1024
_SECONDS: Final = 30
# An answer may name a line twice by mistake, and have a few rows besides; more is no answer to one batch.
MOST_ROWS: Final = 2 * MOST_LINES
_MOST_COLUMNS: Final = 30
_LONGEST_CELL: Final = 512
_ENCODINGS: Final = ("utf-8-sig", "cp1256")
_DELIMITERS: Final = (",", ";", "\t")
_NAMES: Final = {squashed_key(name): field for field, names in HEADINGS.items() for name in names}
_Cells = Sequence[str]


def main(source: Path, target: Path) -> None:
    """Write the rows of a file; say on the standard output what is wrong with it as a whole, or nothing."""
    limit_this_process(_MEMORY, _SECONDS)
    try:
        rows = list(itertools.islice(_rows(_tables(source)), MOST_ROWS + 1))
    except AnswerFileError as fault:
        sys.stdout.write(fault.error)
        return
    if len(rows) > MOST_ROWS:
        sys.stdout.write(AnswerError.TOO_LARGE)
        return
    named = Counter(row["key"] for row in rows)
    with writing(target) as out:
        for number, row in enumerate(rows, 1):
            json.dump({"number": number, **row, "doubled": named[row["key"]] > 1}, out)
            out.write("\n")


def _tables(source: Path) -> list[Iterator[_Cells]]:
    with source.open("rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
    return _sheets(source) if is_zip else [_csv(source)]


def _sheets(source: Path) -> list[Iterator[_Cells]]:
    try:
        xlsx_guard.inspect(source, MOST_ROWS + 1, _MOST_COLUMNS)
        with source.open("rb") as file:
            book = CalamineWorkbook.from_filelike(file)
        shown = [
            one.name
            for one in book.sheets_metadata
            if one.typ == SheetTypeEnum.WorkSheet and one.visible == SheetVisibleEnum.Visible
        ]
        sheets = [book.get_sheet_by_name(name) for name in shown]
    except xlsx_guard.TooComplex as error:
        raise AnswerFileError(AnswerError.TOO_LARGE) from error
    except (xlsx_guard.NotXlsx, CalamineError) as error:
        raise AnswerFileError(AnswerError.NO_TABLE) from error
    return [([_text(cell) for cell in row] for row in sheet.iter_rows()) for sheet in sheets if sheet.height]


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell)


def _csv(source: Path) -> Iterator[_Cells]:
    content = source.read_bytes()
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise AnswerFileError(AnswerError.NO_TABLE)
    lines = text.splitlines()
    if "\0" in text or not lines:
        raise AnswerFileError(AnswerError.NO_TABLE)
    delimiter = max(_DELIMITERS, key=lines[0].count)
    return csv.reader(lines, delimiter=delimiter)


def _rows(tables: Sequence[Iterator[_Cells]]) -> Iterator[dict[str, str]]:
    """The rows of all tables; each begins with its headings. Of several those without rows are passed over."""
    filled = 0
    for table in tables:
        try:
            heading, first = next(table, ()), next((cells for cells in table if any(map(str.strip, cells))), None)
            if first is None and len(tables) > 1:
                continue
            places, filled = _places(heading), filled + 1
            for cells in itertools.chain(() if first is None else (first,), table):
                row = _row(cells, places)
                if any(row.values()):
                    yield row
        except csv.Error as error:
            raise AnswerFileError(AnswerError.NO_TABLE) from error
    if not filled:
        raise AnswerFileError(AnswerError.NO_TABLE)


def _places(heading: _Cells) -> Mapping[str, int]:
    found = {_NAMES.get(squashed_key(cell)): place for place, cell in enumerate(heading)}
    places = {field: place for field, place in found.items() if field is not None}
    if not places.keys() >= NEEDED:
        raise AnswerFileError(AnswerError.COLUMNS_MISSING)
    return places


def _row(cells: _Cells, places: Mapping[str, int]) -> dict[str, str]:
    row = dict.fromkeys(HEADINGS, "")
    for field, place in places.items():
        if place < len(cells):
            row[field] = cells[place][:_LONGEST_CELL]
    return row | {"key": value_text(clean_text(row["key"])).lower()[:64]}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
