"""Invitations: made, sent, followed, used, and forgotten when they are over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.identity import Mobile
from domain.invitation import INVITATION_DAYS
from storage.account import hash_token, new_link_token
from storage.people import seal_number
from storage.rows.invitation import invitations
from storage.rows.people import persons
from storage.sealing import Seals

_c = invitations.c
_IS_OPEN = sa.and_(_c.used_at.is_(None), _c.expires_at > sa.func.now())


@dataclass(frozen=True, slots=True)
class UnsentInvitation:
    """An invitation on its way to its number; forget it once it is sent."""

    mobile: str = field(repr=False)
    token: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """What somebody who follows an invitation sees of it."""

    first_name: str
    last_name: str
    expires_at: datetime


async def add_invitation(connection: AsyncConnection, seals: Seals, inviter_id: UUID, mobile: Mobile) -> UUID:
    """Invite a number; returns the invitation's id. Members may add one, and not read it."""
    invitation_id, token, number = uuid4(), new_link_token(), seal_number(seals, mobile)
    await connection.execute(
        sa.insert(invitations).values(
            id=invitation_id,
            inviter_id=inviter_id,
            mobile_index=number.index,
            mobile_sealed=number.sealed,
            token_hash=hash_token(token),
            token_sealed=seals.cipher.seal_text(token, _seal_of(invitation_id)),
            expires_at=sa.func.now() + timedelta(days=INVITATION_DAYS),
        )
    )
    return invitation_id


async def read_unsent(connection: AsyncConnection, seals: Seals, invitation_id: UUID) -> UnsentInvitation | None:
    """The invitation with its token; None if it was sent or is over."""
    query = (
        sa.select(_c.mobile_sealed, _c.token_sealed, persons.c.first_name, persons.c.last_name)
        .join(persons, persons.c.id == _c.inviter_id)
        .where(_c.id == invitation_id, _c.token_sealed.is_not(None), _IS_OPEN)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return UnsentInvitation(
        seals.cipher.open_text(row.mobile_sealed, "person.mobile"),
        seals.cipher.open_text(row.token_sealed, _seal_of(invitation_id)),
        row.first_name,
        row.last_name,
    )


async def mark_invitation_sent(connection: AsyncConnection, invitation_id: UUID) -> None:
    """Erase the readable token."""
    await connection.execute(sa.update(invitations).where(_c.id == invitation_id).values(token_sealed=None))


async def find_open(connection: AsyncConnection, token: str) -> OpenInvitation | None:
    """The invitation of a token, if it can still be used."""
    query = (
        sa.select(persons.c.first_name, persons.c.last_name, _c.expires_at)
        .join(persons, persons.c.id == _c.inviter_id)
        .where(_c.token_hash == hash_token(token), _IS_OPEN)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else OpenInvitation(*row)


async def use_invitation(connection: AsyncConnection, token_hash: bytes, mobile_index: bytes, person_id: UUID) -> bool:
    """Mark that somebody joined by it; False if it is over, or is for another number."""
    used = await connection.execute(
        sa.update(invitations)
        .where(_c.token_hash == token_hash, _c.mobile_index == mobile_index, _IS_OPEN)
        .values(used_at=sa.func.now(), used_by=person_id, token_sealed=None)
    )
    return used.rowcount == 1


async def forget_expired(connection: AsyncConnection, limit: int) -> int:
    """Delete invitations that nobody used in time; returns how many."""
    over = sa.select(_c.id).where(_c.used_at.is_(None), _c.expires_at < sa.func.now()).limit(limit)
    return (await connection.execute(sa.delete(invitations).where(_c.id.in_(over)))).rowcount


def _seal_of(invitation_id: UUID) -> str:
    return f"invitation:{invitation_id}"
