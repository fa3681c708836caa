"""Where a safe payment stands, and which step follows from it: read anew each time (E1 to E6).

Only rows, tasks and deadlines decide. What a command decided about the money is booked before anything else, so that
a dispute freezes nothing that is on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from activities.transition import Transition
from domain.access import Part
from domain.escrow.policy import EscrowPolicy
from domain.money import Money, format_toman
from messages.case import NextStep
from messages.escrow import Event, FactKind, Phase, Step, TaskKind
from storage import tasks
from storage.cases import last_fact
from storage.escrow import disputes, jobs, payments
from storage.payment import offered_to, refuse_items
from storage.payment_refund import refunds_of
from storage.rows.escrow import Escrow, EscrowDispute, Job, Ruling
from storage.rows.tasks import Task

_NEVER = (FactKind.ESCROW_DECLINED, FactKind.ESCROW_WITHDRAWN)
# After these arbitrators are asked once more.
_ASKS_ANEW = (FactKind.ESCROW_ARBITRATOR_SOUGHT, FactKind.ESCROW_ARBITRATOR_RECUSED)
_ENDS = {FactKind.ESCROW_DECLINED: Phase.DECLINED, FactKind.ESCROW_WITHDRAWN: Phase.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Agreement:
    """A safe payment with its job and the policy that it froze."""

    escrow: Escrow
    job: Job
    policy: EscrowPolicy


@dataclass(frozen=True, slots=True)
class Quiet:
    """What is asked, and shown, while money is held and nobody disputes it.

    ``inspect`` is the declaration about which the employer has to be asked, ``refund`` the request about which the
    contractor has; ``moot`` are kinds of tasks about which nothing is left to say; ``is_sought_anew``: the arbitrators
    who look at dormant money have to be asked once more.
    """

    phase: Phase
    next_actor: Part
    waits_for: TaskKind | None
    inspect: UUID | None
    refund: UUID | None
    moot: Sequence[str]
    is_sought_anew: bool
    dormant_at: datetime

    @property
    def asks(self) -> bool:
        """Whether anything has to be asked or dropped."""
        return bool(self.inspect or self.refund or self.moot or self.is_sought_anew)


async def read(step: Transition) -> Agreement:
    """The safe payment of the step's case."""
    escrow = await payments.read_escrow(step.connection, step.case.id)
    job = None if escrow is None else await jobs.read_job(step.connection, escrow.job_id)
    if escrow is None or job is None:
        raise LookupError(f"case {step.case.id} has no safe payment")
    return Agreement(escrow, job, await payments.policy_of(step.connection, step.case.policy_id))


async def open_dispute(step: Transition) -> tuple[EscrowDispute, Sequence[Ruling]]:
    """The dispute under way, and what was ruled in it."""
    dispute = await disputes.last_dispute(step.connection, step.case.id)
    if dispute is None or dispute.ended_at is not None:
        raise LookupError(f"case {step.case.id} is in no dispute")
    return dispute, await disputes.rulings_of(step.connection, dispute.id)


def moment_of(step: Transition) -> datetime:
    """The present, or what the process waited for if Postgres's clock is behind it."""
    return step.now if step.until is None else max(step.now, step.until)


def left_until(step: Transition, moment: datetime) -> timedelta:
    """How long until then; never nothing."""
    return max(moment - step.now, timedelta(seconds=1))


async def assess(step: Transition) -> NextStep:
    """Which step follows; what was declined, withdrawn, left to lapse, or has gone where it was decided ends here."""
    found = await read(step)
    return await (_assess_proposal if found.escrow.funded_at is None else _assess_held)(step, found)


async def _assess_proposal(step: Transition, found: Agreement) -> NextStep:
    never = await last_fact(step.connection, step.case.id, *_NEVER)
    if never is not None:
        return await end_unpaid(step, found, _ENDS[FactKind(never.kind)])
    if found.escrow.accepted_at is not None and await offered_to(step.connection, step.case.id) is not None:
        return NextStep(Step.TAKE_FUNDS)
    asked = await tasks.open_tasks(step.connection, step.case.id)
    if found.escrow.accepted_at is not None:
        is_asked = any(task.kind == TaskKind.FUND_ESCROW for task in asked)
        return step.wait(asked) if is_asked else NextStep(Step.REQUEST_FUNDING)
    if found.escrow.answer_until <= moment_of(step):
        return await lapse_proposal(step, found, Event.ESCROW_UNANSWERED)
    if asked or (Step.ASK_OTHER_SIDE in step.deadlines and await other_side_of(step, found) is None):
        return step.wait(asked)
    return NextStep(Step.ASK_OTHER_SIDE)


