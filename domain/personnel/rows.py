"""Personnel rows from HR files (A13): whether one row is good.

A bad row is refused alone, by its first fault in the order of the columns; a person's second row in a file is a
``duplicate`` even if the first was refused. Nothing here reads files: gateways.personnel_file brings the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Final

from domain.dates import BadDate, parse_jalali
from domain.errors import InvalidInput
from domain.identity import Mobile, NationalId, Sheba, parse_mobile, parse_national_id, parse_sheba
from domain.length_of_service import LONGEST_SERVICE_YEARS, LengthOfService, parse_service
from domain.money import BadAmount, parse_rial
from domain.persian import UnreadableValue, clean_text, squashed_key, value_text
from domain.personnel.headings import COLUMNS, Column
from domain.personnel.status import StatusWords
from messages.personnel import ExitReason

MAX_CELL: Final = 512
MAX_NAME: Final = 100
# Far above any pay, far below a bigint: a quarter of it times any count of months is still within Money's bounds.
MAX_NET_PAY_RIAL: Final = 10**14

NOT_EMPLOYED: Final = "not_employed"
# No faults of the row: only the import knows who sent it.
OWN_ROW: Final = "own_row"
MERGED_CELLS: Final = "merged_cells"
OTHER_REGION: Final = "other_region"
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "bad_national_id": (
        "کد ملی درست نیست؛ لطفاً هر ده رقم آن را دوباره بررسی کنید.",
        "The national id is not valid; please check all ten digits.",
    ),
    "bad_mobile": (
        "شمارهٔ همراه درست نیست؛ نمونهٔ درست: ۰۹۱۲۳۴۵۶۷۸۹.",
        "The mobile number is not a valid Iranian mobile, such as 09123456789.",
    ),
    "unknown_region": (
        "این کد منطقه در فهرست منطقه‌ها نیست.",
        "The region code is not in the list of regions.",
    ),
    "bad_date": (
        "تاریخ استخدام درست نیست؛ آن را شمسی و با سال چهاررقمی بنویسید: ۱۳۹۷/۰۲/۲۳. تاریخ آینده پذیرفته نمی‌شود.",
        "The hire date is no Jalali day with a year of four digits, such as 1397/02/23, or lies in the future.",
    ),
    "bad_amount": (
        "خالص دریافتی باید عددی صحیح به ریال و بزرگ‌تر از صفر باشد، مانند ۴۰۰٬۰۰۰٬۰۰۰.",
        "The net pay must be a whole number of rial above zero, such as 400,000,000.",
    ),
    "bad_sheba": (
        "شمارهٔ شبا درست نیست؛ لطفاً IR و ۲۴ رقم پس از آن را بررسی کنید.",
        "The sheba is not valid; please check IR and the 24 digits after it.",
    ),
    "bad_service": (
        "سنوات خدمت خوانده نمی‌شود؛ آن را به سال یا به سال و ماه بنویسید: ۲۱ سال و ۴ ماه.",
        "The length of service must be in years, or years and months, such as «۲۱ سال و ۴ ماه».",
    ),
    MERGED_CELLS: (
        "خانهٔ این ستون با خانه‌های دیگر ادغام شده و در این ردیف خالی مانده است؛ ادغام را بردارید و هر ردیف را پر کنید.",
        "The cell is empty in this row because it is merged with others; unmerge the cells and fill each row.",
    ),
    "duplicate": (
        "این کد ملی پیش‌تر در همین فایل آمده است؛ تنها نخستین ردیف آن بررسی می‌شود.",
        "This national id came earlier in the file; only its first row is considered.",
    ),
    NOT_EMPLOYED: (
        "وضعیت این فرد «شاغل» نیست و نام او در فهرست سازمان نبوده است؛ اگر شاغل است، وضعیت را درست کنید.",
        "The status is not employed, and the person is not on the list. If they do work there, correct the status.",
    ),
    "unreadable_status": (
        "وضعیت خوانده نشد؛ بنویسید «شاغل»، «رسمی» یا «پیمانی»، و برای پایان همکاری «بازنشسته»، «ترک کار» یا «فوت».",
        "The status cannot be read: «شاغل», «رسمی», «پیمانی» say employed; «بازنشسته», «ترک کار», «فوت» say left.",
    ),
    OWN_ROW: (
        "ردیف خود شما، و کسی را که ضامن او یا ضامن شماست، همکار دیگری باید بفرستد؛ این ردیف تغییری نکرد.",
        "A colleague must send your own row, and those of people you stand for or who stand for you; nothing changed.",
    ),
    OTHER_REGION: (
        "این فرد در منطقهٔ شما نیست، پس ردیف او را منابع انسانی همان منطقه یا سازمان باید بفرستد؛ چیزی تغییر نکرد.",
        "This person is not in your region: the HR of that region or of the organisation has to send the row.",
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in its file, for people who look for it there.

    ``sheet`` is the name of its sheet, empty in CSV; ``row`` counts from the first row after the heading; ``line`` is
    the number that a spreadsheet shows beside the row, in CSV the line on which it begins. Both count from 1.
    """

    sheet: str = ""
    row: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as read: its number and one text for each of COLUMNS, in order.

    Numbers rise through the whole file, by which an interrupted import resumes; in a file of one sheet, 1 is the first
    row after the heading. ``place`` is where people find it, ``service`` the length of service where the file gives it,
    ``merged`` the columns whose cell is empty because it is merged with others.
    """

    number: int
    values: tuple[str, ...] = field(repr=False)
    place: Place = field(default=Place(), compare=False)
    service: str = field(default="", repr=False)
    merged: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonnelRow:
    """A good row, normalised. Its repr shows nothing personal."""

    number: int
    national_id: NationalId = field(repr=False)
    mobile: Mobile = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    region_code: str
    hire_date: date = field(repr=False)
    net_pay_rial: int = field(repr=False)
    sheba: Sheba = field(repr=False)
    employed: bool = True
    service: LengthOfService | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A bad row: which column is at fault and why, in words.

    ``national_id`` is there when it could be read; ``leaver`` is how the person left, where the row reports an exit
    and nothing in it is at fault: both are for the exit's case, not for the report.
    """

    number: int
    column: Column
    code: str
    national_id: NationalId | None = field(default=None, repr=False)
    leaver: ExitReason | None = field(default=None, repr=False)


