"""What travels in the substitution of a guarantor behind a usable credit: signals, phases and words (A4).

Its steps and outcomes are those of onboarding: somebody is asked, then finance reviews.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Phase(StrEnum):
    """Where a substitution stands, as a clerk would say it."""

    SUBMITTED = "submitted"
    AWAITING_GUARANTOR = "awaiting_guarantor"
    AWAITING_REVIEW = "awaiting_review"
    REPLACED = "replaced"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    OVERTAKEN = "overtaken"


class TaskKind(StrEnum):
    """What people are asked to do; the new guarantor is asked as in onboarding."""

    REVIEW_SUBSTITUTION = "review_substitution"


class FactKind(StrEnum):
    """What people did; the new guarantor answers as in onboarding."""

    SUBSTITUTION_REQUESTED = "substitution_requested"
    SUBSTITUTION_APPROVED = "substitution_approved"
    SUBSTITUTION_REFUSED = "substitution_refused"
    SUBSTITUTION_WITHDRAWN = "substitution_withdrawn"


# Signals: the past tense of what somebody did. They carry ids, never authority.
@dataclass(frozen=True, slots=True)
class SubstitutionRequested:
    """The owner of a credit asked for another guarantor; starts the process."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class SubstituteAnswered:
    """The new guarantor accepted or refused (A5)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class SubstitutionReviewed:
    """Finance approved or refused (A4)."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class SubstitutionWithdrawn:
    """The owner of the credit withdrew."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class SubstitutionOvertaken:
    """The credit line was closed meanwhile: there is nothing left to stand for."""

    case_id: UUID
