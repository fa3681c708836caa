"""Notices to people: stored with template, channel, recipient and state, then sent by the relay (G4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Role
from domain.notice import Channel, Language, Value, channels_of
from messages.notice import MailNotice, SendNotice
from storage.database import Statement, compile_sql
from storage.outbox import enqueue
from storage.profile import open_email
from storage.rows.account import role_grants
from storage.rows.notices import NoticeState, StoredNotice, notices
from storage.rows.outbox import outbox
from storage.rows.people import persons
from storage.rows.profile import profiles
from storage.rows.table import as_row, columns, read_all
from storage.sealing import Seals

_FAILURE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to be sent; ``to`` is a mobile or a confirmed e-mail address, None if the person has none."""

    id: UUID
    channel: Channel
    template: str
    params: Mapping[str, Value]
    language: Language
    to: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WatchedNotice:
    """A notice in the eyes of the operations desk.

    ``to`` is in clear as in ``Notice``: to be masked before anybody sees it. ``roles`` are the recipient's.
    ``attempts`` is known while it waits; ``failure`` is a short code or the class of an error: why it failed for good,
    or failed the last time.
    """

    stored: StoredNotice
    to: str | None = field(repr=False)
    roles: tuple[Role, ...]
    attempts: int | None
    failure: str | None


_MESSAGES = {Channel.SMS: SendNotice, Channel.MAIL: MailNotice}
_HAS_ADDRESS = profiles.c.email_confirmed_at.is_not(None)
_TO = sa.case(
    (notices.c.channel == "sms", sa.func.coalesce(notices.c.mobile_sealed, persons.c.mobile_sealed)),
    (_HAS_ADDRESS, profiles.c.email_sealed),
).label("to_sealed")
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
    sa.select(*_STORED_COLUMNS, _TO, _ROLES, notices.c.failure, _OUTBOX_ROW.c.attempts, _OUTBOX_ROW.c.last_error)
    .join(persons, persons.c.id == notices.c.person_id)
    .outerjoin(profiles, profiles.c.person_id == notices.c.person_id)
    .outerjoin(_OUTBOX_ROW, sa.true())
)


def _store_statement(channel: Channel) -> sa.Insert:
    """Store a notice and an outbox message for each person, in one statement.

    With ``confirmed_only`` an e-mail is stored for those alone who have a confirmed address.
    """
    person = sa.func.unnest(sa.bindparam("people", type_=ARRAY(sa.Uuid)), type_=sa.Uuid).column_valued("person")
    given = {"case_id": notices.c.case_id, "template": notices.c.template, "params": notices.c.params}
    values = [sa.bindparam(name, type_=column.type) for name, column in given.items()]
    each = sa.select(person, *values, sa.literal_column(f"'{channel}'"))
    if channel is Channel.MAIL:
        has_address = sa.exists().where(profiles.c.person_id == person, _HAS_ADDRESS)
        each = each.where(sa.or_(sa.not_(sa.bindparam("confirmed_only", type_=sa.Boolean)), has_address))
    columns = ["person_id", *given, "channel"]
    added = sa.insert(notices).from_select(columns, each).returning(notices.c.id).cte("added")
    # What ``enqueue`` writes of these messages.
    payload = sa.func.jsonb_build_object(sa.literal_column("'notice_id'"), added.c.id)
    outbox_rows = sa.select(sa.literal_column(f"'{_MESSAGES[channel].__name__}'"), payload)
    return sa.insert(outbox).inline().from_select(["message", "payload"], outbox_rows)


_STORE = {channel: _store_statement(channel) for channel in Channel}
_STORE_SQL = {channel: compile_sql(statement) for channel, statement in _STORE.items()}


async def notify(
    connection: AsyncConnection,
    people: Iterable[UUID],
    template: str,
    *,
    case_id: UUID | None = None,
    params: Mapping[str, Value] | None = None,
) -> None:
    """Store a notice for each person and channel of the template, to be sent by the relay.

    A copy by e-mail is stored for those alone who have a confirmed address; what goes by e-mail alone fails for the
    others, where it is seen. ``params`` hold no personal data.
    """
    told = list(people)
    values = {"people": told, "case_id": case_id, "template": template, "params": dict(params or {})}
    for channel, more in _ways(template) if told else ():
        await connection.execute(_STORE[channel], {**values, **more})


async def told_within(connection: AsyncConnection, people: Sequence[UUID], template: str, span: timedelta) -> set[UUID]:
    """Who of some people was sent a template so lately."""
    n = notices.c
    lately = (n.person_id.in_(people), n.template == template, n.created_at > sa.func.now() - span)
    return set(await connection.scalars(sa.select(n.person_id).where(*lately)))


def notice_statements(
    people: Iterable[UUID], template: str, *, case_id: UUID | None = None, params: Mapping[str, Value] | None = None
) -> list[Statement]:
    """``notify``, to be run with the last statements of the transaction; empty without people."""
    told = list(people)
    values = {"people": told, "case_id": case_id, "template": template, "params": Jsonb(dict(params or {}))}
    return [Statement(_STORE_SQL[channel], {**values, **more}) for channel, more in _ways(template) if told]


def _ways(template: str) -> list[tuple[Channel, dict[str, bool]]]:
    """The channels of a template, each with what its statement takes besides."""
    channels = channels_of(template)
    copies = {"confirmed_only": Channel.SMS in channels}
    return [(channel, copies if channel is Channel.MAIL else {}) for channel in channels]


async def notify_number(
    connection: AsyncConnection, person_id: UUID, mobile_sealed: bytes, template: str, *, case_id: UUID | None = None
) -> None:
    """Store an SMS about a person to a number that is not, or no longer, theirs; to be sent by the relay."""
    values = {"person_id": person_id, "case_id": case_id, "template": template, "mobile_sealed": mobile_sealed}
    added = await connection.execute(sa.insert(notices).values(channel="sms", **values).returning(notices.c.id))
    await enqueue(connection, SendNotice(added.scalar_one()))


async def read_pending(connection: AsyncConnection, seals: Seals, notice_id: UUID) -> Notice | None:
    """The notice with its recipient's number or address, and their language; None unless it is pending."""
    n = notices.c
    row = (
        await connection.execute(
            sa.select(n.id, n.channel, n.template, n.params, profiles.c.language, _TO)
            .join(persons, persons.c.id == n.person_id)
            .outerjoin(profiles, profiles.c.person_id == n.person_id)
            .where(n.id == notice_id, n.state == "pending")
        )
    ).one_or_none()
    if row is None:
        return None
    to = _opened(seals, row.channel, row.to_sealed)
    language: Language = row.language or "fa"
    return Notice(row.id, Channel(row.channel), row.template, row.params, language, to)


def _opened(seals: Seals, channel: str, to_sealed: bytes | None) -> str | None:
    if to_sealed is None:
        return None
    return open_email(seals, to_sealed) if channel == "mail" else seals.cipher.open_text(to_sealed, "person.mobile")


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
    *columns_of_it, to_sealed, roles, failure, attempts, last_error = row
    stored = as_row(StoredNotice, columns_of_it)
    return WatchedNotice(
        stored,
        to=_opened(seals, stored.channel, to_sealed),
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
    again = sa.update(notices).where(notices.c.id == notice_id).values(values).returning(notices.c.channel)
    channel = (await connection.execute(again)).scalar_one()
    await enqueue(connection, _MESSAGES[Channel(channel)](notice_id))
