"""Staff: credentials, and the roles that people hold (G1, "Who uses it")."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Grant, Role, ScopeKind
from domain.account import TOTP_SECONDS
from storage.account.sessions import lock_rights
from storage.rows.account import role_grants, staff_credentials
from storage.rows.organisation import organisations, regions
from storage.rows.people import persons
from storage.rows.table import columns, find_one
from storage.sealing import Seals

_TOTP_PURPOSE: Final = "staff.totp"
_STEP: Final = sa.cast(sa.func.floor(sa.extract("epoch", sa.func.now()) / TOTP_SECONDS), sa.BigInteger)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a member of staff signs in with; ``step`` is Postgres's present TOTP step.

    Until they have set them themselves, there are neither password nor secret.
    """

    person_id: UUID
    username: str
    password_hash: str | None = field(repr=False)
    totp_secret: str | None = field(repr=False)
    disabled: bool
    step: int


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A role in force, with the id by which it is taken back."""

    id: UUID
    grant: Grant


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One of the staff."""

    person_id: UUID
    username: str
    first_name: str
    last_name: str
    disabled: bool
    is_set_up: bool
    grants: tuple[HeldGrant, ...]


async def read_credential(
    connection: AsyncConnection, seals: Seals, *, username: str | None = None, person_id: UUID | None = None
) -> Credential | None:
    """Credentials by user name or by person."""
    c = staff_credentials.c
    wanted = c.username == username if username is not None else c.person_id == person_id
    query = sa.select(c.person_id, c.username, c.password_hash, c.totp_sealed, c.disabled_at, _STEP.label("step"))
    row = (await connection.execute(query.where(wanted))).one_or_none()
    if row is None:
        return None
    secret = None if row.totp_sealed is None else seals.cipher.open_text(row.totp_sealed, _TOTP_PURPOSE)
    return Credential(row.person_id, row.username, row.password_hash, secret, row.disabled_at is not None, row.step)


async def use_totp_step(connection: AsyncConnection, credential: Credential, step: int) -> bool:
    """Use up a TOTP step; False if this or a later one was used before, or the credentials changed since read.

    It locks the credentials: a reset or a disabling either comes first and is seen here, or ends what begins here.
    """
    c = staff_credentials.c
    used = await connection.execute(
        sa.update(staff_credentials)
        .where(c.person_id == credential.person_id, c.password_hash == credential.password_hash)
        .where(c.totp_last_step < step, c.disabled_at.is_(None))
        .values(totp_last_step=step)
    )
    return bool(used.rowcount == 1)


async def add_credential(connection: AsyncConnection, person_id: UUID, username: str) -> bool:
    """Make somebody staff, who then sets password and TOTP; False if they are staff or the user name is taken."""
    added = await connection.scalar(
        insert(staff_credentials)
        .values(person_id=person_id, username=username)
        .on_conflict_do_nothing()
        .returning(staff_credentials.c.person_id)
    )
    return added is not None


async def set_credential(
    connection: AsyncConnection,
    seals: Seals,
    person_id: UUID,
    *,
    password_hash: str | None = None,
    totp_secret: str | None = None,
    step: int,
) -> None:
    """Set what somebody signs in with, or one of the two; codes up to ``step`` count no more."""
    values: dict[str, object] = {"totp_last_step": step}
    if password_hash is not None:
        values["password_hash"] = password_hash
    if totp_secret is not None:
        values["totp_sealed"] = seals.cipher.seal_text(totp_secret, _TOTP_PURPOSE)
    await connection.execute(
        sa.update(staff_credentials).where(staff_credentials.c.person_id == person_id).values(values)
    )


async def clear_credential(connection: AsyncConnection, person_id: UUID) -> None:
    """Take password and TOTP away, to be set anew; who was shut out may come in again with them."""
    await connection.execute(
        sa.update(staff_credentials)
        .where(staff_credentials.c.person_id == person_id)
        .values(password_hash=None, totp_sealed=None, disabled_at=None)
    )


async def totp_step(connection: AsyncConnection) -> int:
    """Postgres's present TOTP step."""
    return int((await connection.execute(sa.select(_STEP))).scalar_one())


def _operators() -> sa.Select[tuple[UUID]]:
    """Who holds operator and is not shut out."""
    shut_out = sa.exists().where(
        staff_credentials.c.person_id == role_grants.c.person_id, staff_credentials.c.disabled_at.is_not(None)
    )
    g = role_grants.c
    return sa.select(g.person_id).where(g.role == Role.OPERATOR, g.revoked_at.is_(None), sa.not_(shut_out))


async def operators_told(connection: AsyncConnection) -> list[UUID]:
    """Who is told of what the console did: all who hold operator, those who are shut out too; at most 50."""
    g = role_grants.c
    query = sa.select(g.person_id).where(g.role == Role.OPERATOR, g.revoked_at.is_(None)).order_by(g.id).limit(50)
    return list(await connection.scalars(query))


