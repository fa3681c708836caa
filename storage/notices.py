"""Notices to people: stored with template, recipient and state, then sent by the relay (G4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Role
from messages.notice import SendNotice
from storage.database import Statement, compile_sql
from storage.outbox import enqueue
from storage.rows.account import role_grants
from storage.rows.notices import NoticeState, StoredNotice, notices
from storage.rows.outbox import outbox
from storage.rows.people import persons
from storage.rows.table import as_row, columns, read_all
from storage.sealing import Seals

_FAILURE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to be sent; ``mobile`` is None if the person has no number."""

    id: UUID
    template: str
    params: Mapping[str, str]
    mobile: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WatchedNotice:
    """A notice in the eyes of the operations desk.

    ``mobile`` is in clear: to be masked before anybody sees it. ``roles`` are the recipient's. ``attempts`` is known
    while it waits; ``failure`` is a short code or the class of an error: why it failed for good, or failed the last
    time.
    """

    stored: StoredNotice
    mobile: str | None = field(repr=False)
    roles: tuple[Role, ...]
    attempts: int | None
    failure: str | None


_NUMBER = sa.func.coalesce(notices.c.mobile_sealed, persons.c.mobile_sealed).label("mobile_sealed")
_STORED_COLUMNS = columns(notices, StoredNotice)
_STORED = sa.select(*_STORED_COLUMNS)
_OUTBOX_ROW = (
    sa.select(outbox.c.attempts, outbox.c.last_error)
    .where(outbox.c.notice_id == notices.c.id, outbox.c.sent_at.is_(None))
    .order_by(outbox.c.id.desc())
    .limit(1)
    .lateral()
)
_CHOSEN = notices.alias("chosen")
_ROLES = sa.func.array(
    sa.select(role_grants.c.role)
    .where(role_grants.c.person_id == notices.c.person_id, role_grants.c.revoked_at.is_(None))
    .group_by(role_grants.c.role)
    .order_by(role_grants.c.role)
    .scalar_subquery()
).label("roles")
_WATCHED = (
    sa.select(*_STORED_COLUMNS, _NUMBER, _ROLES, notices.c.failure, _OUTBOX_ROW.c.attempts, _OUTBOX_ROW.c.last_error)
    .join(persons, persons.c.id == notices.c.person_id)
    .outerjoin(_OUTBOX_ROW, sa.true())
)


def _store_statement() -> sa.Insert:
    """Store a notice and an outbox message for each person, in one statement."""
    given = {"case_id": notices.c.case_id, "template": notices.c.template, "params": notices.c.params}
    values = [sa.bindparam(name, type_=column.type) for name, column in given.items()]
    each = sa.select(sa.func.unnest(sa.bindparam("people", type_=ARRAY(sa.Uuid))), *values, sa.literal_column("'sms'"))
    columns = ["person_id", *given, "channel"]
    added = sa.insert(notices).from_select(columns, each).returning(notices.c.id).cte("added")
    # What ``enqueue`` writes of a SendNotice.
    payload = sa.func.jsonb_build_object(sa.literal_column("'notice_id'"), added.c.id)
    outbox_rows = sa.select(sa.literal_column(f"'{SendNotice.__name__}'"), payload)
    return sa.insert(outbox).inline().from_select(["message", "payload"], outbox_rows)


_STORE = _store_statement()
_STORE_SQL = compile_sql(_STORE)


async def notify(
    connection: AsyncConnection,
    people: Iterable[UUID],
    template: str,
    *,
    case_id: UUID | None = None,
    params: Mapping[str, str] | None = None,
) -> None:
    """Store an SMS for each person, to be sent by the relay. ``params`` hold no personal data."""
    told = list(people)
    if told:
        values = {"people": told, "case_id": case_id, "template": template, "params": dict(params or {})}
        await connection.execute(_STORE, values)


def notice_statements(
    people: Iterable[UUID], template: str, *, case_id: UUID | None = None, params: Mapping[str, str] | None = None
) -> list[Statement]:
    """``notify``, to be run with the last statements of the transaction; empty without people."""
    told = list(people)
    values = {"people": told, "case_id": case_id, "template": template, "params": Jsonb(dict(params or {}))}
    return [Statement(_STORE_SQL, values)] if told else []


async def notify_number(
    connection: AsyncConnection, person_id: UUID, mobile_sealed: bytes, template: str, *, case_id: UUID | None = None
) -> None:
    """Store an SMS about a person to a number that is not, or no longer, theirs; to be sent by the relay."""
    values = {"person_id": person_id, "case_id": case_id, "template": template, "mobile_sealed": mobile_sealed}
    added = await connection.execute(sa.insert(notices).values(channel="sms", **values).returning(notices.c.id))
    await enqueue(connection, SendNotice(added.scalar_one()))