class UnknownRegion(InvalidInput):
    """The region code is not in the list of regions (A13)."""

    code = "unknown_region"
    fa, en = REFUSALS["unknown_region"]


class UnreadableStatus(UnreadableValue):
    """The status is none of the words for being employed or for having left, or says both."""

    code: ClassVar[str] = "unreadable_status"


def judge_row(
    raw: RawRow, known_regions: Collection[str], seen_national_ids: set[str], today: date, statuses: StatusWords
) -> PersonnelRow | RefusedRow:
    """Judge one row (A13); its national id, if it has one, is added to ``seen_national_ids``.

    ``today`` is the day in Tehran: nobody was hired after it. ``statuses`` say who works there and who has left.
    """
    id_text, first_name, last_name, mobile_text, region_text, hired, pay, sheba_text, status = raw.values
    column, national_id = Column.NATIONAL_ID, None
    try:
        national_id = parse_national_id(id_text)
        if national_id in seen_national_ids:
            return RefusedRow(raw.number, column, "duplicate", national_id)
        seen_national_ids.add(national_id)
        said = statuses.read(status[: MAX_CELL + 1])
        if isinstance(said, ExitReason):
            return _judge_leaver(raw, national_id, said, known_regions, today)
        column = Column.MOBILE
        mobile = parse_mobile(mobile_text)
        column = Column.REGION_CODE
        region_code = read_region(region_text, known_regions)
        column = Column.HIRE_DATE
        hire_date = _hire_date(hired, today)
        column = Column.NET_PAY
        net_pay = _net_pay(pay)
        column = Column.SHEBA
        sheba = parse_sheba(sheba_text)
        column = Column.EMPLOYMENT
        if said is None:
            raise UnreadableStatus
        column = Column.SERVICE
        service = parse_service(raw.service[: MAX_CELL + 1], today, hire_date)
    except (UnreadableValue, UnknownRegion) as fault:
        code = MERGED_CELLS if column in raw.merged else fault.code
        return RefusedRow(raw.number, column, code, national_id)
    if raw.merged:  # a name, or what a file need not have: nothing else is read from an empty cell
        return RefusedRow(raw.number, raw.merged[0], MERGED_CELLS, national_id)
    names = _name(first_name), _name(last_name)
    return PersonnelRow(
        raw.number, national_id, mobile, *names, region_code, hire_date, net_pay, sheba, service=service
    )


def _judge_leaver(
    raw: RawRow, national_id: NationalId, leaver: ExitReason, known_regions: Collection[str], today: date
) -> RefusedRow:
    """Judge the row of somebody who has left, which needs neither pay nor account: empty cells are no faults.

    A cell that cannot be read is one, and then the row reports no exit: its cells may stand in the wrong columns.
    """
    if raw.merged:
        return RefusedRow(raw.number, raw.merged[0], MERGED_CELLS, national_id)
    cells: dict[Column, str] = dict(zip(COLUMNS, raw.values, strict=True))
    readers: dict[Column, Callable[[str], object]] = {
        Column.MOBILE: parse_mobile,
        Column.REGION_CODE: lambda text: read_region(text, known_regions),
        Column.HIRE_DATE: lambda text: _hire_date(text, today),
        Column.NET_PAY: _net_pay,
        Column.SHEBA: parse_sheba,
    }
    for column, read in readers.items():
        try:
            if squashed_key(cells[column][: MAX_CELL + 1]).strip("0"):
                read(cells[column])
        except (UnreadableValue, UnknownRegion) as fault:
            return RefusedRow(raw.number, column, fault.code, national_id)
    return RefusedRow(raw.number, Column.EMPLOYMENT, NOT_EMPLOYED, national_id, leaver)


def read_region(text: str, known_regions: Collection[str]) -> str:
    """Read a region's code as it is stored.

    Raises:
        UnknownRegion: it is none of the known ones.
    """
    code = value_text(text[: MAX_CELL + 1]).replace(" ", "")
    if code not in known_regions:
        raise UnknownRegion(field=Column.REGION_CODE)
    return code


def _hire_date(text: str, today: date) -> date:
    if len(text) > MAX_CELL:
        raise BadDate
    day = parse_jalali(text).to_gregorian()
    if not today.year - LONGEST_SERVICE_YEARS <= day.year or day > today:
        raise BadDate
    return day


def _net_pay(text: str) -> int:
    if len(text) > MAX_CELL:
        raise BadAmount
    amount = parse_rial(text)
    if not 0 < amount <= MAX_NET_PAY_RIAL:
        raise BadAmount
    return amount


def _name(text: str) -> str:
    """Clean a name; there is no code for a bad one, so an over-long one is cut."""
    return clean_text(text[:MAX_CELL])[:MAX_NAME].strip()
