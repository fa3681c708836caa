"""Working on tasks: claim, release, and what every decision checks first."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from domain.access import Actor
from domain.account import CODE_LIFE
from domain.catalogue import HELD, words
from domain.errors import (
    CaseClosed,
    NotFound,
    OwnCase,
    PreconditionFailed,
    SentByYourself,
    TaskClaimed,
    TaskDecided,
    TaskDecidedByYou,
    TaskExpired,
    TaskMoot,
    TaskNotOpen,
    TaskOfOtherKind,
)
from domain.held_task import ClaimConflict, ClaimStays, HeldTask, TaskNotClaimed, Waits
from domain.wording import Sentence
from storage import tasks
from storage.audit import account_stream, case_stream
from storage.case_lists import event_from, is_shown
from storage.cases import last_fact, read_case, touch_case
from storage.database import with_service_rights
from storage.links import barred_from
from storage.rows.cases import Case
from storage.rows.tasks import Task

# What a task that is closed refuses: the clock or another person was first.
CLOSED = (TaskNotOpen, TaskExpired, TaskMoot, TaskDecided, TaskDecidedByYou)
# Refusals of every decision about a task.
DECISION = (TaskOfOtherKind, *CLOSED)
_WORK = (OwnCase, SentByYourself, *CLOSED, TaskClaimed)


def is_addressed_to(task: Task, actor: Actor) -> bool:
    """Whether a task is this person's, or one of their roles' in their scopes."""
    if task.grant is None:
        return actor.capacity == "member" and task.person_id == actor.person_id
    return actor.capacity == "staff" and task.grant in actor.grants


@refuses(*_WORK, TaskNotClaimed, PreconditionFailed)
async def lock_task(command: Command, task_id: UUID, *, version: int | None = None) -> Task:
    """Lock the task's case and judge whether this person may answer the task now.

    Args:
        command: at work.
        task_id: which.
        version: what the caller last saw (``If-Match``), if they said so.
    """
    task = await lock_free_task(command, task_id)
    if task.kind in HELD and task.claimed_by != command.actor.person_id:
        raise TaskNotClaimed
    if version is not None and version != task.version:
        raise PreconditionFailed
    return task


@refuses(*_WORK)
async def lock_free_task(command: Command, task_id: UUID) -> Task:
    """Lock the task's case and judge whether this person may work on the task: it is asked of them, and no other's."""
    task = await _read_asked(command, task_id)
    if task.status == "open":
        # Meanwhile the case may be over for the person who was asked.
        with contextlib.suppress(NotFound):
            await command.lock_case(task.case_id)
        task = await _read_asked(command, task_id)
    if task.grant is not None:
        await command.refuse_own_case(task.case_id)
    if task.not_by == command.actor.person_id:
        raise SentByYourself
    if task.status != "open":
        raise await closed_as(command.connection, command.actor, task)
    if task.case_id not in command.locked:
        raise NotFound
    if task.claimed_by not in {None, command.actor.person_id} and await tasks.claim_holds(command.connection, task):
        raise TaskClaimed
    return task


async def _read_asked(command: Command, task_id: UUID) -> Task:
    """A task that is or was asked of the caller, who may take part in its case no longer.

    Raises:
        NotFound: missing, or never theirs.
    """
    task = await tasks.read_task(command.connection, task_id)
    if task is None:
        async with with_service_rights(command.connection, command.actor):
            task = await tasks.read_task(command.connection, task_id)
    if task is None or not is_addressed_to(task, command.actor):
        raise NotFound
    return task


async def held_task(connection: AsyncConnection, actor: Actor, case_id: UUID, kind: str) -> Task | None:
    """The open task of a kind in a case that somebody has claimed and may still answer, by which they see it."""
    for task in await tasks.open_tasks(connection, case_id):
        is_theirs = task.kind == kind and task.claimed_by == actor.person_id and is_addressed_to(task, actor)
        if is_theirs and await tasks.claim_holds(connection, task):
            return task
    return None


async def closed_as(connection: AsyncConnection, actor: Actor, task: Task) -> TaskNotOpen:
    """What became of a closed task and when, for somebody of whom it was asked: the refusal that says so."""
    ended_at = task.closed_at
    if task.status == "expired":
        return TaskExpired(ended_at=task.due_at)
    if task.status == "done":
        outcome = words.outcome(task.kind, task.outcome or "")
        if task.decided_by == actor.person_id:
            return TaskDecidedByYou(ended_at=ended_at, outcome=outcome)
        return TaskDecided(ended_at=ended_at, outcome=outcome, by=words.who(task.role or ""))
    if task.kind in HELD and task.claimed_by != actor.person_id:
        # What happened in the case was for its holder alone.
        return TaskNotOpen()
    async with with_service_rights(connection, actor):
        cause = None if ended_at is None else await cause_of(connection, actor, task.case_id, ended_at)
    return TaskNotOpen() if cause is None else TaskMoot(ended_at=ended_at, cause=cause)


async def cause_of(connection: AsyncConnection, actor: Actor, case_id: UUID, moment: datetime) -> Sentence | None:
    """What happened in a case at a moment, as its timeline tells it; None if that is not for this person."""
    case, event = await read_case(connection, case_id), await event_from(connection, case_id, moment)
    if case is None or event is None or not is_shown(case, actor, event):
        return None
    return words.event(event.code, {"actor": event.actor, **event.params})


async def case_closed(command: Command, case: Case, *endings: str) -> CaseClosed:
    """How and when a case ended, for its own person: the refusal that says so.

    Args:
        command: at work.
        case: which.
        endings: the facts by which people end such a case; its process may not have heard of the last one yet.
    """
    ending = await last_fact(command.connection, case.id, *endings)
    if ending is not None:
        return CaseClosed(ended_at=ending.at, cause=words.event(ending.kind, ending.payload))
    cause = await cause_of(command.connection, command.actor, case.id, case.closed_at or command.now)
    return CaseClosed(ended_at=case.closed_at, cause=cause or words.phase(case.kind, case.phase))


@refuses(ClaimConflict)
async def claim_task(command: Command, task: Task, waits: Waits | None = None) -> None:
    """Take a task from the shared queue, so that colleagues leave it; one that only its holder sees, for good.

    Args:
        command: at work.
        task: as ``lock_free_task`` found it.
        waits: until when its holder is waited for, if that is another moment than its queue's.
    """
    held, by = HELD.get(task.kind), command.actor.person_id
    if held is None:
        await _tell_claim(command, task)
    elif task.claimed_by == by:
        return
    else:
        if await barred_from(command.connection, task.case_id, [by], held):
            raise ClaimConflict
        await _record_claim(command, task, held, held.claimed)
    await tasks.set_claim(command.connection, task.id, by, waits)


@refuses(TaskNotClaimed, ClaimStays)
async def release_task(command: Command, task: Task, waits: Waits | None = None) -> None:
    """Give a claimed task back to the queue.

    Args:
        command: at work.
        task: as ``lock_free_task`` found it.
        waits: until when its queue is waited for, if that is another moment than its holder's.
    """
    held = HELD.get(task.kind)
    if held is None:
        await _tell_claim(command, task)
    else:
        await _record_claim(command, task, held, _release_of(held, task, command.actor))
    await tasks.set_claim(command.connection, task.id, None, waits)


def _release_of(held: HeldTask, task: Task, actor: Actor) -> StrEnum:
    """The fact that a task was given back by its holder."""
    if task.claimed_by != actor.person_id:
        raise TaskNotClaimed
    if held.released is None:
        raise ClaimStays
    return held.released


async def _tell_claim(command: Command, task: Task) -> None:
    await touch_case(command.connection, task.case_id)
    await command.audit(case_stream(task.case_id), subject=str(task.id))


async def _record_claim(command: Command, task: Task, held: HeldTask, fact: StrEnum) -> None:
    subject = {"subject": str(task.id)}
    await command.act(
        task.case_id, fact, {"task_id": str(task.id)}, part=task.role or "", audited=subject, wakes=held.wakes
    )


@refuses(ClaimConflict)
async def refuse_interest(command: Command, task: Task) -> None:
    """Refuse who has come to have an interest in the case since they claimed the task (E5)."""
    # Their own claim is a deed in the case.
    held = replace(HELD[task.kind], by_another=False)
    if await barred_from(command.connection, task.case_id, [command.actor.person_id], held):
        raise ClaimConflict


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
