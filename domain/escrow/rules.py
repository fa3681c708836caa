"""What is refused in jobs and safe payments, and how their texts and amounts are read (docs/rules.md, E1 to E6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal

from domain.account import Limit
from domain.errors import Conflict, InvalidInput
from domain.money import Money
from domain.persian import clean_lines, clean_text

TITLE_LETTERS: Final = range(3, 101)
MOST_DESCRIPTION: Final = 2_000
REASON_LETTERS: Final = range(3, 501)
STATEMENT_LETTERS: Final = range(10, 4_001)
REASONS_LETTERS: Final = range(20, 8_001)
MOST_NOTE: Final = 500
# So many payments are proposed at once, and belong to one job.
MOST_AT_ONCE: Final = 20
MOST_PAYMENTS: Final = 100
MOST_STATEMENTS: Final = 20
MOST_OFFERS: Final = 20
# After so many only the whole rest leaves at once.
MOST_MOVES: Final = 100
MOST_PRICE: Final = 10**13
# A date further ahead was mistyped.
FURTHEST_DUE: Final = timedelta(days=5 * 366)
# A job asks somebody by SMS: so many of one member a day, to one number, and of everybody together to one number.
JOBS_PER_MEMBER: Final = Limit("escrow_jobs_member", 20, timedelta(days=1))
JOBS_PER_PAIR: Final = Limit("escrow_jobs_pair", 5, timedelta(days=1))
JOBS_PER_NUMBER: Final = Limit("escrow_jobs_number", 30, timedelta(days=1), timedelta(minutes=30), shared=True)
# Each further payment asks or tells the other side by SMS too.
PAYMENTS_PER_MEMBER: Final = Limit("escrow_payments_member", 50, timedelta(days=1))

# Arbitration that is asked for and taken back again and again would freeze the money all the time.
DISPUTES_PER_MEMBER: Final = Limit("escrow_disputes_member", 10, timedelta(days=1))


class MoveCause(StrEnum):
    """Why money leaves: what its journal names (E3, E4, E5, E6)."""

    RELEASE = "release"
    AUTO_RELEASE = "auto_release"
    REFUND = "refund"
    SPLIT = "split"
    RULING = "ruling"


class OtherSideIsYou(Conflict):
    """The number of the other side is the member's own."""

    code = "escrow_other_side_is_you"
    fa = "این شمارهٔ خود شماست؛ شمارهٔ همراه طرف دیگر را وارد کنید."
    en = "This is your own number; please enter the other side's."


class TitleUnreadable(InvalidInput):
    """A title is missing, too short or too long."""

    code = "escrow_title_unreadable"
    fa = "عنوان را از ۳ تا ۱۰۰ نویسه بنویسید."
    en = "Please write a title of 3 to 100 characters."


class DescriptionTooLong(InvalidInput):
    """What the job is takes more than 2,000 characters."""

    code = "escrow_description_too_long"
    fa = "شرح کار حداکثر ۲۰۰۰ نویسه است."
    en = "The description has at most 2,000 characters."


class ReasonUnreadable(InvalidInput):
    """A reason is missing, too short or too long."""

    code = "escrow_reason_unreadable"
    fa = "دلیل را از ۳ تا ۵۰۰ نویسه بنویسید."
    en = "Please write the reason in 3 to 500 characters."


class EscrowStatementUnreadable(InvalidInput):
    """A statement is missing, too short or too long."""

    code = "escrow_statement_unreadable"
    fa = "اظهارات خود را از ۱۰ تا ۴۰۰۰ نویسه بنویسید."
    en = "Please write your statement in 10 to 4,000 characters."


class RulingReasonsUnreadable(InvalidInput):
    """The reasons of a ruling are missing, too short or too long."""

    code = "escrow_ruling_reasons_unreadable"
    fa = "دلایل رأی را از ۲۰ تا ۸۰۰۰ نویسه بنویسید."
    en = "Please write the reasons of the ruling in 20 to 8,000 characters."


class DueDayOutOfRange(InvalidInput):
    """The day is over, or further ahead than five years."""

    code = "escrow_day_out_of_range"
    fa = "تاریخ باید از امروز به بعد و تا پنج سال آینده باشد."
    en = "The day is today or later, and at most five years ahead."


class PriceTooSmall(Conflict):
    """The payments of a job would be more than its price."""

    code = "escrow_over_price"
    fa = "جمع پرداخت‌های این کار از مبلغ کل آن بیشتر می‌شود."
    en = "The payments of this job would be more than its price."


