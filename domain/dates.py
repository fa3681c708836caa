"""Jalali dates, Asia/Tehran: reading, writing and counting in months.

Days are stored as Gregorian ``date``; months, month ends and "the 8th" are Jalali. No clock here: ``now`` is passed in.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from persiantools.jdatetime import JalaliDate

from domain.persian import UnreadableValue, persian_digits, squashed_key, value_text

MONTHS_A_YEAR: Final = 12
_MONTH_NAMES: Final = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
    "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip
# As Python counts them, Monday first.
_WEEKDAYS: Final = ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")
_WEEKDAYS_EN: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH_NAMES_EN: Final = (
    "Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar",
    "Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand",
)  # fmt: skip
_MONTHS: Final = {squashed_key(name): month for month, name in enumerate(_MONTH_NAMES, 1)} | {"امرداد": 5}
# Programs write a midnight behind the day.
_CLOCK: Final = r"(?:[ T]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
_SIGN: Final = r" *(?P<sign>[/.-]) *"
_YEAR, _MONTH, _DAY = r"(?P<year>[0-9]{4})", r"(?P<month>[0-9]{1,2})", r"(?P<day>[0-9]{1,2})"
# A year has four digits: of 97/02/23 nobody could tell which end is the year.
_WRITTEN: Final = (
    re.compile(rf"{_YEAR}{_SIGN}{_MONTH} *(?P=sign) *{_DAY}{_CLOCK}"),
    re.compile(rf"{_DAY}{_SIGN}{_MONTH} *(?P=sign) *{_YEAR}{_CLOCK}"),
    re.compile(rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})"),
    re.compile(rf"{_DAY} *(?P<month>[^\W\d_]+(?: [^\W\d_]+){{0,2}}) *{_YEAR}"),
)


def _tehran() -> tzinfo:
    try:
        return ZoneInfo("Asia/Tehran")
    except ZoneInfoNotFoundError:
        # A machine without time-zone files: Iran has kept this offset, with no summer time, since September 2022.
        return timezone(timedelta(hours=3, minutes=30), "Asia/Tehran")


TEHRAN: Final = _tehran()


class BadDate(UnreadableValue):
    """The text is no day of the Jalali calendar."""

    code: ClassVar[str] = "bad_date"


def jalali_day(year: int, month: int, day: int) -> JalaliDate:
    """The day of these numbers; a plain ValueError if the calendar lacks it."""
    return JalaliDate(year, month, day)  # type: ignore[no-untyped-call]  # the library types all but this


def parse_jalali(text: str) -> JalaliDate:
    """Read a day as people and programs write it, in digits of any of the three alphabets.

    '1397/2/23' with / - or . between, the day first ('23/02/1397'), eight digits ('13970223'), the month's name
    («۲۳ اردیبهشت ۱۳۹۷»); behind digits with signs a time of day is passed over.

    Raises:
        BadDate: anything else, a year of two digits, or a day that the calendar lacks (30 Esfand of a common year).
    """
    plain = value_text(text)
    for form in _WRITTEN:
        if match := form.fullmatch(plain):
            break
    else:
        raise BadDate
    try:
        return jalali_day(int(match["year"]), _month(match["month"]), int(match["day"]))
    except ValueError:
        raise BadDate from None


def _month(text: str) -> int:
    """The number of a month, 0 for a word that is none."""
    if text.isdigit():
        return int(text)
    name = squashed_key(text)
    return _MONTHS.get(name) or _MONTHS.get(name.removesuffix("ماه"), 0)


@functools.lru_cache(maxsize=4096)
def to_jalali(day: date) -> JalaliDate:
    """Return the Jalali form of a stored (Gregorian) day."""
    return JalaliDate(day)  # type: ignore[no-untyped-call]  # the library types all but this


def format_jalali(day: date | JalaliDate, *, persian: bool = False) -> str:
    """Write a day in few signs: 1397/02/23, or ۱۳۹۷/۰۲/۲۳ where people read it."""
    jalali = to_jalali(day) if isinstance(day, date) else day
    text = f"{jalali.year:04}/{jalali.month:02}/{jalali.day:02}"
    return persian_digits(text) if persian else text


def format_day(day: date, *, persian: bool = False) -> str:
    """Write a day as people say it: 30 Aban 1405, or ۳۰ آبان ۱۴۰۵."""
    jalali = to_jalali(day)
    name = (_MONTH_NAMES if persian else _MONTH_NAMES_EN)[jalali.month - 1]
    text = f"{jalali.day} {name} {jalali.year}"
    return persian_digits(text) if persian else text


def format_moment(moment: datetime, *, persian: bool = False) -> str:
    """Write an instant as people in Tehran read it: 30 Aban 1405, 10:15, or ۳۰ آبان ۱۴۰۵، ۱۰:۱۵."""
    local = moment.astimezone(TEHRAN)
    day, clock = format_day(local.date(), persian=persian), f"{local:%H:%M}"
    return f"{day}، {persian_digits(clock)}" if persian else f"{day}, {clock}"


def format_deadline(moment: datetime, *, persian: bool = False, with_year: bool = False) -> str:
    """Write an instant that people act by, with its weekday: یکشنبه ۹ آذر، ساعت ۱۵:۰۰; of long ago, with its year."""
    local = moment.astimezone(TEHRAN)
    jalali, clock = to_jalali(local.date()), f"{local:%H:%M}"
    year = f" {jalali.year}" if with_year else ""
    if persian:
        day = f"{_WEEKDAYS[local.weekday()]} {jalali.day} {_MONTH_NAMES[jalali.month - 1]}{year}"
        return persian_digits(f"{day}، ساعت {clock}")
    return f"{_WEEKDAYS_EN[local.weekday()]} {jalali.day} {_MONTH_NAMES_EN[jalali.month - 1]}{year}, {clock}"


def format_weekday(day: date) -> str:
    """Write a day with its weekday, as Persian documents do: یکشنبه ۹ آذر ۱۴۰۵."""
    return f"{_WEEKDAYS[day.weekday()]} {format_day(day, persian=True)}"


def format_month(day: JalaliDate) -> str:
    """Write a day's month as people say it: «آبان ۱۴۰۴»."""
    return f"{_MONTH_NAMES[day.month - 1]} {persian_digits(str(day.year))}"


