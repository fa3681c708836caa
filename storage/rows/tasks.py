"""Tasks: what cases wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Grant, Role, ScopeKind
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Task:
    """A decision or an action that a case waits for; ``not_by`` must not answer it, for what is asked is theirs."""

    id: UUID
    case_id: UUID
    kind: str
    person_id: UUID | None
    role: str | None
    scope_kind: str | None
    scope: str | None
    subject_id: UUID | None
    details: Mapping[str, Any]
    status: str
    outcome: str | None
    opened_at: datetime
    remind_at: datetime
    reminded_at: datetime | None
    due_at: datetime
    claimed_by: UUID | None
    decided_by: UUID | None
    closed_at: datetime | None
    version: int
    not_by: UUID | None = None

    @property
    def grant(self) -> Grant | None:
        """The role that may answer; None when the task is one person's."""
        if self.role is None or self.scope_kind is None:
            return None
        return Grant(Role(self.role), ScopeKind(self.scope_kind), self.scope or "")


tasks = table("tasks", Task, claimed_at=datetime | None, fact_id=UUID | None)
