"""The present and the proposed value of a change, opened for the person who confirms it (A13)."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.personnel import Change
from storage.rows.organisation import employments
from storage.rows.people import persons
from storage.rows.personnel import ProposedChange, personnel_changes
from storage.sealing import Seals


@dataclass(frozen=True, slots=True)
class ChangeValues:
    """What stands now and what is proposed, in clear: to be masked before anybody sees it."""

    present: str | None = field(repr=False)
    proposed: str | None = field(repr=False)


async def read_values(connection: AsyncConnection, seals: Seals, change: ProposedChange) -> ChangeValues:
    """The values of a change; both None for an exit, which has none."""
    if change.what is Change.EXIT:
        return ChangeValues(None, None)
    if change.what is Change.MOBILE:
        column, purpose = persons.c.mobile_sealed, "person.mobile"
    else:
        column, purpose = employments.c.sheba_sealed, "employment.sheba"
    row = (
        await connection.execute(
            sa.select(column, personnel_changes.c.value_sealed)
            .select_from(personnel_changes)
            .join(persons, persons.c.id == personnel_changes.c.person_id)
            .join(employments, employments.c.id == personnel_changes.c.employment_id)
            .where(personnel_changes.c.case_id == change.case_id)
        )
    ).one()
    return ChangeValues(*(None if sealed is None else seals.cipher.open_text(sealed, purpose) for sealed in row))
