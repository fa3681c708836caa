"""Cases with their facts, people, timeline, deadlines and transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from messages.case import CaseKind
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Case:
    """One running or ended process."""

    id: UUID
    number: str
    kind: CaseKind
    variant: str
    phase: str
    outcome: str | None
    person_id: UUID | None
    organisation_id: UUID | None
    region_code: str | None
    next_actor: str | None
    due_at: datetime | None
    policy_id: UUID
    version: int
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether the process still runs."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a person did."""

    id: UUID
    kind: str
    actor_id: UUID | None
    payload: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A line of a timeline."""

    id: int
    case_id: UUID
    at: datetime
    code: str
    params: dict[str, object]
    actor: str


cases = table("cases", Case)
facts = table("facts", Fact, case_id=UUID, capacity=str)
timeline = table("timeline", TimelineEvent)
case_people = table("case_people", case_id=UUID, person_id=UUID, part=str, since=datetime, until=datetime | None)
deadlines = table("deadlines", case_id=UUID, step=str, due_at=datetime)
transitions = table("transitions", case_id=UUID, step=str, round=int, result=Mapping, at=datetime)
