"""The words: what timelines, messages, phases and roles say, in Persian and English (A9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from domain.dates import format_day, format_moment
from domain.money import Money, Unit, format_toman
from domain.persian import persian_digits


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing said in both languages; ``{name}`` is filled from the params."""

    fa: str
    en: str

    def fill(self, params: Mapping[str, Any]) -> Sentence:
        """The sentence with its values, each as its language writes it; an unknown value stays out."""
        return Sentence(
            self.fa.format_map(_Shown(params, persian=True)), self.en.format_map(_Shown(params, persian=False))
        )


ROLES = {
    "applicant": Sentence("متقاضی", "the applicant"),
    "guarantor": Sentence("ضامن", "the guarantor"),
    "subject": Sentence("صاحب پرونده", "the person concerned"),
    "machine": Sentence("سامانه", "the system"),
    "hr_officer": Sentence("منابع انسانی سازمان", "the organisation's HR"),
    "finance_officer": Sentence("امور مالی", "the finance office"),
    "contracts_officer": Sentence("امور قراردادها", "the contracts office"),
    "support_agent": Sentence("پشتیبانی", "support"),
    "operator": Sentence("میز عملیات", "the operations desk"),
}

PHASES = {
    "submitted": Sentence("درخواست ثبت شد", "Submitted"),
    "awaiting_certificate": Sentence("در انتظار گواهی کسر از حقوق", "Awaiting the deduction certificate"),
    "awaiting_guarantor": Sentence("در انتظار پاسخ ضامن", "Awaiting the guarantor's answer"),
    "awaiting_another_guarantor": Sentence("در انتظار معرفی ضامن دیگر", "Awaiting another guarantor's name"),
    "awaiting_review": Sentence("در انتظار بررسی امور مالی", "Awaiting the finance office"),
    "awaiting_correction": Sentence("برگشت برای اصلاح", "Returned for correction"),
    "awaiting_activation": Sentence("تأیید شد؛ در انتظار فعال شدن", "Approved, awaiting activation"),
    "awaiting_clearance": Sentence("در انتظار رفع مانع", "Awaiting clearance of an obstacle"),
    "active": Sentence("اعتبار فعال است", "Active"),
    "refused": Sentence("رد شد", "Refused"),
    "withdrawn": Sentence("متقاضی انصراف داد", "Withdrawn"),
    "lapsed": Sentence("مهلت گذشت", "Lapsed"),
    "received": Sentence("پرونده دریافت شد", "Received"),
    "importing": Sentence("در حال خواندن فهرست", "Importing"),
    "imported": Sentence("فهرست خوانده شد", "Imported"),
    "awaiting_confirmation": Sentence("در انتظار تأیید", "Awaiting confirmation"),
    "confirmed": Sentence("تأیید شد", "Confirmed"),
    "rejected": Sentence("رد شد", "Rejected"),
    "replaced": Sentence("ضامن عوض شد", "The guarantor was replaced"),
    "overtaken": Sentence("اعتبار پیش از تعویض پایان یافت", "The credit ended before"),
}

KINDS = {
    "onboarding": Sentence("درخواست اعتبار", "Credit application"),
    "personnel_import": Sentence("فهرست کارکنان", "Personnel file"),
    "personnel_change": Sentence("تغییر اطلاعات پرسنلی", "Change of personnel data"),
    "substitution": Sentence("تعویض ضامن", "Substitution of a guarantor"),
}

TASKS = {
    "issue_certificate": Sentence("صدور گواهی کسر از حقوق", "Issue the deduction certificate"),
    "answer_guarantee": Sentence("پذیرش یا رد ضمانت", "Accept or refuse to be guarantor"),
    "name_guarantor": Sentence("معرفی ضامن دیگر", "Name another guarantor"),
    "review_application": Sentence("بررسی درخواست در امور مالی", "Review the application"),
    "correct_application": Sentence("اصلاح درخواست", "Correct the application"),
    "clear_obstacle": Sentence("رفع مانعِ فعال‌سازی اعتبار", "Clear what blocks the activation"),
    "confirm_change": Sentence("تأیید تغییر اطلاعات", "Confirm a change of data"),
    "review_substitution": Sentence("بررسی تعویض ضامن در امور مالی", "Review the substitution of a guarantor"),
}

