"""What travels in onboarding to credit: signals, transition inputs and results, phases and words (docs/rules.md, A)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Phase(StrEnum):
    """Where an application stands, as a clerk would say it."""

    SUBMITTED = "submitted"
    AWAITING_CERTIFICATE = "awaiting_certificate"
    AWAITING_CLEARANCE = "awaiting_clearance"
    ACTIVE = "active"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What people are asked to do."""

    ISSUE_CERTIFICATE = "issue_certificate"
    CLEAR_OBSTACLE = "clear_obstacle"


class FactKind(StrEnum):
    """What people did."""

    APPLICATION_SUBMITTED = "application_submitted"
    CERTIFICATE_ISSUED = "certificate_issued"
    CERTIFICATE_REFUSED = "certificate_refused"
    CERTIFICATE_REVOKED = "certificate_revoked"
    OBSTACLE_CLEARED = "obstacle_cleared"
    OBSTACLE_UPHELD = "obstacle_upheld"
    APPLICATION_WITHDRAWN = "application_withdrawn"


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
    """What a transition found or did; the process goes on from it."""

    WAITING = "waiting"
    BACKED = "backed"
    PAUSED = "paused"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Step:
    """Input of every onboarding transition: the case, and how often this step was taken before."""

    case_id: UUID
    round: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of every onboarding transition.

    ``remind_in`` and ``expire_in`` are seconds from now by Postgres's clock; set when somebody is awaited.
    """

    standing: Standing
    remind_in: int = 0
    expire_in: int = 0
