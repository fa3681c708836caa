"""Entrusted secrets, as far as those know who may not read them, and their views."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.vault import SecretState
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class EntrustedSecret:
    """A secret of a case: whose, of which kind, until when it is kept and why no longer.

    Kind and cause are texts: a newer release may have written them, and whose it is may take it back all the same.
    """

    id: UUID
    case_id: UUID
    owner_id: UUID
    part: str
    kind: str
    host_sealed: bytes = field(repr=False)
    entrusted_at: datetime
    erase_at: datetime
    why: str | None
    erased_at: datetime | None

    def state(self, now: datetime) -> SecretState:
        """Whether it can be seen at a moment. What was ended is so at once, also for who began before."""
        if self.erased_at is not None:
            return SecretState.ERASED
        return SecretState.KEPT if self.why is None and now < self.erase_at else SecretState.ENDING


@dataclass(frozen=True, slots=True)
class OverSecret:
    """What is to be erased, and whose it is: no word of another release keeps it from that."""

    id: UUID
    case_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class SecretView:
    """That somebody of the staff has seen a secret, for a task of theirs."""

    secret_id: UUID
    task_id: UUID
    viewer_id: UUID
    role: str
    seen_at: datetime


entrusted_secrets = table("entrusted_secrets", EntrustedSecret)
secret_views = table("secret_views", SecretView, id=int)
