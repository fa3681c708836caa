"""Policies, version by version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from storage.rows.table import table

PolicyState = Literal["proposed", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a policy. Who proposed and approved is a person's id, or "system" for what shipped."""

    id: UUID
    name: str
    version: int
    value: Mapping[str, Any]
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    rejected_at: datetime | None

    @property
    def state(self) -> PolicyState:
        """Whether it still waits for a second person, or how they decided."""
        if self.approved_at is not None:
            return "approved"
        return "proposed" if self.rejected_at is None else "rejected"


policies = table("policies", Policy)
