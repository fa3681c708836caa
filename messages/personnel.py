"""What travels in personnel imports and in changes that an import proposes (A13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ImportPhase(StrEnum):
    """Where a personnel file stands."""

    RECEIVED = "received"
    IMPORTING = "importing"
    IMPORTED = "imported"
    REFUSED = "refused"


class ChangePhase(StrEnum):
    """Where a proposed change of a known person's data stands."""

    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    OVERTAKEN = "overtaken"


class Change(StrEnum):
    """What an import would change of a known person but may not by itself."""

    MOBILE = "mobile"
    SHEBA = "sheba"
    EXIT = "exit"


class ExitReason(StrEnum):
    """How somebody left, as a file says it: retired, died, or in any other way."""

    LEFT = "left"
    RETIRED = "retired"
    DIED = "died"


class Leaving(StrEnum):
    """What becomes of the exit that a row of a file reports of somebody on the list: it waits, or had ended before."""

    WAITING = "waiting"
    ENDED = "ended"


class TaskKind(StrEnum):
    """What people are asked to do."""

    CONFIRM_CHANGE = "confirm_change"


class FactKind(StrEnum):
    """What people did."""

    FILE_RECEIVED = "personnel_file_received"
    CHANGE_PROPOSED = "change_proposed"
    CHANGE_CONFIRMED = "change_confirmed"
    CHANGE_REJECTED = "change_rejected"


class Event(StrEnum):
    """What is told on the timeline; how a file ended, by SMS too."""

    FILE_IMPORTED = "personnel_file_imported"
    FILE_IMPORTED_LEAVING = "personnel_file_imported_leaving"
    FILE_REFUSED = "personnel_file_refused"
    CHANGE_PROPOSED = "personnel_change_proposed"
    CHANGE_REPLACED = "personnel_change_replaced"
    CONFIRMATION_REQUESTED = "personnel_confirmation_requested"
    CHANGE_CONFIRMED = "personnel_change_confirmed"
    CHANGE_REJECTED = "personnel_change_rejected"
    CHANGE_APPLIED = "personnel_change_applied"
    CHANGE_LAPSED = "personnel_change_lapsed"
    CHANGE_OVERTAKEN = "personnel_change_overtaken"
    EXIT_OVERTAKEN = "personnel_exit_overtaken"


class Sms(StrEnum):
    """What the person concerned is told, the number that is to be theirs, and operators about an exit."""

    MOBILE_PROPOSED = "personnel_mobile_proposed"
    MOBILE_PROPOSED_NEW = "mobile_proposed_new"
    MOBILE_CONFIRMED = "personnel_mobile_confirmed"
    MOBILE_REJECTED = "personnel_mobile_rejected"
    MOBILE_LAPSED = "personnel_mobile_lapsed"
    MOBILE_OVERTAKEN = "personnel_mobile_overtaken"
    MOBILE_CHANGED_OLD = "mobile_changed_old"
    SHEBA_PROPOSED = "personnel_sheba_proposed"
    SHEBA_CONFIRMED = "personnel_sheba_confirmed"
    SHEBA_REJECTED = "personnel_sheba_rejected"
    SHEBA_LAPSED = "personnel_sheba_lapsed"
    SHEBA_OVERTAKEN = "personnel_sheba_overtaken"
    EXIT_LAPSED = "personnel_exit_lapsed"


# What wakes the process of a change.
CHANGE_SIGNALS: Mapping[str, str] = {
    FactKind.CHANGE_PROPOSED: "an import met another mobile, another sheba or an exit",
    FactKind.CHANGE_CONFIRMED: "somebody confirmed the change",
    FactKind.CHANGE_REJECTED: "somebody rejected it",
}


class ImportStep(StrEnum):
    """The steps of an import, in their order."""

    IMPORT_PERSONNEL = "import_personnel"
    FINISH_IMPORT = "finish_import"
    DISCARD_FILE = "discard_file"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How an import's reading ended: ``error`` is a permanent code, empty when the file was read."""

    error: str = ""
