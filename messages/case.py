"""What every process shares: the reference to a case, and how messages name the workflow they are for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class CaseKind(StrEnum):
    """The processes; also the first part of a workflow id."""

    ONBOARDING = "onboarding"
    PERSONNEL_IMPORT = "personnel_import"
    PERSONNEL_CHANGE = "personnel_change"
    SUBSTITUTION = "substitution"


@dataclass(frozen=True, slots=True)
class CaseRef:
    """The input of every workflow: which case it sequences. All else is read from Postgres."""

    case_id: UUID


def workflow_id(kind: CaseKind, case_id: UUID) -> str:
    """The workflow id of a case: the process and a random id, never personal data."""
    return f"{kind}/{case_id}"
