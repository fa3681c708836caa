"""Where cases and processes disagree, and who compares them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from storage.rows.table import table


class FindingKind(StrEnum):
    """How a case and its process disagree."""

    PROCESS_MISSING = "process_missing"
    PROCESS_ENDED_EARLY = "process_ended_early"
    PROCESS_OUTLIVES_CASE = "process_outlives_case"


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement, from when it was found until it was settled."""

    id: UUID
    case_id: UUID
    kind: FindingKind
    found_at: datetime
    seen_again_at: datetime | None
    times: int
    settled_at: datetime | None


reconciliation_findings = table("reconciliation_findings", Finding)
reconciliation_rounds = table(
    "reconciliation_rounds", single=bool, started_at=datetime, claimed_until=datetime | None, kind=str | None,
    after_id=UUID | None,
)  # fmt: skip
