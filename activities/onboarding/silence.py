"""What silence means: a reminder first, then what each of those who were asked leaves behind (A6, A7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from activities.onboarding.judgement import OVER, applicant, end_without_credit, remind_at, weigh
from activities.onboarding.review import ask_platform
from activities.transition import Transition
from domain.access import ScopeKind
from messages.onboarding import Outcome, Phase, TaskKind
from storage import guarantor, tasks
from storage.rows.tasks import Task


async def remind(at: Transition, *, until: datetime | None) -> Outcome:
    """Remind those of the open tasks whose reminder was due until then, and weigh."""
    await send_reminders(at, until)
    return await weigh(at)


async def send_reminders(at: Transition, until: datetime | None) -> None:
    """Remind whoever is awaited, each once a task; whatever the process.

    Args:
        at: the transition.
        until: the moment that was waited for; None: whatever comes first.
    """
    waiting = [
        task
        for task in await tasks.open_tasks(at.connection, at.case.id)
        if at.case.is_open and not task.details.get("reminded")
    ]
    limit = until or min(map(remind_at, waiting), default=at.now)
    for task in waiting:
        if remind_at(task) <= limit:
            await _remind(at, task)


async def _remind(at: Transition, task: Task) -> None:
    await tasks.mark_reminded(at.connection, task.id)
    if task.grant is not None:
        await at.notify(await at.holders(task.grant), f"remind_{task.kind}")
        await at.tell("reminded", params={"role": task.grant.role})
    elif task.person_id is not None:
        await at.notify([task.person_id], f"remind_{task.kind}")
        await at.tell("reminded", params={"role": _part(task)})


def _part(task: Task) -> str:
    return "guarantor" if task.kind == TaskKind.ANSWER_GUARANTEE else "applicant"


async def lapse(at: Transition, *, until: datetime | None) -> Outcome:
    """Close what was due until then; if people were first, go on with their answer.

    Args:
        at: the transition.
        until: the moment that was waited for; None: whatever is due first.
    """
    expired = await tasks.expire_due(at.connection, at.case.id, until) if at.case.is_open else []
    if not expired:
        return await weigh(at)
    if all(task.kind == TaskKind.ANSWER_GUARANTEE for task in expired):
        await _give_up_guarantors(at, expired)
        return await weigh(at)
    if any(task.kind == TaskKind.REVIEW_APPLICATION and task.scope_kind == ScopeKind.REGION for task in expired):
        return await ask_platform(at, "review_escalated")
    await end_without_credit(at, Phase.LAPSED)
    await at.tell("application_lapsed")
    await at.notify(applicant(at), "application_lapsed")
    return OVER


async def _give_up_guarantors(at: Transition, expired: Sequence[Task]) -> None:
    """A guarantor who stayed silent is asked no longer; the applicant may name another one."""
    silent = {task.person_id for task in expired}
    for guarantee in await guarantor.guarantees_in(at.connection, at.case.id):
        if guarantee.person_id in silent and guarantee.status == "asked":
            await guarantor.end_guarantee(at.connection, guarantee.id, "expired")
            await at.tell("guarantor_silent")
    if await tasks.find_open(at.connection, at.case.id, TaskKind.NAME_GUARANTOR) is not None:
        # They were asked for one name already, and now another one is missing as well.
        await at.notify(applicant(at), f"task_{TaskKind.NAME_GUARANTOR}")
