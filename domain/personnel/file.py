"""A personnel file as people see it (A13): its kind and name, and what its report says of rows that were not taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.errors import InvalidInput
from domain.file_name import shown
from domain.persian import squashed_key
from domain.personnel.headings import COLUMNS, HEADINGS, Column
from domain.personnel.rows import (
    MAX_NAME,
    NOT_EMPLOYED,
    OTHER_REGION,
    REFUSALS,
    PersonnelRow,
    Place,
    RawRow,
    RefusedRow,
    UnknownRegion,
    read_region,
)
from domain.wording import Sentence
from messages.personnel import Leaving

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# As browsers and programs call such files; Windows calls CSV after Excel. What a file is, its content decides.
MEDIA_TYPES: Final = (
    "text/csv",
    XLSX,
    "application/csv",
    "application/octet-stream",
    "application/vnd.ms-excel",
    "application/x-zip-compressed",
    "application/zip",
    "text/comma-separated-values",
    "text/plain",
    "text/tab-separated-values",
    "text/x-csv",
)
MAX_VALUE: Final = 64


class UnknownFileType(InvalidInput):
    """The Content-Type is none of those in which personnel files come."""

    code = "unknown_file_type"
    fa = "این نوع فایل خوانده نمی‌شود؛ فهرست را به‌صورت CSV یا اکسل (XLSX) ذخیره کنید و بفرستید."
    en = f"Save the list as CSV or XLSX; taken are {', '.join(MEDIA_TYPES)}, or no type at all."


SHEET_LEFT_OUT: Final = Sentence(
    "سرستون‌های فهرست در این برگه نیست و خوانده نشد؛"
    " اگر فهرست کارکنان است، سرستون‌ها را بیفزایید و فایل را دوباره بفرستید.",
    "The sheet lacks the headings and was not read. If it is a personnel list, add them and send the file again.",
)
# What becomes of the exit that a row reports of somebody on the list.
LEAVING: Final[Mapping[Leaving, Sentence]] = {
    Leaving.WAITING: Sentence(
        "پایان همکاری این فرد گزارش شد و در انتظار تأیید است؛ این ردیف نیازی به اصلاح ندارد.",
        "The row reports that this person has left; the exit awaits confirmation. There is nothing to correct.",
    ),
    Leaving.ENDED: Sentence(
        "پایان همکاری این فرد پیش‌تر ثبت شده است؛ این ردیف نیازی به اصلاح ندارد.",
        "That this person has left was recorded before. There is nothing to correct.",
    ),
}


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A row that brought nothing to the list: refused, or, where ``leaving`` is said, the report of an exit.

    ``number`` counts through the whole file. ``value`` is what stood in the column at fault and ``name`` the person's,
    both as in the file and cut; None where they are not for the reader, or were forgotten.
    """

    number: int
    column: str
    code: str
    place: Place
    leaving: Leaving | None = None
    value: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)

    @property
    def heading(self) -> str:
        """The column as files head it."""
        return HEADINGS[Column(self.column)] if self.column in HEADINGS else self.column

    @property
    def sentence(self) -> Sentence:
        """What is the matter with it, and what to do."""
        if self.leaving is not None:
            return LEAVING[self.leaving]
        return Sentence(*REFUSALS.get(self.code, (self.code, self.code)))


def keep_within(raw: RawRow, judged: PersonnelRow | RefusedRow, regions: Collection[str]) -> PersonnelRow | RefusedRow:
    """Refuse a row of a region for which its sender does not speak; without regions they speak for all.

    A row that is refused anyway keeps its fault, and reports no exit. Whoever has left may stand there without a
    region: then the list says whose they were.
    """
    region = raw.values[COLUMNS.index(Column.REGION_CODE)]
    if not regions or (isinstance(judged, RefusedRow) and judged.leaver and not squashed_key(region).strip("0")):
        return judged
    try:
        read_region(region, regions)
    except UnknownRegion:
        if isinstance(judged, RefusedRow) and judged.code != NOT_EMPLOYED:
            return RefusedRow(raw.number, judged.column, judged.code)
        return RefusedRow(raw.number, Column.REGION_CODE, OTHER_REGION)
    return judged


def value_of(raw: RawRow, column: Column) -> str:
    """What stands in a row's column, fit to be shown."""
    return shown(raw.service if column is Column.SERVICE else raw.values[COLUMNS.index(column)], MAX_VALUE)


def name_of(raw: RawRow) -> str:
    """The person's name in a row, fit to be shown."""
    first, last = (raw.values[COLUMNS.index(column)] for column in (Column.FIRST_NAME, Column.LAST_NAME))
    return shown(f"{first} {last}", MAX_NAME)
