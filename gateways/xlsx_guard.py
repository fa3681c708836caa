"""A look into an XLSX before a reader opens it: zip bombs, and sheets whose few cells lie far apart.

Sizes that a zip declares are not believed: every member is inflated and counted. Every sheet is also parsed, because
the reader lays cells out as a full rectangle and gives each cell its own copy of a shared text: one cell in the last
corner of a tiny file, or one long text named by every cell, would take gigabytes. Names prove nothing: whatever is XML
is parsed, what is not must hold no sheet, and what the reader would take for another kind of workbook is refused.
"""

from __future__ import annotations

import codecs
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from xml.parsers import expat

MAX_MEMBERS: Final = 500
MAX_UNPACKED: Final = 200 * 1024 * 1024
# Sheets shrink 10 to 40 times; beyond this a member of some size is a bomb.
MAX_RATIO: Final = 300
RATIO_COUNTS_FROM: Final = 5 * 1024 * 1024
MAX_CELLS: Final = 6_000_000
MAX_TEXT: Final = 512 * 1024 * 1024
_BLOCK: Final = 256 * 1024
_NEEDED: Final = frozenset({"[Content_Types].xml", "xl/workbook.xml"})
_XML: Final = (".xml", ".rels")
# Drawings of old, which Excel itself writes so that no parser takes them.
_LOOSE_XML: Final = ".vml"
# The reader guesses: these make it see an OpenDocument or a binary workbook, which nobody has measured.
_OTHER_KINDS: Final = re.compile(
    r"content\.xml|mimetype|xl/(?:workbook|sharedstrings|styles)\.bin|xl/(?:work|chart|macro|dialog)sheets/.*\.bin"
)
_SHEET_MARK: Final = b"sheetData"
_CELL_NAME: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_ALPHABET: Final = 26


class NotXlsx(Exception):
    """The file is no readable XLSX workbook."""


class TooComplex(Exception):
    """The workbook is larger, when unpacked or laid out, than a personnel file can be."""


@dataclass(slots=True)
class _Tally:
    """What all sheets together ask of the reader."""

    text_cells: int = 0
    longest_text: int = 0


def inspect(path: Path, max_rows: int, max_columns: int) -> None:
    """Refuse a workbook that is not safe to open: at most ``max_rows`` x ``max_columns`` cells a sheet.

    Raises:
        NotXlsx: it is no workbook.
        TooComplex: it is too large or too complex.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise TooComplex
            if not _NEEDED.issubset(map(_part, members)):
                raise NotXlsx
            if any(map(_is_of_another_kind, members)):
                raise NotXlsx
            budget, tally = MAX_UNPACKED, _Tally()
            for member in members:
                with archive.open(member) as stream:
                    checker = _Checker(member.filename, lambda: _SheetChecker(max_rows, max_columns, tally))
                    budget -= _inflate(stream, checker, min(budget, _ratio_limit(member)))
            if tally.text_cells * tally.longest_text > MAX_TEXT:
                raise TooComplex
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        # RuntimeError: an encrypted member; NotImplementedError: a compression that Excel never uses.
        raise NotXlsx from error


def _ratio_limit(member: zipfile.ZipInfo) -> int:
    return max(RATIO_COUNTS_FROM, member.compress_size * MAX_RATIO)


def _is_of_another_kind(member: zipfile.ZipInfo) -> bool:
    return _OTHER_KINDS.fullmatch(_part(member).lstrip("/").lower()) is not None


def _part(member: zipfile.ZipInfo) -> str:
    """A part's name as the reader understands it: some programs write it with backslashes."""
    return member.filename.replace("\\", "/")


def _inflate(stream: IO[bytes], checker: _Checker, limit: int) -> int:
    """Inflate one member, checking it on the way; return its true size."""
    size = 0
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > limit:
            raise TooComplex
        checker.feed(block)
    checker.close()
    return size


class _Checker:
    """Finds out by its content whether a member is XML, whatever it is called."""

    def __init__(self, name: str, parser: Callable[[], _SheetChecker]) -> None:
        name = name.lower()
        self._may_be_xml = not name.endswith(_LOOSE_XML)
        self._xml = parser() if name.endswith(_XML) else None
        self._parser = parser
        self._seen = b""

    def feed(self, block: bytes) -> None:
        if self._xml is None and not self._seen and self._may_be_xml:
            begin = block.removeprefix(codecs.BOM_UTF8).lstrip()
            self._xml = self._parser() if begin.startswith(b"<") else None
        if self._xml is not None:
            self._xml.feed(block)
            return
        if _SHEET_MARK in self._seen + block:
            raise NotXlsx
        self._seen = block[-len(_SHEET_MARK) :]

    def close(self) -> None:
        if self._xml is not None:
            self._xml.close()


class _SheetChecker:
    """Follows where the filled cells of a sheet lie; other XML merely has to be well-formed and without a DTD."""

    def __init__(self, max_rows: int, max_columns: int, tally: _Tally) -> None:
        self._max_rows, self._max_columns, self._tally = max_rows, max_columns, tally
        self._row = self._column = 0
        self._last_row = self._last_column = 0
        self._text_length = 0
        self._in_sheet = False
        # Whatever the file declares: the reader takes UTF-8 too, and both must see the same cells.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = _refuse_doctype

    def feed(self, block: bytes) -> None:
        try:
            self._parser.Parse(block)
        except expat.ExpatError as error:
            raise NotXlsx from error

    def close(self) -> None:
        try:
            self._parser.Parse(b"", True)  # noqa: FBT003 - expat takes no keywords
        except expat.ExpatError as error:
            raise NotXlsx from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "sheetData":
            self._in_sheet = True
        elif not self._in_sheet:
            if name == "si":
                self._text_length = 0
                self._parser.CharacterDataHandler = self._text
        elif name == "c":
            self._move_to(attributes.get("r"))
            self._tally.text_cells += attributes.get("t") == "s"
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = 0
        elif name in ("v", "is"):
            # Only filled cells count: formatting often reaches to the last row.
            self._fill()

    def _fill(self) -> None:
        self._last_row = max(self._last_row, self._row)
        self._last_column = max(self._last_column, self._column)
        too_far = self._last_row > self._max_rows or self._last_column > self._max_columns
        if too_far or self._last_row * self._last_column > MAX_CELLS:
            raise TooComplex

    def _text(self, text: str) -> None:
        self._text_length += len(text)
        self._tally.longest_text = max(self._tally.longest_text, self._text_length)

    def _move_to(self, cell: str | None) -> None:
        if cell is None:
            self._column += 1
            return
        match = _CELL_NAME.fullmatch(cell)
        if match is None:
            raise NotXlsx
        self._row = int(match[2])
        column = 0
        for letter in match[1]:
            column = column * _ALPHABET + ord(letter) - ord("A") + 1
        self._column = column


def _refuse_doctype(*_: object) -> None:
    raise NotXlsx
