"""What travels in personnel imports and in changes that an import proposes (A13)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


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


class Change(StrEnum):
    """What an import would change of a known person but may not by itself."""

    MOBILE = "mobile"
    SHEBA = "sheba"
    EXIT = "exit"


class TaskKind(StrEnum):
    """What people are asked to do."""

    CONFIRM_CHANGE = "confirm_change"


class FactKind(StrEnum):
    """What people did."""

    FILE_RECEIVED = "personnel_file_received"
    CHANGE_PROPOSED = "change_proposed"
    CHANGE_CONFIRMED = "change_confirmed"
    CHANGE_REJECTED = "change_rejected"


@dataclass(frozen=True, slots=True)
class PersonnelFileReceived:
    """HR sent a file; starts the import."""

    case_id: UUID


@dataclass(frozen=True, slots=True)
class PersonnelChangeProposed:
    """An import met another mobile, another sheba or an exit; starts the change's process."""

    case_id: UUID


@dataclass(frozen=True, slots=True)
class PersonnelChangeAnswered:
    """Somebody confirmed or rejected the change."""

    case_id: UUID
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class ImportStep:
    """Input of the import's activity and transitions."""

    case_id: UUID


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How an import's reading ended: ``error`` is a permanent code, empty when the file was read."""

    error: str = ""


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """Input of a change's transitions."""

    case_id: UUID
    round: int = 0


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """Result of a change's transitions; seconds from now while somebody is awaited."""

    waiting: bool
    remind_in: int = 0
    expire_in: int = 0
