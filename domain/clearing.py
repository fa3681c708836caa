"""A gateway's day compared with the ledger: kinds of differences, what may be booked, the words (docs/rules.md, E2).

A difference is about one try to pay. ``here`` is what our rows say of it, ``there`` what the gateway's list says, both
in rial.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import Conflict, InvalidInput
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.case import CaseKind
from messages.clearing import Event, FactKind, Phase, Sms, TaskKind

# A difference of which it was said that it stands on another day is asked about again, if that day has not come; and
# what was booked as a difference to be found out is a finding after as long.
ASK_AGAIN_AFTER: Final = timedelta(days=7)
# So many days are compared where none was yet; else all since the newest, and older ones on demand.
CAUGHT_UP: Final = timedelta(days=14)
ON_DEMAND: Final = timedelta(days=90)
# What the charts show, counted back from yesterday.
CHARTED: Final = timedelta(days=30)
# A gateway that cannot be reached is asked so long.
LIST_FOR: Final = timedelta(hours=24)
# A fee above such a part of what was taken is no gateway's: people look at it before it is booked.
USUAL_FEE_PARTS: Final = 10
# What stands in the place of a gateway where a statement of the bank is compared.
BANK: Final = "bank"
BANK_WORDS: Final = Sentence("صورت‌حساب بانک", "The bank's statement")
STATEMENT_LIMIT: Final = 1024 * 1024
STATEMENT_ROWS: Final = 5_000
ASK_LIST_EVERY: Final = timedelta(minutes=10)


class DifferenceKind(StrEnum):
    """How a gateway's list and our rows disagree about a try to pay."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT_DIFFERS = "amount_differs"
    FEE_DIFFERS = "fee_differs"
    GIVEN_BACK_THERE = "given_back_there"
    GIVEN_BACK_HERE = "given_back_here"
    BANK_UNMATCHED = "bank_unmatched"
    BANK_MISSING = "bank_missing"


# What the ledger can follow: money that came to light late and was paid back, another fee than was told before, what a
# gateway paid out to the bank.
BOOKABLE: Final = frozenset({DifferenceKind.MISSING_HERE, DifferenceKind.FEE_DIFFERS, DifferenceKind.BANK_UNMATCHED})


class Explanation(StrEnum):
    """Why a difference needs no entry."""

    ON_ANOTHER_DAY = "on_another_day"
    FAULT_OF_GATEWAY = "fault_of_gateway"
    SETTLED_ELSEWHERE = "settled_elsewhere"


# The rest lets money be missing, or too much: one officer says it, another confirms.
SAID_ALONE: Final = frozenset({Explanation.ON_ANOTHER_DAY})


class Correction(StrEnum):
    """Against which account a difference is booked that no other entry explains."""

    BANK_CHARGES = "expense:bank"
    TO_BE_FOUND = "clearing:differences"


def may_correct(kind: DifferenceKind, there: int, against: Correction) -> bool:
    """Whether such a difference may be booked against an account: charges are only what the bank took."""
    if against is Correction.BANK_CHARGES:
        return kind is DifferenceKind.BANK_UNMATCHED and there < 0
    return kind is not DifferenceKind.FEE_DIFFERS


class DifferenceState(StrEnum):
    """Where a difference stands."""

    OPEN = "open"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    EXPLAINED = "explained"
    BOOKED = "booked"


class DayNotOver(Conflict):
    """A day is compared once it is over."""

    code = "clearing_day_not_over"
    fa = "تنها روزی را می‌توان تطبیق داد که به پایان رسیده باشد."
    en = "A day can be compared once it is over."


class DayTooOld(Conflict):
    """Gateways' lists do not go back for ever."""

    code = "clearing_day_too_old"
    fa = "روزهای پیش از ۹۰ روز گذشته را نمی‌توان تطبیق داد."
    en = "Days more than 90 days ago cannot be compared."


class DayCompared(Conflict):
    """The day of this gateway is being compared."""

    code = "clearing_day_compared"
    fa = "تطبیق این روزِ این درگاه در جریان است."
    en = "This day of this gateway is being compared."


class StatementUnreadable(InvalidInput):
    """The file is no statement of a form that is read."""

    code = "statement_unreadable"
    fa = "این فایل صورت‌حساب بانک شناخته نشد؛ آن را با قالب MT940 یا CSV راهنما و با نویسهٔ UTF-8 بفرستید."
    en = "This is no statement that can be read: send MT940, or CSV of the documented form, in UTF-8."


