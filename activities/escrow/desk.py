"""Finds who looks at a safe payment for both sides: arbitrators without interest, else the operations desk (E5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from activities.escrow.assessment import Agreement
from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from domain.held_task import AMOUNT
from messages.escrow import Event, TaskKind
from storage import tasks
from storage.escrow import disputes, payments
from storage.rows.tasks import Task
from storage.working_hours import working_time

ARBITRATORS = Grant(Role.ARBITRATOR, ScopeKind.PLATFORM)
OPERATIONS = Grant(Role.OPERATOR, ScopeKind.PLATFORM)
# A claimed task that is asked anew was left so: its time is over, or its holder has the role no more.
_LEFT = ("open", "expired")


async def ask_arbitrators(
    step: Transition,
    found: Agreement,
    kind: TaskKind,
    details: Mapping[str, Any],
    *,
    subject_id: UUID | None = None,
    not_by: UUID | None = None,
) -> Task:
    """Ask who may claim it, in place of an earlier asking; returns the task.

    The operations desk is asked for an arbitrator where nobody may claim it, and where nobody has. Both sides hear that
    who had claimed it did not rule.
    """
    connection, case_id, claim = step.connection, step.case.id, found.policy.claim
    before = await tasks.last_task(connection, case_id, kind, subject_id=subject_id)
    await tasks.moot_tasks(connection, case_id, kind=kind)
    remind_in, due_in = [await working_time(connection, hours) for hours in (claim.remind, claim.expire)]
    await step.ask(
        kind,
        ARBITRATORS,
        remind_in=remind_in,
        due_in=due_in,
        subject_id=subject_id,
        details=details,
        not_by=not_by,
    )
    if kind == TaskKind.RULE_DISPUTE and before is not None and before.claimed_by and before.status in _LEFT:
        await step.add_event(Event.ESCROW_ARBITRATOR_REPLACED)
        await step.notify(found.job.people, Event.ESCROW_ARBITRATOR_REPLACED)
    is_missed = before is not None and before.status == "expired" and before.claimed_by is None
    if is_missed or not await step.askable(kind, ARBITRATORS, not_by):
        await find_arbitrator(step, found)
    else:
        await tasks.moot_tasks(connection, case_id, kind=TaskKind.FIND_ARBITRATOR)
    asked = await tasks.find_open(connection, case_id, kind)
    if asked is None:
        raise LookupError(f"case {case_id} has not asked for {kind}")
    return asked


async def find_arbitrator(step: Transition, found: Agreement) -> None:
    """Ask the operations desk to see to an arbitrator, unless it is asked already.

    In a dispute both sides hear that it is late; that dormant money is looked at they need not know.
    """
    claim = found.policy.claim
    if await tasks.find_open(step.connection, step.case.id, TaskKind.FIND_ARBITRATOR) is not None:
        return
    remind_in, due_in = [await working_time(step.connection, hours) for hours in (claim.remind, claim.expire)]
    await step.ask(TaskKind.FIND_ARBITRATOR, OPERATIONS, remind_in=remind_in, due_in=due_in)
    dispute = await disputes.last_dispute(step.connection, step.case.id)
    if dispute is not None and dispute.ended_at is None:
        await step.add_event(Event.ESCROW_ARBITRATOR_MISSING)
        await step.notify(found.job.people, Event.ESCROW_ARBITRATOR_MISSING)


async def request_review(step: Transition, found: Agreement) -> None:
    """An arbitrator looks at money with which nothing happens, unless one is asked already (E4)."""
    _, available = await payments.held(step.connection, step.case.id)
    await ask_arbitrators(step, found, TaskKind.REVIEW_DORMANT_ESCROW, {AMOUNT: available.amount})
