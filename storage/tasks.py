"""Tasks: what a case waits for from one person or from a role in a scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Actor, Grant
from domain.catalogue import HELD
from domain.held_task import Waits
from messages.case import RESUMED, CaseKind, CaseSignal
from storage.rows.account import role_grants, staff_credentials
from storage.rows.cases import case_people, cases
from storage.rows.people import persons
from storage.rows.policies import policies
from storage.rows.table import as_row, columns, find_one, read_all
from storage.rows.tasks import Task, tasks

# After this a colleague may take a claimed task over.
CLAIM_LIFE = timedelta(hours=8)
# A case asks for a handful of things at once at most.
_TASKS_OF_A_CASE = 20


_COLUMNS = columns(tasks, Task)
_this_case, _this_task = sa.bindparam("this_case", type_=sa.Uuid), sa.bindparam("this_task", type_=sa.Uuid)
_NEW_COLUMNS = ("case_id", "kind", "person_id", "role", "scope_kind", "scope", "subject_id", "details", "not_by")
_OPEN = (
    sa.insert(tasks)
    .values({name: sa.bindparam(f"new_{name}", type_=tasks.c[name].type) for name in _NEW_COLUMNS})
    .values(
        remind_at=sa.func.now() + sa.bindparam("remind_in", type_=sa.Interval),
        due_at=sa.func.now() + sa.bindparam("due_in", type_=sa.Interval),
    )
    .returning(tasks.c.id)
)
_READ = sa.select(*_COLUMNS).where(tasks.c.id == _this_task)
_OPEN_ONES = (
    sa.select(*_COLUMNS)
    .where(tasks.c.case_id == _this_case, tasks.c.status == "open")
    .order_by(tasks.c.id)
    .limit(_TASKS_OF_A_CASE)
)
# By the clock: the transaction may have waited for the case, and what a task was closed for is told after its begin.
_CLOSE = (
    sa.update(tasks)
    .where(tasks.c.status == "open")
    .values(closed_at=sa.func.clock_timestamp(), version=tasks.c.version + 1, status=sa.bindparam("to_status"))
)
_CLOSE_ALL = _CLOSE.where(tasks.c.case_id == _this_case)
_ANSWER = _CLOSE.where(tasks.c.id == _this_task).values(
    outcome=sa.bindparam("to_outcome"),
    fact_id=sa.bindparam("answer", type_=sa.Uuid),
    decided_by=sa.bindparam("decider", type_=sa.Uuid),
)


async def open_task(  # noqa: PLR0913 - a task is these values
    connection: AsyncConnection,
    case_id: UUID,
    kind: str,
    *,
    assignee: Grant | UUID,
    remind_in: timedelta,
    due_in: timedelta,
    subject_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    not_by: UUID | None = None,
) -> UUID:
    """Ask a person, or a role in a scope apart from ``not_by``, for something until a moment."""
    values: dict[str, Any] = dict.fromkeys(_NEW_COLUMNS)
    values |= {"case_id": case_id, "kind": kind, "subject_id": subject_id, "details": dict(details or {})}
    values["not_by"] = not_by
    if isinstance(assignee, Grant):
        values |= {"role": assignee.role, "scope_kind": assignee.scope_kind, "scope": assignee.scope}
    else:
        values["person_id"] = assignee
    waits = {"remind_in": remind_in, "due_in": due_in}
    given = {f"new_{name}": value for name, value in values.items()} | waits
    task_id: UUID = (await connection.execute(_OPEN, given)).scalar_one()
    return task_id


async def find_open(
    connection: AsyncConnection, case_id: UUID, kind: str, *, person_id: UUID | None = None
) -> Task | None:
    """The open task of a kind in a case that the transaction has locked.

    Args:
        connection: that transaction.
        case_id: whose.
        kind: of the task.
        person_id: whom it is asked of; where several are asked for the same at once, that must be said.

    Raises:
        sqlalchemy.exc.MultipleResultsFound: several are asked, and it was not.
    """
    query = sa.select(*_COLUMNS).where(tasks.c.case_id == case_id, tasks.c.kind == kind, tasks.c.status == "open")
    if person_id is not None:
        query = query.where(tasks.c.person_id == person_id)
    return await find_one(connection, Task, query)


async def last_task(
    connection: AsyncConnection, case_id: UUID, kind: str, *, subject_id: UUID | None = None
) -> Task | None:
    """The newest task of a kind in a case, open or not, about a subject if one is named."""
    query = sa.select(*_COLUMNS).where(tasks.c.case_id == case_id, tasks.c.kind == kind)
    if subject_id is not None:
        query = query.where(tasks.c.subject_id == subject_id)
    return await find_one(connection, Task, query.order_by(tasks.c.id.desc()).limit(1))


async def read_task(connection: AsyncConnection, task_id: UUID) -> Task | None:
    """The task, or None if it is missing or hidden."""
    return await find_one(connection, Task, _READ, {"this_task": task_id})


async def answer_task(
    connection: AsyncConnection, task_id: UUID, *, outcome: str, fact_id: UUID, decided_by: UUID
) -> bool:
    """Close an open task as done; False if the clock or somebody else was first."""
    values = {"this_task": task_id, "to_status": "done", "to_outcome": outcome, "answer": fact_id}
    return (await connection.execute(_ANSWER, values | {"decider": decided_by})).rowcount == 1


async def expire_due(connection: AsyncConnection, case_id: UUID, until: datetime | None) -> list[Task]:
    """Close the open tasks of a case that are due at or before a moment; returns them, none if people were first.

    The moment is the one for which the process waited, not the present: only the process's own timer ends a wait.

    Args:
        connection: a transaction that locked the case.
        case_id: whose.
        until: the moment; None for whatever is due first.
    """
    first = sa.select(sa.func.min(tasks.c.due_at)).where(tasks.c.case_id == case_id, tasks.c.status == "open")
    limit = first.scalar_subquery() if until is None else sa.literal(until)
    query = (
        sa.update(tasks)
        .where(tasks.c.case_id == case_id, tasks.c.status == "open", tasks.c.due_at <= limit)
        .values(status="expired", closed_at=sa.func.now(), version=tasks.c.version + 1)
        .returning(*_COLUMNS)
    )
    return await read_all(connection, Task, query)


async def moot_tasks(
    connection: AsyncConnection,
    case_id: UUID,
    *,
    kind: str | None = None,
    person_id: UUID | None = None,
    of_staff: bool = False,
) -> int:
    """Close open tasks of a case that no longer needs them: all, those of a kind, of one person, or of staff."""
    statement = _CLOSE_ALL
    if of_staff:
        statement = statement.where(tasks.c.role.is_not(None))
    if kind is not None:
        statement = statement.where(tasks.c.kind == kind)
    if person_id is not None:
        statement = statement.where(tasks.c.person_id == person_id)
    return (await connection.execute(statement, {"this_case": case_id, "to_status": "moot"})).rowcount


async def mark_reminded(connection: AsyncConnection, task_id: UUID) -> None:
    """Note in an open task that its people were reminded; they see no other version of it."""
    await connection.execute(sa.update(tasks).where(tasks.c.id == task_id).values(reminded_at=sa.func.now()))


async def set_claim(
    connection: AsyncConnection, task_id: UUID, person_id: UUID | None, waits: Waits | None = None
) -> None:
    """Claim an open task for a person, or release it when nobody is named.

    Args:
        connection: a transaction that locked the case.
        task_id: which.
        person_id: whose it is now; None for nobody's.
        waits: how long they are waited for; None where that stays as it was.
    """
    claimed_at = sa.null() if person_id is None else sa.func.now()
    values: dict[str, Any] = {"claimed_by": person_id, "claimed_at": claimed_at, "version": tasks.c.version + 1}
    if waits is not None:
        values |= _until(waits)
    await connection.execute(sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == "open").values(values))


async def set_waits(connection: AsyncConnection, task_id: UUID, waits: Waits) -> None:
    """Wait for an open task until another moment; for transitions. People see no other version of it."""
    changing = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == "open")
    await connection.execute(changing.values(_until(waits)))


def _until(waits: Waits) -> dict[str, Any]:
    now = sa.func.now()
    return {"remind_at": now + waits.remind_in, "due_at": now + waits.due_in, "reminded_at": sa.null()}


async def count_expired(connection: AsyncConnection, case_id: UUID, kind: str, since: datetime) -> int:
    """How many tasks of a kind that were opened in a case since a moment nobody has answered in time."""
    opened = (tasks.c.case_id == case_id, tasks.c.kind == kind, tasks.c.opened_at >= since)
    expired = (*opened, tasks.c.status == "expired")
    return int(await connection.scalar(sa.select(sa.func.count()).where(*expired)) or 0)


async def set_details(connection: AsyncConnection, task_id: UUID, details: Mapping[str, Any]) -> None:
    """Show something else with an open task than before; for transitions. People see no other version of it."""
    changing = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == "open")
    await connection.execute(changing.values(details=dict(details)))


async def cases_held_by(connection: AsyncConnection, person_id: UUID) -> list[CaseSignal]:
    """The cases in which somebody holds a task that only its holder sees, as messages to their processes."""
    query = (
        sa.select(cases.c.kind, cases.c.id)
        .join(tasks, tasks.c.case_id == cases.c.id)
        .where(tasks.c.claimed_by == person_id, tasks.c.status == "open", tasks.c.kind.in_(list(HELD)))
        .order_by(cases.c.id)
    )
    return [CaseSignal(CaseKind(kind), case_id, RESUMED) for kind, case_id in await connection.execute(query)]


async def take_away(connection: AsyncConnection, task_id: UUID, waits: Waits) -> None:
    """Take an open task from who claimed it: they see its case no more, and others are waited for. For transitions."""
    await set_claim(connection, task_id, None, waits)


# Whether a claimed task's holder still has the role for it, and is not shut out.
_IS_ABLE = sa.and_(
    sa.exists().where(
        role_grants.c.person_id == tasks.c.claimed_by,
        role_grants.c.role == tasks.c.role,
        role_grants.c.scope_kind == tasks.c.scope_kind,
        role_grants.c.scope == tasks.c.scope,
        role_grants.c.revoked_at.is_(None),
    ),
    sa.not_(
        sa.exists().where(
            staff_credentials.c.person_id == tasks.c.claimed_by, staff_credentials.c.disabled_at.is_not(None)
        )
    ),
)
_HOLDS = sa.select(_IS_ABLE, tasks.c.claimed_at > sa.func.now() - CLAIM_LIFE).where(tasks.c.id == _this_task)


async def claim_holds(connection: AsyncConnection, task: Task) -> bool:
    """Whether the person who claimed a task may still answer it, and did so less than a working day ago.

    The claim of a kind that only its holder sees ends by the process alone, however long it lies.
    """
    row = (await connection.execute(_HOLDS, {"this_task": task.id})).one_or_none()
    return row is not None and bool(row[0]) and (task.kind in HELD or bool(row[1]))


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which tasks an inbox shows."""

    kind: str | None = None
    region_code: str | None = None
    late: bool | None = None
    mine: bool = False


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A task with what its case is about.

    ``person_name`` is None where row-level security hides the person's row from the caller, ``programme`` holds its
    titles in Persian and English. ``holder_is_able``: whether who claimed it, if anybody, still has the role for it.
    """

    task: Task
    case_kind: str
    variant: str
    region_code: str | None
    person_id: UUID | None
    person_name: str | None
    programme: tuple[str, str] | None
    is_late: bool
    holder_is_able: bool


_CASE_OF_TASK = (
    cases.c.kind.label("case_kind"),
    cases.c.variant,
    cases.c.region_code,
    cases.c.person_id.label("about_id"),
    sa.func.nullif(sa.func.btrim(sa.func.concat_ws(" ", persons.c.first_name, persons.c.last_name)), ""),
    policies.c.value["title_fa"].astext,
    policies.c.value["title_en"].astext,
    sa.and_(tasks.c.status == "open", tasks.c.due_at < sa.func.now()),
    sa.and_(tasks.c.claimed_by.is_not(None), _IS_ABLE),
)
_ITEMS = (
    sa.select(*_COLUMNS, *_CASE_OF_TASK)
    .join(cases, cases.c.id == tasks.c.case_id)
    .join(policies, policies.c.id == cases.c.policy_id)
    .outerjoin(persons, persons.c.id == cases.c.person_id)
)


def _as_item(row: Sequence[Any]) -> InboxItem:
    count = len(_COLUMNS)
    case_kind, variant, region_code, person_id, person_name, title_fa, title_en, is_late, is_able = row[count:]
    programme = None if title_fa is None else (title_fa, title_en)
    task = as_row(Task, row[:count])
    return InboxItem(task, case_kind, variant, region_code, person_id, person_name, programme, is_late, is_able)


async def inbox(
    connection: AsyncConnection,
    actor: Actor,
    wanted: InboxFilter,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[InboxItem]:
    """Open tasks of a person, or of their roles in their scopes, most urgent first.

    Tasks in cases where the person takes part are left out for staff: nobody decides on their own case. So are those
    about what came from them.
    """
    query = (
        _ITEMS.where(tasks.c.status == "open", _addressed_to(actor), *_conditions(actor, wanted))
        .order_by(tasks.c.due_at, tasks.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(tasks.c.due_at, tasks.c.id) > sa.tuple_(*map(sa.literal, after)))
    return [_as_item(row) for row in await connection.execute(query)]


def _addressed_to(actor: Actor) -> sa.ColumnElement[bool]:
    if actor.capacity == "member":
        return tasks.c.person_id == actor.person_id
    if not actor.grants:
        return sa.false()
    held = [(grant.role.value, grant.scope_kind.value, grant.scope) for grant in actor.grants]
    own = sa.exists().where(case_people.c.case_id == tasks.c.case_id, case_people.c.person_id == actor.person_id)
    return sa.and_(
        sa.tuple_(tasks.c.role, tasks.c.scope_kind, tasks.c.scope).in_(held),
        sa.not_(own),
        tasks.c.not_by.is_distinct_from(actor.person_id),
    )


def _conditions(actor: Actor, wanted: InboxFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.kind is not None:
        conditions.append(tasks.c.kind == wanted.kind)
    if wanted.region_code is not None:
        conditions.append(cases.c.region_code == wanted.region_code)
    if wanted.late is not None:
        late = tasks.c.due_at < sa.func.now()
        conditions.append(late if wanted.late else sa.not_(late))
    if wanted.mine:
        conditions.append(tasks.c.claimed_by == actor.person_id)
    return conditions


async def open_tasks(connection: AsyncConnection, case_id: UUID) -> list[Task]:
    """What a case waits for; a case asks for a handful of things at once at most."""
    return await read_all(connection, Task, _OPEN_ONES, {"this_case": case_id})


async def open_tasks_of(connection: AsyncConnection, case_ids: Collection[UUID]) -> list[Task]:
    """What some cases wait for, at most 100 of them, the most urgent first."""
    query = (
        sa.select(*_COLUMNS)
        .where(tasks.c.case_id.in_(case_ids), tasks.c.status == "open")
        .order_by(tasks.c.due_at, tasks.c.id)
        .limit(_TASKS_OF_A_CASE * max(len(case_ids), 1))
    )
    return await read_all(connection, Task, query)


async def read_item(connection: AsyncConnection, task_id: UUID) -> InboxItem | None:
    """A task with what its case is about, open or not."""
    row = (await connection.execute(_ITEMS.where(tasks.c.id == task_id))).one_or_none()
    return None if row is None else _as_item(row)
