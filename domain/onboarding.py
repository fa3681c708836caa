"""Rules of onboarding to credit (docs/rules.md, A): what may be asked for, and what stands in the way."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from domain.dates import MONTHS_A_YEAR, add_months, to_jalali
from domain.errors import Conflict, Forbidden, InvalidInput
from domain.money import RIAL_A_TOMAN, Money
from domain.programme import Programme


class Obstacle(StrEnum):
    """Why a decision cannot take effect now; each goes to the person who can mend it."""

    CONTRACT_NOT_IN_FORCE = "contract_not_in_force"
    NOT_EMPLOYED = "not_employed"
    SHARE_USED_UP = "share_used_up"
    CERTIFICATE_NOT_VALID = "certificate_not_valid"
    GUARANTOR_GONE = "guarantor_gone"


class RefusalReason(StrEnum):
    """Why an employer refuses a deduction certificate (A12), or finance an application (A7)."""

    DEDUCTIONS_EXHAUSTED = "deductions_exhausted"
    EMPLOYMENT_ENDING = "employment_ending"
    COURT_ORDER = "court_order"
    DATA_WRONG = "data_wrong"
    OTHER = "other"


class ProgrammeUnknown(InvalidInput):
    """No such programme."""

    code = "programme_unknown"
    fa = "چنین طرحی وجود ندارد."
    en = "There is no such programme."


class NotOnPersonnelList(Forbidden):
    """The person stands on no personnel list as employed (A1)."""

    code = "not_on_personnel_list"
    fa = "نام شما در فهرست کارکنان هیچ سازمانِ طرف قراردادی نیست؛ به واحد رفاه سازمان خود مراجعه کنید."
    en = "You are not on the personnel list of a contracted organisation; please ask your welfare office."


class ChooseOrganisation(InvalidInput):
    """The person works for several organisations and named none."""

    code = "choose_organisation"
    fa = "شما در بیش از یک سازمان شاغل هستید؛ سازمان را انتخاب کنید."
    en = "You work for more than one organisation; choose one."


class ContractNotInForce(Conflict):
    """The organisation's contract is not in force today (A1)."""

    code = "contract_not_in_force"
    fa = "قرارداد سازمان شما در حال حاضر برقرار نیست و درخواست تازه پذیرفته نمی‌شود."
    en = "The contract of your organisation is not in force; no new application is accepted."


class AmountNotWholeToman(InvalidInput):
    """An amount in rial that is not a whole toman."""

    code = "amount_not_whole_toman"
    fa = "مبلغ باید به تومانِ کامل باشد."
    en = "The amount must be a whole number of toman (10 rial)."


class AmountAboveShare(InvalidInput):
    """The monthly instalment is above what net pay and running credits allow (A2)."""

    code = "amount_above_share"
    fa = "قسط ماهانه بیش از سقف شماست؛ بیشترین مبلغ ممکن {limit} است."
    en = "The monthly instalment is above your limit; the most is {limit_en}."


class TooManyInstalments(InvalidInput):
    """More instalments than the programme allows (A2)."""

    code = "too_many_instalments"
    fa = "تعداد اقساط بیش از حد مجاز است؛ بیشترین تعداد {most} است."
    en = "Too many instalments; the most is {most}."


class MandateOutdated(Conflict):
    """The mandate that was accepted is not the version in force (A2)."""

    code = "mandate_outdated"
    fa = "متن تعهدنامهٔ کسر از حقوق تغییر کرده است؛ نسخهٔ تازه را بخوانید و دوباره تأیید کنید."
    en = "The deduction mandate has a newer version; please read and accept that one."


class ApplicationOpen(Conflict):
    """The person has an open application in this programme (A10)."""

    code = "application_open"
    fa = "شما در این طرح یک درخواست باز دارید؛ تا پایان آن درخواست دیگری ثبت نمی‌شود."
    en = "You have an open application in this programme."


class CreditAlreadyActive(Conflict):
    """The credit is usable already; it can no longer be withdrawn (A11)."""

    code = "credit_already_active"
    fa = "اعتبار شما فعال شده است و انصراف دیگر ممکن نیست."
    en = "Your credit is active; withdrawing is no longer possible."


class MoneyPaused(Conflict):
    """The person's mobile was changed lately: what moves money waits (G2)."""

    code = "money_paused"
    fa = "شمارهٔ همراه شما به‌تازگی تغییر کرده است؛ برای ایمنی، کارهای مالی تا پایان مهلتِ توقف ممکن نیست."
    en = "Your mobile was changed lately; for your safety, money actions pause for a while."


class CertificateTooHigh(InvalidInput):
    """A certificate for more than was applied for."""

    code = "certificate_above_application"
    fa = "مبلغ یا تعداد ماه‌های گواهی بیش از درخواست است."
    en = "The certificate is for more than was applied for."


class CertificateExpired(InvalidInput):
    """The certificate would not be valid any more."""

    code = "certificate_valid_until_past"
    fa = "تاریخ اعتبار گواهی گذشته است یا بیش از اندازه دور است."
    en = "The certificate's last day has passed, or is too far ahead."


class CertificateRevoked(Conflict):
    """The certificate was revoked before."""

    code = "certificate_revoked"
    fa = "این گواهی پیش‌تر لغو شده است."
    en = "This certificate was revoked before."


# The longest a certificate may be dated ahead, in years: a slip of the pen must not bind for decades.
CERTIFICATE_YEARS_MAX = 5


def monthly_limit(programme: Programme, *, net_pay: Money, taken: Money, cap: Money | None) -> Money:
    """The most that a person may choose per month (A2), whole toman, never negative.

    Args:
        programme: whose share of pay counts.
        net_pay: monthly.
        taken: monthly sum of the person's other credits and open applications, all programmes together.
        cap: the organisation's own limit, if it has one.
    """
    room = net_pay.share(*programme.share) - taken
    if cap is not None and cap < room:
        room = cap
    return Money(max(room.amount, 0) // RIAL_A_TOMAN * RIAL_A_TOMAN, room.unit)


def ceiling(monthly: Money, instalments: int) -> Money:
    """The whole of a credit: monthly times count (A2)."""
    return monthly.times(instalments)


def approved_terms(*, limit: Money, asked: Money, certified: Money) -> Money:
    """The monthly amount that becomes usable: the lowest counts (A2)."""
    return min(limit, asked, certified)


def check_certificate_day(valid_until: date, today: date) -> None:
    """A certificate must be valid today and end within five years.

    Raises:
        CertificateExpired: it does not.
    """
    latest = add_months(to_jalali(today), CERTIFICATE_YEARS_MAX * MONTHS_A_YEAR).to_gregorian()
    if not today <= valid_until <= latest:
        raise CertificateExpired(field="valid_until")


def may_withdraw(*, is_open: bool, withdrawn: bool) -> bool:
    """The applicant may withdraw until activation, once (A11)."""
    return is_open and not withdrawn