_REASONS = {
    "deductions_exhausted": Sentence("ظرفیت کسر از حقوق پر است", "deductions are exhausted"),
    "employment_ending": Sentence("همکاری رو به پایان است", "the employment is ending"),
    "court_order": Sentence("حکم قضایی بر حقوق", "a court order on the pay"),
    "data_wrong": Sentence("اطلاعات پرسنلی نادرست است", "personnel data are wrong"),
    "other": Sentence("دلیل دیگر", "another reason"),
    "contract_not_in_force": Sentence("قرارداد سازمان برقرار نیست", "the organisation's contract is not in force"),
    "not_employed": Sentence("اشتغال در سازمان تأیید نشد", "employment there is not confirmed"),
    "share_used_up": Sentence("سقف کسر از حقوق پر شده است", "the share of pay is used up"),
    "certificate_not_valid": Sentence("گواهی پیشین معتبر نیست", "the earlier certificate is not valid"),
    "guarantor_gone": Sentence("ضامن دیگر در سازمان شاغل نیست", "the guarantor no longer works there"),
    "amount_too_high": Sentence("مبلغ ماهانه زیاد است", "the monthly amount is too high"),
    "instalments_too_many": Sentence("تعداد اقساط زیاد است", "there are too many instalments"),
    "guarantor_unsuitable": Sentence("ضامن دیگری لازم است", "another guarantor is needed"),
    "personnel_data_wrong": Sentence("اطلاعات پرسنلی باید اصلاح شود", "personnel data must be corrected"),
    "other_correction": Sentence("اصلاح دیگری لازم است", "another correction is needed"),
}

# What stands against an approval, as the officer reads it (A7).
FINDINGS = {
    "contract_not_in_force": Sentence("قرارداد سازمان برقرار نیست", "the organisation's contract is not in force"),
    "not_employed": Sentence("متقاضی در فهرست کارکنان شاغل نیست", "the applicant is not listed as employed"),
    "applicant_moved": Sentence("متقاضی به منطقهٔ دیگری رفته است", "the applicant works in another region now"),
    "amount_above_share": Sentence("مبلغ ماهانه از سقف بیشتر است", "the monthly amount is above the limit"),
    "guarantor_missing": Sentence("هنوز همهٔ ضامن‌ها نپذیرفته‌اند", "a guarantor who has accepted is missing"),
    "guarantor_not_eligible": Sentence("ضامن شرایط لازم را ندارد", "a guarantor no longer meets the conditions"),
    "certificate_not_valid": Sentence("گواهی کسر از حقوق معتبر نیست", "the deduction certificate is not valid"),
}

# The rules that a guarantor keeps or breaks (A4).
GUARANTOR_RULES = {
    "employed_there": Sentence("شاغل در همان سازمان", "works in the same organisation"),
    "same_region": Sentence("شاغل در همان منطقه", "works in the same region"),
    "service_short_enough": Sentence("سابقهٔ خدمت کمتر از حد مقرر", "service below the limit"),
    "pay_high_enough": Sentence("خالص حقوق برابر یا بیشتر از متقاضی", "net pay at least the applicant's"),
    "stands_for_few": Sentence("ظرفیت ضمانت دارد", "may stand for one more person"),
}

# By what each of them was judged: the guarantor's value, and what it is measured against.
GUARANTOR_VALUES = {
    "employed_there": Sentence("{employment}", "{employment}"),
    "same_region": Sentence("{region}؛ متقاضی: {applicant_region}", "{region}; the applicant: {applicant_region}"),
    "service_short_enough": Sentence(
        "استخدام {hired}؛ سابقه در {service_limit} به حد می‌رسد", "hired {hired}; reaches the limit on {service_limit}"
    ),
    "pay_high_enough": Sentence("{pay}؛ متقاضی: {applicant_pay}", "{pay}; the applicant: {applicant_pay}"),
    "stands_for_few": Sentence(
        "ضامن {count} نفر دیگر؛ باید کمتر از {most} نفر باشد", "stands for {count} others; fewer than {most} asked"
    ),
}

_EMPLOYMENTS = {
    "employed": Sentence("در همین سازمان شاغل است", "works there"),
    "employed_elsewhere": Sentence("در سازمان دیگری شاغل است", "works for another organisation"),
    "exit_reported": Sentence("پایان همکاری گزارش شده است", "the end of the employment was reported"),
    "left": Sentence("دیگر شاغل نیست", "no longer works there"),
}

