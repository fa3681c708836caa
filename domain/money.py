"""Money: an integer of a unit's smallest part, never a float. People read and type toman; the machine keeps rial."""

from __future__ import annotations

import decimal
import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from domain.number_words import number_words
from domain.persian import UnreadableValue, persian_digits, value_text

RIAL_A_TOMAN: Final = 10
# A bigint holds 9.2 * 10^18: sums of many bounded amounts still fit.
MAX_AMOUNT: Final = 10**17
_PLAIN: Final = re.compile(r"[0-9]{1,25}")
# A separator must be the same throughout and stand before every three digits: else «۱٬۵» would be read as 15. A sign of
# fractions separates thousands where it comes more than once, for a number has one fraction: «۴۰۰/۰۰۰/۰۰۰».
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([,٬،'\u2019 ])[0-9]{3}(?:\1[0-9]{3})*|([./٫])[0-9]{3}(?:\2[0-9]{3})+)")
# «۴۰۰/۰۰۰» is refused: three zeros may be thousands.
_EMPTY_FRACTION: Final = re.compile(r"([^./٫]*[0-9])[./٫](?:0{1,2}|0{4,9})")
_NOT_DIGIT: Final = re.compile(r"[^0-9]")
_RIAL: Final = re.compile(r"\A(?:ریال|IRR) ?| ?(?:ریال|IRR)\Z")
# A spreadsheet computes with binary numbers, and keeps and shows 15 digits of them; what stands beyond is noise.
_NOISY: Final = re.compile(r"(?=.{17})[0-9]{1,15}\.[0-9]{1,25}")
_AS_SHOWN: Final = decimal.Context(prec=15)
# A rial is a tenth of a toman: one digit after «٫» or a point. Below a thousand toman it is none: «۲٫۵» is said of
# millions.
_TOMAN: Final = re.compile(r"(?P<toman>.*?)(?:[٫.](?P<rial>[0-9]))?", re.DOTALL)
_POINT_FROM: Final = 1_000


class Unit(enum.StrEnum):
    """What an amount counts; currencies in their smallest part (USD: cents), PTS in whole points."""

    IRR = "IRR"
    PTS = "PTS"
    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"
    CAD = "CAD"
    AUD = "AUD"
    CHF = "CHF"
    TRY = "TRY"
    AED = "AED"


class MoneyError(ValueError):
    """An amount that cannot be: not an integer, out of bounds, or divided in an impossible way."""

    code: ClassVar[str] = "bad_amount"


class UnitMismatch(MoneyError):
    """Amounts of two units met in one operation."""

    code: ClassVar[str] = "unit_mismatch"


class BadAmount(UnreadableValue):
    """The text is no whole, non-negative amount within bounds."""

    code: ClassVar[str] = "bad_amount"


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` smallest parts of ``unit``; immutable; |amount| <= 10^17."""

    amount: int
    unit: Unit = Unit.IRR

    def __post_init__(self) -> None:
        """Refuse floats, booleans and amounts out of bounds with MoneyError."""
        if type(self.amount) is not int:
            msg = "an amount is an integer"
            raise MoneyError(msg)
        if not isinstance(self.unit, Unit):
            msg = "a unit is a Unit"
            raise MoneyError(msg)
        if abs(self.amount) > MAX_AMOUNT:
            msg = "the amount is out of bounds"
            raise MoneyError(msg)

    @classmethod
    def zero(cls, unit: Unit = Unit.IRR) -> Self:
        """Return nothing of ``unit``."""
        return cls(0, unit)

    @classmethod
    def total(cls, amounts: Iterable[Money], unit: Unit = Unit.IRR) -> Money:
        """Return the sum of amounts.

        Raises:
            UnitMismatch: one is not of ``unit``.
        """
        result: Money = cls.zero(unit)
        for amount in amounts:
            result += amount
        return result

    def __add__(self, other: Money) -> Money:
        """Add an amount of the same unit."""
        self._same_unit(other)
        return Money(self.amount + other.amount, self.unit)

    def __sub__(self, other: Money) -> Money:
        """Take away an amount of the same unit."""
        self._same_unit(other)
        return Money(self.amount - other.amount, self.unit)

    def __neg__(self) -> Money:
        """Turn the sign."""
        return Money(-self.amount, self.unit)

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return self.amount != 0

    def __lt__(self, other: Money) -> bool:
        """Compare with an amount of the same unit."""
        self._same_unit(other)
        return self.amount < other.amount

    def __le__(self, other: Money) -> bool:
        """Compare with an amount of the same unit."""
        self._same_unit(other)
        return self.amount <= other.amount

    def __gt__(self, other: Money) -> bool:
        """Compare with an amount of the same unit."""
        self._same_unit(other)
        return self.amount > other.amount

    def __ge__(self, other: Money) -> bool:
        """Compare with an amount of the same unit."""
        self._same_unit(other)
        return self.amount >= other.amount

    def times(self, count: int) -> Money:
        """Return ``count`` times the amount."""
        return Money(self.amount * _whole(count), self.unit)

    def share(self, numerator: int, denominator: int) -> Money:
        """Return numerator/denominator of a non-negative amount, rounded down (A2: ¼ of net pay; D1: 1 %)."""
        self._not_negative()
        if _whole(numerator) < 0 or _whole(denominator) <= 0:
            msg = "a share is a fraction of non-negative whole numbers"
            raise MoneyError(msg)
        return Money(self.amount * numerator // denominator, self.unit)

    def allocate(self, parts: Sequence[int]) -> list[Money]:
        """Divide a non-negative amount in the proportion of ``parts``; nothing is lost, the last part takes the rest.

        ``parts`` are non-negative whole weights of which the last is above 0: it could not take a rest otherwise.
        """
        self._not_negative()
        if not parts or min(map(_whole, parts)) < 0 or parts[-1] == 0:
            msg = "parts are non-negative whole weights, the last above 0"
            raise MoneyError(msg)
        whole = sum(parts)
        shares = [self.amount * part // whole for part in parts[:-1]]
        return [Money(share, self.unit) for share in (*shares, self.amount - sum(shares))]

    def split_equally(self, count: int, multiple_of: int = RIAL_A_TOMAN) -> list[Money]:
        """Divide into ``count`` equal parts, each a multiple of ``multiple_of``, the remainder in the last (C3).

        The amount itself must be such a multiple (whole toman by default): MoneyError otherwise.
        """
        self._not_negative()
        if _whole(count) < 1 or _whole(multiple_of) < 1 or self.amount % multiple_of:
            msg = "an amount is split into one or more parts of whole multiples"
            raise MoneyError(msg)
        part = self.amount // multiple_of // count * multiple_of
        last = self.amount - part * (count - 1)
        return [Money(part, self.unit)] * (count - 1) + [Money(last, self.unit)]

    def _same_unit(self, other: Money) -> None:
        if self.unit is not other.unit:
            msg = f"{self.unit} and {other.unit} do not mix"
            raise UnitMismatch(msg)

    def _not_negative(self) -> None:
        if self.amount < 0:
            msg = "a negative amount is not divided"
            raise MoneyError(msg)


def _whole(number: int) -> int:
    if type(number) is not int:
        msg = "a whole number is needed"
        raise MoneyError(msg)
    return number


def parse_whole(text: str) -> int:
    """Read a whole non-negative number as people write it: any digits, thousands separated by , ٬ ، ' or a space.

    A fraction of zeros alone is passed over (400000000.00); two or more of its signs separate thousands.

    Raises:
        BadAmount: an empty text, a sign, another fraction, a misplaced separator, or more than 10^17.
    """
    plain = value_text(text)
    if not _PLAIN.fullmatch(plain):
        if fraction := _EMPTY_FRACTION.fullmatch(plain):
            plain = fraction[1]
        if not (_PLAIN.fullmatch(plain) or _GROUPED.fullmatch(plain)):
            raise BadAmount
        plain = _NOT_DIGIT.sub("", plain)
    number = int(plain)
    if number > MAX_AMOUNT:
        raise BadAmount
    return number


def parse_rial(text: str) -> int:
    """Read an amount in rial as programs write it: as ``parse_whole``, with or without its unit, and without noise.

    Noise is what a spreadsheet does not show itself: beyond 15 digits, 31500000.000000004 is 31500000.

    Raises:
        BadAmount: as ``parse_whole``; another unit.
    """
    plain = value_text(text)
    if not plain.isdigit():
        plain = _RIAL.sub("", plain)
        if _NOISY.fullmatch(plain):
            plain = f"{_AS_SHOWN.create_decimal(plain).normalize():f}"
    return parse_whole(plain)


def parse_toman(text: str) -> Money:
    """Read what a person typed in toman, with or without the word «تومان», into rial. Zero is read as zero.

    A rial that is left over is read as ``format_toman`` writes it, from a thousand toman on: ۴۱٬۲۳۴٬۵۶۷٫۸.

    Raises:
        BadAmount: a negative, otherwise fractional, empty, oversized or unreadable amount.
    """
    found = _TOMAN.fullmatch(value_text(text).removesuffix("تومان").rstrip())
    if found is None:
        raise BadAmount
    toman = parse_whole(found["toman"])
    rial = toman * RIAL_A_TOMAN + int(found["rial"] or 0)
    if rial > MAX_AMOUNT or (found["rial"] and toman < _POINT_FROM):
        raise BadAmount
    return Money(rial, Unit.IRR)


def format_toman(money: Money, *, persian: bool = True) -> str:
    """Write rial as people read them: «۱٬۲۵۰٬۰۰۰ تومان», or 1,250,000 toman; a part of a toman after the point.

    Only IRR (UnitMismatch).
    """
    if money.unit is not Unit.IRR:
        msg = "only rial are shown in toman"
        raise UnitMismatch(msg)
    toman, rial = divmod(abs(money.amount), RIAL_A_TOMAN)
    if not persian:
        return f"{'-' if money.amount < 0 else ''}{toman:,}{f'.{rial}' if rial else ''} toman"
    grouped = f"{toman:,}".replace(",", "٬") + (f"٫{rial}" if rial else "")
    sign = "\u200e\u2212" if money.amount < 0 else ""
    return f"{sign}{persian_digits(grouped)} تومان"


def format_rial(money: Money) -> str:
    """Write non-negative rial as official papers have them: «۱۲٬۵۰۰٬۰۰۰ ریال». Only IRR (UnitMismatch)."""
    if money.unit is not Unit.IRR:
        msg = "only rial are shown in rial"
        raise UnitMismatch(msg)
    return f"{persian_digits(f'{money.amount:,}'.replace(',', '٬'))} ریال"


def toman_in_words(money: Money) -> str:
    """Say non-negative rial in Persian words, as on a cheque: «چهل و یک میلیون تومان».

    Raises:
        UnitMismatch: it is not IRR.
    """
    toman, rial = divmod(money.amount, RIAL_A_TOMAN)
    if money.unit is not Unit.IRR:
        msg = "only rial are said in toman"
        raise UnitMismatch(msg)
    parts = [f"{number_words(toman)} تومان" if toman or not rial else "", f"{number_words(rial)} ریال" if rial else ""]
    return " و ".join(part for part in parts if part)
