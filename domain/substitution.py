"""What stops the substitution of a guarantor behind a usable credit (docs/rules.md, A4), and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.access import Part, Role
from domain.correspondence import CorrespondenceRules
from domain.errors import Conflict
from domain.programme import Programme
from domain.review import ReviewFinding
from domain.wording import OWNER, CapabilityWords, Line, Sentence, TaskWords
from messages.case import CaseKind
from messages.substitution import Event, FactKind, Phase, Sms, TaskKind

CORRESPONDENCE: Final = CorrespondenceRules(
    CaseKind.SUBSTITUTION,
    dict.fromkeys((Part.APPLICANT, Part.GUARANTOR), frozenset({Role.FINANCE_OFFICER})),
)


class CreditLineOver(Conflict):
    """The line was closed, or its term has ended: nobody new is asked to stand for it."""

    code = "credit_line_over"
    fa = "این اعتبار پایان یافته است و ضامن آن عوض نمی‌شود."
    en = "This credit is over; its guarantors are not replaced any more."


class SubstitutionOpen(Conflict):
    """Another substitution of the line is under way."""

    code = "substitution_open"
    fa = "یک درخواست تعویض ضامن برای این اعتبار در جریان است؛ تا پایان آن درخواست دیگری ثبت نمی‌شود."
    en = "A guarantor of this credit is being replaced already; wait until that is over, or withdraw it."


_ANSWER: Final = Sentence(
    "همکاری که معرفی شد ضمانت را می‌پذیرد یا رد می‌کند.", "The colleague who was named accepts or refuses."
)
_REVIEW: Final = Sentence("امور مالی دربارهٔ تعویض تصمیم می‌گیرد.", "Finance decides on the substitution.")
_REPLACED: Final = Sentence(
    "ضامن تازه برقرار می‌شود و ضمانت پیشین پایان می‌یابد.", "The new guarantor stands, and the former guarantee ends."
)

# How many of these have begun, by the phase.
_BEGUN: Final[Mapping[str, int]] = {Phase.SUBMITTED: 0, Phase.AWAITING_GUARANTOR: 1, Phase.AWAITING_REVIEW: 2}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_ANSWER, _REVIEW, _REPLACED][_BEGUN[phase] :] if phase in _BEGUN else []


WORDS: Final = CapabilityWords(
    kinds={
        CaseKind.SUBSTITUTION: Sentence("تعویض ضامن", "Substitution of a guarantor"),
    },
    phases={
        CaseKind.SUBSTITUTION: {
            Phase.SUBMITTED: Sentence("درخواست ثبت شد", "Submitted"),
            Phase.AWAITING_GUARANTOR: Sentence("در انتظار پاسخ ضامن", "Awaiting the guarantor's answer"),
            Phase.AWAITING_REVIEW: Sentence("در انتظار بررسی امور مالی", "Awaiting the finance office"),
            Phase.REPLACED: Sentence("ضامن عوض شد", "The guarantor was replaced"),
            Phase.REFUSED: Sentence("رد شد", "Refused"),
            Phase.WITHDRAWN: Sentence("صاحب اعتبار منصرف شد", "Withdrawn"),
            Phase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
            Phase.OVERTAKEN: Sentence("اعتبار پیش از تعویض پایان یافت", "The credit ended before"),
        },
    },
    tasks={
        TaskKind.REVIEW_SUBSTITUTION: TaskWords(
            Sentence("بررسی تعویض ضامن در امور مالی", "Review the substitution of a guarantor"),
            sms="امانت: یک درخواست تعویض ضامن منتظر بررسی شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ بررسی یک درخواست تعویض ضامن هنوز انجام نشده است. {app_link}",
            outcomes={
                FactKind.SUBSTITUTION_APPROVED: Sentence("تعویض ضامن را تأیید کرد", "approved this substitution"),
                FactKind.SUBSTITUTION_REFUSED: Sentence("تعویض ضامن را رد کرد", "refused this substitution"),
            },
            reasons=ReviewFinding,
        ),
    },
    timeline={
        FactKind.SUBSTITUTION_REQUESTED: Sentence(
            ("صاحب اعتبار خواست همکار دیگری جای یکی از ضامن‌ها را بگیرد. تا تأیید امور مالی، ضامن کنونی برقرار است."),
            "The owner of the credit asked for another guarantor. Until finance approves, the present one stands.",
        ),
        FactKind.SUBSTITUTION_APPROVED: Sentence(
            "امور مالی تعویض ضامن را تأیید کرد.", "Finance approved the substitution."
        ),
        Event.SUBSTITUTION_BLOCKED: Line(
            Sentence(
                "تعویض انجام نشد: {finding:ReviewFinding}. بررسی دوباره به امور مالی سپرده شد.",
                "The substitution could not take effect: {finding:ReviewFinding}. Finance was asked again.",
            ),
            seen_by=OWNER,
        ),
        FactKind.SUBSTITUTION_REFUSED: Line(
            Sentence(
                "امور مالی تعویض ضامن را نپذیرفت: {reason:RefusalReason}. ضامن کنونی برقرار است.",
                "Finance refused the substitution: {reason:RefusalReason}. The present guarantor goes on standing.",
            ),
            seen_by=OWNER,
        ),
        Event.SUBSTITUTION_DECLINED: Sentence(
            "تعویض انجام نشد و ضامن کنونی برقرار است.", "Nobody was replaced; the present guarantor goes on standing."
        ),
        FactKind.SUBSTITUTION_WITHDRAWN: Sentence(
            "صاحب اعتبار از تعویض ضامن منصرف شد؛ ضامن کنونی برقرار است.",
            "The owner of the credit withdrew; the present guarantor goes on standing.",
        ),
        Event.SUBSTITUTION_LAPSED: Sentence(
            "در مهلت مقرر پاسخی نرسید؛ تعویض انجام نشد و ضامن کنونی برقرار است.",
            "No answer came in time; nobody was replaced and the present guarantor goes on standing.",
        ),
        Event.SUBSTITUTION_OVERTAKEN: Sentence(
            "اعتبار پایان یافته است و ضامن آن دیگر عوض نمی‌شود.", "The credit is over; its guarantor is not replaced."
        ),
        Event.GUARANTOR_REPLACED: Sentence(
            "ضامن عوض شد: ضامن تازه برقرار است و ضمانتِ ضامن پیشین پایان یافت.",
            "The guarantor was replaced: the new one stands, the former one no longer does.",
        ),
    },
    sms={
        FactKind.SUBSTITUTION_REQUESTED: (
            "امانت: درخواست تعویض ضامن شما ثبت شد. تا تأیید امور مالی، ضامن کنونی برقرار است."
        ),
        FactKind.SUBSTITUTION_REFUSED: (
            "امانت: امور مالی تعویض ضامن را نپذیرفت و ضامن کنونی برقرار است. دلیل: {app_link}"
        ),
        Event.SUBSTITUTION_DECLINED: "امانت: همکاری که معرفی کردید ضمانت را نپذیرفت و ضامن کنونی برقرار است.",
        FactKind.SUBSTITUTION_WITHDRAWN: "امانت: انصراف شما از تعویض ضامن ثبت شد و ضامن کنونی برقرار است.",
        Event.SUBSTITUTION_LAPSED: "امانت: مهلت تعویض ضامن بدون پاسخ گذشت و ضامن کنونی برقرار است.",
        Event.SUBSTITUTION_OVERTAKEN: "امانت: اعتبار شما پایان یافته است و تعویض ضامن آن متوقف شد.",
        Event.GUARANTOR_REPLACED: "امانت: ضامن اعتبار شما عوض شد. جزئیات: {app_link}",
        Sms.GUARANTEE_TAKEN_OVER: "امانت: همکار دیگری به‌جای شما ضامن شد و ضمانتِ شما برای این اعتبار پایان یافت.",
        Sms.GUARANTEE_BEGUN: (
            "امانت: امور مالی تعویض ضامن را تأیید کرد؛ از این پس شما ضامن این اعتبار هستید. ضمانت‌های شما: {app_link}"
        ),
    },
    ahead={CaseKind.SUBSTITUTION: _steps_ahead},
)
