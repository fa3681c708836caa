"""Words on cases (G7): their rows, sealed, and who of the staff is told of new ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Role
from domain.correspondence import MAX_TOLD, WRITABLE_AFTER, CorrespondenceRules, scopes_of
from storage.rows.account import role_grants, staff_credentials
from storage.rows.cases import Case, case_people, cases
from storage.rows.correspondence import Letter, Thread, correspondence
from storage.rows.table import as_row, columns, read_all, read_one
from storage.rows.tasks import tasks
from storage.sealing import Seals

_COLUMNS = columns(correspondence, Letter)
# As many as may take part in a case.
_MAX_THREADS = 50


def _purpose(letter_id: UUID) -> str:
    """What the text of one row is sealed for: it cannot be moved to another."""
    return f"correspondence.text:{letter_id}"


def text_of(seals: Seals, letter: Letter) -> str:
    """What it says."""
    return seals.cipher.open_text(letter.text_sealed, _purpose(letter.id))


async def add_letter(
    connection: AsyncConnection,
    seals: Seals,
    case_id: UUID,
    *,
    member_id: UUID,
    author_id: UUID,
    capacity: Literal["member", "staff"],
    part: str,
    text: str,
) -> Letter:
    """Store what somebody wrote in the thread of a member, in a transaction that has locked the case."""
    letter_id: UUID = (await connection.execute(sa.select(sa.func.uuidv7(type_=sa.Uuid)))).scalar_one()
    values = {
        "id": letter_id,
        "case_id": case_id,
        "member_id": member_id,
        "author_id": author_id,
        "capacity": capacity,
        "part": part,
        "text_sealed": seals.cipher.seal_text(text, _purpose(letter_id)),
    }
    return await read_one(connection, Letter, sa.insert(correspondence).values(values).returning(*_COLUMNS))


async def list_letters(
    connection: AsyncConnection, case_id: UUID, member_id: UUID, *, before: UUID | None, limit: int
) -> list[Letter]:
    """What was written in the thread of a member, newest first."""
    c = correspondence.c
    query = sa.select(*_COLUMNS).where(c.case_id == case_id, c.member_id == member_id)
    if before is not None:
        query = query.where(c.id < before)
    return await read_all(connection, Letter, query.order_by(c.id.desc()).limit(limit))


async def list_threads(connection: AsyncConnection, case_id: UUID, members: Collection[str]) -> list[Thread]:
    """The threads of a case: of those who take one of the parts, or took one and wrote or were written to."""
    p, c = case_people.c, correspondence.c
    written = (
        sa.select(c.member_id, sa.func.count().label("count"), sa.func.max(c.at).label("newest_at"))
        .where(c.case_id == case_id)
        .group_by(c.member_id)
        .subquery()
    )
    is_current = sa.func.bool_or(p.until.is_(None))
    current = sa.func.array_agg(p.part, type_=ARRAY(sa.Text)).filter(p.until.is_(None))
    count = sa.func.coalesce(sa.func.max(written.c.count), 0)
    query = (
        sa.select(
            p.person_id,
            is_current,
            sa.func.coalesce(current, sa.func.array_agg(p.part, type_=ARRAY(sa.Text))),
            count,
            sa.func.max(written.c.newest_at),
        )
        .outerjoin(written, written.c.member_id == p.person_id)
        .where(p.case_id == case_id, p.part.in_(members))
        .group_by(p.person_id)
        .having(sa.or_(is_current, count > 0))
        .order_by(sa.func.min(p.since), p.person_id)
        .limit(_MAX_THREADS)
    )
    return [as_row(Thread, row) for row in await connection.execute(query)]


async def takes_words(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether a case is open, or ended so lately that its people still write to each other."""
    ended_lately = cases.c.closed_at > sa.func.now() - sa.literal(WRITABLE_AFTER, sa.Interval)
    query = sa.select(sa.or_(cases.c.closed_at.is_(None), ended_lately)).where(cases.c.id == case_id)
    return bool(await connection.scalar(query))


async def is_dealt_with(connection: AsyncConnection, case: Case, roles: Collection[Role], *, held_only: bool) -> bool:
    """Whether holders of one of the roles see a case: it is of their organisation or region, or they were asked.

    Where only who has claimed a task reads, they are asked now: once it is closed, nobody of them sees the case.
    """
    if not held_only and (case.organisation_id is not None or case.region_code is not None):
        return True
    asked = sa.exists().where(tasks.c.case_id == case.id, tasks.c.role.in_(roles))
    if held_only:
        asked = asked.where(tasks.c.status == "open")
    return bool(await connection.scalar(sa.select(asked)))


async def staff_to_tell(
    connection: AsyncConnection, case: Case, rules: CorrespondenceRules, thread: Thread
) -> list[UUID]:
    """Who of the staff is told that a member has written; in a transaction that may see them.

    Those who have claimed an open task in the case, and unless only they read it those who have written in the thread,
    as far as they still hold such a role there, are not shut out, and take no part in the case.
    """
    c, g = correspondence.c, role_grants.c
    deals = tasks.c.claimed_by.is_not(None), tasks.c.status == "open", tasks.c.case_id == case.id
    dealing: list[sa.Select[tuple[UUID]]] = [sa.select(tasks.c.claimed_by.label("person_id")).where(*deals)]
    if not rules.held_only:
        answered = c.case_id == case.id, c.member_id == thread.member_id, c.capacity == "staff"
        dealing.append(sa.select(c.author_id).where(*answered))
    found = sa.union(*dealing).subquery()
    holds = sa.exists().where(
        g.person_id == found.c.person_id,
        g.revoked_at.is_(None),
        g.role.in_(rules.offices_of(thread.parts)),
        g.scope.in_(scopes_of(case.region_code, case.organisation_id)),
    )
    is_out = sa.exists().where(
        staff_credentials.c.person_id == found.c.person_id, staff_credentials.c.disabled_at.is_not(None)
    )
    takes_part = sa.exists().where(case_people.c.case_id == case.id, case_people.c.person_id == found.c.person_id)
    query = sa.select(found.c.person_id).where(holds, ~is_out, ~takes_part).order_by(found.c.person_id)
    return list(await connection.scalars(query.limit(MAX_TOLD)))
