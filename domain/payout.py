"""Pay-outs: a batch of withdrawals, made by one, confirmed by another, and what a bank's answer means (E3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self

from domain.access import Role
from domain.attachment import AttachmentRules
from domain.errors import Conflict, InvalidInput
from domain.identity import BadSheba, parse_sheba
from domain.money import Money
from domain.payment import whole
from domain.persian import clean_text, squashed_key, value_text
from domain.programme import Programme, is_wait
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.attachment import Purpose
from messages.case import CaseKind
from messages.payout import Event, FactKind, Phase, Sms, TaskKind

# Of what was paid by hand, or what the bank said otherwise than by its file.
ATTACHMENTS: Final = AttachmentRules(
    CaseKind.PAYOUT, (Purpose.TRANSFER_EVIDENCE,), staff=frozenset({Role.SETTLEMENT_OFFICER})
)
MOST_LINES: Final = 10_000
# Bytes of a bank's answer.
ANSWER_LIMIT: Final = 10 * 1024 * 1024
_MOST_RIAL: Final = 10**15
_MOST_FEE: Final = 10_000_000
_LONGEST_SILENCE: Final = 80
_NOTE: Final = range(3, 501)
_REFERENCE: Final = range(3, 41)
_GROUPED: Final = re.compile(r"[,٬\s]|[./]0+$")
PAID, REJECTED = "paid", "rejected"
_RESULTS: Final = {
    squashed_key(word): result
    for result, said in {
        PAID: ("paid", "موفق", "واریز شد", "پرداخت شد", "انجام شد"),
        REJECTED: ("rejected", "ناموفق", "رد شد", "برگشت خورد", "برگشتی"),
    }.items()
    for word in said
}
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
    """What became of a line: paid with the bank's reference, or rejected with its reason."""

    is_paid: bool
    reference: str | None
    reason: str


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
    same = line.state == (PAID if said.is_paid else REJECTED) and (not said.is_paid or said.reference == line.reference)
    return None if same else LineRefusal.SETTLED_OTHERWISE


def _why_not(row: AnswerRow, line: SentLine) -> LineRefusal:
    if row.doubled:
        return LineRefusal.DOUBLED_LINE
    return LineRefusal.OTHER_SHEBA if _rial(row.amount) == line.amount else LineRefusal.OTHER_AMOUNT


def _read(row: AnswerRow) -> LineSettlement | LineRefusal:
    result, reference = _RESULTS.get(squashed_key(row.result)), _reference(row.reference)
    if result is None or _rial(row.amount) is None or _sheba(row.sheba) is None:
        return LineRefusal.BAD_ROW
    if result == PAID and len(reference) not in _REFERENCE:
        return LineRefusal.REFERENCE_MISSING
    return LineSettlement(result == PAID, reference or None, clean_text(row.reason)[: _NOTE.stop - 1])


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