GUARANTEES = {
    "named": Sentence("معرفی شد", "Named"),
    "asked": Sentence("در انتظار پاسخ", "Awaiting the answer"),
    "accepted": Sentence("ضمانت پذیرفته شد", "Accepted"),
    "refused": Sentence("ضمانت رد شد", "Refused"),
    "expired": Sentence("در مهلت پاسخ نداد", "No answer in time"),
    "replaced": Sentence("ضامن دیگری جایگزین شد", "Replaced"),
    "released": Sentence("ضمانت آزاد شد", "Released"),
}

# Lines of a credit's statement, by the ledger's reason.
JOURNALS = {
    "credit_line_opened": Sentence("اعتبار باز شد", "The credit was opened"),
    "credit_line_reduced": Sentence("سقف اعتبار کم شد", "The ceiling was reduced"),
    "credit_line_closed": Sentence("اعتبار بسته شد", "The credit was closed"),
}

_CHANGES = {
    "mobile": Sentence("شمارهٔ همراه", "mobile number"),
    "sheba": Sentence("شمارهٔ شبا", "sheba"),
    "exit": Sentence("پایان همکاری", "end of the employment"),
}

TIMELINE = {
    "application_submitted": Sentence(
        "درخواست اعتبار با قسط ماهانهٔ {monthly} در {instalments} قسط ثبت شد.",
        "Applied for {monthly} a month in {instalments} instalments.",
    ),
    "certificate_requested": Sentence(
        "از منابع انسانی سازمان گواهی کسر از حقوق خواسته شد.",
        "The organisation's HR was asked for the deduction certificate.",
    ),
    "certificate_requested_again": Sentence(
        "از منابع انسانی سازمان دوباره گواهی کسر از حقوق خواسته شد: {reason}.",
        "The organisation's HR was asked for another deduction certificate: {reason}.",
    ),
    "certificate_issued": Sentence(
        "گواهی کسر از حقوق برای ماهی {monthly} و {instalments} ماه، با اعتبار تا {valid_until} صادر شد.",
        "The deduction certificate was issued: {monthly} a month, {instalments} months, valid until {valid_until}.",
    ),
    "certificate_refused": Sentence(
        "منابع انسانی گواهی صادر نکرد: {reason}.", "HR did not issue the certificate: {reason}."
    ),
    "certificate_revoked": Sentence(
        "گواهی کسر از حقوق لغو شد؛ خرید تازه ممکن نیست.", "The certificate was revoked; no new purchases."
    ),
    "guarantor_asked": Sentence(
        "از ضامن خواسته شد ضمانت را بپذیرد یا رد کند.", "The guarantor was asked to accept or refuse."
    ),
    "guarantor_named": Sentence("متقاضی ضامن دیگری معرفی کرد.", "The applicant named another guarantor."),
    "guarantor_name_requested": Sentence(
        "از متقاضی خواسته شد ضامن دیگری معرفی کند.", "The applicant was asked to name another guarantor."
    ),
    "guarantee_accepted": Sentence("ضامن ضمانت را پذیرفت.", "The guarantor accepted."),
    "guarantee_refused": Sentence("ضامن ضمانت را نپذیرفت.", "The guarantor refused."),
    "guarantor_silent": Sentence("ضامن در مهلت مقرر پاسخ نداد.", "The guarantor did not answer in time."),
    "review_requested": Sentence(
        "درخواست برای بررسی به امور مالی منطقهٔ {region} رفت.", "Regional finance of {region} was asked to review."
    ),
    "review_passed_on": Sentence(
        "در این منطقه کسی نمی‌تواند دربارهٔ این درخواست تصمیم بگیرد؛ بررسی به امور مالی مرکز سپرده شد.",
        "Nobody in this region may decide on it; the platform's finance was asked.",
    ),
    "review_escalated": Sentence(
        "امور مالی منطقه در مهلت مقرر تصمیم نگرفت؛ بررسی به امور مالی مرکز سپرده شد.",
        "Regional finance did not decide in time; the platform's finance was asked.",
    ),
    "application_approved": Sentence(
        "امور مالی درخواست را تأیید کرد؛ اعتبار از {activates_at} قابل استفاده است.",
        "Finance approved; the credit is usable from {activates_at}.",
    ),
    "application_returned": Sentence(
        "امور مالی درخواست را برای اصلاح برگرداند: {reasons}.", "Finance returned it for correction: {reasons}."
    ),
    "application_forwarded": Sentence(
        "متقاضی به منطقهٔ دیگری رفته است؛ بررسی به امور مالی منطقهٔ {region} سپرده شد.",
        "The applicant works elsewhere now; the review went to the finance of region {region}.",
    ),
    "application_corrected": Sentence(
        "متقاضی درخواست را اصلاح کرد و دوباره فرستاد: ماهی {monthly} در {instalments} قسط.",
        "The applicant corrected and resubmitted: {monthly} a month in {instalments} instalments.",
    ),
    "activation_paused": Sentence(
        "شمارهٔ همراه به‌تازگی عوض شده است؛ تا {hours} ساعت دیگر اعتبار فعال نمی‌شود و سپس خودبه‌خود ادامه می‌یابد.",
        "The mobile was changed lately; for another {hours} hours no credit is activated, then it goes on by itself.",
    ),
    "activation_blocked": Sentence(
        "فعال‌سازی متوقف ماند: {obstacle}. از کسی که می‌تواند آن را برطرف کند خواستیم رسیدگی کند.",
        "Activation is blocked: {obstacle}. Whoever can mend it was asked.",
    ),
    "obstacle_cleared": Sentence("مانع برطرف شد؛ دوباره بررسی می‌کنیم.", "The obstacle was cleared; checking again."),
    "obstacle_upheld": Sentence("مانع برطرف‌شدنی نبود: {reason}.", "The obstacle remains: {reason}."),
    "reminded": Sentence("به {role} یادآوری شد.", "A reminder went to {role}."),
    "application_refused": Sentence("درخواست رد شد: {reason}.", "The application was refused: {reason}."),
    "application_withdrawn": Sentence("متقاضی از درخواست انصراف داد.", "The applicant withdrew."),
    "application_lapsed": Sentence(
        "در مهلت مقرر پاسخی نرسید و درخواست بسته شد؛ می‌توانید دوباره درخواست دهید.",
        "No answer came in time and the application was closed; a new one is possible at once.",
    ),
    "credit_activated": Sentence(
        "اعتبار فعال شد: ماهی {monthly} در {instalments} قسط، تا {ends_on}.",
        "The credit is usable: {monthly} a month, {instalments} instalments, until {ends_on}.",
    ),
    "substitution_requested": Sentence(
        "صاحب اعتبار خواست همکار دیگری جای یکی از ضامن‌ها را بگیرد. تا تأیید امور مالی، ضامن کنونی برقرار است.",
        "The owner of the credit asked for another guarantor. Until finance approves, the present one stands.",
    ),
    "substitution_approved": Sentence("امور مالی تعویض ضامن را تأیید کرد.", "Finance approved the substitution."),
    "substitution_blocked": Sentence(
        "تعویض انجام نشد: {finding}. بررسی دوباره به امور مالی سپرده شد.",
        "The substitution could not take effect: {finding}. Finance was asked again.",
    ),
    "substitution_refused": Sentence(
        "امور مالی تعویض ضامن را نپذیرفت: {reason}. ضامن کنونی برقرار است.",
        "Finance refused the substitution: {reason}. The present guarantor goes on standing.",
    ),
    "substitution_declined": Sentence(
        "تعویض انجام نشد و ضامن کنونی برقرار است.", "Nobody was replaced; the present guarantor goes on standing."
    ),
    "substitution_withdrawn": Sentence(
        "صاحب اعتبار از تعویض ضامن منصرف شد؛ ضامن کنونی برقرار است.",
        "The owner of the credit withdrew; the present guarantor goes on standing.",
    ),
    "substitution_lapsed": Sentence(
        "در مهلت مقرر پاسخی نرسید؛ تعویض انجام نشد و ضامن کنونی برقرار است.",
        "No answer came in time; nobody was replaced and the present guarantor goes on standing.",
    ),
    "substitution_overtaken": Sentence(
        "اعتبار پایان یافته است و ضامن آن دیگر عوض نمی‌شود.", "The credit is over; its guarantor is not replaced."
    ),
    "guarantor_replaced": Sentence(
        "ضامن عوض شد: ضامن تازه برقرار است و ضمانتِ ضامن پیشین پایان یافت.",
        "The guarantor was replaced: the new one stands, the former one no longer does.",
    ),
    "personnel_file_received": Sentence(
        "فایل کارکنان دریافت شد و در نوبت خواندن است.", "The personnel file was received and waits to be read."
    ),
    "personnel_file_imported": Sentence(
        "فایل خوانده شد: {added} نفر تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردیف ردشده.",
        "The file was read: {added} added, {changed} changed, {unchanged} unchanged, {refused} rows refused.",
    ),
    "personnel_file_refused": Sentence(
        "فایل پذیرفته نشد؛ دلیل آن در گزارش آمده است.", "The file was refused; the import says why."
    ),
    "personnel_change_proposed": Sentence(
        "در فهرست کارکنان مقدار دیگری آمده بود: {what}. تا تأیید نشود، چیزی تغییر نمی‌کند.",
        "The personnel file says otherwise: {what}. Nothing changes before it is confirmed.",
    ),
    "personnel_confirmation_requested": Sentence(
        "تأیید این تغییر از {role} خواسته شد: {what}.", "Asked to confirm the change ({what}): {role}."
    ),
    "personnel_change_confirmed": Sentence("تغییر تأیید شد: {what}.", "The change was confirmed: {what}."),
    "personnel_change_replaced": Sentence(
        "فایل تازه‌تری مقدار دیگری پیشنهاد کرد و جای پیشنهاد پیشین را گرفت: {what}.",
        "A newer file proposes another value, which takes the place of the one before: {what}.",
    ),
    "personnel_change_rejected": Sentence("تغییر پذیرفته نشد: {what}.", "The change was rejected: {what}."),
    "personnel_change_applied": Sentence("تغییر انجام شد: {what}.", "The change was made: {what}."),
    "personnel_change_lapsed": Sentence(
        "در مهلت مقرر پاسخی نرسید و تغییر انجام نشد: {what}.", "No answer came in time; nothing was changed: {what}."
    ),
}

