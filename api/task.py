"""The inbox: what waits for me or for my roles, and answering it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query

from api.case_view import CaseRow, case_row
from api.decisions import DECISIONS, any_decision, any_kind
from api.dependencies import CommandDep, ReadingDep
from api.inbox import TaskOut, shown
from api.operation import Operation
from api.values import DueCursor, IfMatch, Limit, Page
from commands import task as commands
from commands.command import Command
from commands.refusals import refuses
from domain import errors
from storage import tasks
from storage.tasks import InboxFilter

if TYPE_CHECKING:
    from api.answering import Decision as AnyDecision

    TaskKind = str
else:
    AnyDecision = any_decision()
    TaskKind = any_kind()

router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=Operation)


@router.get("")
async def list_tasks(
    read: ReadingDep,
    *,
    after: DueCursor,
    kind: Annotated[TaskKind | None, Query()] = None,
    region_code: Annotated[str | None, Query(pattern="^[0-9]{4}$")] = None,
    late: Annotated[bool | None, Query()] = None,
    mine: Annotated[bool, Query(description="Only what I have claimed")] = False,
    limit: Limit = 25,
) -> Page[TaskOut]:
    """Open tasks of mine or of my roles in my scopes, most urgent first."""
    wanted = InboxFilter(kind, region_code, late, mine)
    rows = await tasks.inbox(read.connection, read.actor, wanted, after=after, limit=limit + 1)
    found = {task.id: task for task in await shown(read.connection, read.actor, rows[:limit])}
    return Page.of(rows, limit, lambda row: (row.task.due_at, row.task.id), lambda row: found[row.task.id])


@router.get("/{task_id}")
async def read_task(read: ReadingDep, task_id: UUID) -> TaskOut | None:
    """A task that is or was addressed to the caller; its ETag can be sent back with a decision."""
    item = await tasks.read_item(read.connection, task_id)
    if item is None or not commands.is_addressed_to(item.task, read.actor):
        return None
    (found,) = await shown(read.connection, read.actor, [item])
    read.response.headers["ETag"] = f'W/"{found.version}"'
    return found


async def _task_out(command: Command, task_id: UUID) -> TaskOut:
    item = await tasks.read_item(command.connection, task_id)
    if item is None:
        raise errors.NotFound
    return (await shown(command.connection, command.actor, [item]))[0]


@router.post("/{task_id}/claim")
@refuses(commands.claim_task)
async def claim_task(command: CommandDep, task_id: UUID) -> TaskOut:
    """Take a task from the queue, so that colleagues leave it."""
    return await _task_out(command, await commands.claim_task(command, task_id))


@router.post("/{task_id}/release")
@refuses(commands.release_task)
async def release_task(command: CommandDep, task_id: UUID) -> TaskOut:
    """Give a claimed task back."""
    return await _task_out(command, await commands.release_task(command, task_id))


@router.post("/{task_id}/decision")
@refuses(commands.lock_task, *(decision.decide for decision in DECISIONS))
async def decide_task(
    command: CommandDep, task_id: UUID, decision: Annotated[AnyDecision, Body()], version: IfMatch
) -> CaseRow:
    """Answer a task. The answer is final and immediate; the process goes on from it."""
    task = await commands.lock_task(command, task_id, version=version)
    await decision.decide(command, task)
    return await case_row(command, task.case_id)