class StatementTooLong(InvalidInput):
    """A statement has more rows than are read."""

    code = "statement_too_long"
    fa = "صورت‌حساب بیش از ۵٬۰۰۰ ردیف دارد؛ آن را روز به روز بفرستید."
    en = "The statement has more than 5,000 rows; send it day by day."


class NotBookable(Conflict):
    """No such entry follows from the difference, or it does not hold any more."""

    code = "clearing_not_bookable"
    fa = "برای این مغایرت با وضعیت کنونی‌اش چنین سندی ثبت نمی‌شود."
    en = "No such entry follows from this difference as it stands now."


def refuse_day(day: date, today: date) -> None:
    """Refuse a day that cannot be compared.

    Raises:
        DayNotOver: it is today or later.
        DayTooOld: it is too long ago.
    """
    if day >= today:
        raise DayNotOver(field="day")
    if day < today - ON_DEMAND:
        raise DayTooOld(field="day")


_LIST: Final = Sentence("فهرست روز از درگاه گرفته می‌شود.", "The gateway is asked for its list of the day.")
_DECIDE: Final = Sentence("امور تسویه دربارهٔ مغایرت‌ها تصمیم می‌گیرد.", "The settlement office decides on differences.")
_BEGUN: Final[Mapping[str, int]] = {Phase.AWAITING_LIST: 0, Phase.AWAITING_DECISIONS: 1}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_LIST, _DECIDE][_BEGUN[phase] :] if phase in _BEGUN else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.CLEARING: Sentence("تطبیق روز با درگاه یا بانک", "A day compared with a gateway or the bank")},
    phases={
        CaseKind.CLEARING: {
            Phase.AWAITING_LIST: Sentence("در انتظار تطبیق", "Still to be compared"),
            Phase.AWAITING_DECISIONS: Sentence("در انتظار تصمیم امور تسویه", "The settlement office decides"),
            Phase.MATCHED: Sentence("بی‌مغایرت", "No difference"),
            Phase.SETTLED: Sentence("مغایرت‌ها بسته شد", "The differences are settled"),
            Phase.NO_LIST: Sentence("درگاه فهرستی نداد", "The gateway gave no list"),
        },
    },
    tasks={
        TaskKind.SETTLE_DIFFERENCE: TaskWords(
            Sentence("رسیدگی به مغایرت با درگاه یا بانک", "Settle a difference with a gateway or the bank"),
            sms="امانت: در تطبیق روزانه مغایرتی دیده شد و منتظر رسیدگی شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ مغایرتی در تطبیق روزانه هنوز بسته نشده است. {app_link}",
            outcomes={
                FactKind.CLEARING_EXPLAINED: Sentence("مغایرت را با ذکر دلیل بست", "explained the difference"),
                FactKind.CLEARING_PROPOSED: Sentence(
                    "پیشنهادی برای تأیید نفر دوم داد", "made a proposal for another to confirm"
                ),
            },
            reasons=DifferenceKind,
        ),
        TaskKind.CONFIRM_PROPOSAL: TaskWords(
            Sentence("تأیید پیشنهاد دربارهٔ مغایرت", "Confirm what is proposed about a difference"),
            sms="امانت: پیشنهادی دربارهٔ یک مغایرت منتظر تأیید شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ پیشنهادی دربارهٔ یک مغایرت هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.CLEARING_CONFIRMED: Sentence("پیشنهاد را تأیید کرد", "confirmed the proposal"),
                FactKind.CLEARING_REJECTED: Sentence("پیشنهاد را رد کرد", "rejected the proposal"),
            },
            reasons=DifferenceKind,
        ),
    },
    timeline={
        FactKind.CLEARING_REQUESTED: Sentence(
            "امور تسویه خواست این روز تطبیق داده شود.", "The settlement office had the day compared."
        ),
        FactKind.CLEARING_EXPLAINED: Sentence(
            "مغایرت بسته شد: {explanation:Explanation}.", "A difference was explained: {explanation:Explanation}."
        ),
        FactKind.CLEARING_PROPOSED: Sentence(
            "دربارهٔ یک مغایرت پیشنهادی داده شد.", "A proposal was made about a difference."
        ),
        FactKind.CLEARING_CONFIRMED: Sentence("پیشنهاد تأیید شد.", "The proposal was confirmed."),
        FactKind.CLEARING_REJECTED: Sentence("پیشنهاد رد شد: {reason}", "The proposal was rejected: {reason}"),
        Event.CLEARING_OPENED: Sentence("تطبیق روز آغاز شد.", "The comparison of the day began."),
        Event.CLEARING_COMPARED: Sentence(
            "فهرست درگاه با دفتر تطبیق داده شد؛ {differences} مغایرت.",
            "The gateway's list was compared with the ledger; {differences} differences.",
        ),
        Event.CLEARING_UNLISTED: Sentence(
            "درگاه فهرستی از این روز نداد یا فهرستش خالی بود؛ هرگاه فهرست در دسترس باشد می‌توان دوباره تطبیق داد.",
            "The gateway gave no list of this day, or an empty one; it may be compared once there is one.",
        ),
        Event.CLEARING_BOOKED: Sentence("سند {amount:toman} ثبت شد.", "{amount:toman} was booked."),
        Event.CLEARING_OVERTAKEN: Sentence(
            "سند ثبت نشد، چون فهرست درگاه یا وضعیت پرداخت پس از پیشنهاد تغییر کرده است؛ مغایرت از نو بررسی می‌شود.",
            "Nothing was booked, for the list or the payment has changed since; the difference is to be settled anew.",
        ),
    },
    sms={
        Sms.LIST_EMPTY: (
            "امانت: فهرست یک روزِ درگاه خالی آمد، با آنکه در آن روز پرداخت داشته‌ایم؛ آن روز تطبیق داده نشد. {app_link}"
        ),
    },
    ahead={CaseKind.CLEARING: _steps_ahead},
    terms={
        DifferenceKind: {
            DifferenceKind.MISSING_HERE: Sentence("درگاه دریافت کرده، نزد ما ثبت نشده", "received there, not here"),
            DifferenceKind.MISSING_THERE: Sentence("نزد ما ثبت شده، درگاه ندارد", "received here, not there"),
            DifferenceKind.AMOUNT_DIFFERS: Sentence("مبلغ یکی نیست", "the amounts differ"),
            DifferenceKind.FEE_DIFFERS: Sentence("کارمزد یکی نیست", "the fees differ"),
            DifferenceKind.GIVEN_BACK_THERE: Sentence("درگاه برگردانده، نزد ما ثبت نشده", "given back there, not here"),
            DifferenceKind.BANK_UNMATCHED: Sentence("در صورت‌حساب بانک هست، نزد ما نیست", "at the bank, not here"),
            DifferenceKind.BANK_MISSING: Sentence("نزد ما ثبت شده، در صورت‌حساب بانک نیست", "here, not at the bank"),
            DifferenceKind.GIVEN_BACK_HERE: Sentence("نزد ما برگشته، درگاه برنگردانده", "given back here, not there"),
        },
        Explanation: {
            Explanation.ON_ANOTHER_DAY: Sentence("در فهرست روز دیگری آمده است", "it stands in the list of another day"),
            Explanation.FAULT_OF_GATEWAY: Sentence(
                "خطای درگاه است و خودش اصلاح می‌کند", "the gateway's fault, which it corrects"
            ),
            Explanation.SETTLED_ELSEWHERE: Sentence(
                "با پرونده یا سند دیگری تسویه شده است", "settled by another case or entry"
            ),
        },
        Correction: {
            Correction.BANK_CHARGES: Sentence("هزینه‌های بانکی (کارمزد بانک)", "bank charges"),
            Correction.TO_BE_FOUND: Sentence(
                "مغایرت‌های در دست بررسی (حساب معلق)", "differences that are still looked into (suspense)"
            ),
        },
        DifferenceState: {
            DifferenceState.OPEN: Sentence("در انتظار رسیدگی", "To be settled"),
            DifferenceState.PROPOSED: Sentence("در انتظار تأیید نفر دوم", "A second person confirms"),
            DifferenceState.CONFIRMED: Sentence("در حال ثبت", "Being booked"),
            DifferenceState.EXPLAINED: Sentence("با ذکر دلیل بسته شد", "Explained"),
            DifferenceState.BOOKED: Sentence("سند آن ثبت شد", "Booked"),
        },
    },
)
