"""Sessions: opaque tokens, of which only the hash is stored (G1)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import ascii_letters, digits
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.access import Actor, Grant, Role, ScopeKind
from domain.account import SESSION_LIVES, STEP_UP_LIVES, Capacity
from storage.database import SERVICE, Statement, compile_sql, fetch, run_alone
from storage.locks import About, lock, lock_statement, share_statement
from storage.rows.account import known_devices, sessions
from storage.rows.people import persons
from storage.rows.table import columns, find_one, read_all

_TOKEN_BYTES: Final = 32
_LINK_SIGNS: Final = ascii_letters + digits
_LINK_LENGTH: Final = 24
# A session in use is written to at most this often.
_TOUCH: Final = timedelta(minutes=1)
# Looking at a session from an open stream is no use of it: it may go idle meanwhile.
_NEVER: Final = timedelta(days=36_500)

# One round trip a request: the session, its person's roles, and once a minute the mark that it was used.
_LIVE_SESSION = (
    "WITH live AS ("
    "  SELECT s.id, s.person_id, s.capacity, nullif(s.strong_until, '-infinity') AS strong_until, s.last_used_at"
    "  FROM sessions s WHERE {which} AND s.ended_at IS NULL AND s.expires_at > now()"
    "  AND s.last_used_at + s.idle_after > now() AND (s.capacity = 'member' OR NOT EXISTS ("
    "    SELECT FROM staff_credentials c WHERE c.person_id = s.person_id AND c.disabled_at IS NOT NULL))"
    "), touched AS ("
    "  UPDATE sessions SET last_used_at = now() FROM live"
    "  WHERE sessions.id = live.id AND sessions.last_used_at < now() - :touch"
    ") SELECT l.id, l.person_id, l.capacity, l.strong_until,"
    "  coalesce((SELECT jsonb_agg(jsonb_build_array(g.role, g.scope_kind, g.scope)) FROM role_grants g"
    "    WHERE l.capacity = 'staff' AND g.person_id = l.person_id AND g.revoked_at IS NULL), '[]') AS grants"
    " FROM live l"
)


def _live_session(which: str) -> sa.TextClause:
    return sa.text(_LIVE_SESSION.format(which=which)).bindparams(sa.bindparam("touch", type_=sa.Interval))


_BY_TOKEN: Final = compile_sql(_live_session("s.token_hash = :token_hash"))
_BY_ID: Final = compile_sql(_live_session("s.id = :id"))


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just begun; the token exists nowhere else."""

    id: UUID
    token: str = field(repr=False)
    expires_at: datetime


