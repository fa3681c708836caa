"""Which cases a person may see, and lists of them, the late ones too (G5); always from Postgres (H4)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import READS_EVERYTHING, Actor, Part, ScopeKind
from domain.catalogue import HELD, words
from domain.reconciliation import FindingKind
from storage.cases import CASE_COLUMNS
from storage.rows.cases import Case, TimelineEvent, case_people, cases, timeline
from storage.rows.reconciliation import reconciliation_findings
from storage.rows.table import as_row, columns, find_one, read_all
from storage.rows.tasks import Task, tasks
from storage.tasks import open_tasks_of

_EVENTS = (
    sa.select(*columns(timeline, TimelineEvent))
    .where(timeline.c.case_id == sa.bindparam("this_case"), timeline.c.id > sa.bindparam("after"))
    .order_by(timeline.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases a list shows."""

    kind: str | None = None
    phase: str | None = None
    is_open: bool | None = None
    region_code: str | None = None
    late: bool | None = None


class Mark(NamedTuple):
    """How far a case has come: the newest line of its timeline, and its version."""

    event: int
    version: int


@dataclass(frozen=True, slots=True)
class LateCase:
    """A case that was due at a moment before now; ``waits_for`` are its open tasks, the most urgent first."""

    case: Case
    due_at: datetime
    waits_for: tuple[Task, ...]
    finding: FindingKind | None


def _ways_to_see(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """The conditions of which one must hold for a person to see a case; each is served by an index of its own.

    Members see cases in which they take part now. Staff see those of their organisations and regions, and those that
    hold or held a task for one of their roles; auditors and operators see all. By a task that only its holder sees,
    its holder sees the case, for as long as they hold it.
    """
    if actor.capacity == "member":
        mine = sa.select(case_people.c.case_id).where(
            case_people.c.person_id == actor.person_id, case_people.c.until.is_(None)
        )
        return [cases.c.id.in_(mine)]
    if actor.holds_any(READS_EVERYTHING):
        return [sa.true()]
    if not actor.grants:
        return [sa.false()]
    organisations = [UUID(grant.scope) for grant in actor.grants if grant.scope_kind is ScopeKind.ORGANISATION]
    regions = [grant.scope for grant in actor.grants if grant.scope_kind is ScopeKind.REGION]
    held = [(grant.role.value, grant.scope_kind.value, grant.scope) for grant in actor.grants]
    is_theirs = sa.tuple_(tasks.c.role, tasks.c.scope_kind, tasks.c.scope).in_(held)
    asked = sa.select(tasks.c.case_id).where(is_theirs, tasks.c.kind.not_in(HELD))
    ways: list[sa.ColumnElement[bool]] = [cases.c.id.in_(asked)]
    if HELD:
        claimed = sa.select(tasks.c.case_id).where(
            is_theirs,
            tasks.c.kind.in_(HELD),
            tasks.c.status == "open",
            tasks.c.claimed_by == actor.person_id,
        )
        ways.append(cases.c.id.in_(claimed))
    if organisations:
        ways.append(cases.c.organisation_id.in_(organisations))
    if regions:
        ways.append(cases.c.region_code.in_(regions))
    return ways


async def see_case(connection: AsyncConnection, actor: Actor, case_id: UUID) -> Case | None:
    """The case, if this person may see it."""
    return await find_one(
        connection, Case, sa.select(*CASE_COLUMNS).where(cases.c.id == case_id, sa.or_(*_ways_to_see(actor)))
    )


async def list_cases(
    connection: AsyncConnection, actor: Actor, wanted: CaseFilter, *, before: UUID | None, limit: int
) -> list[Case]:
    """Cases that this person may see, newest first."""
    conditions = _conditions(wanted)
    if before is not None:
        conditions.append(cases.c.id < before)
    newest = [
        sa.select(cases.c.id).where(way, *conditions).order_by(cases.c.id.desc()).limit(limit).subquery()
        for way in _ways_to_see(actor)
    ]
    found = sa.union_all(*(sa.select(way.c.id) for way in newest)).scalar_subquery()
    query = sa.select(*CASE_COLUMNS).where(cases.c.id.in_(found)).order_by(cases.c.id.desc()).limit(limit)
    return await read_all(connection, Case, query)


def _conditions(wanted: CaseFilter) -> list[sa.ColumnElement[bool]]:
    equal = {cases.c.kind: wanted.kind, cases.c.phase: wanted.phase, cases.c.region_code: wanted.region_code}
    conditions: list[sa.ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.is_open is not None:
        conditions.append(cases.c.closed_at.is_(None) if wanted.is_open else cases.c.closed_at.is_not(None))
    if wanted.late is not None:
        late = sa.func.coalesce(cases.c.due_at < sa.func.now(), sa.false())
        conditions.append(late if wanted.late else sa.not_(late))
    return conditions


async def events_after(connection: AsyncConnection, case_id: UUID, after: int, limit: int) -> list[TimelineEvent]:
    """Lines of a case's timeline, oldest first."""
    return await read_all(connection, TimelineEvent, _EVENTS, {"this_case": case_id, "after": after, "most": limit})


async def event_from(connection: AsyncConnection, case_id: UUID, moment: datetime) -> TimelineEvent | None:
    """The first line of a case's timeline since a moment: of what was done in a transaction, if it is that one's."""
    query = sa.select(*columns(timeline, TimelineEvent)).where(timeline.c.case_id == case_id, timeline.c.at >= moment)
    return await find_one(connection, TimelineEvent, query.order_by(timeline.c.id).limit(1))


def is_shown(case: Case, actor: Actor, event: TimelineEvent) -> bool:
    """Whether a person who sees a case sees a line of its timeline: to each part its lines, to staff all."""
    if actor.capacity == "staff":
        return True
    # A member sees a case that is not about themselves only as its guarantor.
    part = Part.APPLICANT if actor.person_id == case.person_id else Part.GUARANTOR
    return words.is_seen_by(event.code, part)


async def marks_of(connection: AsyncConnection, case_ids: list[UUID]) -> dict[UUID, Mark]:
    """How far each case has come."""
    newest = sa.select(sa.func.max(timeline.c.id)).where(timeline.c.case_id == cases.c.id).scalar_subquery()
    rows = await connection.execute(
        sa.select(cases.c.id, sa.func.coalesce(newest, 0), cases.c.version).where(cases.c.id.in_(case_ids))
    )
    return {row[0]: Mark(int(row[1]), int(row[2])) for row in rows}


_FINDING = (
    sa.select(reconciliation_findings.c.kind)
    .where(reconciliation_findings.c.case_id == cases.c.id, reconciliation_findings.c.settled_at.is_(None))
    .order_by(reconciliation_findings.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


async def list_late_cases(
    connection: AsyncConnection, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[LateCase]:
    """Cases whose time is over, those that are late for the longest time first. Two statements."""
    query = sa.select(*CASE_COLUMNS, _FINDING).where(cases.c.due_at < sa.func.now())
    if after is not None:
        query = query.where(sa.tuple_(cases.c.due_at, cases.c.id) > sa.tuple_(*map(sa.literal, after)))
    rows = (await connection.execute(query.order_by(cases.c.due_at, cases.c.id).limit(limit))).all()
    count = len(CASE_COLUMNS)
    waits_for: defaultdict[UUID, list[Task]] = defaultdict(list)
    for task in await open_tasks_of(connection, [row.id for row in rows]):
        waits_for[task.case_id].append(task)
    return [
        LateCase(
            as_row(Case, row[:count]),
            row.due_at,
            tuple(waits_for[row.id]),
            None if row[count] is None else FindingKind(row[count]),
        )
        for row in rows
    ]
