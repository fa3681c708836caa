"""The bank of the stand-alone stack: a gateway with books of its own, as strange to our database as a real one's.

Each payment is a JSON file in a private directory. Whoever changes one holds the directory's lock, which ends with the
process that holds it, and puts a new file in place of the old one: a reader sees one of the two, whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from domain.dates import TEHRAN
from gateways.payment import (
    GatewayRefused,
    GatewayUnclear,
    LinkRequest,
    ListedRow,
    Movement,
    NotPaid,
    Outcome,
    Paid,
    PaymentLink,
    StillOpen,
    same_card,
)

# For how long a link is payable, and for how long what was paid waits until we take it.
PAYABLE: Final = timedelta(minutes=15)
_WAITS: Final = timedelta(minutes=15)
_REVERSIBLE: Final = timedelta(minutes=30)
_LEAST_REFUND: Final = 20_000
# One per cent, and no more than this many rial.
_FEE_PARTS, _MOST_FEE = 100, 60_000
# How often a slow payment is asked about before the bank knows.
ASKED_BEFORE_CLEAR: Final = 3
# Invented: of a payer whose cards were not told.
USUAL_CARD: Final = "6037990000000105"
_AUTHORITY: Final = re.compile(r"[0-9a-f]{36}")
_PRIVATE_DIRECTORY: Final = 0o700
_SUFFIX: Final = ".json"


class UnknownAuthority(GatewayRefused):
    """The bank knows no such payment."""

    def __init__(self) -> None:
        super().__init__("unknown_authority")


class BankDeed(StrEnum):
    """What the bank did with a payment; what is ours of it is settled less reversed and refunded.

    ``paid``: its payer paid; ``settled``: we took it; ``returned``: the bank gave it back by itself, or before it was
    taken; ``reversed``: given back whole; ``refunded``: given back all or in part. The rest ended it unpaid.
    """

    PAID = "paid"
    SETTLED = "settled"
    RETURNED = "returned"
    REVERSED = "reversed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


_UNPAID: Final = (BankDeed.CANCELLED, BankDeed.FAILED, BankDeed.EXPIRED)
_GIVEN_BACK: Final = (BankDeed.RETURNED, BankDeed.REVERSED)
# What counts for us: nothing of a payment that was given back before we took it.
_LISTED: Final = {
    BankDeed.SETTLED: Movement.TAKEN,
    BankDeed.REVERSED: Movement.GIVEN_BACK,
    BankDeed.REFUNDED: Movement.GIVEN_BACK,
}


class BankLine(BaseModel, frozen=True):
    """A line of the books; amount and fee are rial. The fee is kept when settled and given up when reversed."""

    what: BankDeed
    at: datetime
    reference: str
    amount: int
    fee: int = 0
    key: str = ""


class LocalPayment(BaseModel):
    """A payment as the bank knows it: what was asked for, and a line for whatever came of it."""

    authority: str
    amount: int
    callback: str
    order: str
    description: str
    cards: tuple[str, ...] = Field(repr=False)
    until: datetime
    card: str = ""
    unclear: int = 0
    lines: tuple[BankLine, ...] = ()

    def line(self, *what: BankDeed) -> BankLine | None:
        """The first line of one of these deeds."""
        return next((line for line in self.lines if line.what in what), None)

    @property
    def paid(self) -> BankLine | None:
        """The line of its payment, also if that was given back since."""
        return self.line(BankDeed.PAID)

    @property
    def ended(self) -> BankLine | None:
        """The line that ended it unpaid."""
        return self.line(*_UNPAID)

    @property
    def is_open(self) -> bool:
        """Whether it can be paid."""
        return not self.lines

    @property
    def way_back(self) -> str:
        """Where its payer's browser is sent."""
        said = urlencode({"Authority": self.authority, "Status": "OK" if self.paid else "NOK"})
        return f"{self.callback}{'&' if '?' in self.callback else '?'}{said}"

    @property
    def stranger(self) -> str:
        """A card that is none of the payer's."""
        # One more than the payer has, and no two of them look the same masked.
        strange = (f"502229000000{number:04}" for number in range(len(self.cards) + 1))
        return next(card for card in strange if not any(same_card(mask(card), own) for own in self.cards))

    def write(self, what: BankDeed, at: datetime, amount: int = 0, *, fee: int = 0, key: str = "") -> BankLine:
        """Add a line, with a new reference."""
        line = BankLine(what=what, at=at, reference=_number(), amount=amount, fee=fee, key=key)
        self.lines = (*self.lines, line)
        return line

    def lapse(self, now: datetime) -> None:
        """Write what the passing of time has brought."""
        paid = self.paid
        if self.is_open and now >= self.until:
            self.write(BankDeed.EXPIRED, self.until)
        elif paid and not self.line(BankDeed.SETTLED, *_GIVEN_BACK) and now >= paid.at + _WAITS:
            self.write(BankDeed.RETURNED, paid.at + _WAITS, paid.amount)


