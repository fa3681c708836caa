"""Length of service as personnel lists give it («سنوات خدمت»), and the day from which it counts (A4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar, Final

from domain.dates import MONTHS_A_YEAR, add_months, to_jalali
from domain.persian import UnreadableValue, value_text

LONGEST_SERVICE_YEARS: Final = 60
_LENGTH: Final = re.compile(
    r"(?P<alone>[0-9]{1,2})"
    r"|(?:(?P<years>[0-9]{1,2}) *سال)?(?: *و? *(?P<months>[0-9]{1,2}) *ماه)?(?: *و? *(?P<days>[0-9]{1,2}) *روز)?"
)
_MOST_DAYS: Final = 30


class BadService(UnreadableValue):
    """The text is no length of service in years, months and days."""

    code: ClassVar[str] = "bad_service"


@dataclass(frozen=True, slots=True)
class LengthOfService:
    """How long somebody has served, and since when that counts.

    ``length`` is an ISO 8601 duration (P21Y4M0D), ``start`` the day that lies so long before the day of the list; the
    hire date, where the length agrees with it as far as it is said: whole years are rounded down.
    """

    length: str = field(repr=False)
    start: date = field(repr=False)


def parse_service(text: str, as_of: date, hired: date) -> LengthOfService | None:
    """Read «۲۱ سال و ۴ ماه», with or without days, or a number of years alone; None of an empty text or of nothing.

    Programs write 0 where nobody has filled the column: taken as said, it would make everybody new (A4).

    Args:
        text: as the list has it.
        as_of: the day on which the list came. It may have been made up to a unit before.
        hired: the hire date of the same row.

    Raises:
        BadService: anything else («۲۱٫۴» may be months or tenths), 12 months or more, or over 60 years.
    """
    plain = value_text(text)
    if not plain:
        return None
    match = _LENGTH.fullmatch(plain)
    if match is None:
        raise BadService
    years, months, days = (int(match[name] or 0) for name in ("years", "months", "days"))
    years = int(match["alone"] or years)
    if years > LONGEST_SERVICE_YEARS or months >= MONTHS_A_YEAR or days > _MOST_DAYS:
        raise BadService
    if not (years or months or days):
        return None
    months_ago = -years * MONTHS_A_YEAR - months
    start = add_months(to_jalali(as_of), months_ago).to_gregorian() - timedelta(days=days)
    unit = 1 if months or days else MONTHS_A_YEAR
    earliest = add_months(to_jalali(as_of), months_ago - 2 * unit).to_gregorian() - timedelta(days=days)
    agrees = earliest < hired <= start
    return LengthOfService(f"P{years}Y{months}M{days}D", hired if agrees else start)
