"""Messages to the senders of notices: ids only, the relay reads the rest when it sends."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SendNotice:
    """Send one stored notice by SMS (G4)."""

    notice_id: UUID


@dataclass(frozen=True, slots=True)
class MailNotice:
    """Send one stored notice by e-mail (G4)."""

    notice_id: UUID


@dataclass(frozen=True, slots=True)
class SendCode:
    """Send a one-time code by SMS, if the challenge belongs to somebody (G1)."""

    code_id: UUID


@dataclass(frozen=True, slots=True)
class MailCode:
    """Send a one-time code by e-mail, if the challenge belongs to somebody (G1)."""

    code_id: UUID
