"""What is told of reviews by finance, besides what people did (docs/rules.md, A7)."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What the machine tells on the timeline."""

    REVIEW_REQUESTED = "review_requested"
    REVIEW_PASSED_ON = "review_passed_on"
    REVIEW_ESCALATED = "review_escalated"


class Sms(StrEnum):
    """What the applicant is told."""

    REVIEW_MOVED = "review_moved"
