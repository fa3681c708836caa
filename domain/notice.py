"""What notices say: the text of every SMS by its template, in Persian (A9, G4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from domain.account import Limit
from domain.errors import Conflict
from domain.wording import Sentence

# Whoever gets the same SMS again and again is not served.
RESENDS_PER_NOTICE: Final = Limit("notice_resends", 3, timedelta(hours=1))

# {app_link} and {training_link} come from the settings (A8).
NOTICES: Final = {
    "application_submitted": "امانت: درخواست اعتبار شما ثبت شد. از این پس هر مرحله را خبر می‌دهیم.",
    "application_refused": "امانت: درخواست اعتبار شما پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
    "application_lapsed": "امانت: مهلت درخواست اعتبار شما بدون پاسخ گذشت. می‌توانید همین حالا دوباره درخواست دهید.",
    "application_withdrawn": "امانت: انصراف شما از درخواست اعتبار ثبت شد.",
    "certificate_requested_again": (
        "امانت: گواهی کسر از حقوق پیشین معتبر نبود و گواهی تازه‌ای خواسته شد. جزئیات: {app_link}"
    ),
    "guarantee_accepted": "امانت: ضامن شما ضمانت را پذیرفت. وضعیت درخواست: {app_link}",
    "guarantee_in_force": "امانت: اعتباری که ضامن آن هستید فعال شد. ضمانت‌های شما: {app_link}",
    "guarantee_asked_again": (
        "امانت: مبلغ یا تعداد اقساطِ درخواستی که ضامن آن بودید بیشتر شد و پذیرش پیشین شما دیگر برقرار نیست."
        " پذیرش یا رد با شماست: {app_link}"
    ),
    "guarantee_not_needed": "امانت: درخواست ضمانت از شما پس گرفته شد و دیگر پاسخی لازم نیست.",
    "guarantee_replaced": "امانت: متقاضی ضامن دیگری معرفی کرد و ضمانت شما پایان یافت.",
    "guarantee_released": "امانت: ضمانتِ شما برای درخواست اعتبار یک همکار پایان یافت و بر عهدهٔ شما نیست.",
    "application_approved": (
        "امانت: امور مالی درخواست اعتبار شما را تأیید کرد. زمان فعال شدن را این‌جا ببینید: {app_link}"
    ),
    "review_moved": "امانت: بررسی درخواست شما به دفتر مالی دیگری سپرده شد. وضعیت: {app_link}",
    "activation_blocked": "امانت: فعال‌سازی اعتبار شما نیاز به رسیدگی دارد. جزئیات: {app_link}",
    "credit_activated": (
        "امانت: اعتبار شما تا سقف {ceiling} فعال شد و تا {ends_on} برقرار است."
        " برنامه: {app_link} راهنما: {training_link}"
    ),
    "certificate_revoked": "امانت: گواهی کسر از حقوق شما لغو شد و خرید تازه با این اعتبار ممکن نیست.",
    "substitution_requested": "امانت: درخواست تعویض ضامن شما ثبت شد. تا تأیید امور مالی، ضامن کنونی برقرار است.",
    "substitution_refused": "امانت: امور مالی تعویض ضامن را نپذیرفت و ضامن کنونی برقرار است. دلیل: {app_link}",
    "substitution_declined": "امانت: همکاری که معرفی کردید ضمانت را نپذیرفت و ضامن کنونی برقرار است.",
    "substitution_withdrawn": "امانت: انصراف شما از تعویض ضامن ثبت شد و ضامن کنونی برقرار است.",
    "substitution_lapsed": "امانت: مهلت تعویض ضامن بدون پاسخ گذشت و ضامن کنونی برقرار است.",
    "substitution_overtaken": "امانت: اعتبار شما پایان یافته است و تعویض ضامن آن متوقف شد.",
    "guarantor_replaced": "امانت: ضامن اعتبار شما عوض شد. جزئیات: {app_link}",
    "guarantee_taken_over": "امانت: همکار دیگری به‌جای شما ضامن شد و ضمانتِ شما برای این اعتبار پایان یافت.",
    "guarantee_begun": (
        "امانت: امور مالی تعویض ضامن را تأیید کرد؛ از این پس شما ضامن این اعتبار هستید. ضمانت‌های شما: {app_link}"
    ),
    "task_issue_certificate": "امانت: یک درخواست گواهی کسر از حقوق منتظر شماست. کارتابل: {app_link}",
    "task_answer_guarantee": "امانت: یک همکار شما را ضامن خود معرفی کرده است. پذیرش یا رد با شماست: {app_link}",
    "task_name_guarantor": (
        "امانت: ضامن شما نپذیرفت، پاسخ نداد یا دیگر شرایط ضمانت را ندارد؛ همکار دیگری معرفی کنید: {app_link}"
    ),
    "task_review_application": "امانت: یک درخواست اعتبار منتظر بررسی شماست. کارتابل: {app_link}",
    "task_correct_application": "امانت: درخواست اعتبار شما برای اصلاح برگشت. دلیل و اصلاح: {app_link}",
    "task_clear_obstacle": "امانت: فعال‌سازی یک اعتبار منتظر رسیدگی شماست. کارتابل: {app_link}",
    "task_confirm_change": "امانت: یک تغییر اطلاعات پرسنلی منتظر تأیید شماست. کارتابل: {app_link}",
    "task_review_substitution": "امانت: یک درخواست تعویض ضامن منتظر بررسی شماست. کارتابل: {app_link}",
    "remind_issue_certificate": "امانت: یادآوری؛ یک درخواست گواهی کسر از حقوق هنوز بی‌پاسخ است. {app_link}",
    "remind_answer_guarantee": "امانت: یادآوری؛ درخواست ضمانت یک همکار هنوز بی‌پاسخ است. {app_link}",
    "remind_name_guarantor": "امانت: یادآوری؛ هنوز ضامن دیگری معرفی نشده است. {app_link}",
    "remind_review_application": "امانت: یادآوری؛ بررسی یک درخواست اعتبار هنوز انجام نشده است. {app_link}",
    "remind_correct_application": "امانت: یادآوری؛ درخواست اعتبار شما هنوز منتظر اصلاح است. {app_link}",
    "remind_clear_obstacle": "امانت: یادآوری؛ رسیدگی به یک مانع فعال‌سازی هنوز انجام نشده است. {app_link}",
    "remind_confirm_change": "امانت: یادآوری؛ یک تغییر اطلاعات پرسنلی هنوز بی‌پاسخ است. {app_link}",
    "remind_review_substitution": "امانت: یادآوری؛ بررسی یک درخواست تعویض ضامن هنوز انجام نشده است. {app_link}",
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
    "employment_corrected": (
        "امانت: منابع انسانی سازمان شما اطلاعات شغلی شما (خالص دریافتی، منطقه یا تاریخ استخدام) را اصلاح کرد."
        " اگر درست نیست، به منابع انسانی سازمان خود بگویید."
    ),
    "mobile_changed_old": (
        "امانت: شمارهٔ همراه حساب شما عوض شد و این شماره دیگر به آن راه ندارد."
        " اگر شما نخواسته‌اید، همین حالا با پشتیبانی تماس بگیرید."
    ),
}

# Why a message did not arrive, by the beginning of the code; the first that fits counts.
_FAILURES: Final = {
    "no_number": Sentence("از این شخص شمارهٔ همراهی در دست نیست.", "There is no mobile number of theirs."),
    "no_such_template": Sentence(
        "این متن هنوز نزد سرویس پیامک تعریف نشده است.", "The SMS provider does not know this text yet."
    ),
    "unreachable_": Sentence("سرویس پیامک پاسخ نداد.", "The SMS provider could not be reached."),
    "kavenegar_": Sentence("سرویس پیامک (کاوه‌نگار) آن را نپذیرفت.", "The SMS provider (Kavenegar) did not take it."),
    "smsir_": Sentence("سرویس پیامک (SMS.ir) آن را نپذیرفت.", "The SMS provider (SMS.ir) did not take it."),
    "SendFailed": Sentence("فرستادن آن انجام نشد.", "It could not be sent."),
}
_OTHER_FAILURE: Final = Sentence("هنگام فرستادن آن خطایی رخ داد.", "Something went wrong while it was sent.")

# What is said of a message whose template this version does not know.
_UNKNOWN: Final = "امانت: پیامی برای شما فرستاده شد."


class NoticePending(Conflict):
    """The message is being sent already: it is tried until it arrives or fails for good (G4)."""

    code = "notice_pending"
    fa = "این پیام هنوز در صف فرستادن است و نیازی به فرستادن دوباره ندارد."
    en = "This message is still waiting to be sent; it need not be sent again."


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


def compose(template: str, values: Mapping[str, str]) -> str:
    """The text of a notice, as it is sent.

    Raises:
        KeyError: there is no such template, or a value is missing.
    """
    return NOTICES[template].format_map(values)


def retell(template: str, values: Mapping[str, str]) -> str:
    """The text of a notice for somebody who reads it later; what is not known any more stays out."""
    return NOTICES.get(template, _UNKNOWN).format_map(_Known(values))


def failure_words(code: str) -> Sentence:
    """Why a message did not arrive, in words, for the operations desk."""
    return next((said for begin, said in _FAILURES.items() if code.startswith(begin)), _OTHER_FAILURE)
