"""Staff: credentials, and the roles that people hold (G1, "Who uses it")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
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


@dataclass(frozen=True, slots=True)
class Credential:
    """What a member of staff signs in with; ``step`` is Postgres's present TOTP step."""

    person_id: UUID
    password_hash: str = field(repr=False)
    totp_secret: str = field(repr=False)
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
    grants: tuple[HeldGrant, ...]


async def read_credential(
    connection: AsyncConnection, seals: Seals, *, username: str | None = None, person_id: UUID | None = None
) -> Credential | None:
    """Credentials by user name or by person."""
    c = staff_credentials.c
    wanted = c.username == username if username is not None else c.person_id == person_id
    step = sa.cast(sa.func.floor(sa.extract("epoch", sa.func.now()) / TOTP_SECONDS), sa.BigInteger)
    row = (
        await connection.execute(
            sa.select(c.person_id, c.password_hash, c.totp_sealed, c.disabled_at, step.label("step")).where(wanted)
        )
    ).one_or_none()
    if row is None:
        return None
    secret = seals.cipher.open_text(row.totp_sealed, _TOTP_PURPOSE)
    return Credential(row.person_id, row.password_hash, secret, row.disabled_at is not None, row.step)


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


async def add_credential(
    connection: AsyncConnection, seals: Seals, person_id: UUID, username: str, password_hash: str, totp_secret: str
) -> bool:
    """Give a person staff credentials; False if they or the user name have some already."""
    added = await connection.scalar(
        insert(staff_credentials)
        .values(
            person_id=person_id,
            username=username,
            password_hash=password_hash,
            totp_sealed=seals.cipher.seal_text(totp_secret, _TOTP_PURPOSE),
        )
        .on_conflict_do_nothing()
        .returning(staff_credentials.c.person_id)
    )
    return added is not None


async def change_credential(
    connection: AsyncConnection, seals: Seals, person_id: UUID, password_hash: str, totp_secret: str
) -> None:
    """Give new credentials, enabled, in place of the old."""
    await connection.execute(
        sa.update(staff_credentials)
        .where(staff_credentials.c.person_id == person_id)
        .values(
            password_hash=password_hash,
            totp_sealed=seals.cipher.seal_text(totp_secret, _TOTP_PURPOSE),
            disabled_at=None,
        )
    )


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
    c, g = staff_credentials.c, role_grants.c
    held = (
        sa.select(sa.func.jsonb_agg(sa.func.jsonb_build_array(g.id, g.role, g.scope_kind, g.scope)))
        .where(g.person_id == c.person_id, g.revoked_at.is_(None))
        .scalar_subquery()
    )
    rows = await connection.execute(
        sa.select(c.person_id, c.username, persons.c.first_name, persons.c.last_name, c.disabled_at, held.label("held"))
        .join(persons, persons.c.id == c.person_id)
        .where(sa.true() if after is None else c.person_id > after)
        .order_by(c.person_id)
        .limit(limit)
    )
    return [
        StaffMember(
            person_id=row.person_id,
            username=row.username,
            first_name=row.first_name,
            last_name=row.last_name,
            disabled=row.disabled_at is not None,
            grants=tuple(sorted((_held_grant(item) for item in row.held or ()), key=lambda held: held.grant)),
        )
        for row in rows
    ]


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
