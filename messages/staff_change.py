"""What travels in a change of staff that two operators make (G1): phases, tasks, facts and words' keys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    """Where a change of staff stands."""

    PROPOSED = "proposed"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    REJECTED = "rejected"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What people are asked to do."""

    CONFIRM_STAFF_CHANGE = "confirm_staff_change"


class FactKind(StrEnum):
    """What people did."""

    PROPOSED = "staff_change_proposed"
    CONFIRMED = "staff_change_confirmed"
    REJECTED = "staff_change_rejected"


class Event(StrEnum):
    """What the machine tells."""

    APPLIED = "staff_change_applied"
    NOT_APPLIED = "staff_change_not_applied"
    LAPSED = "staff_change_lapsed"


class Sms(StrEnum):
    """Notices that have no name of a fact or event."""

    ROLE_GRANTED = "staff_role_granted"
    CREDENTIALS_SET = "staff_credentials_set"
    CONSOLE_ACTED = "staff_console_acted"
    RIGHTS_TAKEN = "staff_rights_taken"


SIGNALS: Mapping[str, str] = {
    FactKind.PROPOSED: "an operator proposed a change of staff",
    FactKind.CONFIRMED: "a second operator confirmed it",
    FactKind.REJECTED: "a second operator rejected it",
}