async def begin_session(connection: AsyncConnection, person_id: UUID, capacity: Capacity) -> NewSession:
    """Begin a session; only the hash of its token is stored."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    life = SESSION_LIVES[capacity]
    row = (
        await connection.execute(
            sa.insert(sessions)
            .values(
                token_hash=hash_token(token),
                person_id=person_id,
                capacity=capacity,
                expires_at=sa.func.now() + life.total,
                idle_after=life.idle,
            )
            .returning(sessions.c.id, sessions.c.expires_at)
        )
    ).one()
    return NewSession(row.id, token, row.expires_at)


async def read_live_session(engine: AsyncEngine, token: str) -> Actor | None:
    """Who acts with this token, with the roles in force now; None if it is unknown, ended, too old or idle."""
    asked = Statement(_BY_TOKEN, {"token_hash": hash_token(token), "touch": _TOUCH})
    (found,) = await run_alone(engine, SERVICE, asked)
    return _actor(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class FormerSession:
    """Whose session a token began, and as what, whether or not it has ended; it opens nothing."""

    person_id: UUID
    capacity: Capacity


_FORMER = sa.select(*columns(sessions, FormerSession)).where(sessions.c.token_hash == sa.bindparam("this_token"))


async def find_former_session(connection: AsyncConnection, token: str) -> FormerSession | None:
    """Whose session it was; None for a token that never was one."""
    return await find_one(connection, FormerSession, _FORMER, {"this_token": hash_token(token)})


async def read_session_again(connection: AsyncConnection, session_id: UUID) -> Actor | None:
    """Who acts in this session now; None once it has ended. For what lasts longer than a request."""
    return actor_now(await fetch(connection, Statement(_BY_ID, {"id": session_id, "touch": _NEVER})))


def rights_statements(actor: Actor, *, alone: bool) -> tuple[Statement, ...]:
    """The first statements of a command: keep its person's rights until the transaction ends, then read them again.

    Whoever takes a right away or ends a session takes the same lock alone: it either comes first and is seen by the
    command, or waits until the command is committed. A command that does so to its own person takes it ``alone`` from
    the beginning: two that share it would wait for each other.
    """
    again = Statement(_BY_ID, {"id": actor.session_id, "touch": _NEVER})
    take = lock_statement if alone else share_statement
    return take(About.RIGHTS, actor.person_id), again


def actor_now(found: Sequence[Sequence[Any]]) -> Actor | None:
    """Who acts, as the last of the ``rights_statements`` found it; None once the session has ended."""
    return _actor(found[0]) if found else None


async def lock_rights(connection: AsyncConnection, person_id: UUID) -> None:
    """Wait for the commands that a person has under way, before their rights become less."""
    await lock(connection, About.RIGHTS, person_id)


def _actor(row: Sequence[Any]) -> Actor:
    session_id, person_id, capacity, strong_until, held = row
    grants = tuple(sorted(Grant(Role(role), ScopeKind(kind), scope) for role, kind, scope in held))
    return Actor(person_id, capacity, session_id, grants, strong_until)


async def strengthen_session(connection: AsyncConnection, session_id: UUID, capacity: Capacity) -> datetime:
    """Note that a session in a capacity was confirmed with a fresh code; returns until when that counts."""
    until: datetime = (
        await connection.execute(
            sa.update(sessions)
            .where(sessions.c.id == session_id)
            .values(strong_until=sa.func.now() + STEP_UP_LIVES[capacity])
            .returning(sessions.c.strong_until)
        )
    ).scalar_one()
    return until


async def end_session(connection: AsyncConnection, person_id: UUID, session_id: UUID) -> bool:
    """End a session of a person, after the commands that they have under way; False if it is none, or has ended."""
    await lock_rights(connection, person_id)
    ended = await connection.execute(
        sa.update(sessions)
        .where(sessions.c.id == session_id, sessions.c.person_id == person_id, sessions.c.ended_at.is_(None))
        .values(ended_at=sa.func.now())
    )
    return ended.rowcount == 1


async def end_sessions(
    connection: AsyncConnection, person_id: UUID, capacity: Capacity | None = None, *, apart_from: UUID | None = None
) -> int:
    """End all sessions of a person, or those in one capacity, after the commands under way; returns how many.

    Their devices are no longer known: the holder of one may be why. ``apart_from`` is the session that goes on.
    """
    await lock_rights(connection, person_id)
    which = sa.true() if capacity is None else sessions.c.capacity == capacity
    if apart_from is not None:
        which &= sessions.c.id != apart_from
    d = known_devices.c
    known = sa.true() if capacity is None else d.capacity == capacity
    await connection.execute(sa.delete(known_devices).where(d.person_id == person_id, known))
    ended = await connection.execute(
        sa.update(sessions)
        .where(sessions.c.person_id == person_id, sessions.c.ended_at.is_(None), which)
        .values(ended_at=sa.func.now())
    )
    return ended.rowcount


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that still counts. Neither address nor browser is kept of one."""

    id: UUID
    capacity: Capacity
    created_at: datetime
    last_used_at: datetime


_c = sessions.c
_LIVE = (
    sa.select(*columns(sessions, LiveSession))
    .where(_c.person_id == sa.bindparam("this_person", type_=sa.Uuid), _c.ended_at.is_(None))
    .where(_c.expires_at > sa.func.now(), _c.last_used_at + _c.idle_after > sa.func.now())
    .order_by(_c.last_used_at.desc(), _c.id)
    .limit(100)
)


async def live_sessions(connection: AsyncConnection, person_id: UUID) -> list[LiveSession]:
    """The sessions of a person that still count, the one used last first; at most 100."""
    return await read_all(connection, LiveSession, _LIVE, {"this_person": person_id})


async def lock_person(connection: AsyncConnection, person_id: UUID) -> None:
    """Keep the person as they are until this transaction ends.

    A change of mobile (G2) locks the person, then cancels codes and ends sessions: it is either seen here, or waits
    and ends the session that begins here.
    """
    await connection.execute(
        sa.select(persons.c.id).where(persons.c.id == person_id).with_for_update(read=True, key_share=True)
    )


async def confirm_mobile(connection: AsyncConnection, person_id: UUID) -> None:
    """Note the first time that a code sent to the person's mobile came back."""
    await connection.execute(
        sa.update(persons)
        .where(persons.c.id == person_id, persons.c.mobile_confirmed_at.is_(None))
        .values(mobile_confirmed_at=sa.func.now())
    )


def new_link_token() -> str:
    """The secret of a link in an SMS: letters and digits, 142 bits. Carriers take no other signs, and at most 25."""
    return "".join(secrets.choice(_LINK_SIGNS) for _ in range(_LINK_LENGTH))


def hash_token(token: str) -> bytes:
    """What is stored of a token; it is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()
