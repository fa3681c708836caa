"""Persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Person:
    """A person, without what is sealed."""

    id: UUID
    first_name: str
    last_name: str
    has_mobile: bool


persons = table(
    "persons", Person, apart_from={"has_mobile"}, national_id_index=bytes, national_id_sealed=bytes,
    mobile_index=bytes | None, mobile_sealed=bytes | None, mobile_confirmed_at=datetime | None,
    money_paused_until=datetime | None, created_at=datetime,
)  # fmt: skip
