"""Notices to people: stored with template, recipient and state, then sent by the relay (G4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.notice import SendNotice
from storage.database import Errand, sql_of
from storage.sealing import Seals
from storage.tables import notices, outbox, persons


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice ready to be sent."""

    id: UUID
    template: str
    params: Mapping[str, str]
    mobile: str


def _storing() -> sa.Insert:
    """Stores a notice for each person and promises to send each, in one statement."""
    given = {"case_id": notices.c.case_id, "template": notices.c.template, "params": notices.c.params}
    values = [sa.bindparam(name, type_=column.type) for name, column in given.items()]
    each = sa.select(sa.func.unnest(sa.bindparam("people", type_=ARRAY(sa.Uuid))), *values, sa.literal_column("'sms'"))
    columns = ["person_id", *given, "channel"]
    added = sa.insert(notices).from_select(columns, each).returning(notices.c.id).cte("added")
    # What ``enqueue`` writes of a SendNotice.
    payload = sa.func.jsonb_build_object(sa.literal_column("'notice_id'"), added.c.id)
    promise = sa.select(sa.literal_column(f"'{SendNotice.__name__}'"), payload)
    return sa.insert(outbox).inline().from_select(["message", "payload"], promise)


_STORE = _storing()
_STORING = sql_of(_STORE)


async def notify(
    connection: AsyncConnection,
    people: Iterable[UUID],
    template: str,
    *,
    case_id: UUID | None = None,
    params: Mapping[str, str] | None = None,
) -> None:
    """Store an SMS for each person and promise to send it. ``params`` hold no personal data."""
    told = list(people)
    if told:
        values = {"people": told, "case_id": case_id, "template": template, "params": dict(params or {})}
        await connection.execute(_STORE, values)


def notifying(
    people: Iterable[UUID], template: str, *, case_id: UUID | None = None, params: Mapping[str, str] | None = None
) -> list[Errand]:
    """``notify``, to be run with the last statements of the transaction; nothing if nobody is to be told."""
    told = list(people)
    values = {"people": told, "case_id": case_id, "template": template, "params": Jsonb(dict(params or {}))}
    return [Errand(_STORING, values)] if told else []


async def read_unsent(connection: AsyncConnection, seals: Seals, notice_id: UUID) -> Notice | None:
    """The notice with its recipient's number; None if it was sent or the person has no number."""
    number = sa.func.coalesce(notices.c.mobile_sealed, persons.c.mobile_sealed).label("mobile_sealed")
    row = (
        await connection.execute(
            sa.select(notices.c.id, notices.c.template, notices.c.params, number)
            .join(persons, persons.c.id == notices.c.person_id)
            .where(notices.c.id == notice_id, notices.c.state != "sent", number.is_not(None))
        )
    ).one_or_none()
    if row is None:
        return None
    mobile = seals.cipher.open_text(row.mobile_sealed, "person.mobile")
    return Notice(row.id, row.template, row.params, mobile)


async def mark(
    connection: AsyncConnection, notice_id: UUID, state: Literal["sent", "failed"], reference: str | None = None
) -> None:
    """Record how sending ended."""
    sent_at = sa.func.now() if state == "sent" else sa.null()
    await connection.execute(
        sa.update(notices).where(notices.c.id == notice_id).values(state=state, provider_ref=reference, sent_at=sent_at)
    )
