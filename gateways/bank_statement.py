"""Statements of the bank: MT940, or CSV of the form that docs/bank-statement.md shows, read whole and never trusted.

Amounts are whole rial. A file that is at fault anywhere is read nowhere: a statement with a gap would prove nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

import mt940

from domain.clearing import STATEMENT_LIMIT, STATEMENT_ROWS

HEADINGS: Final = ("date", "amount", "reference", "description")
_LETTERS: Final = 100
_DESCRIPTION_LETTERS: Final = 1_000
# The standard has 65; its reader's patterns are kept from longer ones.
_MT940_LINE: Final = 200
_MT940: Final = re.compile(r"^(\{1:|:20:)", re.MULTILINE)
_STATEMENT: Final = re.compile(r"^(?=:20:)", re.MULTILINE)
_OURS: Final = "IRR"
# A Jalali year, or its last two digits, would be read as one long past.
_EARLIEST: Final = date(2020, 1, 1)
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,15}")
_MOST: Final = 10**15


class StatementFault(Exception):
    """The file cannot be read as a statement; ``too_long``: it has more rows than are read."""

    def __init__(self, *, too_long: bool = False) -> None:
        super().__init__("too_long" if too_long else "unreadable")
        self.too_long = too_long


@dataclass(frozen=True, slots=True)
class StatementRow:
    """What came (over 0) or went on a day, in rial; ``fingerprint`` tells it from every other row of the account."""

    booked_on: date
    amount: int
    reference: str
    description: str = field(repr=False)
    fingerprint: str


def read_statement(content: bytes) -> list[StatementRow]:
    """All rows of a statement, in their order.

    Raises:
        StatementFault: it is too large, in another encoding, of no known form, or at fault in a row.
    """
    if not content.strip() or len(content) > STATEMENT_LIMIT or b"\x00" in content:
        raise StatementFault
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StatementFault from None
    rows, seen = list[StatementRow](), Counter[str]()
    for booked_on, amount, reference, description in _of_mt940(text) if _MT940.match(text) else _of_csv(text):
        if not amount or abs(amount) >= _MOST or booked_on < _EARLIEST:
            raise StatementFault
        if len(rows) == STATEMENT_ROWS:
            raise StatementFault(too_long=True)
        # Of one row the bank writes another description in each form, and in each export.
        said = "\n".join((booked_on.isoformat(), str(amount), reference or f"\n{description}"))
        seen[said] += 1
        fingerprint = hashlib.sha256(f"{said}\n{seen[said]}".encode()).hexdigest()
        rows.append(
            StatementRow(booked_on, amount, reference[:_LETTERS], description[:_DESCRIPTION_LETTERS], fingerprint)
        )
    if not rows:
        raise StatementFault
    return rows


_Row = tuple[date, int, str, str]


def _of_csv(text: str) -> Iterable[_Row]:
    """Rows under the four headings; days are ISO."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if tuple(cell.strip().lower() for cell in next(reader, [])) != HEADINGS:
            raise StatementFault
        for cells in reader:
            if not cells:
                continue
            day, amount, reference, description = (cell.strip() for cell in cells)
            if not _AMOUNT.fullmatch(amount):
                raise StatementFault
            yield date.fromisoformat(day), int(amount), reference, description
    except (csv.Error, ValueError):
        raise StatementFault from None


def _of_mt940(text: str) -> Iterable[_Row]:
    if any(len(line) > _MT940_LINE for line in text.splitlines()):
        raise StatementFault
    # It logs what it cannot read, and a statement's lines name people.
    logging.getLogger("mt940").setLevel(logging.CRITICAL)
    try:
        return [row for one in _STATEMENT.split(text) if ":61:" in one for row in _of_one_mt940(one)]
    except StatementFault:
        raise
    except Exception:  # noqa: BLE001 - the library fails in many ways at what is no statement
        raise StatementFault from None


def _of_one_mt940(text: str) -> list[_Row]:
    """Rows between two balances; a row that is missing, or that the reader took for something else, shows in them."""
    read = mt940.parse(text, options=mt940.Options.all())
    rows = [_row_of_mt940(one.data) for one in read]
    opening, closing = (
        _rial_of(read.data.get(f"final_{which}_balance") or read.data.get(f"intermediate_{which}_balance"))
        for which in ("opening", "closing")
    )
    if opening + sum(amount for _, amount, _, _ in rows) != closing:
        raise StatementFault
    return rows


def _rial_of(balance: object) -> Decimal:
    amount = getattr(balance, "amount", None)
    if getattr(amount, "currency", None) != _OURS or not isinstance(rial := getattr(amount, "amount", None), Decimal):
        raise StatementFault
    return rial


def _row_of_mt940(data: dict[str, object]) -> _Row:
    # The day of the booking, where it is not the one from which interest counts.
    amount, day = getattr(data.get("amount"), "amount", None), data.get("guessed_entry_date") or data.get("date")
    if not isinstance(amount, Decimal) or not isinstance(day, date) or amount != amount.to_integral_value():
        raise StatementFault
    own, banks = str(data.get("customer_reference") or ""), str(data.get("bank_reference") or "")
    # «NONREF» stands where there is none.
    reference = banks if own in {"", "NONREF"} else own
    return date(day.year, day.month, day.day), int(amount), reference, str(data.get("transaction_details") or "")
