"""Where cases and processes disagree, and who compares them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.reconciliation import FindingKind
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement or trouble, of a case, a gateway or a schedule, from when it was found until it was settled."""

    id: UUID
    case_id: UUID | None
    gateway: str | None
    schedule: str | None
    kind: FindingKind
    found_at: datetime
    seen_again_at: datetime | None
    times: int
    settled_at: datetime | None
    restart_asked_at: datetime | None
    restart_asked_by: UUID | None


reconciliation_findings = table("reconciliation_findings", Finding)
reconciliation_rounds = table(
    "reconciliation_rounds", single=bool, started_at=datetime, claimed_until=datetime | None, kind=str | None,
    after_id=UUID | None,
)  # fmt: skip
