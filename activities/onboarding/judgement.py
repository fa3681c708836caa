"""Where an application stands, judged by what people did: facts, open tasks, guarantees and the review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from activities.transition import MACHINE, Transition, whole_seconds
from domain.programme import Programme, Review
from messages.onboarding import REFUSALS, FactKind, Outcome, Phase, Standing, TaskKind
from storage import guarantor, onboarding, tasks
from storage.cases import last_fact
from storage.programme import programme_of
from storage.rows.cases import Fact
from storage.rows.onboarding import Application
from storage.rows.tasks import Task

OVER = Outcome(Standing.OVER)
BACKED = Outcome(Standing.BACKED)
# The newest of these says whether the application is over.
_DECISIVE = (
    FactKind.CERTIFICATE_ISSUED,
    FactKind.OBSTACLE_CLEARED,
    FactKind.APPLICATION_WITHDRAWN,
    *REFUSALS,
)


async def read_programme(at: Transition) -> Programme:
    """The programme as the case froze it."""
    return await programme_of(at.connection, at.case.policy_id)


async def read_application(at: Transition) -> Application:
    """What is asked for now."""
    application = await onboarding.read_application(at.connection, at.case.id)
    if application is None:
        raise LookupError(f"case {at.case.id} has no application")
    return application


async def weigh(at: Transition) -> Outcome:
    """Judge; an application that was withdrawn or refused ends here."""
    if not at.case.is_open:
        return OVER
    decisive = await last_fact(at.connection, at.case.id, *_DECISIVE)
    if decisive is not None and decisive.kind == FactKind.APPLICATION_WITHDRAWN:
        await end_without_credit(at, Phase.WITHDRAWN)
        return OVER
    open_tasks = await tasks.open_tasks(at.connection, at.case.id)
    if not open_tasks and decisive is not None and decisive.kind in REFUSALS:
        await _refuse(at, decisive)
        return OVER
    return await _standing(at, open_tasks)


async def weigh_again(at: Transition, kept: Outcome) -> Outcome:
    """A kept result may be old: whoever was awaited then may have answered since."""
    return kept if kept.standing is Standing.OVER else await weigh(at)


async def _standing(at: Transition, open_tasks: Sequence[Task]) -> Outcome:
    programme, application = await read_programme(at), await read_application(at)
    if application.returned_at is None and await _guarantors_missing(at, programme, open_tasks):
        return Outcome(Standing.UNBACKED)
    if open_tasks:
        return waits(at, open_tasks)
    if application.returned_at is not None:
        return Outcome(Standing.RETURNED)
    if programme.review is Review.NONE:
        return BACKED
    if application.activates_at is None:
        return Outcome(Standing.UNREVIEWED)
    return await _approved(at, application.activates_at) if programme.waiting else BACKED


async def _approved(at: Transition, activates_at: datetime) -> Outcome:
    """Approved: the applicant sees from when the credit is usable (A8, A9)."""
    left = max(activates_at - at.now, timedelta())
    if at.case.phase not in {Phase.AWAITING_ACTIVATION, Phase.AWAITING_CLEARANCE}:
        await at.move(Phase.AWAITING_ACTIVATION, next_actor=MACHINE, due_in=left)
    return Outcome(Standing.APPROVED, expire_in=whole_seconds(left))


async def _guarantors_missing(at: Transition, programme: Programme, open_tasks: Sequence[Task]) -> bool:
    """Whether somebody named is still to be asked, or the applicant for a name."""
    if programme.guarantor is None:
        return False
    live = await guarantor.guarantees_in(at.connection, at.case.id)
    if any(guarantee.status == "named" for guarantee in live):
        return True
    asked_for_name = any(task.kind == TaskKind.NAME_GUARANTOR for task in open_tasks)
    return len(live) < programme.guarantors and not asked_for_name


def waits(at: Transition, open_tasks: Sequence[Task]) -> Outcome:
    """How long the open tasks are still waited for, by Postgres's clock: until the first reminder, the first end."""
    expires_at = min(task.due_at for task in open_tasks)
    expire_in = max(whole_seconds(expires_at - at.now), 0)
    reminds_at = min((remind_at(task) for task in open_tasks if not task.details.get("reminded")), default=None)
    remind_in = 0 if reminds_at is None else min(max(whole_seconds(reminds_at - at.now), 1), expire_in)
    return Outcome(Standing.WAITING, remind_in, expire_in, reminds_at, expires_at)


async def waits_now(at: Transition) -> Outcome:
    """``waits`` for what is open now."""
    return waits(at, await tasks.open_tasks(at.connection, at.case.id))


def remind_at(task: Task) -> datetime:
    """When a task's people are to be reminded."""
    return task.opened_at + timedelta(seconds=task.details["remind_seconds"])


async def _refuse(at: Transition, answer: Fact) -> None:
    await end_without_credit(at, Phase.REFUSED)
    await at.tell("application_refused", params={"reason": answer.payload["reason"]})
    await at.notify(applicant(at), "application_refused")


async def end_without_credit(at: Transition, phase: Phase) -> None:
    """End the application and free everything that it held (A6, A11)."""
    await release_guarantors(at, at.case.id)
    await at.end(phase, outcome=phase)


async def release_guarantors(at: Transition, case_id: UUID) -> None:
    """Free whoever is asked, or stands, in a case, and tell them."""
    for notice, people in (await guarantor.release_all(at.connection, case_id)).items():
        await at.notify(people, notice)
    await guarantor.end_parts(at.connection, case_id)


def applicant(at: Transition) -> list[UUID]:
    """Whom to tell."""
    return [] if at.case.person_id is None else [at.case.person_id]
