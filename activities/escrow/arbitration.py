"""A dispute: both sides are heard, an arbitrator rules, either side may object, the ruling becomes final (E5)."""

from __future__ import annotations

from activities.escrow.assessment import Agreement, assess, left_until, open_dispute, read
from activities.escrow.desk import ask_arbitrators
from activities.transition import MACHINE, Transition
from domain.access import Part, Role
from domain.escrow.rules import MoveCause
from domain.held_task import AMOUNT
from domain.money import Money, format_toman
from messages.case import NextStep
from messages.escrow import Event, JobSide, Phase, Step, TaskKind
from storage import tasks
from storage.escrow import disputes, payments
from storage.rows.escrow import EscrowDispute


async def request_statements(step: Transition) -> NextStep:
    """Both sides say what happened and prove it, until a deadline; who has said nothing yet is asked to.

    What else was asked of them is moot.
    """
    found, (dispute, _) = await read(step), await open_dispute(step)
    left, wait = left_until(step, dispute.opened_at + found.policy.evidence.expire), found.policy.evidence
    await tasks.moot_tasks(step.connection, step.case.id)
    await step.clear_deadlines()
    heard = {one.author_id for one in await disputes.statements_of(step.connection, dispute.id)}
    for person_id in [person for person in found.job.people if person not in heard]:
        await step.ask(TaskKind.FILE_STATEMENT, person_id, remind_in=min(wait.remind, left), due_in=left)
    # Both may speak; who was accused has more to say.
    first = JobSide(dispute.opened_by).other if dispute.opened_by in set(JobSide) else JobSide.EMPLOYER
    await step.move(Phase.IN_DISPUTE, next_actor=Part(first), due_in=left)
    await step.set_deadline(Step.REQUEST_ARBITRATOR, left)
    return await step.wait_now()


async def request_arbitrator(step: Transition) -> NextStep:
    """The time to file is over, or another arbitrator is needed: those without interest in the sides are asked."""
    found, (dispute, rulings) = await read(step), await open_dispute(step)
    await step.clear_deadlines()
    if dispute.evidence_closed_at is None:
        await end_evidence(step, found, dispute)
    details = {AMOUNT: dispute.frozen, "round": len(rulings) + 1}
    first = rulings[0].arbitrator_id if rulings else None
    asked = await ask_arbitrators(step, found, TaskKind.RULE_DISPUTE, details, subject_id=dispute.id, not_by=first)
    await step.move(Phase.AWAITING_ARBITRATOR, next_actor=Role.ARBITRATOR, due_in=asked.due_at - step.now)
    return await step.wait_now()


async def end_evidence(step: Transition, found: Agreement, dispute: EscrowDispute) -> None:
    """The time to file is over: from now on each side reads what the other said."""
    await tasks.moot_tasks(step.connection, step.case.id, kind=TaskKind.FILE_STATEMENT)
    await disputes.close_evidence(step.connection, dispute.id)
    await step.add_event(Event.ESCROW_EVIDENCE_CLOSED)
    await step.notify(found.job.people, Event.ESCROW_EVIDENCE_CLOSED)


async def request_ruling(step: Transition) -> NextStep:
    """An arbitrator has claimed it, and rules until its time is over."""
    asked = await tasks.find_open(step.connection, step.case.id, TaskKind.RULE_DISPUTE)
    if asked is None:
        raise LookupError(f"case {step.case.id} asks nobody to rule")
    await tasks.moot_tasks(step.connection, step.case.id, kind=TaskKind.FIND_ARBITRATOR)
    await step.move(Phase.AWAITING_RULING, next_actor=Role.ARBITRATOR, due_in=asked.due_at - step.now)
    return await step.wait_now()


async def await_objection(step: Transition) -> NextStep:
    """The first ruling is known to both: either may object for a while."""
    found, (_, rulings) = await read(step), await open_dispute(step)
    left = left_until(step, rulings[-1].ruled_at + found.policy.objection)
    await tasks.moot_tasks(step.connection, step.case.id)
    await step.clear_deadlines()
    await step.set_deadline(Step.MAKE_FINAL, left)
    await step.move(Phase.AWAITING_OBJECTION, next_actor=MACHINE, due_in=left)
    return await step.wait_now()


async def make_final(step: Transition) -> NextStep:
    """Nobody may object any more: what was frozen is divided as it was ruled."""
    found, (dispute, rulings) = await read(step), await open_dispute(step)
    ruling = rulings[-1]
    await tasks.moot_tasks(step.connection, step.case.id)
    await step.clear_deadlines()
    await disputes.make_final(step.connection, ruling.id)
    await payments.add_move(
        step.connection,
        found.escrow,
        move_id=payments.new_move(),
        cause=MoveCause.RULING,
        hold_id=dispute.hold_id,
        to_contractor=Money(ruling.to_contractor),
        to_employer=Money(ruling.to_employer),
        fact_id=ruling.fact_id,
        dispute_id=dispute.id,
    )
    await disputes.end_dispute(step.connection, dispute.id, "ruled")
    shares = {"to_contractor": ruling.to_contractor, "to_employer": ruling.to_employer}
    await step.add_event(Event.ESCROW_RULING_FINAL, params=shares)
    told = {name: format_toman(Money(amount)) for name, amount in shares.items()}
    await step.notify(found.job.people, Event.ESCROW_RULING_FINAL, told)
    return await assess(step)
