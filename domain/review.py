"""What regional finance decides, and what stops an approval (docs/rules.md, A7, A8)."""

from __future__ import annotations

from enum import StrEnum

from domain.errors import Conflict, InvalidInput


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