class PaymentsMissing(InvalidInput):
    """A job is begun with what is to be paid first."""

    code = "escrow_payments_missing"
    fa = "دست‌کم یک پرداخت برای این کار بنویسید."
    en = "Please name at least one payment of the job."


class NotImmediate(Conflict):
    """An immediate payment is the employer's, who pays it at once; whatever else is proposed has a day."""

    code = "escrow_not_immediate"
    fa = "پرداخت آنی را فقط کارفرما می‌سازد؛ برای این پرداخت روزی تعیین کنید."
    en = "Only the employer makes an immediate payment; please name a day for this one."


class PriceOutOfRange(InvalidInput):
    """A price that no job has."""

    code = "escrow_price_out_of_range"
    fa = "مبلغ کل کار را درست وارد کنید."
    en = "Please enter the price of the job."


class ClauseOutdated(Conflict):
    """The clause that was accepted is not that of this job."""

    code = "escrow_clause_outdated"
    fa = "متن شرط داوری عوض شده است؛ متن تازه را بخوانید و دوباره بپذیرید."
    en = "The arbitration clause has changed; please read the new text and accept it."


class TooManyPayments(Conflict):
    """The job has as many payments as a job may have."""

    code = "escrow_payments_full"
    fa = "این کار به اندازهٔ مجاز پرداخت دارد."
    en = "This job has as many payments as it may have."


class JobNotAccepted(Conflict):
    """Nothing is payable before both sides have accepted the job."""

    code = "escrow_job_not_accepted"
    fa = "طرف دیگر هنوز این کار را نپذیرفته است."
    en = "The other side has not accepted this job yet."


class EscrowNotHeld(Conflict):
    """No money is held in this payment now: it was not funded yet, or all of it is on its way or gone."""

    code = "escrow_not_held"
    fa = "در این پرداخت اکنون مبلغی نزد امانت نیست."
    en = "No money is held in this payment now."


class EscrowAmountTooLarge(Conflict):
    """More than what is held and not on its way; ``most`` says how much that is."""

    code = "escrow_amount_too_large"
    fa = "این مبلغ از آنچه نزد امانت مانده بیشتر است؛ حداکثر {most}."
    en = "This is more than what is held; at most {most}."


class EscrowMovesFull(Conflict):
    """What was held has left in as many parts as it may."""

    code = "escrow_moves_full"
    fa = "این مبلغ به اندازهٔ مجاز تکه‌تکه پرداخت شده است؛ همهٔ باقی‌مانده را یک‌جا تعیین تکلیف کنید: {most}."
    en = "This has been paid in as many parts as it may; please decide about all of the rest at once: {most}."


class EscrowAmountMissing(InvalidInput):
    """An amount that moves nothing."""

    code = "escrow_amount_missing"
    fa = "مبلغ را وارد کنید؛ باید بیشتر از صفر باشد."
    en = "Please enter the amount; it must be more than nothing."


class WorkDeclared(Conflict):
    """The work is declared done, and the employer is being asked about it."""

    code = "escrow_work_declared_already"
    fa = "انجام کار را اعلام کرده‌اید و از کارفرما خواسته شده است آن را بررسی کند."
    en = "You have declared the work done, and the employer is asked to look at it."


class NoteTooLong(InvalidInput):
    """A note takes more than 500 characters."""

    code = "escrow_note_too_long"
    fa = "توضیح حداکثر ۵۰۰ نویسه است."
    en = "The note has at most 500 characters."


class EscrowFrozen(Conflict):
    """Arbitration is under way: what is held is frozen until it ends."""

    code = "escrow_frozen"
    fa = "این پرداخت در داوری است و تا پایان آن چیزی جابه‌جا نمی‌شود."
    en = "Arbitration is under way on this payment; nothing moves until it ends."


class EscrowFunded(Conflict):
    """It was paid already, and cannot be withdrawn alone any more."""

    code = "escrow_funded"
    fa = "این پرداخت انجام شده و دیگر یک‌طرفه پس گرفته نمی‌شود؛ می‌توانید بازگشت مبلغ یا داوری بخواهید."
    en = "This was paid and cannot be withdrawn alone any more; you may ask for a refund or for arbitration."


class RefundAlreadyAsked(Conflict):
    """A refund is asked for and not answered yet."""

    code = "escrow_refund_asked"
    fa = "درخواست بازگشت مبلغ پیش‌تر ثبت شده و هنوز پاسخ نگرفته است."
    en = "A refund was asked for and is not answered yet."


class NoRefundAsked(Conflict):
    """No refund is asked for that is not answered."""

    code = "escrow_no_refund_asked"
    fa = "درخواست بازگشت مبلغی که پاسخ نگرفته باشد نیست."
    en = "There is no request for a refund that waits for an answer."


