"""What travels of the secrets that members entrust to a case (F2): what is told of them, the order to erase them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """What the timeline tells of a secret; its owner gets an SMS of the last two."""

    ENTRUSTED = "secret_entrusted"
    TAKEN_BACK = "secret_taken_back"
    SHOWN = "secret_shown"
    ERASED = "secret_erased"


@dataclass(frozen=True, slots=True)
class EraseSecrets:
    """Erase those secrets of a case whose time is over."""

    case_id: UUID
