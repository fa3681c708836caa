"""Asking whoever is to stand behind an application: the employer, guarantors, or the applicant for a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from activities.onboarding.judgement import applicant, read_application, read_programme, waits, waits_now, weigh
from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from domain.onboarding import Obstacle
from domain.programme import GuarantorTerms, Programme
from messages.onboarding import FactKind, Outcome, Phase, Standing, TaskKind
from storage import guarantor, tasks
from storage.cases import last_fact
from storage.rows.guarantor import Guarantee
from storage.rows.tasks import Task

_APPLICANT = "applicant"
_GUARANTOR = "guarantor"


async def request_backing(at: Transition) -> Outcome:
    """Ask for what is missing; a process that was started anew asks nobody twice."""
    programme = await read_programme(at)
    standing = await weigh(at)
    if programme.guarantor is not None:
        is_unbacked = standing.standing is Standing.UNBACKED
        return await _ask_guarantors(at, programme, programme.guarantor) if is_unbacked else standing
    if standing.standing not in {Standing.BACKED, Standing.UNREVIEWED}:
        return standing
    if await last_fact(at.connection, at.case.id, FactKind.CERTIFICATE_ISSUED, FactKind.OBSTACLE_CLEARED):
        return standing
    return await ask_for_certificate(at, reason=None)


async def ask_for_certificate(at: Transition, *, reason: Obstacle | None) -> Outcome:
    """Ask the employer's hr_officer (A12); ``reason``: why once more."""
    programme = await read_programme(at)
    assignee = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(at.case.organisation_id))
    await at.ask(
        TaskKind.ISSUE_CERTIFICATE,
        assignee,
        due_in=programme.answer_expire,
        details={"remind_seconds": seconds(programme.answer_remind), "reason": reason},
    )
    await at.move(Phase.AWAITING_CERTIFICATE, next_actor=Role.HR_OFFICER, due_in=programme.answer_expire)
    if reason is None:
        await at.tell("certificate_requested")
    else:
        await at.tell("certificate_requested_again", params={"reason": reason})
        await at.notify(applicant(at), "certificate_requested_again")
    return await waits_now(at)


async def _ask_guarantors(at: Transition, programme: Programme, terms: GuarantorTerms) -> Outcome:
    """Ask whoever was named, and the applicant for as many names as are missing (A5, A6)."""
    await guarantor.end_parts(at.connection, at.case.id)
    live = await guarantor.guarantees_in(at.connection, at.case.id)
    for guarantee in live:
        if guarantee.status == "named":
            await ask_guarantor(at, programme, guarantee)
    if len(live) < terms.count:
        await _ask_for_name(at, terms)
    open_tasks = await tasks.open_tasks(at.connection, at.case.id)
    await _show(at, open_tasks)
    return waits(at, open_tasks)


async def _show(at: Transition, open_tasks: Sequence[Task]) -> None:
    """Who acts next, and until when: the applicant as long as a name is missing."""
    names = [task.due_at for task in open_tasks if task.kind == TaskKind.NAME_GUARANTOR]
    answers = [task.due_at for task in open_tasks if task.kind == TaskKind.ANSWER_GUARANTEE]
    due_in = min(names or answers) - at.now
    if names:
        await at.move(Phase.AWAITING_ANOTHER_GUARANTOR, next_actor=_APPLICANT, due_in=due_in)
    else:
        await at.move(Phase.AWAITING_GUARANTOR, next_actor=_GUARANTOR, due_in=due_in)


async def ask_guarantor(at: Transition, programme: Programme, guarantee: Guarantee) -> None:
    """Ask somebody who was named: they accept or refuse in person (A5)."""
    await guarantor.mark_asked(at.connection, guarantee)
    await at.ask(
        TaskKind.ANSWER_GUARANTEE,
        guarantee.person_id,
        due_in=programme.answer_expire,
        details={"remind_seconds": seconds(programme.answer_remind), "guarantee_id": str(guarantee.id)},
        tell=False,
    )
    again = await guarantor.is_asked_again(at.connection, guarantee)
    await at.notify([guarantee.person_id], "guarantee_asked_again" if again else f"task_{TaskKind.ANSWER_GUARANTEE}")
    await at.tell("guarantor_asked")


async def _ask_for_name(at: Transition, terms: GuarantorTerms) -> None:
    if await tasks.find_open(at.connection, at.case.id, TaskKind.NAME_GUARANTOR) is None:
        application = await read_application(at)
        await at.ask(
            TaskKind.NAME_GUARANTOR,
            application.person_id,
            due_in=terms.name_expire,
            details={"remind_seconds": seconds(terms.name_remind)},
        )
        await at.tell("guarantor_name_requested")


def seconds(wait: timedelta) -> int:
    """A wait as a task's details have it."""
    return int(wait.total_seconds())