def mask(card: str) -> str:
    """A card's number as gateways tell it."""
    return f"{card[:6]}******{card[-4:]}"


def _number() -> str:
    return f"{secrets.randbelow(10**15):015}"


def _now() -> datetime:
    return datetime.now(UTC)


class LocalBank:
    """A gateway and its page, which calls ``find``, ``pay`` and ``end``.

    Args:
        directory: of its books; made when it is needed. Processes share it.
        site: address of the site that shows its page.
        clock: tells the time.
    """

    @property
    def name(self) -> str:
        """The permanent code."""
        return "local"

    def __init__(self, directory: Path, site: str, clock: Callable[[], datetime] = _now) -> None:
        self._directory, self._site, self._clock = directory, site.rstrip("/"), clock

    @property
    def reverses_within(self) -> timedelta | None:
        """For half an hour."""
        return _REVERSIBLE

    @property
    def refunds_from(self) -> int | None:
        """In rial."""
        return _LEAST_REFUND

    async def request_link(self, request: LinkRequest) -> PaymentLink:
        """Open an attempt, payable for 15 minutes."""
        authority = secrets.token_hex(18)
        payment = LocalPayment(
            authority=authority,
            amount=request.amount,
            callback=request.callback,
            order=request.order,
            description=request.description,
            cards=tuple(request.cards),
            until=self._clock() + PAYABLE,
        )
        await asyncio.to_thread(self._open, payment)
        return PaymentLink(authority, f"{self._site}/bank/{authority}")

    async def settle(self, authority: str, amount: int, order: str = "") -> Outcome:  # noqa: ARG002 - one an authority
        """Take the money if it was paid with exactly this amount; paid with another and not yet taken, it goes back.

        Raises:
            GatewayUnclear: its payer chose that the bank does not know at first.
        """
        try:
            outcome = await asyncio.to_thread(self._settle, authority, amount)
        except UnknownAuthority:
            return NotPaid("unknown_authority")
        if outcome is None:
            raise GatewayUnclear("timed_out")
        return outcome

    async def reverse(self, authority: str) -> str:
        """Give the whole payment back, within 30 minutes of it."""
        return await asyncio.to_thread(self._reverse, authority)

    async def refund(self, authority: str, amount: int, key: str, reference: str = "") -> str:  # noqa: ARG002 - as settle
        """Give part or all of a payment back that we took."""
        return await asyncio.to_thread(self._refund, authority, amount, key)

    async def refunded(self, authority: str, key: str, reference: str = "") -> bool | None:  # noqa: ARG002 - as settle
        """Whether the refund of a key has come about."""
        try:
            payment = await asyncio.to_thread(self.find, authority)
        except UnknownAuthority:
            return False
        return any(line.what is BankDeed.REFUNDED and line.key == key for line in payment.lines)

    async def list_day(self, day: date) -> list[ListedRow]:
        """What we took on a day in Tehran and what went back of that, in the order of time."""
        return await asyncio.to_thread(self._list_day, day)

    def find(self, authority: str) -> LocalPayment:
        """A payment as it stands now.

        Raises:
            UnknownAuthority: there is none.
        """
        with self._changing(authority) as payment:
            return payment

    def pay(self, authority: str, card: str, *, unclear: int = 0) -> LocalPayment:
        """Pay what is open, with a card; the bank does not know of it at first as often as ``unclear`` says.

        Raises:
            UnknownAuthority: there is none.
        """
        with self._changing(authority) as payment:
            if payment.is_open:
                payment.card, payment.unclear = mask(card), unclear
                payment.write(BankDeed.PAID, self._clock(), payment.amount)
        return payment

    def end(self, authority: str, *, failed: bool) -> LocalPayment:
        """End what is open, because it failed or its payer left: nobody can pay it any more.

        Raises:
            UnknownAuthority: there is none.
        """
        with self._changing(authority) as payment:
            if payment.is_open:
                payment.write(BankDeed.FAILED if failed else BankDeed.CANCELLED, self._clock())
        return payment

    def _open(self, payment: LocalPayment) -> None:
        with self._locked():
            self._write(payment)

    def _settle(self, authority: str, amount: int) -> Outcome | None:
        """The outcome; None while the bank does not know."""
        with self._changing(authority) as payment:
            if payment.paid is None:
                return NotPaid(payment.ended.what.value) if payment.ended else StillOpen()
            given_back, taken = payment.line(*_GIVEN_BACK), payment.line(BankDeed.SETTLED)
            if amount != payment.amount and not taken:
                if not given_back:
                    payment.write(BankDeed.RETURNED, self._clock(), payment.amount)
                return NotPaid("amount_differs")
            if given_back:
                return NotPaid("reversed")
            if payment.unclear:
                payment.unclear -= 1
                return None
            fee = min(payment.amount // _FEE_PARTS, _MOST_FEE)
            if not taken:
                payment.write(BankDeed.SETTLED, self._clock(), payment.amount, fee=fee)
            return Paid(payment.paid.reference, payment.amount, payment.card, fee)

    def _reverse(self, authority: str) -> str:
        with self._changing(authority) as payment:
            if payment.paid is None:
                raise GatewayRefused("not_paid")
            if before := payment.line(*_GIVEN_BACK):
                return before.reference
            if payment.line(BankDeed.REFUNDED):
                raise GatewayRefused("refunded")
            now, taken = self._clock(), payment.line(BankDeed.SETTLED)
            if now > payment.paid.at + _REVERSIBLE:
                raise GatewayRefused("too_late")
            what = BankDeed.REVERSED if taken else BankDeed.RETURNED
            return payment.write(what, now, payment.amount, fee=taken.fee if taken else 0).reference

    def _refund(self, authority: str, amount: int, key: str) -> str:
        with self._changing(authority) as payment:
            before = [line for line in payment.lines if line.what is BankDeed.REFUNDED]
            if same := next((line for line in before if line.key == key), None):
                if same.amount != amount:
                    raise GatewayRefused("key_reused")
                return same.reference
            if payment.line(*_GIVEN_BACK) or not payment.line(BankDeed.SETTLED):
                raise GatewayRefused("not_paid")
            if amount < _LEAST_REFUND:
                raise GatewayRefused("too_little")
            if sum(line.amount for line in before) + amount > payment.amount:
                raise GatewayRefused("more_than_paid")
            return payment.write(BankDeed.REFUNDED, self._clock(), amount, key=key).reference

    def _list_day(self, day: date) -> list[ListedRow]:
        rows = []
        for file in self._directory.glob(f"*{_SUFFIX}"):
            payment = self.find(file.stem)
            rows += [
                ListedRow(payment.order, line.reference, line.amount, line.fee, _LISTED[line.what], line.at)
                for line in payment.lines
                if line.what in _LISTED and line.at.astimezone(TEHRAN).date() == day
            ]
        return sorted(rows, key=lambda row: (row.at, row.reference))

    @contextlib.contextmanager
    def _changing(self, authority: str) -> Iterator[LocalPayment]:
        """A payment as it stands now, which nobody else changes meanwhile; kept afterwards unless something failed."""
        file = self._directory / f"{authority}{_SUFFIX}"
        if not _AUTHORITY.fullmatch(authority) or not file.exists():
            raise UnknownAuthority
        with self._locked():
            text = file.read_text("utf-8")
            payment = LocalPayment.model_validate_json(text)
            payment.lapse(self._clock())
            yield payment
            if payment.model_dump_json() != text:
                self._write(payment)

    def _write(self, payment: LocalPayment) -> None:
        draft = self._directory / f".{payment.authority}.draft"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(payment.model_dump_json())
        draft.rename(self._directory / f"{payment.authority}{_SUFFIX}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        handle = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
