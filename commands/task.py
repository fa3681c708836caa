"""Working on tasks: claim, release, and what every decision checks first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from domain.access import Actor
from domain.account import CODE_LIFE
from domain.errors import (
    NotFound,
    OwnCase,
    PreconditionFailed,
    SentByYourself,
    TaskClaimed,
    TaskNotOpen,
    TaskOfOtherKind,
)
from storage import tasks
from storage.audit import account_stream, case_stream
from storage.cases import touch_case
from storage.rows.tasks import Task

# Refusals of every decision about a task: the clock or another person was first.
DECISION = (TaskOfOtherKind, TaskNotOpen)
_WORK = (OwnCase, SentByYourself, TaskNotOpen, TaskClaimed)


def is_addressed_to(task: Task, actor: Actor) -> bool:
    """Whether a task is this person's, or one of their roles' in their scopes."""
    if task.grant is None:
        return actor.capacity == "member" and task.person_id == actor.person_id
    return actor.capacity == "staff" and task.grant in actor.grants


@refuses(*_WORK, PreconditionFailed)
async def lock_task(command: Command, task_id: UUID, *, version: int | None = None) -> Task:
    """Lock the task's case and judge whether this person may work on the task now.

    Args:
        command: at work.
        task_id: which.
        version: what the caller last saw (``If-Match``), if they said so.
    """
    seen = await tasks.read_task(command.connection, task_id)
    if seen is None or not is_addressed_to(seen, command.actor):
        raise NotFound
    await command.lock_case(seen.case_id)
    task = await tasks.read_task(command.connection, task_id)
    if task is None:
        raise NotFound
    if task.grant is not None:
        await command.refuse_own_case(task.case_id)
    if task.not_by == command.actor.person_id:
        raise SentByYourself
    if task.status != "open":
        raise TaskNotOpen
    if task.claimed_by not in {None, command.actor.person_id} and await tasks.claim_holds(command.connection, task):
        raise TaskClaimed
    if version is not None and version != task.version:
        raise PreconditionFailed
    return task


@refuses(*_WORK)
async def claim_task(command: Command, task_id: UUID) -> UUID:
    """Take a task from the shared queue, so that colleagues leave it."""
    task = await lock_task(command, task_id)
    await tasks.set_claim(command.connection, task.id, command.actor.person_id)
    await touch_case(command.connection, task.case_id)
    await command.audit(case_stream(task.case_id), subject=str(task.id))
    return task.id


@refuses(*_WORK)
async def release_task(command: Command, task_id: UUID) -> UUID:
    """Give a claimed task back to the queue."""
    task = await lock_task(command, task_id)
    await tasks.set_claim(command.connection, task.id, None)
    await touch_case(command.connection, task.case_id)
    await command.audit(case_stream(task.case_id), subject=str(task.id))
    return task.id


@refuses(require_code)
async def confirm_together(command: Command, task_ids: Sequence[UUID]) -> datetime:
    """Use up one code for several decisions that were shown whole (G1); returns until when it counts for them."""
    await require_code(command)
    by = command.actor.person_id
    await command.audit(account_stream(by), subject=str(by), after={"tasks": [str(task_id) for task_id in task_ids]})
    return command.now + CODE_LIFE


def expect_kind(task: Task, kind: str) -> None:
    """Refuse a decision that is meant for another kind of task.

    Raises:
        TaskOfOtherKind: it is.
    """
    if task.kind != kind:
        raise TaskOfOtherKind(field="kind")
