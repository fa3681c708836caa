"""Makes personnel files as HR offices send them: for the demo, the tests and the benches.

People, ids, numbers and shebas are invented (with right check digits) and new at each run unless a seed is given. The
usual mess of A13 is stirred in, and the bad rows asked for; the key says which row must be refused with which code.
"""

from __future__ import annotations

import csv
import enum
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from persiantools.jdatetime import JalaliDate

from domain.dates import format_jalali, jalali_day
from domain.persian import ZWNJ, persian_digits

REGIONS: Final[Mapping[str, str]] = {
    "1101": "منطقه ۱ تهران",
    "1104": "منطقه ۴ تهران",
    "2201": "ناحیه ۱ اصفهان",
    "2203": "ناحیه ۳ اصفهان",
    "3302": "ناحیه ۲ شیراز",
    "4405": "شهرستان سقز",
}
HEADING: Final = (
    "ردیف", "کد ملی", "نام", "نام خانوادگی", "تلفن همراه", "کد منطقه", "منطقه محل خدمت", "تاریخ استخدام",
    "خالص دریافتی (ریال)", "شماره شبا", "وضعیت",
)  # fmt: skip
CODES: Final = (
    "bad_national_id", "bad_mobile", "unknown_region", "bad_date", "bad_amount", "bad_sheba", "duplicate",
    "not_employed",
)  # fmt: skip
UNKNOWN_REGION: Final = "9999"

