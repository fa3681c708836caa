"""The file by which a bank is told whom to pay: CSV (UTF-8 with BOM) and XLSX (docs/bank-files.md, E3).

In XLSX what goes by PAYA and what goes by SATNA stands on a sheet of its own. Lines are written as they come, so a
batch of any size takes the same memory.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from domain.payout import HEADINGS
from gateways.personnel_report import harmless

HEADING: Final = ("ردیف", HEADINGS["key"][1], HEADINGS["sheba"][1], "نام گیرنده", HEADINGS["amount"][1], "روش")
PAYA: Final = "پایا"
SATNA: Final = "ساتنا"
_WIDTHS: Final = (8, 38, 30, 30, 20, 10)


@dataclass(frozen=True, slots=True)
class TransferLine:
    """Whom to pay how many rial: ``key`` is what the answer names the line by."""

    number: int
    key: str
    sheba: str = field(repr=False)
    name: str = field(repr=False)
    amount: int


class BankFiles:
    """The two forms of one file, in a directory: written together, closed at the end."""

    def __init__(self, directory: Path, paya_most: int) -> None:
        self.csv, self.xlsx, self._paya_most = directory / "payout.csv", directory / "payout.xlsx", paya_most
        self._file = self.csv.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEADING)
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "tmpdir": str(directory),
        }
        self._book = xlsxwriter.Workbook(self.xlsx, options)
        self._rows = {PAYA: 0, SATNA: 0}
        self._sheets = {way: self._book.add_worksheet(way) for way in self._rows}
        for sheet in self._sheets.values():
            sheet.right_to_left()
            sheet.freeze_panes(1, 0)
            for index, width in enumerate(_WIDTHS):
                sheet.set_column(index, index, width)
            sheet.write_row(0, 0, HEADING)

    @property
    def paths(self) -> tuple[Path, Path]:
        """Both forms."""
        return self.csv, self.xlsx

    def add(self, lines: Iterable[TransferLine]) -> None:
        """Write some lines."""
        for line in lines:
            way = PAYA if line.amount <= self._paya_most else SATNA
            number, key, sheba, name, amount = astuple(line)
            cells = (number, key, sheba, harmless(name), amount, way)
            self._writer.writerow(cells)
            self._rows[way] += 1
            self._sheets[way].write_row(self._rows[way], 0, cells)

    def __enter__(self) -> Self:
        """Written to until it is left."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both."""
        self._file.close()
        self._book.close()
