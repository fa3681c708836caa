"""What travels about deduction certificates: tasks, facts and what the machine tells (docs/rules.md, A12)."""

from __future__ import annotations

from enum import StrEnum


class TaskKind(StrEnum):
    """What people are asked to do."""

    ISSUE_CERTIFICATE = "issue_certificate"


class FactKind(StrEnum):
    """What people did."""

    CERTIFICATE_ISSUED = "certificate_issued"
    CERTIFICATE_REFUSED = "certificate_refused"
    CERTIFICATE_REVOKED = "certificate_revoked"


class Event(StrEnum):
    """What the machine tells on the timeline."""

    CERTIFICATE_REQUESTED = "certificate_requested"
    CERTIFICATE_REQUESTED_AGAIN = "certificate_requested_again"
