"""Drafts of forms as they are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.draft import DraftForm
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class FormDraft:
    """What somebody has typed into a form so far; it opens with the key of its own id."""

    id: UUID
    form: DraftForm
    content_sealed: bytes = field(repr=False)
    version: int
    changed_at: datetime
    expires_at: datetime


form_drafts = table("form_drafts", FormDraft, person_id=UUID)
