"""What travels about reviews by finance: tasks, facts and what the machine tells (docs/rules.md, A7)."""

from __future__ import annotations

from enum import StrEnum


class TaskKind(StrEnum):
    """What people are asked to do."""

    REVIEW_APPLICATION = "review_application"


class FactKind(StrEnum):
    """What people did."""

    APPLICATION_APPROVED = "application_approved"
    APPLICATION_RETURNED = "application_returned"
    APPLICATION_FORWARDED = "application_forwarded"


class Event(StrEnum):
    """What the machine tells on the timeline."""

    REVIEW_REQUESTED = "review_requested"
    REVIEW_PASSED_ON = "review_passed_on"
    REVIEW_ESCALATED = "review_escalated"


class Sms(StrEnum):
    """What the applicant is told."""

    REVIEW_MOVED = "review_moved"
