"""Changes of staff that two operators make, judged and applied; the console's first operators too (G1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Grant, Part
from domain.account import CodePurpose
from domain.staff_change import StaffAction, StaffObstacle, StaffPolicy
from messages.notice import SendCode
from storage import account
from storage.locks import About, lock
from storage.outbox import enqueue
from storage.people import add_person, find_person, grants_of, read_person
from storage.rows.cases import case_people
from storage.rows.staff_change import StaffChange, staff_changes
from storage.rows.table import columns, find_one
from storage.sealing import Seals

_IDENTITY = "staff_change.national_id"
_MOBILE = "staff_change.mobile"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is to be added to the staff; a person who is known already keeps their name."""

    national_id: str = field(repr=False)
    mobile: str = field(repr=False)
    first_name: str
    last_name: str
    username: str


@dataclass(frozen=True, slots=True)
class StaffDraft:
    """What is to be changed; ``operators`` are those who propose and confirm it, nobody at the console."""

    action: StaffAction
    operators: tuple[UUID, ...] = ()
    person_id: UUID | None = None
    newcomer: Newcomer | None = None
    grants: Sequence[Grant] = ()


async def add_staff_change(connection: AsyncConnection, seals: Seals, case_id: UUID, draft: StaffDraft) -> None:
    """Store a proposal with its case. Who proposed it has had their part in it: they do not decide on it."""
    (proposed_by,) = draft.operators
    values = {
        "case_id": case_id,
        "action": draft.action,
        "person_id": draft.person_id,
        "proposed_by": proposed_by,
        "grants": [[grant.role, grant.scope_kind, grant.scope] for grant in draft.grants],
    }
    new = draft.newcomer
    if new is not None:
        values |= {
            "username": new.username,
            "first_name": new.first_name,
            "last_name": new.last_name,
            "identity_sealed": seals.cipher.seal_text(new.national_id, _IDENTITY),
            "mobile_sealed": seals.cipher.seal_text(new.mobile, _MOBILE),
        }
    await connection.execute(sa.insert(staff_changes).values(values))
    part = {"case_id": case_id, "person_id": proposed_by, "part": Part.PROPOSER, "until": sa.func.now()}
    await connection.execute(sa.insert(case_people).values(part))


async def read_staff_change(connection: AsyncConnection, case_id: UUID) -> StaffChange | None:
    """The change of a case, or None."""
    query = sa.select(*columns(staff_changes, StaffChange)).where(staff_changes.c.case_id == case_id)
    return await find_one(connection, StaffChange, query)


async def confirm_staff_change(connection: AsyncConnection, case_id: UUID, confirmed_by: UUID) -> None:
    """Note who confirmed a change; Postgres refuses who proposed it and whom it concerns."""
    changed = sa.update(staff_changes).where(staff_changes.c.case_id == case_id)
    await connection.execute(changed.values(confirmed_by=confirmed_by))


def draft_of(seals: Seals, change: StaffChange) -> StaffDraft:
    """What a stored change is to do."""
    newcomer = None
    if change.username is not None and change.identity_sealed is not None and change.mobile_sealed is not None:
        newcomer = Newcomer(
            seals.cipher.open_text(change.identity_sealed, _IDENTITY),
            seals.cipher.open_text(change.mobile_sealed, _MOBILE),
            change.first_name,
            change.last_name,
            change.username,
        )
    operators = (change.proposed_by, *([] if change.confirmed_by is None else [change.confirmed_by]))
    return StaffDraft(change.action, operators, change.person_id, newcomer, change.roles)


async def find_obstacle(
    connection: AsyncConnection, seals: Seals, draft: StaffDraft, policy: StaffPolicy
) -> StaffObstacle | None:
    """Why a change cannot be made now; None if it can. Looks at everything, for a proposal and when it takes effect."""
    if not await account.are_operators(connection, draft.operators):
        return StaffObstacle.OPERATOR_LOST
    person_id = draft.person_id
    if draft.newcomer is not None:
        known = await find_person(connection, seals, draft.newcomer.national_id)
        person_id = None if known is None else known.id
        found = await _obstacle_of_newcomer(connection, seals, draft.newcomer, person_id)
        if found is not None:
            return found
    if draft.action is StaffAction.RESET and person_id is not None:
        person = await read_person(connection, person_id)
        return None if person is not None and person.has_mobile else StaffObstacle.MOBILE_MISSING
    return await _obstacle_of_roles(connection, person_id, draft.grants, policy)


async def _obstacle_of_newcomer(
    connection: AsyncConnection, seals: Seals, new: Newcomer, person_id: UUID | None
) -> StaffObstacle | None:
    if person_id is not None:
        if await account.is_staff(connection, person_id):
            return StaffObstacle.ALREADY_STAFF
        if await find_person(connection, seals, new.national_id, new.mobile) is None:
            return StaffObstacle.MOBILE_DIFFERS
    if await account.find_staff(connection, new.username) is not None:
        return StaffObstacle.USERNAME_TAKEN
    return None


async def _obstacle_of_roles(
    connection: AsyncConnection, person_id: UUID | None, grants: Sequence[Grant], policy: StaffPolicy
) -> StaffObstacle | None:
    for grant in grants:
        if not await account.scope_exists(connection, grant):
            return StaffObstacle.BAD_SCOPE
    held = () if person_id is None else await grants_of(connection, person_id)
    if set(grants) & set(held):
        return StaffObstacle.ROLE_HELD
    if not policy.allows({grant.role for grant in (*held, *grants)}):
        return StaffObstacle.ROLES_EXCLUDE
    return None


async def lock_staff(connection: AsyncConnection) -> None:
    """One change of staff at a time is judged and made: of two that exclude each other the later finds the first."""
    await lock(connection, About.STAFF, "changes")


async def apply_draft(
    connection: AsyncConnection, seals: Seals, draft: StaffDraft, *, by: str, link_life: timedelta
) -> UUID:
    """Make a change that was judged under ``lock_staff``; returns whom it concerns.

    Who was added or reset gets a link by SMS, which nobody else learns.
    """
    person_id = draft.person_id
    if draft.newcomer is not None:
        person_id = await _add(connection, seals, draft.newcomer)
    if person_id is None:
        raise LookupError("a change of staff that concerns nobody")
    for grant in draft.grants:
        await account.add_grant(connection, person_id, grant, by)
    if draft.action is StaffAction.RESET:
        await account.clear_credential(connection, person_id)
        await account.end_sessions(connection, person_id, "staff")
    if draft.action is not StaffAction.GRANT:
        await send_link(connection, seals, person_id, link_life)
    return person_id


async def _add(connection: AsyncConnection, seals: Seals, new: Newcomer) -> UUID:
    person_id = await add_person(
        connection,
        seals,
        national_id=new.national_id,
        mobile=new.mobile,
        first_name=new.first_name,
        last_name=new.last_name,
    )
    if not await account.add_credential(connection, person_id, new.username):
        raise LookupError("somebody was added past the lock")
    return person_id


async def send_link(connection: AsyncConnection, seals: Seals, person_id: UUID, life: timedelta) -> None:
    """Send the link with which somebody sets password and TOTP; earlier ones open nothing any more."""
    await enqueue(
        connection, SendCode(await account.create_link(connection, seals, CodePurpose.STAFF_LINK, person_id, life))
    )
