"""What travels when somebody joins: the inquiry about their number, and the SMS about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CheckJoining:
    """Ask whether the number belongs to the national id, and send the code only then."""

    code_id: UUID


class Sms(StrEnum):
    """What somebody's number on a list is told when they join with another one."""

    OTHER_NUMBER = "joining_other_number"
