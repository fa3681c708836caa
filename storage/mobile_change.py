"""Changes of mobile that the welfare office forwards, or support opens (G2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
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
# So long the registry is asked again that gives no answer.
_ASKED_FOR: Final = timedelta(days=1)

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
    whose: Employment | UUID,
    *,
    office: Grant,
    forwarded_by: UUID,
    mobile: Mobile,
    reason: str,
) -> None:
    """Store a change with its case: of an employment, or of a person without one."""
    person_id, employment_id = (whose, None) if isinstance(whose, UUID) else (whose.person_id, whose.id)
    values = {
        "case_id": case_id,
        "person_id": person_id,
        "employment_id": employment_id,
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


async def has_mobile(connection: AsyncConnection, person_id: UUID, index: bytes) -> bool:
    """Whether this is the person's present number, by its blind index."""
    present = await connection.scalar(sa.select(persons.c.mobile_index).where(persons.c.id == person_id))
    return bool(present == index)


async def read_unanswered(connection: AsyncConnection, seals: Seals, case_id: UUID) -> tuple[str, str] | None:
    """National id and new number that the registry is still to be asked about; None if it has answered, or too late."""
    query = (
        sa.select(persons.c.national_id_sealed, mobile_changes.c.mobile_sealed)
        .join(persons, persons.c.id == mobile_changes.c.person_id)
        .join(cases, cases.c.id == mobile_changes.c.case_id)
        .where(
            mobile_changes.c.case_id == case_id,
            mobile_changes.c.employment_id.is_(None),
            mobile_changes.c.is_matched.is_(None),
            cases.c.closed_at.is_(None),
            cases.c.opened_at > sa.func.now() - _ASKED_FOR,
        )
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    cipher = seals.cipher
    return cipher.open_text(row.national_id_sealed, "person.national_id"), cipher.open_text(row.mobile_sealed, _PURPOSE)


async def record_match(connection: AsyncConnection, case_id: UUID, *, is_matched: bool) -> bool:
    """Keep the registry's first answer; whether this is it."""
    this_one = sa.and_(mobile_changes.c.case_id == case_id, mobile_changes.c.is_matched.is_(None))
    kept = await connection.execute(sa.update(mobile_changes).where(this_one).values(is_matched=is_matched))
    return bool(kept.rowcount)


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