_FIRST_NAMES: Final = (
    "سارا", "مجید", "حمید", "رضا", "مریم", "مهناز", "نرگس", "زهرا", "نازنین", "کیوان", "علی", "لیلا", "فرهاد",
    "یگانه", "امیر", "پریسا", "کبری", "یاسر", "الهام", "بهرام", "فاطمه", "سعید", "کامران", "مهدی", "سمیه", "حسین",
)  # fmt: skip
_LAST_NAMES: Final = (
    "حسینی", "یزدانی", "یوسفی", "رضایی", "شریفی", "مرادی", "موسوی", "کیانی", "کریمی", "رستمی", "عبدالهی", "قاسمی",
    "جعفری", "محمدی", "احمدی", "کاظمی", "نوری", "صادقی", "شکوهی", "میرزایی", f"تقی{ZWNJ}زاده", f"بهرامی{ZWNJ}فر",
    f"حاجی{ZWNJ}پور",
)  # fmt: skip
_MOBILE_PREFIXES: Final = ("0901", "0902", "0910", "0912", "0919", "0935", "0936", "0990", "0991")
_BANKS: Final = ("012", "013", "015", "016", "017", "018", "019", "054", "055", "056", "057", "062", "070")
_HIRE_YEARS: Final = (1376, 1403)
_NET_PAY_THOUSANDS: Final = (110_000, 600_000)
_BAD_AMOUNTS: Final = ("", "-", "0", "-25000000", "نامشخص", "12500000.5")
_BAD_DATES: Final = ("1400/12/30", "1399/13/02", "1388/07/31", "1499/01/01", "نامشخص", "")
_LEFT: Final = ("بازنشسته", "قطع همکاری", "مستعفی")
_EMPLOYED: Final = "شاغل"
_IR_AS_NUMBER: Final = "182700"
_MESS: Final = 0.08
_ARABIC_LETTERS: Final = str.maketrans({"ی": "ي", "ک": "ك"})
_ARABIC_DIGITS: Final = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
# Windows-1256 has ک but no Persian ی and no digits but 0-9.
_CP1256: Final = str.maketrans("ی۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "ي" + "0123456789" * 2)

Cells = list[str]


class FileFormat(enum.StrEnum):
    """The forms in which HR sends files."""

    CSV_UTF8 = "csv-utf8"
    CSV_1256 = "csv-1256"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Employee:
    """An invented employee with the true values, whatever the file says of them; written as the platform keeps them."""

    national_id: str
    first_name: str
    last_name: str
    mobile: str
    region_code: str
    hire_date: JalaliDate
    net_pay_rial: int
    sheba: str
    employment: str = _EMPLOYED


@dataclass(frozen=True, slots=True)
class Key:
    """What is in a generated file: `people` by row (1 is the first), and the rows to refuse with their codes."""

    people: Mapping[int, Employee] = field(repr=False)
    refused: Mapping[int, str]

    @property
    def good(self) -> list[Employee]:
        """The people of the rows that are to be accepted, in file order."""
        return [person for row, person in self.people.items() if row not in self.refused]

    def refused_with(self, code: str) -> list[Employee]:
        """The people of the rows that are to be refused with `code`, as they would be in a corrected file."""
        return [self.people[row] for row, found in self.refused.items() if found == code]


def generate(
    path: Path,
    rows: int,
    bad_rows: Mapping[str, int] | None = None,
    file_format: FileFormat = FileFormat.CSV_UTF8,
    seed: int | None = None,
    regions: Mapping[str, str] = REGIONS,
) -> Key:
    """Write a file of `rows` rows, of which `bad_rows` (code -> how many) are to be refused; return its key.

    Raises ValueError for an unknown code, or more bad rows than rows (a duplicate needs a row before it).
    """
    chance = random.Random(seed)  # noqa: S311 - invented people, not secrets
    wanted = [code for code, count in (bad_rows or {}).items() for _ in range(count)]
    if not set(wanted) <= set(CODES) or len(wanted) + ("duplicate" in wanted) > rows:
        msg = "bad rows are of the known codes and fewer than the rows"
        raise ValueError(msg)
    first = 2 if "duplicate" in wanted else 1
    places = sorted(chance.sample(range(first, rows + 1), len(wanted)))
    chance.shuffle(wanted)
    refused = dict(zip(places, wanted, strict=True))
    people = dict(enumerate(_people(chance, rows, regions), 1))
    lines = [_cells(person, regions) for person in people.values()]
    for row, code in refused.items():
        if code == "duplicate":
            # Row 1 is always good here; a row whose id is misprinted in the file is no first occurrence.
            earlier = [before for before in range(1, row) if refused.get(before) != "bad_national_id"]
            people[row] = replace(people[row], national_id=people[chance.choice(earlier)].national_id)
            lines[row - 1] = _cells(people[row], regions)
        else:
            _FAULTS[code](lines[row - 1], chance)
    _write(path, [_messy(cells, chance) for cells in lines], file_format)
    return Key(people, refused)


def write_people(
    path: Path,
    people: Iterable[Employee],
    file_format: FileFormat = FileFormat.CSV_UTF8,
    regions: Mapping[str, str] = REGIONS,
) -> None:
    """Write a clean file of these people, such as the corrected one after a refusal."""
    _write(path, [_cells(person, regions) for person in people], file_format)


def _people(chance: random.Random, count: int, regions: Mapping[str, str]) -> Iterable[Employee]:
    codes, ids, mobiles = tuple(regions), set[str](), set[str]()
    for _ in range(count):
        person_id = _fresh(lambda: _national_id(chance), ids)
        mobile = _fresh(lambda: f"+98{chance.choice(_MOBILE_PREFIXES)[1:]}{chance.randrange(10**7):07}", mobiles)
        month = chance.randint(1, 12)
        hired = jalali_day(chance.randint(*_HIRE_YEARS), month, chance.randint(1, 29))
        yield Employee(
            person_id,
            chance.choice(_FIRST_NAMES),
            chance.choice(_LAST_NAMES),
            mobile,
            chance.choice(codes),
            hired,
            chance.randint(*_NET_PAY_THOUSANDS) * 1000,
            _sheba(chance),
        )


def _fresh(make: Callable[[], str], used: set[str]) -> str:
    while (value := make()) in used:
        pass
    used.add(value)
    return value


def _national_id(chance: random.Random) -> str:
    """Return an id; some begin with a zero, as some real ones do."""
    return national_id(f"{chance.randrange(1_000_000, 999_999_999):09}")


def national_id(stem: str) -> str:
    """Nine digits with the check digit that makes them a national id."""
    rest = sum(int(digit) * weight for digit, weight in zip(stem, range(10, 1, -1), strict=True)) % 11
    check = rest if rest < 2 else 11 - rest
    return f"{stem}{check}"


def _sheba(chance: random.Random) -> str:
    account = f"{chance.choice(_BANKS)}{chance.randrange(10**19):019}"
    check = 98 - int(account + _IR_AS_NUMBER) % 97
    return f"IR{check:02}{account}"


def _cells(person: Employee, regions: Mapping[str, str]) -> Cells:
    """Return a person's cells, clean, without the row number."""
    return [
        person.national_id,
        person.first_name,
        person.last_name,
        f"0{person.mobile[3:]}",
        person.region_code,
        regions[person.region_code],
        format_jalali(person.hire_date),
        str(person.net_pay_rial),
        person.sheba,
        person.employment,
    ]


_ID, _FIRST, _LAST, _MOBILE, _REGION, _REGION_NAME, _HIRED, _PAY, _SHEBA, _STATUS = range(10)


def _wrong_check_digit(digits: str, place: int) -> str:
    return f"{digits[:place]}{(int(digits[place]) + 1) % 10}{digits[place + 1 :]}"


def _bad_national_id(cells: Cells, _: random.Random) -> None:
    cells[_ID] = _wrong_check_digit(cells[_ID], len(cells[_ID]) - 1)


def _bad_mobile(cells: Cells, chance: random.Random) -> None:
    cells[_MOBILE] = chance.choice((cells[_MOBILE][:9], "02188776655", ""))


def _unknown_region(cells: Cells, _: random.Random) -> None:
    cells[_REGION] = UNKNOWN_REGION


def _bad_date(cells: Cells, chance: random.Random) -> None:
    cells[_HIRED] = chance.choice(_BAD_DATES)


def _bad_amount(cells: Cells, chance: random.Random) -> None:
    cells[_PAY] = chance.choice(_BAD_AMOUNTS)


def _bad_sheba(cells: Cells, _: random.Random) -> None:
    cells[_SHEBA] = _wrong_check_digit(cells[_SHEBA], len(cells[_SHEBA]) - 1)


def _not_employed(cells: Cells, chance: random.Random) -> None:
    cells[_STATUS] = chance.choice(_LEFT)


_FAULTS: Final[Mapping[str, Callable[[Cells, random.Random], None]]] = {
    "bad_national_id": _bad_national_id,
    "bad_mobile": _bad_mobile,
    "unknown_region": _unknown_region,
    "bad_date": _bad_date,
    "bad_amount": _bad_amount,
    "bad_sheba": _bad_sheba,
    "not_employed": _not_employed,
}


def _messy(cells: Cells, chance: random.Random) -> Cells:
    """Return the cells as an office might have typed them; what they mean does not change."""
    for change in _MESSES:
        if chance.random() < _MESS:
            change(cells)
    return cells


def _arabic_letters(cells: Cells) -> None:
    for place in (_FIRST, _LAST, _STATUS):
        cells[place] = cells[place].translate(_ARABIC_LETTERS)


def _persian_numbers(cells: Cells) -> None:
    for place in (_ID, _MOBILE):
        cells[place] = persian_digits(cells[place])


def _arabic_date(cells: Cells) -> None:
    cells[_HIRED] = cells[_HIRED].translate(_ARABIC_DIGITS)


def _short_date(cells: Cells) -> None:
    cells[_HIRED] = "/".join(part.removeprefix("0") for part in cells[_HIRED].split("/"))


def _thousands(cells: Cells) -> None:
    if cells[_PAY].isdigit() and cells[_PAY].isascii():
        cells[_PAY] = f"{int(cells[_PAY]):,}"


def _lost_zeros(cells: Cells) -> None:
    if cells[_ID][:1] == "0":
        cells[_ID] = cells[_ID].removeprefix("0").removeprefix("0")


def _lost_mobile_zero(cells: Cells) -> None:
    cells[_MOBILE] = cells[_MOBILE].removeprefix("0")


def _abroad_mobile(cells: Cells) -> None:
    if cells[_MOBILE].startswith("09"):
        cells[_MOBILE] = f"+98{cells[_MOBILE][1:]}"


def _stray_spaces(cells: Cells) -> None:
    cells[_FIRST] = f"  {cells[_FIRST]}{ZWNJ} "


def _spaced_sheba(cells: Cells) -> None:
    sheba = cells[_SHEBA]
    cells[_SHEBA] = " ".join(sheba[start : start + 4] for start in range(0, len(sheba), 4))


def _small_sheba(cells: Cells) -> None:
    cells[_SHEBA] = cells[_SHEBA].lower()


_MESSES: Final = (
    _short_date, _arabic_date, _thousands, _lost_zeros, _abroad_mobile, _lost_mobile_zero, _persian_numbers,
    _arabic_letters, _stray_spaces, _spaced_sheba, _small_sheba,
)  # fmt: skip


def _write(path: Path, lines: Sequence[Cells], file_format: FileFormat) -> None:
    table = ([str(row), *cells] for row, cells in enumerate(lines, 1))
    if file_format is FileFormat.XLSX:
        _write_xlsx(path, table)
        return
    encoding = "utf-8-sig" if file_format is FileFormat.CSV_UTF8 else "cp1256"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        for record in (list(HEADING), *table):
            if file_format is FileFormat.CSV_1256:
                writer.writerow([cell.translate(_CP1256) for cell in record])
            else:
                writer.writerow(record)


def _write_xlsx(path: Path, table: Iterable[Cells]) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as workbook:
        sheet = workbook.add_worksheet("کارکنان")
        sheet.right_to_left()
        sheet.write_row(0, 0, HEADING)
        for number, record in enumerate(table, 1):
            for column, cell in enumerate(record):
                # What an office typed without an apostrophe becomes a number, and its first zeros are lost.
                is_number = cell.isascii() and cell.isdigit() and (cell[0] != "0" or cell == "0")
                if is_number:
                    sheet.write_number(number, column, int(cell))
                else:
                    sheet.write_string(number, column, cell)
