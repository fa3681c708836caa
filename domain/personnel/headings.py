"""The columns of a personnel file, and the words by which their headings are known (A13)."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Final

from domain.persian import squashed_key

_LONGEST: Final = 100


class Column(enum.StrEnum):
    """The columns of a personnel file, in their usual order; the last is read where it is given."""

    NATIONAL_ID = "national_id"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    MOBILE = "mobile"
    REGION_CODE = "region_code"
    HIRE_DATE = "hire_date"
    NET_PAY = "net_pay_rial"
    SHEBA = "sheba"
    EMPLOYMENT = "employment"
    SERVICE = "service"


COLUMNS: Final = tuple(column for column in Column if column is not Column.SERVICE)
"""Those that a file must have."""

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
    Column.SERVICE: "سنوات خدمت",
}
# Of a pay slip only what says net, or what is payable after everything was taken off: gross pay would lend too much.
_NET_PAY: Final = (
    "خالص دریافتی", "خالص دریافت", "خالص پرداختی", "خالص پرداخت", "خالص قابل پرداخت", "خالص حقوق", "خالص حقوق و مزایا",
    "خالص حقوق دریافتی", "خالص حقوق پرداختی", "خالص دریافتی ماهانه", "مبلغ خالص", "مبلغ خالص دریافتی",
    "مبلغ خالص پرداختی", "مبلغ قابل پرداخت", "قابل پرداخت", "حقوق خالص", "دریافتی خالص", "پرداختی خالص",
)  # fmt: skip
_OTHER_HEADINGS: Final[Mapping[Column, tuple[str, ...]]] = {
    Column.NATIONAL_ID: ("شماره ملی", "ش ملی", "کد ملی کارمند", "کد ملی پرسنل", "شماره ملی کارمند", "شماره ملی پرسنل"),
    Column.FIRST_NAME: ("نام کارمند", "نام پرسنل"),
    Column.LAST_NAME: ("فامیلی", "فامیل", "نام خانوادگی کارمند", "نام خانوادگی پرسنل"),
    Column.MOBILE: (
        "موبایل", "همراه", "شماره موبایل", "شماره همراه", "شماره تلفن همراه", "تلفن موبایل", "شماره تماس همراه",
        "شماره تلفن موبایل", "گوشی همراه", "تلفن همراه کارمند", "شماره همراه کارمند",
    ),
    Column.REGION_CODE: (
        "کد منطقه محل خدمت", "کد ناحیه", "کد ناحیه محل خدمت", "کد منطقه خدمت", "کد محل خدمت", "کد منطقه ناحیه",
        "کد ناحیه منطقه", "کد منطقه آموزش و پرورش",
    ),
    Column.HIRE_DATE: (
        "تاریخ شروع خدمت", "تاریخ شروع به خدمت", "تاریخ شروع به کار", "تاریخ شروع کار", "تاریخ آغاز به کار",
        "تاریخ ورود به خدمت", "تاریخ به کارگیری", "استخدام از تاریخ",
    ),
    Column.NET_PAY: tuple(text + unit for text in _NET_PAY for unit in ("", " ریال", " به ریال")),
    Column.SHEBA: (
        "شبا", "کد شبا", "شماره شبای بانکی", "شبای بانکی", "شماره شبا بانکی", "شماره شبای حقوق", "شماره شبا حقوق",
        "شبای حقوق", "شماره شبای حساب", "شماره حساب شبا", "iban",
    ),
    Column.EMPLOYMENT: (
        "وضعیت اشتغال", "وضعیت خدمت", "وضعیت استخدام", "وضعیت استخدامی", "وضعیت شغلی", "وضعیت کارمند", "وضعیت پرسنل",
        "وضعیت فعلی",
    ),
    # Not «سنوات» alone: on a pay slip that is a sum of money.
    Column.SERVICE: ("سنوات خدمت (سال)", "سنوات خدمت (سال و ماه)", "سنوات خدمتی", "سابقه خدمت", "مدت خدمت"),
}  # fmt: skip
_COLUMN_BY_KEY: Final = {
    squashed_key(text): column
    for column in Column
    for text in (HEADINGS[column], *_OTHER_HEADINGS[column], column.value)
}
_IN_TOMAN: Final = frozenset(squashed_key(text + unit) for text in _NET_PAY for unit in (" تومان", " به تومان"))


def recognise_headings(cells: Sequence[str]) -> dict[Column, int]:
    """Return where each known column stands in a heading row; unknown cells are left out, the first of two counts."""
    found: dict[Column, int] = {}
    for index, cell in enumerate(cells):
        column = _COLUMN_BY_KEY.get(_key(cell))
        if column is not None:
            found.setdefault(column, index)
    return found


def headings_given_twice(cells: Sequence[str]) -> list[Column]:
    """Return the columns that more than one cell of a heading row names: which of them is meant nobody can know."""
    found = [_COLUMN_BY_KEY.get(_key(cell)) for cell in cells]
    return [column for column in Column if found.count(column) > 1]


def is_pay_in_toman(cells: Sequence[str]) -> bool:
    """Tell whether a heading row has the net pay in toman; read as rial, each amount would be wrong by ten."""
    return any(_key(cell) in _IN_TOMAN for cell in cells)


def says_toman(titles: Sequence[str]) -> bool:
    """Tell whether what stands above the headings says that amounts are in toman: «مبالغ به تومان»."""
    return any("تومان" in _key(cell) for cell in titles)


def says_rial(heading: str) -> bool:
    """Tell whether a heading names rial itself, whatever stands above it."""
    return "ریال" in _key(heading) or _key(heading) == squashed_key(Column.NET_PAY.value)


def _key(cell: str) -> str:
    return squashed_key(cell) if len(cell) <= _LONGEST else ""
