"""Messages about invitations: ids only, the relay reads the rest when it sends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SendInvitation:
    """Send the SMS of an invitation."""

    invitation_id: UUID


class Sms(StrEnum):
    """What an invited number is told."""

    RECEIVED = "invitation_received"
