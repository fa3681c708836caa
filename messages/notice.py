"""Messages to the senders of notices: ids only, the relay reads the rest when it sends."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SendNotice:
    """Send one stored notice (G4)."""

    notice_id: UUID


@dataclass(frozen=True, slots=True)
class SendCode:
    """Send a one-time code by SMS, if the challenge belongs to somebody (G1)."""

    code_id: UUID
