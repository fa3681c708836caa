"""What silence means in a safe payment: never that money moves, unless the policy says so of work to be inspected."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from activities.escrow.arbitration import end_evidence
from activities.escrow.assessment import Agreement, amount_of, assess, lapse_proposal, read
from activities.escrow.desk import find_arbitrator, request_review
from activities.process import notify_reminded
from activities.transition import Transition
from domain.escrow.rules import MoveCause
from domain.ledger import HoldRequest, JournalReason, Occasion, escrow_account
from domain.money import Money
from messages.case import NextStep
from messages.escrow import Event, Step, TaskKind
from storage import tasks
from storage.escrow import disputes, payments
from storage.ledger import holding
from storage.payment import offered_to
from storage.rows.tasks import Task

_OF_ARBITRATORS = frozenset({TaskKind.RULE_DISPUTE, TaskKind.REVIEW_DORMANT_ESCROW})


async def remind(step: Transition, task: Task, people: Sequence[UUID]) -> None:
    """Remind by SMS; of payments that were proposed together, once for all."""
    if task.kind != TaskKind.ANSWER_ESCROW or await payments.speaks(step.connection, (await read(step)).escrow):
        await notify_reminded(step, task, people)


async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:
    """Before it is paid, it ends; afterwards somebody else is asked, or told of the right to arbitration."""
    found = await read(step)
    if found.escrow.funded_at is None:
        if await offered_to(step.connection, step.case.id) is not None:
            return NextStep(Step.TAKE_FUNDS)
        unpaid = found.escrow.accepted_at is not None
        return await lapse_proposal(step, found, Event.ESCROW_UNFUNDED if unpaid else Event.ESCROW_UNANSWERED)
    for task in expired:
        await _lapse(step, found, task)
    return await assess(step)


async def _lapse(step: Transition, found: Agreement, task: Task) -> None:
    if task.kind == TaskKind.FILE_STATEMENT:
        dispute = await disputes.last_dispute(step.connection, step.case.id)
        if dispute is not None and dispute.evidence_closed_at is None:
            await end_evidence(step, found, dispute)
    elif task.kind == TaskKind.INSPECT_WORK:
        await _not_inspected(step, found)
    elif task.kind == TaskKind.ANSWER_REFUND:
        await _tell(step, Event.ESCROW_REFUND_UNANSWERED, found.job.employer_id)
    elif task.kind == TaskKind.REVIEW_DORMANT_ESCROW:
        await request_review(step, found)
    elif task.kind == TaskKind.FIND_ARBITRATOR and await _is_unclaimed(step):
        await find_arbitrator(step, found)


async def _is_unclaimed(step: Transition) -> bool:
    """Whether arbitrators are asked, and none has claimed it."""
    asked = await tasks.open_tasks(step.connection, step.case.id)
    return any(task.kind in _OF_ARBITRATORS and task.claimed_by is None for task in asked)


async def _not_inspected(step: Transition, found: Agreement) -> None:
    ask = await payments.last_ask(step.connection, step.case.id)
    # An employer who has asked for money back is not silent.
    if found.policy.auto_release and (ask is None or ask.answered_at is not None):
        await _release(step, found)
    else:
        await _tell(step, Event.ESCROW_NOT_INSPECTED, found.job.contractor_id)


async def _release(step: Transition, found: Agreement) -> None:
    """The policy takes the employer's silence for a release of all that nothing is decided about (E4)."""
    dispute = await disputes.last_dispute(step.connection, step.case.id)
    _, available = await payments.held(step.connection, step.case.id)
    if not available or (dispute is not None and dispute.ended_at is None):
        return
    move_id = payments.new_move()
    occasion = Occasion(key=f"escrow:{move_id}", case_id=step.case.id, actor="system", event_at=step.now)
    request = HoldRequest(occasion, escrow_account(step.case.id).code, available, JournalReason.ESCROW_RELEASED)
    await payments.add_move(
        step.connection,
        found.escrow,
        move_id=move_id,
        cause=MoveCause.AUTO_RELEASE,
        hold_id=await holding.hold(step.connection, request),
        to_contractor=available,
        to_employer=Money(0),
    )
    await step.add_event(Event.ESCROW_AUTO_RELEASED, params={"amount": available.amount})
    employer = [person for person in (found.job.employer_id,) if person is not None]
    await step.notify(employer, Event.ESCROW_AUTO_RELEASED, amount_of(available))


async def _tell(step: Transition, event: Event, *people: UUID | None) -> None:
    await step.add_event(event)
    await step.notify([person for person in people if person is not None], event)
