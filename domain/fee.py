"""The platform's fees: each with its VAT as a part of its own, and an invoice of both (docs/rules.md, E3).

A fee is shown, accepted and frozen with its VAT. VAT comes on top of the fee, at the rate of the policy ``vat`` in
parts of ten thousand, rounded down to a whole rial.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from domain.money import Money
from domain.persian import clean_text, persian_digits
from domain.wording import CapabilityWords, Sentence

RATE_PARTS: Final = 10_000
_ECONOMIC_NUMBER: Final = re.compile(r"[0-9]{10,14}")
_LONGEST_NAME: Final = 200


class FeeKind(StrEnum):
    """What fees are taken for; each kind has an account of revenue."""

    WITHDRAWAL = "withdrawal"
    SAFE_PAYMENT = "safe_payment"


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee without VAT, the VAT on it, and at which rate: parts of ten thousand.

    Raises:
        ValueError: the fee is negative, or the VAT is not that of the rate.
        UnitMismatch: VAT is of another unit.
    """

    net: Money
    vat: Money
    rate: int

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        if self.vat - _vat(self.net, self.rate):
            raise ValueError("the VAT is not that of the fee and its rate")

    @property
    def total(self) -> Money:
        """What is paid for both."""
        return self.net + self.vat

    @classmethod
    def of(cls, net: Money, rate: int) -> Self:
        """A fee with its VAT. Raises MoneyError, if the fee or the rate is negative."""
        return cls(net, _vat(net, rate), rate)


def _vat(net: Money, rate: int) -> Money:
    return net.share(rate, RATE_PARTS)


NO_FEE: Final = Fee.of(Money(0), 0)


@dataclass(frozen=True, slots=True)
class Seller:
    """Who stands on invoices as the seller: name, economic number («شماره اقتصادی») and, where it is given, address."""

    name: str
    economic_number: str
    address: str = ""

    @classmethod
    def from_policy(cls, value: object) -> Self | None:
        """The seller of a version of the policy ``vat``, if it has one.

        Raises:
            ValueError, TypeError: a name or number is missing or malformed.
        """
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise TypeError("seller: name, economic_number, address")
        name, number, address = (value.get(one, "") for one in ("name", "economic_number", "address"))
        if not all(isinstance(one, str) and len(one) <= _LONGEST_NAME for one in (name, number, address)):
            raise ValueError(f"seller: texts of at most {_LONGEST_NAME} characters")
        if not clean_text(name) or not _ECONOMIC_NUMBER.fullmatch(number):
            raise ValueError("seller: a name, and an economic_number of 10 to 14 digits")
        return cls(clean_text(name), number, clean_text(address))


@dataclass(frozen=True, slots=True)
class VatPolicy:
    """The policy ``vat``: the rate in parts of ten thousand, and who stands on invoices as the seller."""

    rate: int
    seller: Seller | None

    POLICY = "vat"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; what a newer release added stays out.

        Raises:
            ValueError, TypeError: a value is missing or out of its range.
        """
        rate = value.get("rate_per_ten_thousand")
        if type(rate) is not int or not 0 <= rate <= RATE_PARTS:
            raise ValueError(f"rate_per_ten_thousand: a whole number from 0 to {RATE_PARTS}")
        return cls(rate, Seller.from_policy(value.get("seller")))

    def fee(self, net: Money) -> Fee:
        """A fee with its VAT at this rate; of no fee there is no VAT, whatever the rate."""
        return Fee.of(net, self.rate) if net else NO_FEE


def percent(rate: int, *, persian: bool = True) -> str:
    """A rate in parts of ten thousand as people read it: «۱۰٪», «۹٫۵٪», "9.5%"."""
    whole, parts = divmod(rate, RATE_PARTS // 100)
    rest = f"{'٫' if persian else '.'}{parts:02}".rstrip("0") if parts else ""
    return f"{persian_digits(f'{whole}{rest}')}٪" if persian else f"{whole}{rest}%"


WORDS: Final = CapabilityWords(
    terms={
        FeeKind: {
            FeeKind.WITHDRAWAL: Sentence("کارمزد برداشت از موجودی", "Fee of a withdrawal from the balance"),
            FeeKind.SAFE_PAYMENT: Sentence("کارمزد پرداخت امن", "Fee of a safe payment"),
        }
    },
)
