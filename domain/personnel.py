"""Personnel rows from HR files (A13): which heading means what, and whether one row is good.

A bad row is refused alone, by its first fault in the order of the columns; a person's second row in a file is a
``duplicate`` even if the first was refused. Nothing here reads files: gateways.personnel_file brings the rows.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Final

from domain.dates import BadDate, parse_jalali
from domain.errors import Forbidden, InvalidInput
from domain.identity import Mobile, NationalId, Sheba, parse_mobile, parse_national_id, parse_sheba
from domain.money import BadAmount, parse_whole
from domain.persian import UnreadableValue, clean_text, squashed_key, value_text
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.case import CaseKind
from messages.personnel import Change, ChangePhase, Event, FactKind, ImportPhase, Sms, TaskKind

MAX_CELL: Final = 512
MAX_NAME: Final = 100
# Far above any pay, far below a bigint: a quarter of it times any count of months is still within Money's bounds.
MAX_NET_PAY_RIAL: Final = 10**14
LONGEST_SERVICE_YEARS: Final = 60


class Column(enum.StrEnum):
    """The columns that a personnel file must have, in their usual order."""

    NATIONAL_ID = "national_id"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    MOBILE = "mobile"
    REGION_CODE = "region_code"
    HIRE_DATE = "hire_date"
    NET_PAY = "net_pay_rial"
    SHEBA = "sheba"
    EMPLOYMENT = "employment"


COLUMNS: Final = tuple(Column)
HEADINGS: Final[Mapping[Column, str]] = {
    Column.NATIONAL_ID: "کد ملی",
    Column.FIRST_NAME: "نام",
    Column.LAST_NAME: "نام خانوادگی",
    Column.MOBILE: "تلفن همراه",
    Column.REGION_CODE: "کد منطقه",
    Column.HIRE_DATE: "تاریخ استخدام",
    Column.NET_PAY: "خالص دریافتی (ریال)",
    Column.SHEBA: "شماره شبا",
    Column.EMPLOYMENT: "وضعیت",
}
_OTHER_HEADINGS: Final[Mapping[Column, tuple[str, ...]]] = {
    Column.NATIONAL_ID: ("شماره ملی", "کد ملی کارمند"),
    Column.FIRST_NAME: ("نام کارمند",),
    Column.LAST_NAME: ("فامیلی", "فامیل", "نام خانوادگی کارمند"),
    Column.MOBILE: ("موبایل", "همراه", "شماره موبایل", "شماره همراه", "شماره تلفن همراه", "تلفن موبایل"),
    Column.REGION_CODE: ("کد منطقه محل خدمت", "کد ناحیه"),
    Column.HIRE_DATE: ("تاریخ شروع خدمت", "تاریخ شروع به کار"),
    # A heading in toman is not taken: it would make every amount wrong by ten.
    Column.NET_PAY: ("خالص دریافتی", "خالص دریافتی به ریال", "خالص پرداختی (ریال)", "خالص حقوق (ریال)"),
    Column.SHEBA: ("شبا", "کد شبا", "شماره شبای بانکی"),
    Column.EMPLOYMENT: ("وضعیت اشتغال", "وضعیت خدمت", "وضعیت استخدام"),
}
_COLUMN_BY_KEY: Final = {
    squashed_key(text): column
    for column in Column
    for text in (HEADINGS[column], *_OTHER_HEADINGS[column], column.value)
}
_EMPLOYED_WORDS: Final = frozenset(
    map(
        squashed_key,
        (
            "شاغل", "شاغل رسمی", "شاغل پیمانی", "شاغل قراردادی", "مشغول", "مشغول به کار", "مشغول به خدمت",
            "در حال خدمت", "فعال", "employed", "active",
        ),
    )
)  # fmt: skip

NOT_EMPLOYED: Final = "not_employed"
# No faults of the row: only the import knows who sent it.
OWN_ROW: Final = "own_row"
OTHER_REGION: Final = "other_region"
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "bad_national_id": (
        "کد ملی درست نیست؛ لطفاً هر ده رقم آن را دوباره بررسی کنید.",
        "The national id is not valid; please check all ten digits.",
    ),
    "bad_mobile": (
        "شمارهٔ تلفن همراه درست نیست؛ نمونهٔ درست: ۰۹۱۲۳۴۵۶۷۸۹.",
        "The mobile number is not a valid Iranian mobile, such as 09123456789.",
    ),
    "unknown_region": (
        "این کد منطقه در فهرست منطقه‌ها نیست.",
        "The region code is not in the list of regions.",
    ),
    "bad_date": (
        "تاریخ استخدام درست نیست؛ آن را شمسی و مانند ۱۳۹۷/۰۲/۲۳ بنویسید. تاریخ آینده پذیرفته نمی‌شود.",
        "The hire date is not a valid Jalali date such as 1397/02/23, or lies in the future.",
    ),
    "bad_amount": (
        "خالص دریافتی باید عددی صحیح به ریال و بزرگ‌تر از صفر باشد.",
        "The net pay must be a whole number of rial above zero.",
    ),
    "bad_sheba": (
        "شمارهٔ شبا درست نیست؛ لطفاً IR و ۲۴ رقم پس از آن را بررسی کنید.",
        "The sheba is not valid; please check IR and the 24 digits after it.",
    ),
    "duplicate": (
        "این کد ملی پیش‌تر در همین فایل آمده است؛ تنها نخستین ردیف آن بررسی می‌شود.",
        "This national id came earlier in the file; only its first row is considered.",
    ),
    NOT_EMPLOYED: (
        "وضعیت این فرد «شاغل» نیست و نام او در فهرست سازمان نبوده است؛ اگر شاغل است، وضعیت را درست کنید.",
        "The status is not employed, and the person is not on the list. If they do work there, correct the status.",
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
    row after the heading. ``place`` is where people find it.
    """

    number: int
    values: tuple[str, ...] = field(repr=False)
    place: Place = field(default=Place(), compare=False)


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


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A bad row: which column is at fault and why, in words.

    ``national_id`` is there when it could be read; ``leaver`` when the row's status names something other than employed
    (an empty one names nothing), whatever the row was refused for: both are for the leaver case, not for the report.
    """

    number: int
    column: Column
    code: str
    national_id: NationalId | None = field(default=None, repr=False)
    leaver: bool = field(default=False, repr=False)


class UnknownRegion(InvalidInput):
    """The region code is not in the list of regions (A13)."""

    code = "unknown_region"
    fa, en = REFUSALS["unknown_region"]


class SentByYourself(Forbidden):
    """Another mobile or sheba needs a second person: the sender of the file cannot confirm it."""

    code = "sent_by_yourself"
    fa = "این تغییر از فایلی آمده که خودتان فرستاده‌اید؛ همکار دیگری باید آن را تأیید کند."
    en = "You sent the file that proposes this change; another person has to confirm it."


class ReasonMissing(InvalidInput):
    """A change was rejected without a reason."""

    code = "reason_missing"
    fa = "برای نپذیرفتن این تغییر، دلیل آن را بنویسید."
    en = "Please say why the change is rejected."


class NotEmployed(UnreadableValue):
    """The status is none of the words for being employed."""

    code: ClassVar[str] = NOT_EMPLOYED


def recognise_headings(cells: Sequence[str]) -> dict[Column, int]:
    """Return where each known column stands in a heading row; unknown cells are left out, the first of two counts."""
    found: dict[Column, int] = {}
    for index, cell in enumerate(cells):
        column = _COLUMN_BY_KEY.get(squashed_key(cell)) if len(cell) <= MAX_NAME else None
        if column is not None:
            found.setdefault(column, index)
    return found


def judge_row(
    raw: RawRow, known_regions: Collection[str], seen_national_ids: set[str], today: date
) -> PersonnelRow | RefusedRow:
    """Judge one row (A13); its national id, if it has one, is added to ``seen_national_ids``.

    ``today`` is the day in Tehran: nobody was hired after it.
    """
    id_text, first_name, last_name, mobile_text, region_text, hired, pay, sheba_text, status = raw.values
    column, national_id = Column.NATIONAL_ID, None
    leaver = False
    try:
        leaver = _is_leaver(status)
        national_id = parse_national_id(id_text)
        if national_id in seen_national_ids:
            return RefusedRow(raw.number, column, "duplicate", national_id, leaver)
        seen_national_ids.add(national_id)
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
        if not is_employed(status):
            raise NotEmployed
    except (UnreadableValue, UnknownRegion) as fault:
        return RefusedRow(raw.number, column, fault.code, national_id, leaver)
    return PersonnelRow(
        raw.number,
        national_id,
        mobile,
        _name(first_name),
        _name(last_name),
        region_code,
        hire_date,
        net_pay,
        sheba,
    )


def read_region(text: str, known_regions: Collection[str]) -> str:
    """Read a region's code as it is stored.

    Raises:
        UnknownRegion: it is none of the known ones.
    """
    code = value_text(text[: MAX_CELL + 1]).replace(" ", "")
    if code not in known_regions:
        raise UnknownRegion(field=Column.REGION_CODE)
    return code


def is_employed(status: str) -> bool:
    """Tell whether a status is one of the few words for being employed; anything else is not."""
    return status == "شاغل" or (len(status) <= MAX_CELL and squashed_key(status) in _EMPLOYED_WORDS)


def _is_leaver(status: str) -> bool:
    return not is_employed(status) and len(status) <= MAX_CELL and bool(squashed_key(status))


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
    amount = parse_whole(text)
    if not 0 < amount <= MAX_NET_PAY_RIAL:
        raise BadAmount
    return amount


def _name(text: str) -> str:
    """Clean a name; there is no code for a bad one, so an over-long one is cut."""
    return clean_text(text[:MAX_CELL])[:MAX_NAME].strip()


_CHANGED: Final = Sentence("اگر تأیید شود، تغییر انجام می‌شود.", "If it is confirmed, the change is made.")
_REPORT: Final = Sentence(
    "گزارش ردیف‌های پذیرفته و ردشده آماده می‌شود.", "The report of accepted and refused rows is made."
)


def _change_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_CHANGED] if phase == ChangePhase.AWAITING_CONFIRMATION else []


def _import_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_REPORT] if phase in {ImportPhase.RECEIVED, ImportPhase.IMPORTING} else []


WORDS: Final = CapabilityWords(
    kinds={
        CaseKind.PERSONNEL_IMPORT: Sentence("فهرست کارکنان", "Personnel file"),
        CaseKind.PERSONNEL_CHANGE: Sentence("تغییر اطلاعات پرسنلی", "Change of personnel data"),
    },
    phases={
        CaseKind.PERSONNEL_IMPORT: {
            ImportPhase.RECEIVED: Sentence("پرونده دریافت شد", "Received"),
            ImportPhase.IMPORTING: Sentence("در حال خواندن فهرست", "Importing"),
            ImportPhase.IMPORTED: Sentence("فهرست خوانده شد", "Imported"),
            ImportPhase.REFUSED: Sentence("رد شد", "Refused"),
        },
        CaseKind.PERSONNEL_CHANGE: {
            ChangePhase.AWAITING_CONFIRMATION: Sentence("در انتظار تأیید", "Awaiting confirmation"),
            ChangePhase.CONFIRMED: Sentence("تأیید شد", "Confirmed"),
            ChangePhase.REJECTED: Sentence("رد شد", "Rejected"),
            ChangePhase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
            ChangePhase.OVERTAKEN: Sentence("دیگر لازم نیست", "No longer needed"),
        },
    },
    tasks={
        TaskKind.CONFIRM_CHANGE: TaskWords(
            Sentence("تأیید تغییر اطلاعات", "Confirm a change of data"),
            sms="امانت: یک تغییر اطلاعات پرسنلی منتظر تأیید شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک تغییر اطلاعات پرسنلی هنوز بی‌پاسخ است. {app_link}",
        ),
    },
    timeline={
        FactKind.FILE_RECEIVED: Sentence(
            "فایل کارکنان دریافت شد و در نوبت خواندن است.", "The personnel file was received and waits to be read."
        ),
        Event.FILE_IMPORTED: Sentence(
            "فایل خوانده شد: {added} نفر تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردیف ردشده.",
            "The file was read: {added} added, {changed} changed, {unchanged} unchanged, {refused} rows refused.",
        ),
        Event.FILE_IMPORTED_LEAVING: Sentence(
            "فایل خوانده شد: {added} نفر تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردیف ردشده، {leaving}"
            " گزارش پایان همکاری که پس از تأیید ثبت می‌شود.",
            "The file was read: {added} added, {changed} changed, {unchanged} unchanged, {refused} rows refused,"
            " {leaving} reported to have left, which counts once it is confirmed.",
        ),
        Event.FILE_REFUSED: Sentence(
            "فایل پذیرفته نشد؛ دلیل آن در گزارش آمده است.", "The file was refused; the import says why."
        ),
        Event.CHANGE_PROPOSED: Sentence(
            "در فهرست کارکنان مقدار دیگری آمده بود: {what:Change}. تا تأیید نشود، چیزی تغییر نمی‌کند.",
            "The personnel file says otherwise: {what:Change}. Nothing changes before it is confirmed.",
        ),
        Event.CHANGE_REPLACED: Sentence(
            "فایل تازه‌تری مقدار دیگری پیشنهاد کرد و جای پیشنهاد پیشین را گرفت: {what:Change}.",
            "A newer file proposes another value, which takes the place of the one before: {what:Change}.",
        ),
        Event.CONFIRMATION_REQUESTED: Sentence(
            "تأیید این تغییر از {role:who} خواسته شد: {what:Change}.",
            "Asked to confirm the change ({what:Change}): {role:who}.",
        ),
        Event.CHANGE_CONFIRMED: Sentence("تغییر تأیید شد: {what:Change}.", "The change was confirmed: {what:Change}."),
        Event.CHANGE_REJECTED: Sentence("تغییر پذیرفته نشد: {what:Change}.", "The change was rejected: {what:Change}."),
        Event.CHANGE_APPLIED: Sentence("تغییر انجام شد: {what:Change}.", "The change was made: {what:Change}."),
        Event.CHANGE_LAPSED: Sentence(
            "در مهلت مقرر پاسخی نرسید و تغییر انجام نشد: {what:Change}.",
            "No answer came in time; nothing was changed: {what:Change}.",
        ),
        Event.CHANGE_OVERTAKEN: Sentence(
            "فهرست سازمان و شمارهٔ ثبت‌شده دوباره یکی شد؛ چیزی برای تأیید نماند.",
            "The organisation's list and the number in use are the same again; nothing is left to confirm.",
        ),
    },
    sms={
        Event.FILE_IMPORTED: (
            "امانت: فایل کارکنان خوانده شد: {added} تازه، {changed} تغییر، {unchanged} بدون"
            " تغییر، {refused} ردشده. گزارش: {app_link}"
        ),
        Event.FILE_IMPORTED_LEAVING: (
            "امانت: فایل کارکنان خوانده شد: {added} تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردشده،"
            " {leaving} پایان همکاری که پس از تأیید ثبت می‌شود. گزارش: {app_link}"
        ),
        Event.FILE_REFUSED: "امانت: فایل کارکنان پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
        Sms.MOBILE_PROPOSED: (
            "امانت: سازمان شما شمارهٔ همراه دیگری برای شما فرستاده است. اگر از آن خبر ندارید، زود"
            " با پشتیبانی تماس بگیرید: {app_link}"
        ),
        # To the owner of that number, who may be a stranger: it says nothing of the person or their employer.
        Sms.MOBILE_PROPOSED_NEW: (
            "امانت: یک سازمان این شماره را برای یکی از کارکنان خود اعلام کرده و هنوز تأیید نشده است. اگر این شماره را"
            " خودتان به محل کارتان نداده‌اید، به پشتیبانی امانت خبر دهید."
        ),
        Sms.MOBILE_CONFIRMED: (
            "امانت: از این پس با همین شماره وارد شوید. برای امنیت شما، کارهای مالی مدتی بسته می‌ماند."
        ),
        Sms.MOBILE_REJECTED: "امانت: تغییر شمارهٔ همراه شما پذیرفته نشد و شمارهٔ پیشین برقرار است.",
        Sms.MOBILE_LAPSED: "امانت: تغییر شمارهٔ همراه شما تأیید نشد و شمارهٔ پیشین برقرار است.",
        Sms.MOBILE_OVERTAKEN: "امانت: فهرست سازمان شما با همین شمارهٔ همراه یکی شد و شمارهٔ شما تغییری نکرد.",
        Sms.MOBILE_CHANGED_OLD: (
            "امانت: شمارهٔ همراه حساب شما عوض شد و این شماره دیگر به آن راه ندارد. اگر شما"
            " نخواسته‌اید، همین حالا با پشتیبانی تماس بگیرید."
        ),
        Sms.SHEBA_PROPOSED: (
            "امانت: سازمان شما شمارهٔ شبای دیگری برای شما فرستاده است. اگر از آن خبر ندارید، زود"
            " با پشتیبانی تماس بگیرید: {app_link}"
        ),
        Sms.SHEBA_CONFIRMED: "امانت: شمارهٔ شبای شما تغییر کرد. اگر از آن خبر ندارید، با پشتیبانی تماس بگیرید.",
        Sms.SHEBA_REJECTED: "امانت: تغییر شمارهٔ شبای شما پذیرفته نشد و شبای پیشین برقرار است.",
        Sms.SHEBA_LAPSED: "امانت: تغییر شمارهٔ شبای شما تأیید نشد و شبای پیشین برقرار است.",
        Sms.EXIT_LAPSED: (
            "امانت: گزارش پایان همکاری یک کارمند بی‌پاسخ ماند و به حساب نیامد. پرونده را ببینید: {app_link}"
        ),
    },
    ahead={CaseKind.PERSONNEL_IMPORT: _import_ahead, CaseKind.PERSONNEL_CHANGE: _change_ahead},
    terms={
        Change: {
            Change.MOBILE: Sentence("شمارهٔ همراه", "mobile number"),
            Change.SHEBA: Sentence("شمارهٔ شبا", "sheba"),
            Change.EXIT: Sentence("پایان همکاری", "end of the employment"),
        },
    },
)