async def other_side_of(step: Transition, found: Agreement) -> UUID | None:
    """Who is to answer a proposal: None as long as the number is nobody's."""
    side = found.escrow.proposed_by.other
    if side is not found.job.other_side:
        return found.job.person_of(side)
    return await jobs.find_other_side(step.connection, found.job)


async def end_unpaid(step: Transition, found: Agreement, phase: Phase) -> NextStep:
    """End what was never paid; what is paid for it all the same, now or later, goes back."""
    await refuse_items(step.connection, step.case.id)
    ended = await step.end(phase)
    await jobs.forget_number(step.connection, found.job.id)
    return ended


async def lapse_proposal(step: Transition, found: Agreement, event: Event) -> NextStep:
    """What silence means before it is paid: it ends. Who was never known as the other side hears nothing."""
    await step.add_event(event)
    known = (
        found.job.people if found.escrow.accepted_at is not None else [found.job.person_of(found.escrow.proposed_by)]
    )
    if found.escrow.accepted_at is not None or await payments.speaks(step.connection, found.escrow):
        await step.notify([person for person in known if person is not None], event)
    return await end_unpaid(step, found, Phase.LAPSED)


async def _assess_held(step: Transition, found: Agreement) -> NextStep:
    if await payments.unbooked_of(step.connection, step.case.id):
        return NextStep(Step.PAY_OVER)
    dispute = await disputes.last_dispute(step.connection, step.case.id)
    if dispute is not None and dispute.ended_at is None:
        return await _assess_dispute(step, found, dispute)
    held, available = await payments.held(step.connection, step.case.id)
    if dispute is not None and dispute.ended_as == "withdrawn" and held > available:
        return NextStep(Step.UNFREEZE)
    if not held:
        return await _assess_gone(step, found)
    return await _assess_quiet(step, found)


async def _assess_gone(step: Transition, found: Agreement) -> NextStep:
    """Nothing is held: it is over once all that goes back has gone back (E6a)."""
    if all(refund.returned_at is not None for refund in await refunds_of(step.connection, step.case.id)):
        shares = await payments.divided(step.connection, step.case.id)
        await step.add_event(Event.ESCROW_ENDED)
        await step.notify(found.job.people, Event.ESCROW_ENDED)
        if not shares.to_employer:
            return await step.end(Phase.RELEASED)
        return await step.end(Phase.SPLIT if shares.to_contractor else Phase.REFUNDED)
    return step.wait([]) if Step.CLOSE_ESCROW in step.deadlines else NextStep(Step.CLOSE_ESCROW)


async def _assess_quiet(step: Transition, found: Agreement) -> NextStep:
    asked = await tasks.open_tasks(step.connection, step.case.id)
    wanted = await quiet(step, found, asked)
    if wanted.dormant_at <= moment_of(step):
        return NextStep(Step.REMIND_DORMANT)
    due_at = next((task.due_at for task in asked if task.kind == wanted.waits_for), None)
    is_shown = (step.case.phase, step.case.due_at) == (wanted.phase, due_at)
    is_waited_for = step.deadlines == {Step.REMIND_DORMANT: wanted.dormant_at}
    if wanted.asks or not is_shown or not is_waited_for:
        return NextStep(Step.HOLD_FUNDS)
    return step.wait(asked)


