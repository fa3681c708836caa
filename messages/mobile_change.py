"""What travels in a change of mobile that others than its owner bring (G2): phases, tasks, facts and words' keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Phase(StrEnum):
    """Where a change of mobile stands."""

    FORWARDED = "forwarded"
    AWAITING_SUPPORT = "awaiting_support"
    AWAITING_CORRECTION = "awaiting_correction"
    CHANGED = "changed"
    KEPT = "kept"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    OVERTAKEN = "overtaken"


class TaskKind(StrEnum):
    """What people are asked to do."""

    CONFIRM_MOBILE_CHANGE = "confirm_mobile_change"
    CORRECT_MOBILE_CHANGE = "correct_mobile_change"


class FactKind(StrEnum):
    """What people did."""

    FORWARDED = "mobile_change_forwarded"
    OPENED = "mobile_change_opened"
    CONFIRMED = "mobile_change_confirmed"
    REJECTED = "mobile_change_rejected"
    RETURNED = "mobile_change_returned"
    CORRECTED = "mobile_change_corrected"


class Event(StrEnum):
    """What the machine tells."""

    MATCHED = "mobile_change_matched"
    NOT_MATCHED = "mobile_change_not_matched"
    APPLIED = "mobile_change_applied"
    KEPT = "mobile_change_kept"
    LAPSED = "mobile_change_lapsed"
    OVERTAKEN = "mobile_change_overtaken"


class Sms(StrEnum):
    """What the person is told besides."""

    PRESENT_FORWARDED = "mobile_change_present_forwarded"
    OPENED_NEW = "mobile_change_opened_new"


SIGNALS: Mapping[str, str] = {
    FactKind.FORWARDED: "the welfare office forwarded a change of mobile",
    FactKind.OPENED: "support opened one for a member who has lost their number",
    FactKind.CONFIRMED: "support confirmed the new number",
    FactKind.REJECTED: "support rejected it",
    FactKind.RETURNED: "support returned it to the welfare office",
    FactKind.CORRECTED: "the welfare office corrected the number",
}


@dataclass(frozen=True, slots=True)
class CheckMobileOwner:
    """Ask the registry whether the new number of a change belongs to its person."""

    case_id: UUID