# Lines that tell of the applicant's pay, employment or mistakes: a guarantor of the case does not see them (A5).
APPLICANT_ONLY = frozenset(
    {
        "application_returned",
        "application_refused",
        "activation_blocked",
        "activation_paused",
        "obstacle_cleared",
        "obstacle_upheld",
        "certificate_requested",
        "certificate_requested_again",
        "certificate_issued",
        "certificate_refused",
        "certificate_revoked",
        "substitution_blocked",
        "substitution_refused",
    }
)


def said(catalogue: Mapping[str, Sentence], code: str, params: Mapping[str, Any] | None = None) -> Sentence:
    """A catalogue's sentence for a code, filled; a code without words is shown as itself."""
    known = catalogue.get(code)
    return Sentence(code, code) if known is None else known.fill(params or {})


def word(name: str, code: str) -> Sentence:
    """The words of a code as sentences hold them under a name, for example ``reason`` or ``what``."""
    return Sentence(f"{{{name}}}", f"{{{name}}}").fill({name: code})


class _Shown(dict[str, str]):
    """Params as a language writes them: amounts, days, counts and words."""

    def __init__(self, params: Mapping[str, Any], *, persian: bool) -> None:
        super().__init__({name: _shown(name, value, persian=persian) for name, value in params.items()})

    def __missing__(self, key: str) -> str:
        return "…"


def _shown(name: str, value: Any, *, persian: bool) -> str:
    if name in {"monthly", "ceiling", "pay", "applicant_pay"} and isinstance(value, int):
        return format_toman(Money(value, Unit.IRR), persian=persian)
    if name in {"valid_until", "ends_on", "hired", "service_limit"} and isinstance(value, str) and value[:4].isdigit():
        return format_day(date.fromisoformat(value), persian=persian)
    if name == "activates_at" and isinstance(value, str):
        return format_moment(datetime.fromisoformat(value), persian=persian)
    if name == "reasons" and isinstance(value, list):
        return ("، " if persian else ", ").join(_shown("reason", one, persian=persian) for one in value)
    for catalogue in (_REASONS, ROLES, _CHANGES, FINDINGS, _EMPLOYMENTS):
        if name in {"reason", "obstacle", "role", "what", "finding", "employment"} and value in catalogue:
            return catalogue[value].fa if persian else catalogue[value].en
    return persian_digits(str(value)) if persian else str(value)
