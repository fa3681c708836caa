"""What regional finance decides, and what stops an approval (docs/rules.md, A7, A8); its words."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.errors import Conflict, InvalidInput
from domain.wording import OWNER, CapabilityWords, Line, Sentence, TaskWords
from messages.onboarding import FactKind as ApplicationFact
from messages.review import Event, FactKind, Sms, TaskKind


class ReturnReason(StrEnum):
    """Why an application goes back to the applicant for correction (A7)."""

    AMOUNT_TOO_HIGH = "amount_too_high"
    INSTALMENTS_TOO_MANY = "instalments_too_many"
    GUARANTOR_UNSUITABLE = "guarantor_unsuitable"
    PERSONNEL_DATA_WRONG = "personnel_data_wrong"
    OTHER_CORRECTION = "other_correction"


class ReviewFinding(StrEnum):
    """What an approval found not to hold at this moment (docs/rules.md, Roles: checked when it takes effect)."""

    CONTRACT_NOT_IN_FORCE = "contract_not_in_force"
    NOT_EMPLOYED = "not_employed"
    MOBILE_DISPUTED = "mobile_disputed"
    APPLICANT_MOVED = "applicant_moved"
    AMOUNT_ABOVE_SHARE = "amount_above_share"
    GUARANTOR_MISSING = "guarantor_missing"
    GUARANTOR_NOT_ELIGIBLE = "guarantor_not_eligible"
    CERTIFICATE_NOT_VALID = "certificate_not_valid"


def may_forward(reviewing_region: str | None, region: str) -> bool:
    """Whether there is another region to hand a review to (A7).

    Args:
        reviewing_region: which one reviews; None for the whole platform.
        region: where the applicant works now.
    """
    return reviewing_region not in {None, region}


class ApprovalBlocked(Conflict):
    """Something does not hold any more; the officer may return or refuse the application, or wait."""

    code = "approval_blocked"
    fa = "تأیید ممکن نیست: {findings}"
    en = "The application cannot be approved now: {findings_en}"


class ReasonsRepeated(InvalidInput):
    """A reason was given twice."""

    code = "reasons_repeated"
    fa = "یک دلیل دو بار آمده است."
    en = "A reason is given twice."


class ForwardNotNeeded(Conflict):
    """The applicant stands in the region that reviews."""

    code = "forward_not_needed"
    fa = "متقاضی در همین منطقه شاغل است؛ ارسال به منطقهٔ دیگر لازم نیست."
    en = "The applicant works in this region; there is no other to forward to."


class NotReturned(Conflict):
    """Nobody asked the applicant for a correction."""

    code = "application_not_returned"
    fa = "این درخواست برای اصلاح برگردانده نشده است."
    en = "This application was not returned for correction."


WORDS: Final = CapabilityWords(
    tasks={
        TaskKind.REVIEW_APPLICATION: TaskWords(
            Sentence("بررسی درخواست در امور مالی", "Review the application"),
            sms="امانت: یک درخواست اعتبار منتظر بررسی شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ بررسی یک درخواست اعتبار هنوز انجام نشده است. {app_link}",
            outcomes={
                FactKind.APPLICATION_APPROVED: Sentence("این درخواست را تأیید کرد", "approved this application"),
                FactKind.APPLICATION_RETURNED: Sentence(
                    "این درخواست را برای اصلاح برگرداند", "returned this application for correction"
                ),
                FactKind.APPLICATION_FORWARDED: Sentence(
                    "این درخواست را به منطقهٔ دیگری فرستاد", "forwarded this application to another region"
                ),
                ApplicationFact.APPLICATION_REFUSED: Sentence("این درخواست را رد کرد", "refused this application"),
            },
        ),
    },
    timeline={
        Event.REVIEW_REQUESTED: Sentence(
            "درخواست برای بررسی به امور مالی منطقهٔ {region} رفت.", "Regional finance of {region} was asked to review."
        ),
        Event.REVIEW_PASSED_ON: Sentence(
            "در این منطقه کسی نمی‌تواند دربارهٔ این درخواست تصمیم بگیرد؛ بررسی به امور مالی مرکز سپرده شد.",
            "Nobody in this region may decide on it; the platform's finance was asked.",
        ),
        Event.REVIEW_ESCALATED: Sentence(
            "امور مالی منطقه در مهلت مقرر تصمیم نگرفت؛ بررسی به امور مالی مرکز سپرده شد.",
            "Regional finance did not decide in time; the platform's finance was asked.",
        ),
        FactKind.APPLICATION_APPROVED: Sentence(
            "امور مالی درخواست را تأیید کرد؛ اعتبار از {activates_at:deadline} قابل استفاده است.",
            "Finance approved; the credit is usable from {activates_at:deadline}.",
        ),
        FactKind.APPLICATION_RETURNED: Line(
            Sentence(
                "امور مالی درخواست را برای اصلاح برگرداند: {reasons:ReturnReason}.",
                "Finance returned it for correction: {reasons:ReturnReason}.",
            ),
            seen_by=OWNER,
        ),
        FactKind.APPLICATION_FORWARDED: Sentence(
            "متقاضی به منطقهٔ دیگری رفته است؛ بررسی به امور مالی منطقهٔ {region} سپرده شد.",
            "The applicant works elsewhere now; the review went to the finance of region {region}.",
        ),
    },
    sms={
        FactKind.APPLICATION_APPROVED: (
            "امانت: امور مالی درخواست اعتبار شما را تأیید کرد. زمان فعال شدن را این‌جا ببینید: {app_link}"
        ),
        Sms.REVIEW_MOVED: "امانت: بررسی درخواست شما به دفتر مالی دیگری سپرده شد. وضعیت: {app_link}",
    },
    terms={
        ReturnReason: {
            ReturnReason.AMOUNT_TOO_HIGH: Sentence("مبلغ ماهانه زیاد است", "the monthly amount is too high"),
            ReturnReason.INSTALMENTS_TOO_MANY: Sentence("تعداد اقساط زیاد است", "there are too many instalments"),
            ReturnReason.GUARANTOR_UNSUITABLE: Sentence("ضامن دیگری لازم است", "another guarantor is needed"),
            ReturnReason.PERSONNEL_DATA_WRONG: Sentence(
                "اطلاعات پرسنلی باید اصلاح شود", "personnel data must be corrected"
            ),
            ReturnReason.OTHER_CORRECTION: Sentence("اصلاح دیگری لازم است", "another correction is needed"),
        },
        ReviewFinding: {
            ReviewFinding.CONTRACT_NOT_IN_FORCE: Sentence(
                "قرارداد سازمان برقرار نیست", "the organisation's contract is not in force"
            ),
            ReviewFinding.NOT_EMPLOYED: Sentence(
                "متقاضی در فهرست کارکنان شاغل نیست", "the applicant is not listed as employed"
            ),
            ReviewFinding.MOBILE_DISPUTED: Sentence(
                "شمارهٔ همراه متقاضی مورد اختلاف است", "the organisation lists another mobile of the applicant"
            ),
            ReviewFinding.APPLICANT_MOVED: Sentence(
                "متقاضی به منطقهٔ دیگری رفته است", "the applicant works in another region now"
            ),
            ReviewFinding.AMOUNT_ABOVE_SHARE: Sentence(
                "مبلغ ماهانه از سقف بیشتر است", "the monthly amount is above the limit"
            ),
            ReviewFinding.GUARANTOR_MISSING: Sentence(
                "هنوز همهٔ ضامن‌ها نپذیرفته‌اند", "a guarantor who has accepted is missing"
            ),
            ReviewFinding.GUARANTOR_NOT_ELIGIBLE: Sentence(
                "ضامن شرایط لازم را ندارد", "a guarantor no longer meets the conditions"
            ),
            ReviewFinding.CERTIFICATE_NOT_VALID: Sentence(
                "گواهی کسر از حقوق معتبر نیست", "the deduction certificate is not valid"
            ),
        },
    },
)