async def read_pending(connection: AsyncConnection, seals: Seals, notice_id: UUID) -> Notice | None:
    """The notice with its recipient's number; None unless it is pending."""
    row = (
        await connection.execute(
            sa.select(notices.c.id, notices.c.template, notices.c.params, _NUMBER)
            .join(persons, persons.c.id == notices.c.person_id)
            .where(notices.c.id == notice_id, notices.c.state == "pending")
        )
    ).one_or_none()
    return None if row is None else Notice(row.id, row.template, row.params, _opened(seals, row.mobile_sealed))


def _opened(seals: Seals, mobile_sealed: bytes | None) -> str | None:
    return None if mobile_sealed is None else seals.cipher.open_text(mobile_sealed, "person.mobile")


async def mark_sent(connection: AsyncConnection, notice_id: UUID, reference: str) -> None:
    """The carrier has it."""
    values = {"state": "sent", "provider_ref": reference, "sent_at": sa.func.now(), "failure": None}
    await connection.execute(sa.update(notices).where(notices.c.id == notice_id).values(values))


async def mark_failed(connection: AsyncConnection, notice_id: UUID, failure: str) -> None:
    """Nothing but a person can help any more; ``failure`` is a short code, never an address or a number."""
    values = {"state": "failed", "sent_at": None, "failure": failure[:_FAILURE_LENGTH]}
    await connection.execute(sa.update(notices).where(notices.c.id == notice_id).values(values))


async def list_messages(
    connection: AsyncConnection, person_id: UUID, *, case_id: UUID | None = None, before: UUID | None, limit: int
) -> list[StoredNotice]:
    """What was sent to a person, newest first, apart from what went to a number that is no longer theirs (G2).

    Args:
        connection: in a transaction.
        person_id: to whom.
        case_id: only what is about this case.
        before: goes on after this message.
        limit: at most so many.
    """
    query = _STORED.where(notices.c.person_id == person_id, notices.c.mobile_sealed.is_(None))
    if case_id is not None:
        query = query.where(notices.c.case_id == case_id)
    if before is not None:
        query = query.where(notices.c.id < before)
    return await read_all(connection, StoredNotice, query.order_by(notices.c.id.desc()).limit(limit))


async def list_notices(
    connection: AsyncConnection, seals: Seals, *, state: NoticeState | None, before: UUID | None, limit: int
) -> list[WatchedNotice]:
    """Notices of everybody, newest first: those that wait, that were sent, that failed for good, or all."""
    # Chosen first and then joined: under row-level security Postgres expects too few rows, and would join them all.
    chosen = sa.select(_CHOSEN.c.id).order_by(_CHOSEN.c.id.desc()).limit(limit)
    if state is not None:
        # Written out, so that the plan can use the index of that state.
        chosen = chosen.where(_CHOSEN.c.state == sa.bindparam("in_state", state, sa.Text, literal_execute=True))
    if before is not None:
        chosen = chosen.where(_CHOSEN.c.id < before)
    is_chosen = notices.c.id == sa.any_(sa.func.array(chosen.scalar_subquery()))
    rows = await connection.execute(_WATCHED.where(is_chosen).order_by(notices.c.id.desc()))
    return [_watched(seals, row) for row in rows]


async def read_notice(connection: AsyncConnection, seals: Seals, notice_id: UUID) -> WatchedNotice | None:
    """One notice as ``list_notices`` tells of it, or None."""
    row = (await connection.execute(_WATCHED.where(notices.c.id == notice_id))).one_or_none()
    return None if row is None else _watched(seals, row)


def _watched(seals: Seals, row: Sequence[Any]) -> WatchedNotice:
    *stored, mobile_sealed, roles, failure, attempts, last_error = row
    return WatchedNotice(
        as_row(StoredNotice, stored),
        mobile=_opened(seals, mobile_sealed),
        roles=tuple(Role(role) for role in roles),
        attempts=attempts,
        failure=failure or last_error,
    )


async def lock_notice(connection: AsyncConnection, notice_id: UUID) -> NoticeState | None:
    """The state of a notice, held until the transaction ends; None if there is no such notice."""
    state: NoticeState | None = await connection.scalar(
        sa.select(notices.c.state).where(notices.c.id == notice_id).with_for_update()
    )
    return state


async def send_again(connection: AsyncConnection, notice_id: UUID) -> None:
    """Put a notice into the outbox once more; its state is pending again until then."""
    values = {"state": "pending", "provider_ref": None, "sent_at": None, "failure": None}
    await connection.execute(sa.update(notices).where(notices.c.id == notice_id).values(values))
    await enqueue(connection, SendNotice(notice_id))
