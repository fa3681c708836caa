"""What travels in an identity review (F4): phases, tasks, facts, what the machine tells, and what is reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    """Where an identity review stands."""

    SUBMITTED = "submitted"
    AWAITING_REVIEW = "awaiting_review"
    AWAITING_CORRECTION = "awaiting_correction"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What people are asked to do."""

    REVIEW_IDENTITY = "review_identity"
    CORRECT_IDENTITY = "correct_identity"


class FactKind(StrEnum):
    """What people did."""

    KYC_SUBMITTED = "kyc_submitted"
    KYC_CLAIMED = "kyc_claimed"
    KYC_RELEASED = "kyc_released"
    KYC_ACCEPTED = "kyc_accepted"
    KYC_RETURNED = "kyc_returned"
    KYC_CORRECTED = "kyc_corrected"
    KYC_REFUSED = "kyc_refused"
    KYC_WITHDRAWN = "kyc_withdrawn"


class Event(StrEnum):
    """What the machine tells."""

    KYC_GRANTED = "kyc_granted"
    KYC_LATE = "kyc_late"
    KYC_LAPSED = "kyc_lapsed"


class Sms(StrEnum):
    """Notices that have no name of a fact or event."""

    KYC_RENEWAL = "kyc_renewal"
    KYC_HURRIED = "kyc_hurried"
    KYC_LATE_DESK = "kyc_late_desk"
    KYC_UNSTAFFED = "kyc_unstaffed"


class DocumentKind(StrEnum):
    """A picture that shows who somebody is."""

    NATIONAL_CARD_FRONT = "national_card_front"
    NATIONAL_CARD_BACK = "national_card_back"
    BIRTH_CERTIFICATE = "birth_certificate"
    SELFIE = "selfie"


SIGNALS: Mapping[str, str] = {
    FactKind.KYC_SUBMITTED: "a member submitted their identity form",
    FactKind.KYC_ACCEPTED: "the officer accepted it",
    FactKind.KYC_RETURNED: "the officer returned it with what is to be mended",
    FactKind.KYC_CORRECTED: "the member mended it",
    FactKind.KYC_REFUSED: "the officer refused it",
    FactKind.KYC_WITHDRAWN: "the member took it back",
}
