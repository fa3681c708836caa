"""Personnel files and what they propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from messages.personnel import Change, ExitReason, ImportPhase
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Import:
    """One personnel file and how far it is read.

    ``regions`` are those for which its sender speaks; none is all of the organisation's. ``rows_leaving`` counts the
    rows that report an exit of somebody on the list, which are not refused; ``exits_opened`` those of
    ``changes_opened`` that are exits; ``changes_waiting`` proposals for which a case was open already;
    ``sheets_left_out`` are names of visible sheets that hold something but lack the headings.
    """

    case_id: UUID
    organisation_id: UUID
    organisation_name: str
    file_key: str
    file_size: int
    file_name_sealed: bytes | None = field(repr=False)
    regions: Sequence[str]
    sender_name: str | None = field(repr=False)
    rows_total: int | None
    last_row: int
    rows_read: int
    rows_added: int
    rows_changed: int
    rows_unchanged: int
    rows_refused: int
    rows_leaving: int
    changes_opened: int
    exits_opened: int
    changes_waiting: int
    error: str | None
    error_columns: Sequence[str]
    error_row: int | None
    sheets_left_out: Sequence[str]
    phase: ImportPhase
    received_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """What is proposed for whom; the proposed value stays sealed in Postgres, its blind index tells it from others.

    ``import_case_id``: by which file; None where a person joined with another number than their list's.
    ``exit_reason``: how they left; None where it is no exit, or one of which it was not kept.
    """

    case_id: UUID
    person_id: UUID
    employment_id: UUID
    what: Change
    import_case_id: UUID | None
    exit_reason: ExitReason | None
    value_index: bytes | None = field(repr=False)

    @property
    def value(self) -> str | None:
        """What a decision is about, as facts keep it: the blind index; of an exit, which has none, the file."""
        if self.value_index is not None:
            return self.value_index.hex()
        return None if self.import_case_id is None else str(self.import_case_id)


personnel_imports = table(
    "personnel_imports",
    Import,
    apart_from={"organisation_name", "sender_name", "phase", "received_at", "ended_at"},
    file_sha256=bytes,
)
personnel_refusals = table(
    "personnel_refusals", case_id=UUID, row_number=int, field=str, code=str, sheet=str, sheet_row=int | None,
    file_line=int | None, value_sealed=bytes | None, name_sealed=bytes | None, leaving=str | None,
)  # fmt: skip
personnel_changes = table("personnel_changes", ProposedChange, value_sealed=bytes | None)
personnel_versions = table(
    "personnel_versions", id=int, case_id=UUID | None, person_id=UUID, employment_id=UUID | None, at=datetime,
    before=Mapping, actor_id=UUID | None,
)  # fmt: skip
