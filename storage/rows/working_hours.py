"""Holidays, on which offices are closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day of the official calendar, or one that an operator added; ``closed`` is what counts."""

    day: date
    name: str
    source: Literal["calendar", "operator"]
    closed: bool
    changed_at: datetime


holidays = table("holidays", Holiday, changed_by=UUID | None)