_AHEAD: Final = (
    Sentence("ردیف‌ها جدا و فایل بانک ساخته می‌شود.", "The lines are cut, and the bank's file is made."),
    Sentence("کارشناس دیگری دسته را تأیید می‌کند.", "Another officer confirms the batch."),
    Sentence("فایل به بانک سپرده می‌شود.", "The file is handed to the bank."),
    Sentence("پاسخ بانک برای هر ردیف ثبت می‌شود.", "The bank's answer to each line is recorded."),
)
# How many of these have begun, by the phase.
_BEGUN: Final[Mapping[str, int]] = {
    Phase.CUTTING: 0,
    Phase.AWAITING_CONFIRMATION: 1,
    Phase.CONFIRMED: 2,
    Phase.SENT: 3,
}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [*_AHEAD[_BEGUN[phase] :]] if phase in _BEGUN else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.PAYOUT: Sentence("دستهٔ واریز به اعضا", "Pay-out batch")},
    phases={
        CaseKind.PAYOUT: {
            Phase.CUTTING: Sentence("در حال جداکردن ردیف‌ها", "Cutting the lines"),
            Phase.AWAITING_CONFIRMATION: Sentence("در انتظار تأیید", "Awaiting confirmation"),
            Phase.CONFIRMED: Sentence("آمادهٔ سپردن به بانک", "To be handed to the bank"),
            Phase.SENT: Sentence("در انتظار پاسخ بانک", "Awaiting the bank's answer"),
            Phase.SETTLED: Sentence("پایان‌یافته", "Settled"),
            Phase.REJECTED: Sentence("تأیید نشد", "Rejected"),
            Phase.EMPTY: Sentence("بدون ردیف", "Empty"),
        },
    },
    tasks={
        TaskKind.CONFIRM_PAYOUT: TaskWords(
            Sentence("تأیید دستهٔ واریز", "Confirm a pay-out batch"),
            sms="امانت: یک دستهٔ واریز منتظر تأیید کارشناس دوم است. {app_link}",
            reminder="امانت: یادآوری؛ یک دستهٔ واریز هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_CONFIRMED: Sentence("دستهٔ واریز را تأیید کرد", "confirmed this batch"),
                FactKind.PAYOUT_REJECTED: Sentence("دستهٔ واریز را رد کرد", "rejected this batch"),
            },
        ),
        TaskKind.HAND_OVER_PAYOUT: TaskWords(
            Sentence("سپردن دستهٔ واریز به بانک", "Hand a pay-out batch to the bank"),
            sms="امانت: یک دستهٔ واریز تأیید شد و باید به بانک سپرده شود. {app_link}",
            reminder="امانت: یادآوری؛ یک دستهٔ واریزِ تأییدشده هنوز به بانک سپرده نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_HANDED_OVER: Sentence("دستهٔ واریز را به بانک سپرد", "handed this batch to the bank"),
            },
        ),
        TaskKind.CONFIRM_SETTLEMENT: TaskWords(
            Sentence("تأیید ثبت دستی یک ردیف واریز", "Confirm a line that was settled by hand"),
            sms="امانت: نتیجهٔ یک ردیف واریز دستی ثبت شده و منتظر تأیید کارشناس دوم است. {app_link}",
            reminder="امانت: یادآوری؛ ثبت دستی یک ردیف واریز هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.PAYOUT_SETTLEMENT_CONFIRMED: Sentence("ثبت دستی ردیف را تأیید کرد", "confirmed this record"),
                FactKind.PAYOUT_SETTLEMENT_REJECTED: Sentence("ثبت دستی ردیف را رد کرد", "rejected this record"),
            },
        ),
    },
    timeline={
        FactKind.PAYOUT_MADE: Sentence("دستهٔ واریز ساخته شد.", "A batch was made."),
        FactKind.PAYOUT_CONFIRMED: Sentence("کارشناس دوم دسته را تأیید کرد.", "A second officer confirmed the batch."),
        FactKind.PAYOUT_REJECTED: Sentence(
            "کارشناس دوم دسته را رد کرد: {reason}", "A second officer rejected the batch: {reason}"
        ),
        FactKind.PAYOUT_HANDED_OVER: Sentence("فایل دسته به بانک سپرده شد.", "The file was handed to the bank."),
        FactKind.PAYOUT_ANSWERED: Sentence("فایل پاسخ بانک رسید.", "A file with the bank's answer came."),
        FactKind.PAYOUT_SETTLEMENT_RECORDED: Sentence(
            "نتیجهٔ ردیف {line} دستی ثبت شد.", "What became of line {line} was recorded by hand."
        ),
        FactKind.PAYOUT_SETTLEMENT_CONFIRMED: Sentence(
            "کارشناس دوم ثبت دستی را تأیید کرد.", "A second officer confirmed what was recorded by hand."
        ),
        FactKind.PAYOUT_SETTLEMENT_REJECTED: Sentence(
            "کارشناس دوم ثبت دستی را رد کرد: {reason}", "A second officer rejected what was recorded by hand: {reason}"
        ),
        Event.PAYOUT_CUT: Sentence(
            "{lines} ردیف به مبلغ {amount:toman} جدا شد و فایل بانک ساخته شد.",
            "{lines} lines of {amount:toman} were cut, and the bank's file was made.",
        ),
        Event.PAYOUT_EMPTY: Sentence("برداشتی در صف نبود.", "No withdrawal was waiting."),
        Event.PAYOUT_RELEASED: Sentence("ردیف‌ها به صف برگشتند.", "The lines went back to wait."),
        Event.PAYOUT_ANSWER_APPLIED: Sentence(
            "پاسخ بانک خوانده شد: {paid} واریز، {rejected} ناموفق، {repeated} تکراری، {refused} پذیرفته‌نشده.",
            "The bank's answer was read: {paid} paid, {rejected} rejected, {repeated} known, {refused} refused.",
        ),
        Event.PAYOUT_ANSWER_UNREADABLE: Sentence(
            "فایل پاسخ بانک خواندنی نبود.", "The file with the bank's answer could not be read."
        ),
        Event.PAYOUT_LINE_SETTLED: Sentence("تکلیف ردیف {line} دستی روشن شد.", "Line {line} was settled by hand."),
        Event.PAYOUT_UNANSWERED: Sentence(
            "بانک هنوز به همهٔ ردیف‌ها پاسخ نداده است.", "The bank has not answered to every line yet."
        ),
        Event.PAYOUT_SETTLED: Sentence("تکلیف همهٔ ردیف‌ها روشن شد.", "Every line is settled."),
    },
    terms={
        LinePurpose: {
            LinePurpose.BALANCE: Sentence("برداشت از موجودی", "Withdrawn from the balance"),
            LinePurpose.PAYMENT_RETURN: Sentence("بازگرداندن پرداخت", "A payment that goes back"),
        },
        LineRefusal: {
            LineRefusal.BAD_ROW: Sentence(
                "شبا، مبلغ یا نتیجهٔ این ردیف خواندنی نیست.", "Sheba, amount or result cannot be read."
            ),
            LineRefusal.UNKNOWN_LINE: Sentence("شناسه در این دسته نیست.", "The batch has no such line."),
            LineRefusal.DOUBLED_LINE: Sentence(
                "این شناسه بیش از یک بار در فایل آمده است.", "The file names this line more than once."
            ),
            LineRefusal.OTHER_AMOUNT: Sentence("مبلغ با دسته یکی نیست.", "The amount is not that of the batch."),
            LineRefusal.OTHER_SHEBA: Sentence("شبا با دسته یکی نیست.", "The sheba is not that of the batch."),
            LineRefusal.REFERENCE_MISSING: Sentence(
                "برای واریز، شماره پیگیری بانک لازم است.", "What was paid needs the bank's reference."
            ),
            LineRefusal.SETTLED_OTHERWISE: Sentence(
                "نتیجهٔ دیگری پیش‌تر برای این ردیف ثبت شده است.", "Something else is recorded of this line already."
            ),
            LineRefusal.ACCOUNT_FROZEN: Sentence(
                "حساب این عضو در دفتر کل مسدود است؛ پس از رفع مسدودی فایل را دوباره بفرستید.",
                "The member's account is frozen in the ledger; please send the file again once it is not.",
            ),
        },
        AnswerError: {
            AnswerError.NO_TABLE: Sentence(
                "این فایل نه CSV است و نه XLSX، یا خالی است.", "The file is neither CSV nor XLSX, or is empty."
            ),
            AnswerError.COLUMNS_MISSING: Sentence(
                "ستون‌های شناسه، شبا، مبلغ و نتیجه لازم است.", "The columns line_key, sheba, amount, result are needed."
            ),
            AnswerError.TOO_LARGE: Sentence("فایل بیش از اندازه بزرگ است.", "The file is too large."),
            AnswerError.LOST: Sentence(
                "فایل از دست رفت یا آسیب دیده است؛ دوباره بفرستید.",
                "The file is lost or damaged; please send it again.",
            ),
            AnswerError.GAVE_UP: Sentence(
                "خواندن فایل چند بار نیمه‌کاره ماند؛ پشتیبانی باید بررسی کند.",
                "Reading it broke off several times; support must look.",
            ),
        },
    },
    sms={
        Sms.WITHDRAWALS_WAIT: (
            "امانت: {count} برداشت مدتی است در صف پرداخت مانده است؛ لطفاً دستهٔ واریز بسازید. {app_link}"
        ),
        Event.PAYOUT_UNANSWERED: "امانت: بانک هنوز به همهٔ ردیف‌های یک دستهٔ واریز پاسخ نداده است. {app_link}",
        Sms.PAYOUT_ROWS_REFUSED: (
            "امانت: از فایل پاسخ بانک به یک دستهٔ واریز، {count} ردیف پذیرفته نشد؛ لطفاً بررسی کنید. {app_link}"
        ),
        Event.PAYOUT_ANSWER_UNREADABLE: "امانت: فایل پاسخ بانک که فرستادید خواندنی نبود. {app_link}",
    },
    ahead={CaseKind.PAYOUT: _steps_ahead},
)
