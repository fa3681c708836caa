"""What people are told of personnel files, and of the changes that they propose (A13, C7)."""

from __future__ import annotations

from typing import Final

from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.case import CaseKind
from messages.personnel import Change, ChangePhase, Event, ExitReason, FactKind, ImportPhase, Sms, TaskKind

_REPORT: Final = Sentence(
    "گزارش ردیف‌های پذیرفته و ردشده آماده می‌شود.", "The report of accepted and refused rows is made."
)
_CHANGED: Final = Sentence("اگر تأیید شود، تغییر انجام می‌شود.", "If it is confirmed, the change is made.")


def _import_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_REPORT] if phase in {ImportPhase.RECEIVED, ImportPhase.IMPORTING} else []


def _change_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_CHANGED] if phase == ChangePhase.AWAITING_CONFIRMATION else []


WORDS: Final = CapabilityWords(
    kinds={
        CaseKind.PERSONNEL_IMPORT: Sentence("فهرست کارکنان", "Personnel file"),
        CaseKind.PERSONNEL_CHANGE: Sentence("تغییر اطلاعات پرسنلی", "Change of personnel data"),
    },
    phases={
        CaseKind.PERSONNEL_IMPORT: {
            ImportPhase.RECEIVED: Sentence("پرونده دریافت شد", "Received"),
            ImportPhase.IMPORTING: Sentence("در حال خواندن فهرست", "Importing"),
            ImportPhase.IMPORTED: Sentence("فهرست خوانده شد", "Imported"),
            ImportPhase.REFUSED: Sentence("رد شد", "Refused"),
        },
        CaseKind.PERSONNEL_CHANGE: {
            ChangePhase.AWAITING_CONFIRMATION: Sentence("در انتظار تأیید", "Awaiting confirmation"),
            ChangePhase.CONFIRMED: Sentence("تأیید شد", "Confirmed"),
            ChangePhase.REJECTED: Sentence("رد شد", "Rejected"),
            ChangePhase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
            ChangePhase.OVERTAKEN: Sentence("دیگر لازم نیست", "No longer needed"),
        },
    },
    tasks={
        TaskKind.CONFIRM_CHANGE: TaskWords(
            Sentence("تأیید تغییر اطلاعات", "Confirm a change of data"),
            sms="امانت: یک تغییر اطلاعات پرسنلی منتظر تأیید شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک تغییر اطلاعات پرسنلی هنوز بی‌پاسخ است. {app_link}",
            outcomes={
                "confirm": Sentence("این تغییر را تأیید کرد", "confirmed this change"),
                "reject": Sentence("این تغییر را رد کرد", "rejected this change"),
            },
        ),
    },
    timeline={
        FactKind.FILE_RECEIVED: Sentence(
            "فهرست کارکنان دریافت شد و در نوبت خواندن است.", "The personnel file was received and waits to be read."
        ),
        Event.FILE_IMPORTED: Sentence(
            "فایل خوانده شد: {added} نفر تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردیف ردشده.",
            "The file was read: {added} added, {changed} changed, {unchanged} unchanged, {refused} rows refused.",
        ),
        Event.FILE_IMPORTED_LEAVING: Sentence(
            "فایل خوانده شد: {added} نفر تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردیف ردشده، {leaving}"
            " گزارش پایان همکاری که پس از تأیید ثبت می‌شود.",
            "The file was read: {added} added, {changed} changed, {unchanged} unchanged, {refused} rows refused,"
            " {leaving} reported to have left, which counts once it is confirmed.",
        ),
        Event.FILE_REFUSED: Sentence(
            "فایل پذیرفته نشد؛ دلیل آن در گزارش آمده است.", "The file was refused; the import says why."
        ),
        Event.CHANGE_PROPOSED: Sentence(
            "در فهرست کارکنان مقدار دیگری آمده بود: {what:Change}. تا تأیید نشود، چیزی تغییر نمی‌کند.",
            "The personnel file says otherwise: {what:Change}. Nothing changes before it is confirmed.",
        ),
        Event.CHANGE_REPLACED: Sentence(
            "فایل تازه‌تری رسید و پیشنهاد آن جای پیشنهاد پیشین را گرفت: {what:Change}.",
            "A newer file came, and what it proposes takes the place of the proposal before: {what:Change}.",
        ),
        Event.CONFIRMATION_REQUESTED: Sentence(
            "تأیید این تغییر از {role:who} خواسته شد: {what:Change}.",
            "Asked to confirm the change ({what:Change}): {role:who}.",
        ),
        Event.CHANGE_CONFIRMED: Sentence("تغییر تأیید شد: {what:Change}.", "The change was confirmed: {what:Change}."),
        Event.CHANGE_REJECTED: Sentence("تغییر پذیرفته نشد: {what:Change}.", "The change was rejected: {what:Change}."),
        Event.CHANGE_APPLIED: Sentence("تغییر انجام شد: {what:Change}.", "The change was made: {what:Change}."),
        Event.CHANGE_LAPSED: Sentence(
            "در مهلت مقرر پاسخی نرسید و تغییر انجام نشد: {what:Change}.",
            "No answer came in time; nothing was changed: {what:Change}.",
        ),
        Event.CHANGE_OVERTAKEN: Sentence(
            "فهرست سازمان و شمارهٔ ثبت‌شده دوباره یکی شد؛ چیزی برای تأیید نماند.",
            "The organisation's list and the number in use are the same again; nothing is left to confirm.",
        ),
        Event.EXIT_OVERTAKEN: Sentence(
            "فایل تازه‌تری این فرد را شاغل نوشته است؛ گزارش پایان همکاری دیگر به کار نمی‌آید.",
            "A newer file lists this person as employed; the reported exit does not count any more.",
        ),
    },
    sms={
        Event.FILE_IMPORTED: (
            "امانت: فهرست کارکنان خوانده شد: {added} تازه، {changed} تغییر، {unchanged} بدون"
            " تغییر، {refused} ردشده. گزارش: {app_link}"
        ),
        Event.FILE_IMPORTED_LEAVING: (
            "امانت: فهرست کارکنان خوانده شد: {added} تازه، {changed} تغییر، {unchanged} بدون تغییر، {refused} ردشده،"
            " {leaving} پایان همکاری که پس از تأیید ثبت می‌شود. گزارش: {app_link}"
        ),
        Event.FILE_REFUSED: "امانت: فهرست کارکنان پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
        Sms.MOBILE_PROPOSED: (
            "امانت: سازمان شما شمارهٔ همراه دیگری برای شما فرستاده است. اگر از آن خبر ندارید، زود"
            " با پشتیبانی تماس بگیرید: {app_link}"
        ),
        # To the owner of that number, who may be a stranger: it says nothing of the person or their employer.
        Sms.MOBILE_PROPOSED_NEW: (
            "امانت: یک سازمان این شماره را برای یکی از کارکنان خود اعلام کرده و هنوز تأیید نشده است. اگر این شماره را"
            " خودتان به محل کارتان نداده‌اید، به پشتیبانی امانت خبر دهید."
        ),
        Sms.MOBILE_CONFIRMED: (
            "امانت: از این پس با همین شماره وارد شوید. برای امنیت شما، کارهای مالی مدتی بسته می‌ماند."
        ),
        Sms.MOBILE_REJECTED: "امانت: تغییر شمارهٔ همراه شما پذیرفته نشد و شمارهٔ پیشین برقرار است.",
        Sms.MOBILE_LAPSED: "امانت: تغییر شمارهٔ همراه شما تأیید نشد و شمارهٔ پیشین برقرار است.",
        Sms.MOBILE_OVERTAKEN: "امانت: فهرست سازمان شما با همین شمارهٔ همراه یکی شد و شمارهٔ شما تغییری نکرد.",
        Sms.MOBILE_CHANGED_OLD: (
            "امانت: شمارهٔ همراه حساب شما عوض شد و این شماره دیگر به آن راه ندارد. اگر شما"
            " نخواسته‌اید، همین حالا با پشتیبانی تماس بگیرید."
        ),
        Sms.SHEBA_PROPOSED: (
            "امانت: سازمان شما شمارهٔ شبای دیگری برای شما فرستاده است. اگر از آن خبر ندارید، زود"
            " با پشتیبانی تماس بگیرید: {app_link}"
        ),
        Sms.SHEBA_CONFIRMED: "امانت: شمارهٔ شبای شما تغییر کرد. اگر از آن خبر ندارید، با پشتیبانی تماس بگیرید.",
        Sms.SHEBA_REJECTED: "امانت: تغییر شمارهٔ شبای شما پذیرفته نشد و شبای پیشین برقرار است.",
        Sms.SHEBA_LAPSED: "امانت: تغییر شمارهٔ شبای شما تأیید نشد و شبای پیشین برقرار است.",
        Sms.SHEBA_OVERTAKEN: "امانت: فهرست سازمان شما با همین شمارهٔ شبا یکی شد و شبای شما تغییری نکرد.",
        Sms.EXIT_LAPSED: (
            "امانت: گزارش پایان همکاری یک کارمند بی‌پاسخ ماند و به حساب نیامد. پرونده را ببینید: {app_link}"
        ),
    },
    ahead={CaseKind.PERSONNEL_IMPORT: _import_ahead, CaseKind.PERSONNEL_CHANGE: _change_ahead},
    terms={
        Change: {
            Change.MOBILE: Sentence("شمارهٔ همراه", "mobile number"),
            Change.SHEBA: Sentence("شمارهٔ شبا", "sheba"),
            Change.EXIT: Sentence("پایان همکاری", "end of the employment"),
        },
        ExitReason: {
            ExitReason.LEFT: Sentence("ترک کار یا قطع همکاری", "left"),
            ExitReason.RETIRED: Sentence("بازنشستگی", "retired"),
            ExitReason.DIED: Sentence("فوت", "died"),
        },
    },
)
