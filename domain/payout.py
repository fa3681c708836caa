"""Pay-outs: a batch of withdrawals, made by one, confirmed by another, and what a bank's answer means (E3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self

from domain.errors import Conflict, InvalidInput
from domain.identity import BadSheba, parse_sheba
from domain.money import Money
from domain.payment import whole
from domain.persian import clean_text, squashed_key, value_text
from domain.programme import is_wait

MOST_LINES: Final = 10_000
# Bytes of a bank's answer.
ANSWER_LIMIT: Final = 10 * 1024 * 1024
_MOST_RIAL: Final = 10**15
_MOST_FEE: Final = 10_000_000
_LONGEST_SILENCE: Final = 80
_NOTE: Final = range(3, 501)
_REFERENCE: Final = range(3, 41)
_GROUPED: Final = re.compile(r"[,٬\s]|[./]0+$")
# What the columns of a bank's answer are called, in our file too.
HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "key": ("line_key", "شناسه"),
    "sheba": ("sheba", "شبا"),
    "amount": ("amount", "مبلغ (ریال)", "مبلغ"),
    "result": ("result", "نتیجه"),
    "reference": ("bank_reference", "شماره پیگیری"),
    "reason": ("reason", "علت"),
}
NEEDED: Final = frozenset({"key", "sheba", "amount", "result"})


class LineResult(StrEnum):
    """What became of a line: ``returned`` is paid first and given back by the bank later."""

    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"


_RESULTS: Final = {
    squashed_key(word): result
    for result, said in {
        LineResult.PAID: ("paid", "موفق", "واریز شد", "پرداخت شد", "انجام شد"),
        LineResult.REJECTED: ("rejected", "ناموفق", "رد شد", "برگشت خورد", "برگشتی"),
    }.items()
    for word in said
}


class NoteUnreadable(InvalidInput):
    """A reason or note is missing, too short or too long."""

    code = "payout_note_unreadable"
    fa = "توضیح را بنویسید؛ از ۳ تا ۵۰۰ نویسه."
    en = "Please write why, in 3 to 500 characters."


class ReferenceUnreadable(InvalidInput):
    """The bank's reference is missing, too short or too long."""

    code = "bank_reference_unreadable"
    fa = "شماره پیگیری بانک را بنویسید؛ از ۳ تا ۴۰ نویسه."
    en = "Please write the bank's reference, in 3 to 40 characters."


class PayoutDiffers(Conflict):
    """What is confirmed is not the file as it was made."""

    code = "payout_differs"
    fa = "این دسته با آنچه دیده‌اید یکی نیست؛ صفحه را تازه کنید و دوباره بررسی کنید."
    en = "This batch is not what you saw; please reload the page and look again."


class PayoutNotReady(Conflict):
    """The batch does not stand where this can be done: it is not confirmed, or was not handed to the bank."""

    code = "payout_not_ready"
    fa = "این کار برای دسته در وضعیت کنونی ممکن نیست."
    en = "This cannot be done with the batch as it stands now."


class LineSettled(Conflict):
    """What became of the line is known already."""

    code = "payout_line_settled"
    fa = "تکلیف این ردیف پیش‌تر روشن شده است."
    en = "This line was settled before."


class LineNotPaid(Conflict):
    """A line comes back only after it was paid."""

    code = "payout_line_not_paid"
    fa = "این ردیف واریز نشده است؛ تنها واریزِ انجام‌شده برمی‌گردد."
    en = "This line is not paid; only what was paid comes back."


class SettlementWaiting(Conflict):
    """Another line of the batch waits for a second officer, or the bank's file is being read."""

    code = "payout_settlement_waiting"
    fa = "یک ردیف یا یک فایل این دسته هنوز در انتظار است؛ پس از روشن‌شدن آن دوباره تلاش کنید."
    en = "A line or a file of this batch still waits; please try again once that is done."


class LinePurpose(StrEnum):
    """Out of what a line is paid."""

    BALANCE = "balance"
    PAYMENT_RETURN = "payment_return"


class LineRefusal(StrEnum):
    """Why nothing follows from a row of a bank's answer."""

    BAD_ROW = "bad_row"
    UNKNOWN_LINE = "unknown_line"
    DOUBLED_LINE = "doubled_line"
    OTHER_AMOUNT = "other_amount"
    OTHER_SHEBA = "other_sheba"
    REFERENCE_MISSING = "reference_missing"
    SETTLED_OTHERWISE = "settled_otherwise"
    ACCOUNT_FROZEN = "account_frozen"


