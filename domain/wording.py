"""The words: what timelines, messages, phases and roles say, in Persian and English (A9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.dates import format_jalali
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
    "subject": Sentence("صاحب پرونده", "the person concerned"),
    "machine": Sentence("سامانه", "the system"),
    "hr_officer": Sentence("منابع انسانی سازمان", "the organisation's HR"),
    "finance_officer": Sentence("امور مالی منطقه", "regional finance"),
    "contracts_officer": Sentence("امور قراردادها", "the contracts office"),
    "support_agent": Sentence("پشتیبانی", "support"),
    "operator": Sentence("میز عملیات", "the operations desk"),
}

PHASES = {
    "submitted": Sentence("درخواست ثبت شد", "Submitted"),
    "awaiting_certificate": Sentence("در انتظار گواهی کسر از حقوق", "Awaiting the deduction certificate"),
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
}

KINDS = {
    "onboarding": Sentence("درخواست اعتبار", "Credit application"),
    "personnel_import": Sentence("فهرست کارکنان", "Personnel file"),
    "personnel_change": Sentence("تغییر اطلاعات پرسنلی", "Change of personnel data"),
}

TASKS = {
    "issue_certificate": Sentence("صدور گواهی کسر از حقوق", "Issue the deduction certificate"),
    "clear_obstacle": Sentence("رفع مانعِ فعال‌سازی اعتبار", "Clear what blocks the activation"),
    "confirm_change": Sentence("تأیید تغییر اطلاعات", "Confirm a change of data"),
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

# SMS texts. {app_link} and {training_link} come from the settings (A8).
NOTICES = {
    "application_submitted": "امانت: درخواست اعتبار شما ثبت شد. از این پس هر مرحله را خبر می‌دهیم.",
    "application_refused": "امانت: درخواست اعتبار شما پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
    "application_lapsed": "امانت: مهلت درخواست اعتبار شما بدون پاسخ گذشت. می‌توانید همین حالا دوباره درخواست دهید.",
    "application_withdrawn": "امانت: انصراف شما از درخواست اعتبار ثبت شد.",
    "certificate_requested_again": (
        "امانت: گواهی کسر از حقوق پیشین معتبر نبود و گواهی تازه‌ای خواسته شد. جزئیات: {app_link}"
    ),
    "activation_blocked": "امانت: فعال‌سازی اعتبار شما نیاز به رسیدگی دارد. جزئیات: {app_link}",
    "credit_activated": (
        "امانت: اعتبار شما تا سقف {ceiling} فعال شد و تا {ends_on} برقرار است."
        " برنامه: {app_link} راهنما: {training_link}"
    ),
    "certificate_revoked": "امانت: گواهی کسر از حقوق شما لغو شد و خرید تازه با این اعتبار ممکن نیست.",
    "task_issue_certificate": "امانت: یک درخواست گواهی کسر از حقوق منتظر شماست. کارتابل: {app_link}",
    "task_clear_obstacle": "امانت: فعال‌سازی یک اعتبار منتظر رسیدگی شماست. کارتابل: {app_link}",
    "task_confirm_change": "امانت: یک تغییر اطلاعات پرسنلی منتظر تأیید شماست. کارتابل: {app_link}",
    "remind_issue_certificate": "امانت: یادآوری؛ یک درخواست گواهی کسر از حقوق هنوز بی‌پاسخ است. {app_link}",
    "remind_clear_obstacle": "امانت: یادآوری؛ رسیدگی به یک مانع فعال‌سازی هنوز انجام نشده است. {app_link}",
    "remind_confirm_change": "امانت: یادآوری؛ یک تغییر اطلاعات پرسنلی هنوز بی‌پاسخ است. {app_link}",
    "personnel_file_imported": (
        "امانت: فایل کارکنان خوانده شد: {added} تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردشده."
        " گزارش: {app_link}"
    ),
    "personnel_file_refused": "امانت: فایل کارکنان پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
    "personnel_mobile_proposed": (
        "امانت: سازمان شما شمارهٔ همراه دیگری برای شما فرستاده است."
        " اگر از آن خبر ندارید، زود با پشتیبانی تماس بگیرید: {app_link}"
    ),
    "personnel_sheba_proposed": (
        "امانت: سازمان شما شمارهٔ شبای دیگری برای شما فرستاده است."
        " اگر از آن خبر ندارید، زود با پشتیبانی تماس بگیرید: {app_link}"
    ),
    "personnel_mobile_confirmed": (
        "امانت: از این پس با همین شماره وارد شوید. برای امنیت شما، کارهای مالی مدتی بسته می‌ماند."
    ),
    "personnel_sheba_confirmed": "امانت: شمارهٔ شبای شما تغییر کرد. اگر از آن خبر ندارید، با پشتیبانی تماس بگیرید.",
    "personnel_mobile_rejected": "امانت: تغییر شمارهٔ همراه شما پذیرفته نشد و شمارهٔ پیشین برقرار است.",
    "personnel_sheba_rejected": "امانت: تغییر شمارهٔ شبای شما پذیرفته نشد و شبای پیشین برقرار است.",
    "personnel_mobile_lapsed": "امانت: تغییر شمارهٔ همراه شما تأیید نشد و شمارهٔ پیشین برقرار است.",
    "personnel_sheba_lapsed": "امانت: تغییر شمارهٔ شبای شما تأیید نشد و شبای پیشین برقرار است.",
    "personnel_exit_lapsed": (
        "امانت: گزارش پایان همکاری یک کارمند بی‌پاسخ ماند و به حساب نیامد. پرونده را ببینید: {app_link}"
    ),
    "mobile_changed_old": (
        "امانت: شمارهٔ همراه حساب شما عوض شد و این شماره دیگر به آن راه ندارد."
        " اگر شما نخواسته‌اید، همین حالا با پشتیبانی تماس بگیرید."
    ),
}


def said(catalogue: Mapping[str, Sentence], code: str, params: Mapping[str, Any] | None = None) -> Sentence:
    """A catalogue's sentence for a code, filled; a code without words is shown as itself."""
    known = catalogue.get(code)
    return Sentence(code, code) if known is None else known.fill(params or {})


class _Shown(dict[str, str]):
    """Params as a language writes them: amounts, days, counts and words."""

    def __init__(self, params: Mapping[str, Any], *, persian: bool) -> None:
        super().__init__({name: _shown(name, value, persian=persian) for name, value in params.items()})

    def __missing__(self, key: str) -> str:
        return "…"


def _shown(name: str, value: Any, *, persian: bool) -> str:
    if name in {"monthly", "ceiling"} and isinstance(value, int):
        return format_toman(Money(value, Unit.IRR)) if persian else f"{value:,} rial"
    if name in {"valid_until", "ends_on"} and isinstance(value, str) and value[:4].isdigit():
        return format_jalali(date.fromisoformat(value), persian=persian)
    for catalogue in (_REASONS, ROLES, _CHANGES):
        if name in {"reason", "obstacle", "role", "what"} and value in catalogue:
            return catalogue[value].fa if persian else catalogue[value].en
    return persian_digits(str(value)) if persian else str(value)