class NoDispute(Conflict):
    """No arbitration is under way on this payment."""

    code = "escrow_no_dispute"
    fa = "داوری‌ای در جریان نیست."
    en = "There is no arbitration under way."


class EvidenceClosed(Conflict):
    """The time to file statements is over."""

    code = "escrow_evidence_closed"
    fa = "مهلت ثبت اظهارات و مدارک پایان یافته است."
    en = "The time to file statements and evidence is over."


class DisputeRuled(Conflict):
    """An arbitrator has ruled."""

    code = "escrow_ruled"
    fa = "داور رأی داده است."
    en = "An arbitrator has ruled."


class NotWhoAsked(Conflict):
    """Only the side that asked for arbitration may take it back."""

    code = "escrow_not_who_asked"
    fa = "فقط طرفی که داوری خواسته می‌تواند آن را پس بگیرد."
    en = "Only the side that asked for arbitration may take it back."


class SharesDoNotSum(InvalidInput):
    """The two amounts are not together what is frozen; ``frozen`` says how much that is."""

    code = "escrow_shares_do_not_sum"
    fa = "جمع دو مبلغ باید درست {frozen} باشد."
    en = "The two amounts must be {frozen} together."


class NoOffer(Conflict):
    """The offer was answered or replaced."""

    code = "escrow_no_offer"
    fa = "این پیشنهاد دیگر برقرار نیست."
    en = "This offer does not stand any more."


class NoObjection(Conflict):
    """There is no ruling that may be objected to: none yet, or it is final."""

    code = "escrow_no_objection"
    fa = "رأیی که بتوان به آن اعتراض کرد نیست؛ یا هنوز رأیی صادر نشده یا قطعی شده است."
    en = "There is no ruling to object to: there is none yet, or it is final."


class TooManyStatements(Conflict):
    """The side has filed as many statements, or made as many offers, as one may in a dispute."""

    code = "escrow_statements_full"
    fa = "در این داوری به اندازهٔ مجاز اظهارات یا پیشنهاد ثبت کرده‌اید."
    en = "You have filed as much as one may in this arbitration."


@dataclass(frozen=True, slots=True)
class PaymentWish:
    """A safe payment as a member proposes it: agreed on for a day, or immediate."""

    title: str = field(repr=False)
    amount: Money
    timing: Literal["agreed", "immediate"]
    due_on: date | None


@dataclass(frozen=True, slots=True)
class Shares:
    """How an amount is divided between the two sides, in a split or ruling."""

    to_contractor: Money
    to_employer: Money

    def divide(self, frozen: Money) -> bool:
        """Whether they are together what is frozen, and neither is less than nothing."""
        return self.to_contractor + self.to_employer == frozen and min(self.to_contractor, self.to_employer) >= Money(0)


def parse_title(text: str, *, field: str) -> str:
    """Read a title. Raises TitleUnreadable."""
    title = clean_text(text)
    if len(title) not in TITLE_LETTERS:
        raise TitleUnreadable(field=field)
    return title


def parse_reason(text: str, *, field: str) -> str:
    """Read a reason. Raises ReasonUnreadable."""
    reason = clean_text(text)
    if len(reason) not in REASON_LETTERS:
        raise ReasonUnreadable(field=field)
    return reason


def parse_description(text: str, *, field: str) -> str:
    """Read what a job is. Raises DescriptionTooLong."""
    description = clean_lines(text)
    if len(description) > MOST_DESCRIPTION:
        raise DescriptionTooLong(field=field)
    return description


def parse_statement(text: str, *, field: str) -> str:
    """Read what a side says in a dispute. Raises EscrowStatementUnreadable."""
    statement = clean_lines(text)
    if len(statement) not in STATEMENT_LETTERS:
        raise EscrowStatementUnreadable(field=field)
    return statement


def parse_reasons(text: str, *, field: str) -> str:
    """Read the reasons of a ruling. Raises RulingReasonsUnreadable."""
    reasons = clean_lines(text)
    if len(reasons) not in REASONS_LETTERS:
        raise RulingReasonsUnreadable(field=field)
    return reasons


def parse_note(text: str, *, field: str) -> str:
    """Read a note, which may be empty. Raises NoteTooLong."""
    note = clean_text(text)
    if len(note) > MOST_NOTE:
        raise NoteTooLong(field=field)
    return note


def refuse_day(due_on: date, today: date, *, field: str) -> None:
    """Refuse a day that nothing can be due on. Raises DueDayOutOfRange."""
    if not today <= due_on <= today + FURTHEST_DUE:
        raise DueDayOutOfRange(field=field)