async def are_operators(connection: AsyncConnection, people: Collection[UUID]) -> bool:
    """Whether all of these people are operators now."""
    found = await connection.scalars(_operators().where(role_grants.c.person_id.in_(people)))
    return set(found) == set(people)


async def count_operators(connection: AsyncConnection) -> int:
    """How many operators can sign in."""
    set_up = sa.select(staff_credentials.c.person_id).where(staff_credentials.c.password_hash.is_not(None))
    found = _operators().where(role_grants.c.person_id.in_(set_up)).subquery()
    return int(await connection.scalar(sa.select(sa.func.count()).select_from(found)) or 0)


async def disable_credential(connection: AsyncConnection, person_id: UUID) -> None:
    """Shut a member of staff out, at once."""
    c = staff_credentials.c
    await connection.execute(
        sa.update(staff_credentials)
        .where(c.person_id == person_id, c.disabled_at.is_(None))
        .values(disabled_at=sa.func.now())
    )


async def scope_exists(connection: AsyncConnection, grant: Grant) -> bool:
    """Whether there is such a region or organisation; merchants come with their own process."""
    if grant.scope_kind is ScopeKind.PLATFORM:
        return True
    if grant.scope_kind is ScopeKind.REGION:
        found = sa.exists().where(regions.c.code == grant.scope)
    elif grant.scope_kind is ScopeKind.ORGANISATION:
        found = sa.exists().where(organisations.c.id == UUID(grant.scope))
    else:
        return False
    return bool(await connection.scalar(sa.select(found)))


async def add_grant(connection: AsyncConnection, person_id: UUID, grant: Grant, granted_by: str) -> UUID | None:
    """Give a role; its id, or None if it is held already."""
    added: UUID | None = await connection.scalar(
        insert(role_grants)
        .values(
            person_id=person_id,
            role=grant.role,
            scope_kind=grant.scope_kind,
            scope=grant.scope,
            granted_by=granted_by,
        )
        .on_conflict_do_nothing()
        .returning(role_grants.c.id)
    )
    return added


async def revoke_grant(connection: AsyncConnection, person_id: UUID, grant_id: UUID) -> Grant | None:
    """Take a role back, after the commands under way; what it was, or None if the person holds no such grant."""
    await lock_rights(connection, person_id)
    c = role_grants.c
    query = (
        sa.update(role_grants)
        .where(c.id == grant_id, c.person_id == person_id, c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
        .returning(*columns(role_grants, Grant))
    )
    return await find_one(connection, Grant, query)


async def staff_page(connection: AsyncConnection, after: UUID | None, limit: int) -> list[StaffMember]:
    """Staff in order of their ids, after one of them, with the roles in force."""
    query = _MEMBERS.where(sa.true() if after is None else staff_credentials.c.person_id > after)
    rows = await connection.execute(query.order_by(staff_credentials.c.person_id).limit(limit))
    return [_member(row) for row in rows]


async def read_staff(connection: AsyncConnection, person_id: UUID) -> StaffMember | None:
    """One of the staff, or None."""
    row = (await connection.execute(_MEMBERS.where(staff_credentials.c.person_id == person_id))).one_or_none()
    return None if row is None else _member(row)


def _members() -> sa.Select[Any]:
    c, g = staff_credentials.c, role_grants.c
    held = (
        sa.select(sa.func.jsonb_agg(sa.func.jsonb_build_array(g.id, g.role, g.scope_kind, g.scope)))
        .where(g.person_id == c.person_id, g.revoked_at.is_(None))
        .scalar_subquery()
    )
    columns = (c.person_id, c.username, persons.c.first_name, persons.c.last_name, c.disabled_at)
    is_set_up = c.password_hash.is_not(None).label("is_set_up")
    return sa.select(*columns, is_set_up, held.label("held")).join(persons, persons.c.id == c.person_id)


_MEMBERS: Final = _members()


def _member(row: Any) -> StaffMember:
    return StaffMember(
        person_id=row.person_id,
        username=row.username,
        first_name=row.first_name,
        last_name=row.last_name,
        disabled=row.disabled_at is not None,
        is_set_up=row.is_set_up,
        grants=tuple(sorted((_held_grant(item) for item in row.held or ()), key=lambda held: held.grant)),
    )


async def find_staff(connection: AsyncConnection, username: str) -> UUID | None:
    """The person with this user name."""
    found: UUID | None = await connection.scalar(
        sa.select(staff_credentials.c.person_id).where(staff_credentials.c.username == username)
    )
    return found


async def is_staff(connection: AsyncConnection, person_id: UUID) -> bool:
    """Whether a person has staff credentials."""
    found = sa.exists().where(staff_credentials.c.person_id == person_id)
    return bool(await connection.scalar(sa.select(found)))


def _held_grant(item: list[str]) -> HeldGrant:
    return HeldGrant(UUID(item[0]), Grant(Role(item[1]), ScopeKind(item[2]), item[3]))
