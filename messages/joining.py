"""What travels when somebody joins: the inquiry about their number."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CheckJoining:
    """Ask whether the number belongs to the national id, and send the code only then."""

    code_id: UUID
