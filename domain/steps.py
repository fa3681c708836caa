"""What is still to come in a case, in plain words (A9); what is done and who acts now, the timeline and phase say."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.programme import Backing, Review
from domain.wording import Sentence

_HOUR: Final = timedelta(hours=1)
_BACKING: Final = {
    Backing.GUARANTOR: Sentence("ضامن ضمانت را می‌پذیرد یا رد می‌کند.", "The guarantor accepts or refuses."),
    Backing.CERTIFICATE: Sentence(
        "منابع انسانی سازمان گواهی کسر از حقوق را صادر یا رد می‌کند.",
        "The organisation's HR issues or refuses the deduction certificate.",
    ),
}
_REVIEW: Final = Sentence(
    "امور مالی منطقه درخواست را بررسی می‌کند: تأیید، برگشت برای اصلاح، یا رد.",
    "Regional finance reviews the application: it approves, returns it for correction, or refuses.",
)
_WAITING: Final = Sentence(
    "از تأیید تا فعال شدن اعتبار {hours} ساعت می‌گذرد.", "From approval until the credit is usable {hours} hours pass."
)
_USABLE: Final = Sentence(
    "اعتبار فعال می‌شود و شمارهٔ کارت و پیوند برنامه در بخش اعتبار می‌آید.",
    "The credit becomes usable; the card number and the link of the app stand under Credit.",
)
_SUBSTITUTE_ANSWERS: Final = Sentence(
    "همکاری که معرفی شد ضمانت را می‌پذیرد یا رد می‌کند.", "The colleague who was named accepts or refuses."
)
_SUBSTITUTION_REVIEW: Final = Sentence("امور مالی دربارهٔ تعویض تصمیم می‌گیرد.", "Finance decides on the substitution.")
_REPLACED: Final = Sentence(
    "ضامن تازه برقرار می‌شود و ضمانت پیشین پایان می‌یابد.", "The new guarantor stands, and the former guarantee ends."
)
_CHANGED: Final = Sentence("اگر تأیید شود، تغییر انجام می‌شود.", "If it is confirmed, the change is made.")
_REPORT: Final = Sentence(
    "گزارش ردیف‌های پذیرفته و ردشده آماده می‌شود.", "The report of accepted and refused rows is made."
)

# How many of the steps of an application have begun, by its phase.
_BEGUN: Final = {
    "submitted": 0,
    "awaiting_another_guarantor": 0,
    "awaiting_certificate": 1,
    "awaiting_guarantor": 1,
    "awaiting_correction": 1,
    "awaiting_review": 2,
    "awaiting_activation": 3,
    "awaiting_clearance": 3,
}
_SUBSTITUTION_BEGUN: Final = {"submitted": 0, "awaiting_guarantor": 1, "awaiting_review": 2}
_OTHER: Final = {"awaiting_confirmation": _CHANGED, "received": _REPORT, "importing": _REPORT}


def steps_ahead(backing: Backing, review: Review, waiting: timedelta, phase: str) -> list[Sentence]:
    """The steps of an application that have not begun; none once it is over.

    Args:
        backing: who stands behind it.
        review: whether finance reviews it.
        waiting: between approval and usable credit; less than an hour is not worth a word.
        phase: where it stands.
    """
    if phase not in _BEGUN:
        return []
    hours = waiting // _HOUR
    steps: list[Sentence | None] = [
        _BACKING[backing],
        _REVIEW if review is Review.REGION else None,
        _WAITING.fill({"hours": hours}) if hours else None,
        _USABLE,
    ]
    return [step for step in steps[_BEGUN[phase] :] if step is not None]


def substitution_steps_ahead(phase: str) -> list[Sentence]:
    """The steps of a substitution (A4) that have not begun; none once it is over."""
    steps = [_SUBSTITUTE_ANSWERS, _SUBSTITUTION_REVIEW, _REPLACED]
    return steps[_SUBSTITUTION_BEGUN[phase] :] if phase in _SUBSTITUTION_BEGUN else []


def other_steps_ahead(phase: str) -> list[Sentence]:
    """What follows in the cases of personnel data (A13)."""
    return [_OTHER[phase]] if phase in _OTHER else []
