"""All that an identity review says (docs/rules.md, F4)."""

from __future__ import annotations

from typing import Final

from domain.access import Part
from domain.kyc import FaultReason, FormField, LevelName, Missing
from domain.programme import Programme
from domain.wording import CapabilityWords, Line, MailText, Sentence, TaskWords
from messages.case import CaseKind
from messages.kyc import DocumentKind, Event, FactKind, Phase, Sms, TaskKind

# Who reviews is no business of the person; what was returned stands on the case's page, not on its timeline.
_OFFICE: Final = frozenset({Part.PROPOSER})
_DECIDED: Final = Sentence(
    "کارشناس احراز هویت مدارک را بررسی می‌کند و می‌پذیرد، برای اصلاح برمی‌گرداند یا رد می‌کند.",
    "An identity officer reviews the documents, and accepts, returns or refuses them.",
)


_HOLDS: Final = Sentence("با تأیید، سقف‌های این سطح باز می‌شود.", "Once accepted, the limits of the level hold.")


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    if phase == Phase.AWAITING_REVIEW:
        return [_HOLDS]
    return [_DECIDED, _HOLDS] if phase in {Phase.SUBMITTED, Phase.AWAITING_CORRECTION} else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.KYC: Sentence("احراز هویت", "Identity review")},
    phases={
        CaseKind.KYC: {
            Phase.SUBMITTED: Sentence("فرستاده شد", "Submitted"),
            Phase.AWAITING_REVIEW: Sentence("در انتظار بررسی", "Awaiting review"),
            Phase.AWAITING_CORRECTION: Sentence("در انتظار اصلاح فرم", "Awaiting correction"),
            Phase.ACCEPTED: Sentence("تأیید شد", "Accepted"),
            Phase.REFUSED: Sentence("پذیرفته نشد", "Refused"),
            Phase.WITHDRAWN: Sentence("پس گرفته شد", "Taken back"),
            Phase.LAPSED: Sentence("مهلت اصلاح گذشت", "Lapsed"),
        },
    },
    tasks={
        TaskKind.REVIEW_IDENTITY: TaskWords(
            Sentence("بررسی احراز هویت", "Review an identity"),
            sms="امانت: یک فرم احراز هویت منتظر بررسی است. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک فرم احراز هویت هنوز منتظر بررسی است. {app_link}",
            outcomes={
                FactKind.KYC_ACCEPTED: Sentence("احراز هویت را پذیرفت", "accepted the identity"),
                FactKind.KYC_RETURNED: Sentence("فرم را برای اصلاح برگرداند", "returned the form"),
                FactKind.KYC_REFUSED: Sentence("احراز هویت را رد کرد", "refused the identity"),
            },
        ),
        TaskKind.CORRECT_IDENTITY: TaskWords(
            Sentence("اصلاح فرم احراز هویت", "Mend the identity form"),
            sms="امانت: بخشی از فرم احراز هویت شما اصلاح می‌خواهد. آن بخش و دلیلش را اینجا ببینید: {app_link}",
            reminder="امانت: یادآوری؛ فرم احراز هویت شما هنوز اصلاح نشده و مهلت آن رو به پایان است: {app_link}",
            outcomes={FactKind.KYC_CORRECTED: Sentence("فرم را اصلاح کرد", "mended the form")},
        ),
    },
    timeline={
        FactKind.KYC_SUBMITTED: Sentence("فرم احراز هویت فرستاده شد.", "The identity form was submitted."),
        FactKind.KYC_CLAIMED: Line(Sentence("کارشناس بررسی را برعهده گرفت.", "An officer took the review."), _OFFICE),
        FactKind.KYC_RELEASED: Line(
            Sentence("کارشناس بررسی را به همکاران سپرد.", "The officer gave the review back."), _OFFICE
        ),
        FactKind.KYC_ACCEPTED: Sentence("کارشناس مدارک را پذیرفت.", "The officer accepted the documents."),
        FactKind.KYC_RETURNED: Sentence(
            "کارشناس بخشی از فرم را برای اصلاح برگرداند.", "The officer returned a part of the form."
        ),
        FactKind.KYC_CORRECTED: Sentence("فرم اصلاح و دوباره فرستاده شد.", "The form was mended and sent again."),
        FactKind.KYC_REFUSED: Sentence("احراز هویت پذیرفته نشد: {reason}.", "The identity was refused: {reason}."),
        FactKind.KYC_WITHDRAWN: Sentence("فرم احراز هویت پس گرفته شد.", "The identity form was taken back."),
        Event.KYC_GRANTED: Sentence(
            "هویت تأیید شد و تا {until:day} اعتبار دارد.", "The identity is confirmed, and holds until {until:day}."
        ),
        Event.KYC_LATE: Sentence(
            "بررسی در مهلت انجام نشد و به همهٔ کارشناسان سپرده شد.",
            "It was not reviewed in time, and all officers were asked.",
        ),
        Event.KYC_LAPSED: Sentence(
            "در مهلت مقرر اصلاح نشد و پرونده بسته شد؛ فرم را می‌توان از نو فرستاد.",
            "It was not mended in time and is closed; the form can be sent anew.",
        ),
    },
    sms={
        Event.KYC_GRANTED: "امانت: هویت شما تأیید شد. سقف‌ها و تاریخ اعتبار را در صفحهٔ احراز هویت ببینید: {app_link}",
        FactKind.KYC_REFUSED: (
            "امانت: احراز هویت شما پذیرفته نشد. دلیل آن در پرونده آمده است؛ می‌توانید فرم تازه‌ای بفرستید: {app_link}"
        ),
        Event.KYC_LATE: (
            "امانت: بررسی احراز هویت شما بیش از آنچه گفته بودیم طول کشیده است؛ پوزش می‌خواهیم. همکارانمان پیگیری"
            " می‌کنند و لازم نیست کاری بکنید. {app_link}"
        ),
        Event.KYC_LAPSED: (
            "امانت: فرم احراز هویت شما تا پایان مهلت اصلاح نشد و پرونده بسته شد. هر وقت بخواهید می‌توانید فرم تازه‌ای"
            " بفرستید: {app_link}"
        ),
        Sms.KYC_RENEWAL: "امانت: اعتبار احراز هویت شما رو به پایان است؛ آن را تمدید کنید: {app_link}",
        Sms.KYC_LATE_DESK: "امانت: بررسی یک فرم احراز هویت از مهلت گذشت؛ لطفاً پیگیری کنید. {app_link}",
        Sms.KYC_UNSTAFFED: (
            "امانت: برای بررسی یک فرم احراز هویت کارشناسی نیست که با صاحبش ارتباطی نداشته باشد؛ لطفاً کسی را تعیین"
            " کنید. {app_link}"
        ),
        Sms.KYC_HURRIED: "امانت: سفارشی منتظر یک احراز هویت است؛ لطفاً آن را پیش از بقیه بررسی کنید. {app_link}",
    },
    mails={
        Event.KYC_GRANTED: MailText(
            Sentence("هویت شما تأیید شد", "Your identity is confirmed"),
            Sentence(
                "هویت شما در امانت تأیید شد.\nسقف‌ها و تاریخ اعتبار را اینجا ببینید: {app_link:link}",
                "Your identity was confirmed at Amanat.\nSee its limits and its last day here: {app_link:link}",
            ),
        ),
    },
    ahead={CaseKind.KYC: _steps_ahead},
    terms={
        LevelName: {LevelName.BASIC: Sentence("پایه", "Basic"), LevelName.FULL: Sentence("کامل", "Full")},
        DocumentKind: {
            DocumentKind.NATIONAL_CARD_FRONT: Sentence("روی کارت ملی", "National card, front"),
            DocumentKind.NATIONAL_CARD_BACK: Sentence("پشت کارت ملی", "National card, back"),
            DocumentKind.BIRTH_CERTIFICATE: Sentence("صفحهٔ اول شناسنامه", "Birth certificate, first page"),
            DocumentKind.SELFIE: Sentence("عکس صاحب فرم با کارت ملی در دست", "The person, holding the card"),
        },
        FormField: {
            FormField.BIRTH_DATE: Sentence("تاریخ تولد", "Date of birth"),
            FormField.LATIN_NAME: Sentence("نام به حروف انگلیسی", "Name in Latin letters"),
            FormField.CARD: Sentence("کارت بانکی", "Bank card"),
            FormField.SHEBA: Sentence("شمارهٔ شبا", "Sheba"),
        },
        FaultReason: {
            FaultReason.UNREADABLE: Sentence("خوانا نیست", "It cannot be read"),
            FaultReason.CUT_OFF: Sentence("بخشی از آن بریده شده است", "A part of it is cut off"),
            FaultReason.WRONG_DOCUMENT: Sentence("مدرک دیگری است", "It is another document"),
            FaultReason.EXPIRED: Sentence("اعتبار آن گذشته است", "It has expired"),
            FaultReason.NOT_ORIGINAL: Sentence("تصویر اصل مدرک نیست", "It is no picture of the original"),
            FaultReason.DOES_NOT_MATCH: Sentence("با مدارک نمی‌خواند", "It does not match the documents"),
            FaultReason.OTHER: Sentence("دلیل دیگر، در توضیح کارشناس", "Another reason, see the note"),
        },
        Missing: {
            Missing.EMAIL: Sentence("نشانی ایمیل تأییدشده", "a confirmed e-mail address"),
            Missing.CARD: Sentence("کارت بانکی تأییدشده به نام خودتان", "a confirmed bank card of your own"),
            Missing.SHEBA: Sentence("شبای تأییدشده به نام خودتان", "a confirmed sheba of your own"),
            Missing.DOCUMENT: Sentence("همهٔ تصویرهای خواسته‌شده", "all pictures that are asked for"),
        },
    },
)