def add_months(day: JalaliDate, months: int) -> JalaliDate:
    """Return the day ``months`` later (earlier if negative), its day clamped to the length of the month it lands in."""
    year, month0 = divmod(day.year * MONTHS_A_YEAR + day.month - 1 + months, MONTHS_A_YEAR)
    length = JalaliDate.days_in_month(month0 + 1, year)
    return jalali_day(year, month0 + 1, min(day.day, length))


def month_end(day: JalaliDate) -> JalaliDate:
    """Return the last day of the day's Jalali month."""
    return jalali_day(day.year, day.month, JalaliDate.days_in_month(day.month, day.year))


def tehran_day(now: datetime) -> date:
    """Return the (Gregorian) day that it is in Tehran at ``now``.

    Raises:
        ValueError: ``now`` has no time zone.
    """
    if now.tzinfo is None:
        msg = "an instant needs its time zone"
        raise ValueError(msg)
    # Through UTC: an instant inside a skipped or repeated hour of another zone then has one meaning only.
    return now.astimezone(UTC).astimezone(TEHRAN).date()


def jalali_today(now: datetime) -> JalaliDate:
    """Return the Jalali day that it is in Tehran at ``now``.

    Raises:
        ValueError: ``now`` has no time zone.
    """
    return to_jalali(tehran_day(now))


def service_ends(hire: date, years: int = 28, months: int = 11) -> date:
    """Return the first day on which somebody hired on ``hire`` no longer has less service than years + months (A4).

    Exclusive: the rule reads ``today < service_ends(hire)``. Hired 1375/02/14 gives 1404/01/14, last good day 01/13.
    """
    return add_months(to_jalali(hire), years * MONTHS_A_YEAR + months).to_gregorian()