class AnswerError(StrEnum):
    """Why a bank's file could not be read as a whole."""

    NO_TABLE = "answer_no_table"
    COLUMNS_MISSING = "answer_columns_missing"
    TOO_LARGE = "answer_too_large"
    LOST = "answer_lost"
    GAVE_UP = "answer_gave_up"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A row of a bank's answer as it stands there; ``doubled`` says that its line is named more than once."""

    number: int
    key: str
    sheba: str = field(repr=False)
    amount: str
    result: str
    reference: str
    reason: str
    doubled: bool


@dataclass(frozen=True, slots=True)
class SentLine:
    """A line as it was sent to the bank, and what is known of it: ``state`` is ``cut`` until it is settled."""

    amount: int
    sheba: str = field(repr=False)
    state: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class LineSettlement:
    """What became of a line, with the bank's reference; if it was not paid, or came back, with the reason."""

    result: LineResult
    reference: str | None
    reason: str

    @property
    def is_paid(self) -> bool:
        """Whether the bank paid it."""
        return self.result is LineResult.PAID


def judge(row: AnswerRow, line: SentLine | None) -> LineSettlement | LineRefusal | None:
    """What follows from a row of a bank's answer; None where it repeats what is known."""
    said = _read(row)
    if isinstance(said, LineRefusal):
        return said
    if line is None:
        return LineRefusal.UNKNOWN_LINE
    if row.doubled or _rial(row.amount) != line.amount or _sheba(row.sheba) != line.sheba:
        return _why_not(row, line)
    if line.state == "cut":
        return said
    same = line.state in _SAME[said.result] and (not said.is_paid or said.reference == line.reference)
    return None if same else LineRefusal.SETTLED_OTHERWISE


# As what a settled line may be known that a bank calls so: one that came back was paid, and is not paid.
_SAME: Final[Mapping[LineResult, frozenset[str]]] = {
    LineResult.PAID: frozenset({LineResult.PAID, LineResult.RETURNED}),
    LineResult.REJECTED: frozenset({LineResult.REJECTED, LineResult.RETURNED}),
}


def _why_not(row: AnswerRow, line: SentLine) -> LineRefusal:
    if row.doubled:
        return LineRefusal.DOUBLED_LINE
    return LineRefusal.OTHER_SHEBA if _rial(row.amount) == line.amount else LineRefusal.OTHER_AMOUNT


def _read(row: AnswerRow) -> LineSettlement | LineRefusal:
    result, reference = _RESULTS.get(squashed_key(row.result)), _reference(row.reference)
    if result is None or _rial(row.amount) is None or _sheba(row.sheba) is None:
        return LineRefusal.BAD_ROW
    if result is LineResult.PAID and len(reference) not in _REFERENCE:
        return LineRefusal.REFERENCE_MISSING
    return LineSettlement(result, reference or None, clean_text(row.reason)[: _NOTE.stop - 1])


def _reference(text: str) -> str:
    return value_text(clean_text(text))


def _rial(text: str) -> int | None:
    digits = _GROUPED.sub("", value_text(text))
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < len(str(_MOST_RIAL)) else None


def _sheba(text: str) -> str | None:
    try:
        return parse_sheba(text)
    except BadSheba:
        return None


def parse_note(text: str, *, field: str) -> str:
    """Read a reason or note. Raises NoteUnreadable."""
    note = clean_text(text)
    if len(note) not in _NOTE:
        raise NoteUnreadable(field=field)
    return note


def parse_reference(text: str, *, field: str) -> str:
    """Read a bank's reference. Raises ReferenceUnreadable."""
    reference = _reference(text)
    if len(reference) not in _REFERENCE:
        raise ReferenceUnreadable(field=field)
    return reference


@dataclass(frozen=True, slots=True)
class PayoutPolicy:
    """The policy ``payout``: amounts in rial, waits by the clock, and the bank's in working hours."""

    least: Money
    fee: Money
    most_lines: int
    paya_most: Money
    office_remind: timedelta
    office_expire: timedelta
    bank_silent_hours: int

    POLICY = "payout"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; what a newer release added stays out.

        Raises:
            ValueError: a value is missing or out of its range.
        """
        hours = [value.get(f"{name}_hours") for name in ("office_remind", "office_expire", "bank_silent_working")]
        remind, expire, silent = (hour if is_wait(hour) else 0 for hour in hours)
        if not (remind and expire and silent) or remind >= expire or silent > _LONGEST_SILENCE:
            raise ValueError("needs whole hours, a reminder before its expiry, and at most 80 of a silent bank")
        least, paya = (whole(value, name, _MOST_RIAL) for name in ("least_rial", "paya_most_rial"))
        lines, fee = whole(value, "most_lines", MOST_LINES), whole(value, "fee_rial", _MOST_FEE, least=0)
        waits = timedelta(hours=remind), timedelta(hours=expire)
        return cls(Money(least), Money(fee), lines, Money(paya), *waits, silent)
