"""What a personnel file proposes about somebody, and what people are told of it (A13, C7)."""

from __future__ import annotations

from typing import Final

from domain.errors import InvalidInput
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence
from messages.case import CaseKind
from messages.personnel import Change, ChangePhase, Event, ExitReason, Sms


class ReasonMissing(InvalidInput):
    """A change was rejected without a reason."""

    code = "reason_missing"
    fa = "برای نپذیرفتن این تغییر، دلیل آن را بنویسید."
    en = "Please say why the change is rejected."


_CHANGED: Final = Sentence("اگر تأیید شود، تغییر انجام می‌شود.", "If it is confirmed, the change is made.")


def _change_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_CHANGED] if phase == ChangePhase.AWAITING_CONFIRMATION else []


WORDS: Final = CapabilityWords(
    phases={
        CaseKind.PERSONNEL_CHANGE: {
            ChangePhase.AWAITING_CONFIRMATION: Sentence("در انتظار تأیید", "Awaiting confirmation"),
            ChangePhase.CONFIRMED: Sentence("تأیید شد", "Confirmed"),
            ChangePhase.REJECTED: Sentence("رد شد", "Rejected"),
            ChangePhase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
            ChangePhase.OVERTAKEN: Sentence("دیگر لازم نیست", "No longer needed"),
        },
    },
    timeline={
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
    ahead={CaseKind.PERSONNEL_CHANGE: _change_ahead},
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
