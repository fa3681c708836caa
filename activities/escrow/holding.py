"""What happens while money is held and nobody disputes it: who is asked, and what long silence brings (E3, E4, E6)."""

from __future__ import annotations

from uuid import UUID

from activities.escrow.assessment import amount_of, assess, quiet, read
from activities.escrow.desk import request_review
from activities.transition import Transition
from domain.escrow.policy import Wait
from messages.case import NextStep
from messages.escrow import Event, JobSide, Step, TaskKind
from storage import tasks
from storage.escrow import disputes, payments
from storage.ledger import posting
from storage.rows.escrow import Job


async def hold_funds(step: Transition) -> NextStep:
    """Ask what is to be asked of both sides, drop what has become moot, and let dormancy count."""
    found = await read(step)
    wanted = await quiet(step, found, await tasks.open_tasks(step.connection, step.case.id))
    for kind in wanted.moot:
        await tasks.moot_tasks(step.connection, step.case.id, kind=kind)
    if wanted.inspect is not None:
        await _ask(step, found.job, JobSide.EMPLOYER, TaskKind.INSPECT_WORK, found.policy.inspect, wanted.inspect)
    if wanted.refund is not None:
        await _ask(step, found.job, JobSide.CONTRACTOR, TaskKind.ANSWER_REFUND, found.policy.refund, wanted.refund)
    if wanted.is_sought_anew:
        await request_review(step, found)
    await step.clear_deadlines()
    await step.set_deadline(Step.REMIND_DORMANT, wanted.dormant_at - step.now)
    asked = await tasks.open_tasks(step.connection, step.case.id)
    due_at = next((task.due_at for task in asked if task.kind == wanted.waits_for), None)
    if (step.case.phase, step.case.due_at) != (wanted.phase, due_at):
        due_in = None if due_at is None else due_at - step.now
        await step.move(wanted.phase, next_actor=wanted.next_actor, due_in=due_in)
    return step.wait(asked)


async def _ask(step: Transition, job: Job, side: JobSide, kind: TaskKind, wait: Wait, subject_id: UUID) -> None:
    person_id = job.person_of(side)
    if person_id is None:
        raise LookupError(f"case {step.case.id} holds money of nobody")
    await step.ask(kind, person_id, remind_in=wait.remind, due_in=wait.expire, subject_id=subject_id)


async def remind_dormant(step: Transition) -> NextStep:
    """Nothing happened for long: both are reminded, and in the end an arbitrator looks at it (E4)."""
    found = await read(step)
    await payments.count_dormant(step.connection, step.case.id)
    held, _ = await payments.held(step.connection, step.case.id)
    await step.add_event(Event.ESCROW_DORMANT, params={"amount": held.amount})
    await step.notify(found.job.people, Event.ESCROW_DORMANT, amount_of(held))
    is_asked = await tasks.find_open(step.connection, step.case.id, TaskKind.REVIEW_DORMANT_ESCROW) is not None
    if found.escrow.dormant_times + 1 >= found.policy.dormancy_times and not is_asked:
        await request_review(step, found)
    return await assess(step)


async def unfreeze(step: Transition) -> NextStep:
    """The dispute was taken back: what it froze is held as before (E6a)."""
    dispute = await disputes.last_dispute(step.connection, step.case.id)
    if dispute is None or dispute.ended_as != "withdrawn":
        raise LookupError(f"case {step.case.id} has nothing to unfreeze")
    await posting.void_hold(step.connection, dispute.hold_id)
    # Until when both could file belongs to what was taken back: another dispute may begin at once.
    await step.clear_deadlines()
    return await assess(step)
