"""Changes of a known person's data that an import proposed, and their effects once confirmed (A13, G2, C7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.personnel import Sms
from storage.account import cancel_codes, end_sessions
from storage.locks import About, lock
from storage.notices import notify_number
from storage.people import Number
from storage.personnel import statements
from storage.profile import shut_other_ways
from storage.rows.notices import notices
from storage.rows.organisation import employments
from storage.rows.people import persons
from storage.rows.personnel import ProposedChange, personnel_changes, personnel_versions
from storage.rows.table import columns, find_one
from storage.sealing import as_text

EmploymentState = Literal["employed", "exit_reported", "left"]


async def read_change(connection: AsyncConnection, case_id: UUID) -> ProposedChange | None:
    """The proposed change of a case, or None."""
    query = sa.select(*columns(personnel_changes, ProposedChange)).where(personnel_changes.c.case_id == case_id)
    return await find_one(connection, ProposedChange, query)


async def has_sheba(connection: AsyncConnection, change: ProposedChange) -> bool:
    """Whether the employment has the proposed sheba already."""
    query = sa.select(employments.c.id).where(
        employments.c.id == change.employment_id, employments.c.sheba_index == change.value_index
    )
    return await connection.scalar(query) is not None


class Replacement(Protocol):
    """A case that replaces something of a person's data."""

    @property
    def case_id(self) -> UUID:
        """Which."""

    @property
    def person_id(self) -> UUID:
        """Whose."""

    @property
    def employment_id(self) -> UUID | None:
        """Of whose list; None if it is of nobody's."""


async def propose_listed(
    connection: AsyncConnection, person_id: UUID, *, index: bytes, sealed: bytes, policy_id: UUID
) -> None:
    """Propose the number that lists still have for a person who joined with another one (A1).

    Each such employment gets a case, as if its list had come only now, unless one waits already.
    """
    values = {"person": person_id, "value_index": index, "value_sealed": sealed}
    await connection.execute(statements.PROPOSE_LISTED, values)
    for statement in statements.OPEN_CHANGES:
        await connection.execute(statement, {"case": None, "sender": None, "policy": policy_id})


async def read_sealed_value(connection: AsyncConnection, case_id: UUID) -> tuple[bytes, bytes]:
    """The proposed value of a change as it is stored: its blind index, and sealed."""
    found = personnel_changes.c
    row = (
        await connection.execute(sa.select(found.value_index, found.value_sealed).where(found.case_id == case_id))
    ).one()
    return row.value_index, row.value_sealed


async def replace_mobile(
    connection: AsyncConnection, change: Replacement, *, index: bytes, sealed: bytes, pause: timedelta
) -> bool:
    """Make a number the person's (G2): sessions end, codes die, money pauses, the old number is told.

    It is to be proved with a code: the confirmation of the old one does not count. The list by which the change came,
    if it came by one, has it from now on; other employers' lists stay as they are. A number that is already the
    person's is only listed; then False is returned.
    """
    # The person first, as imports lock them.
    moved = await move_number(connection, change.person_id, Number(index, sealed), pause=pause, by=change)
    await connection.execute(
        sa.update(employments)
        .where(employments.c.id == change.employment_id)
        .values(mobile_index=index, mobile_listed_at=sa.func.now())
    )
    return moved


async def move_number(
    connection: AsyncConnection, person_id: UUID, number: Number, *, pause: timedelta, by: Replacement | None = None
) -> bool:
    """Make a number the person's: sessions end, codes die, money pauses, the old one is told. False: it is already.

    ``by`` is the case that decided it, None if the person themselves did. A password goes, and an e-mail address is to
    be confirmed anew.
    """
    old = (
        await connection.execute(
            sa.select(persons.c.mobile_index, persons.c.mobile_sealed)
            .where(persons.c.id == person_id)
            .with_for_update()
        )
    ).one()
    if old.mobile_index == number.index:
        return False
    if old.mobile_sealed is not None:
        case_id, source = (None, {"actor_id": person_id}) if by is None else (by.case_id, _source(by))
        before = {"mobile_sealed": as_text(old.mobile_sealed)}
        await connection.execute(sa.insert(personnel_versions).values(person_id=person_id, before=before, **source))
        await notify_number(connection, person_id, old.mobile_sealed, Sms.MOBILE_CHANGED_OLD, case_id=case_id)
    await connection.execute(
        sa.update(persons)
        .where(persons.c.id == person_id)
        .values(
            mobile_index=number.index,
            mobile_sealed=number.sealed,
            mobile_confirmed_at=None,
            # A pause that is under way is never cut short.
            money_paused_until=sa.func.greatest(persons.c.money_paused_until, sa.func.now() + pause),
        )
    )
    await end_sessions(connection, person_id)
    await shut_other_ways(connection, person_id)
    await cancel_codes(connection, person_id)
    return True


async def replace_sheba(connection: AsyncConnection, change: ProposedChange) -> None:
    """Make the proposed sheba the employment's."""
    old = (
        await connection.execute(
            sa.select(employments.c.sheba_sealed).where(employments.c.id == change.employment_id).with_for_update()
        )
    ).one()
    await keep_version(connection, change, {"sheba_sealed": as_text(old.sheba_sealed)})
    await connection.execute(
        sa.update(employments)
        .where(employments.c.id == personnel_changes.c.employment_id, personnel_changes.c.case_id == change.case_id)
        .values(
            sheba_index=personnel_changes.c.value_index,
            sheba_sealed=personnel_changes.c.value_sealed,
            updated_at=sa.func.now(),
        )
    )


async def set_employment_state(
    connection: AsyncConnection, change: ProposedChange, *, before: EmploymentState, after: EmploymentState
) -> bool:
    """Move an employment from one state to another; False if it is in neither's way any more."""
    moved = await connection.execute(
        sa.update(employments)
        .where(employments.c.id == change.employment_id, employments.c.state == before)
        .values(state=after, updated_at=sa.func.now())
    )
    if moved.rowcount:
        await keep_version(connection, change, {"state": before})
    return bool(moved.rowcount)


async def keep_version(connection: AsyncConnection, change: Replacement, before: Mapping[str, str]) -> None:
    """Keep what a confirmed change is about to replace; sealed values stay sealed."""
    values = {"person_id": change.person_id, "before": dict(before)} | _source(change)
    await connection.execute(sa.insert(personnel_versions).values(values))


def _source(change: Replacement) -> dict[str, Any]:
    """By what a value was replaced."""
    return {"case_id": change.case_id, "employment_id": change.employment_id}


async def not_told_lately(
    connection: AsyncConnection, people: Collection[UUID], template: str, apart: timedelta
) -> list[UUID]:
    """Those of the people who got no notice of this template within a time; transitions that ask do so in turn."""
    await lock(connection, About.NOTICE, template)
    told = await connection.execute(
        sa.select(notices.c.person_id).where(
            notices.c.person_id.in_(people),
            notices.c.template == template,
            notices.c.created_at > sa.func.now() - apart,
        )
    )
    lately = set(told.scalars())
    return [person for person in people if person not in lately]
