"""Changes of mobile that the welfare office forwards (G2)."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Grant
from domain.identity import Mobile
from messages.case import CaseKind
from storage.locks import About, lock
from storage.rows.cases import cases
from storage.rows.mobile_change import MobileChange, mobile_changes
from storage.rows.organisation import Employment, employments
from storage.rows.people import persons
from storage.rows.table import columns, find_one
from storage.sealing import Seals

_PURPOSE = "person.mobile"

# A condition on employments: the welfare office says that the person has another number, and support has not answered.
IS_FORWARDED = (
    sa.exists()
    .where(
        mobile_changes.c.employment_id == employments.c.id,
        cases.c.id == mobile_changes.c.case_id,
        cases.c.closed_at.is_(None),
    )
    .correlate(employments)
)


async def add_mobile_change(
    connection: AsyncConnection,
    seals: Seals,
    case_id: UUID,
    employment: Employment,
    *,
    office: Grant,
    forwarded_by: UUID,
    mobile: Mobile,
    reason: str,
) -> None:
    """Store a change with its case."""
    values = {
        "case_id": case_id,
        "person_id": employment.person_id,
        "employment_id": employment.id,
        "forwarded_by": forwarded_by,
        "scope_kind": office.scope_kind,
        "scope": office.scope,
        "reason": reason,
    }
    await connection.execute(sa.insert(mobile_changes).values(**values, **_sealed(seals, mobile)))


async def correct_mobile(connection: AsyncConnection, seals: Seals, case_id: UUID, mobile: Mobile) -> None:
    """Store another number."""
    changed = sa.update(mobile_changes).where(mobile_changes.c.case_id == case_id)
    await connection.execute(changed.values(_sealed(seals, mobile)))


def _sealed(seals: Seals, mobile: Mobile) -> dict[str, bytes]:
    return {"mobile_index": seals.index.of("mobile", mobile), "mobile_sealed": seals.cipher.seal_text(mobile, _PURPOSE)}


async def read_mobile_change(connection: AsyncConnection, case_id: UUID) -> MobileChange | None:
    """The change of a case, or None."""
    query = sa.select(*columns(mobile_changes, MobileChange)).where(mobile_changes.c.case_id == case_id)
    return await find_one(connection, MobileChange, query)


async def read_numbers(connection: AsyncConnection, seals: Seals, change: MobileChange) -> tuple[Mobile | None, Mobile]:
    """The person's present number and the new one, in clear: to be masked before anybody sees them."""
    query = sa.select(persons.c.mobile_sealed).where(persons.c.id == change.person_id)
    present: bytes | None = await connection.scalar(query)
    opened = None if present is None else Mobile(seals.cipher.open_text(present, _PURPOSE))
    return opened, Mobile(seals.cipher.open_text(change.mobile_sealed, _PURPOSE))


async def has_mobile(connection: AsyncConnection, seals: Seals, person_id: UUID, mobile: Mobile) -> bool:
    """Whether this is the person's present number."""
    present = await connection.scalar(sa.select(persons.c.mobile_index).where(persons.c.id == person_id))
    return bool(present == seals.index.of("mobile", mobile))


async def lock_open_change(connection: AsyncConnection, person_id: UUID, organisation_id: UUID | None) -> bool:
    """Serialise what begins a change of somebody's mobile; whether one of this employer is under way already."""
    await lock(connection, About.MOBILE_OF_PERSON, person_id)
    is_open = sa.exists().where(
        cases.c.person_id == person_id,
        cases.c.organisation_id.is_not_distinct_from(organisation_id),
        cases.c.kind == CaseKind.MOBILE_CHANGE,
        cases.c.closed_at.is_(None),
    )
    return bool(await connection.scalar(sa.select(is_open)))