async def quiet(step: Transition, found: Agreement, asked: Sequence[Task]) -> Quiet:
    """What is to be asked and shown now, of the tasks that are open already too."""
    connection, case_id = step.connection, step.case.id
    refund = await payments.last_ask(connection, case_id)
    refund = refund if refund is not None and refund.answered_at is None else None
    # A release after the work was declared done is the answer to it.
    last = await last_fact(connection, case_id, FactKind.ESCROW_WORK_DECLARED, FactKind.ESCROW_RELEASED)
    declared = last.id if last is not None and last.kind == FactKind.ESCROW_WORK_DECLARED else None
    if refund is not None:
        phase, actor, waits_for = Phase.REFUND_ASKED, Part.CONTRACTOR, TaskKind.ANSWER_REFUND
    elif declared is not None:
        phase, actor, waits_for = Phase.DELIVERED, Part.EMPLOYER, TaskKind.INSPECT_WORK
    else:
        phase, actor, waits_for = Phase.HELD, Part.CONTRACTOR, None
    review = next((task for task in asked if task.kind == TaskKind.REVIEW_DORMANT_ESCROW), None)
    is_dormant = review is not None and found.escrow.dormant_times >= found.policy.dormancy_times
    subjects = {
        TaskKind.INSPECT_WORK: declared is not None,
        TaskKind.ANSWER_REFUND: refund is not None,
        TaskKind.REVIEW_DORMANT_ESCROW: is_dormant,
        TaskKind.FIND_ARBITRATOR: is_dormant and review is not None and review.claimed_by is None,
    }
    moot = [task.kind for task in asked if not subjects.get(TaskKind(task.kind))]
    return Quiet(
        phase,
        actor,
        waits_for,
        inspect=await _unasked(step, asked, TaskKind.INSPECT_WORK, declared),
        refund=await _unasked(step, asked, TaskKind.ANSWER_REFUND, None if refund is None else refund.id),
        moot=moot,
        is_sought_anew=review is not None and review.kind not in moot and await is_sought_anew(step, review),
        dormant_at=(found.escrow.stirred_at or step.now) + found.policy.dormancy,
    )


async def _unasked(step: Transition, asked: Sequence[Task], kind: TaskKind, subject_id: UUID | None) -> UUID | None:
    """The subject, if nobody is asked by such a task, nor was about just this, unless a dispute came between."""
    if subject_id is None or any(task.kind == kind for task in asked):
        return None
    last = await tasks.last_task(step.connection, step.case.id, kind, subject_id=subject_id)
    return subject_id if last is None or last.status == "moot" else None


async def _assess_dispute(step: Transition, found: Agreement, dispute: EscrowDispute) -> NextStep:
    rulings = await disputes.rulings_of(step.connection, dispute.id)
    if rulings and rulings[-1].objected_at is None:
        return await _assess_ruling(step, found, rulings[-1])
    if dispute.evidence_closed_at is None:
        if dispute.opened_at + found.policy.evidence.expire <= moment_of(step):
            return NextStep(Step.REQUEST_ARBITRATOR)
        is_asked = Step.REQUEST_ARBITRATOR in step.deadlines
        return await step.wait_now() if is_asked else NextStep(Step.REQUEST_STATEMENTS)
    asked = await tasks.open_tasks(step.connection, step.case.id)
    ruling = next((task for task in asked if task.kind == TaskKind.RULE_DISPUTE), None)
    if ruling is None or await is_sought_anew(step, ruling):
        return NextStep(Step.REQUEST_ARBITRATOR)
    is_shown = (step.case.phase, step.case.due_at) == (Phase.AWAITING_RULING, ruling.due_at)
    if ruling.claimed_by is not None and not is_shown:
        return NextStep(Step.REQUEST_RULING)
    return step.wait(asked)


async def _assess_ruling(step: Transition, found: Agreement, ruling: Ruling) -> NextStep:
    if ruling.round > 1 or ruling.ruled_at + found.policy.objection <= moment_of(step):
        return NextStep(Step.MAKE_FINAL)
    return await step.wait_now() if Step.MAKE_FINAL in step.deadlines else NextStep(Step.AWAIT_OBJECTION)


async def is_sought_anew(step: Transition, task: Task) -> bool:
    """Whether arbitrators have to be asked once more.

    That is if who claimed it holds the role no more, or if nobody holds it, and since they were asked one gave it back
    or the operations desk has seen to one.
    """
    if task.claimed_by is not None:
        return not await tasks.claim_holds(step.connection, task)
    sought = await last_fact(step.connection, step.case.id, *_ASKS_ANEW)
    return sought is not None and sought.id > task.id


def amount_of(money: Money) -> dict[str, str | int]:
    """An amount as notices take it."""
    return {"amount": format_toman(money), "amount_rial": money.amount}
