"""What travels in onboarding to credit: signals, transition inputs and results, phases and words (docs/rules.md, A)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Phase(StrEnum):
    """Where an application stands, as a clerk would say it."""

    SUBMITTED = "submitted"
    AWAITING_CERTIFICATE = "awaiting_certificate"
    AWAITING_GUARANTOR = "awaiting_guarantor"
    AWAITING_ANOTHER_GUARANTOR = "awaiting_another_guarantor"
    AWAITING_REVIEW = "awaiting_review"
    AWAITING_CORRECTION = "awaiting_correction"
    AWAITING_ACTIVATION = "awaiting_activation"
    AWAITING_CLEARANCE = "awaiting_clearance"
    ACTIVE = "active"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What people are asked to do."""

    ISSUE_CERTIFICATE = "issue_certificate"
    ANSWER_GUARANTEE = "answer_guarantee"
    NAME_GUARANTOR = "name_guarantor"
    REVIEW_APPLICATION = "review_application"
    CORRECT_APPLICATION = "correct_application"
    CLEAR_OBSTACLE = "clear_obstacle"


class FactKind(StrEnum):
    """What people did."""

    APPLICATION_SUBMITTED = "application_submitted"
    CERTIFICATE_ISSUED = "certificate_issued"
    CERTIFICATE_REFUSED = "certificate_refused"
    CERTIFICATE_REVOKED = "certificate_revoked"
    GUARANTOR_NAMED = "guarantor_named"
    GUARANTEE_ACCEPTED = "guarantee_accepted"
    GUARANTEE_REFUSED = "guarantee_refused"
    APPLICATION_APPROVED = "application_approved"
    APPLICATION_RETURNED = "application_returned"
    APPLICATION_FORWARDED = "application_forwarded"
    APPLICATION_REFUSED = "application_refused"
    APPLICATION_CORRECTED = "application_corrected"
    OBSTACLE_CLEARED = "obstacle_cleared"
    OBSTACLE_UPHELD = "obstacle_upheld"
    APPLICATION_WITHDRAWN = "application_withdrawn"


# What somebody decided that ends an application, whether or not the process knows yet.
REFUSALS = (FactKind.CERTIFICATE_REFUSED, FactKind.APPLICATION_REFUSED, FactKind.OBSTACLE_UPHELD)


# Signals: the past tense of what somebody did. They carry ids, never authority.
@dataclass(frozen=True, slots=True)
class ApplicationSubmitted:
    """A member applied; starts the process."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class CertificateAnswered:
    """The employer issued or refused the deduction certificate (A12)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class GuarantorNamed:
    """The applicant named another guarantor (A4, A6)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class GuaranteeAnswered:
    """A guarantor accepted or refused (A5)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class ReviewAnswered:
    """Finance approved, returned, forwarded or refused (A7)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class ApplicationCorrected:
    """The applicant corrected what finance had returned (A7)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class ObstacleAnswered:
    """Somebody cleared, or upheld, what stood in the way of activation."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class ApplicationWithdrawn:
    """The applicant withdrew (A11)."""

    case_id: UUID
    fact_id: UUID


class Standing(StrEnum):
    """Where a transition left the application or the substitution; the process goes on from it.

    Somebody is awaited; a backing, a review or a correction is to be asked for; it is approved and waits for its
    hour; nothing is missing any more; money actions pause; it is over.
    """

    WAITING = "waiting"
    UNBACKED = "unbacked"
    UNREVIEWED = "unreviewed"
    RETURNED = "returned"
    APPROVED = "approved"
    BACKED = "backed"
    PAUSED = "paused"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Step:
    """Input of every transition of onboarding and substitution: the case, and how often this step was taken before.

    ``until``: the moment that was waited for; a reminder or a lapse is for what was due then.
    """

    case_id: UUID
    round: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of every transition of onboarding and substitution.

    ``remind_in`` and ``expire_in`` are seconds from now by Postgres's clock; set when somebody is awaited.
    ``reminds_at`` and ``expires_at`` are the moments that they lead to.
    """

    standing: Standing
    remind_in: int = 0
    expire_in: int = 0
    reminds_at: datetime | None = None
    expires_at: datetime | None = None
