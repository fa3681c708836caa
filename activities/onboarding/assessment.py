"""Where an application stands, by what people did: facts, open tasks, guarantees and the review."""

from __future__ import annotations

from collections.abc import Sequence

from activities.guarantor import are_guarantors_missing, give_up_guarantors, release_guarantors
from activities.onboarding.dispute import close_settled
from activities.review import escalate_review
from activities.transition import MACHINE, Transition
from domain.programme import Review
from messages.case import NextStep
from messages.certificate import FactKind as CertificateFact
from messages.onboarding import REFUSALS, Event, FactKind, Phase, Step
from storage import onboarding, tasks
from storage.cases import last_fact
from storage.programme import programme_of
from storage.rows.cases import Fact
from storage.rows.onboarding import Application
from storage.rows.tasks import Task

# With one of these the employer stands behind the application.
_CERTIFIED = (CertificateFact.CERTIFICATE_ISSUED, FactKind.OBSTACLE_CLEARED)
# The newest of these says whether the application is over.
_DECISIVE = (*_CERTIFIED, FactKind.APPLICATION_WITHDRAWN, *REFUSALS)


async def read_application(step: Transition) -> Application:
    """What is asked for now."""
    application = await onboarding.read_application(step.connection, step.case.id)
    if application is None:
        raise LookupError(f"case {step.case.id} has no application")
    return application


async def assess(step: Transition) -> NextStep:
    """Which step follows; an application that was withdrawn or refused ends here."""
    decisive = await last_fact(step.connection, step.case.id, *_DECISIVE)
    if decisive is not None and decisive.kind == FactKind.APPLICATION_WITHDRAWN:
        return await end_without_credit(step, Phase.WITHDRAWN)
    open_tasks = await tasks.open_tasks(step.connection, step.case.id)
    if not open_tasks and decisive is not None and decisive.kind in REFUSALS:
        return await _refuse(step, decisive)
    return await _next_step(step, open_tasks, decisive)


async def _next_step(step: Transition, open_tasks: Sequence[Task], decisive: Fact | None) -> NextStep:
    application, programme = await read_application(step), await programme_of(step.connection, step.case.policy_id)
    if application.returned_at is None and await are_guarantors_missing(step, programme, open_tasks):
        return NextStep(Step.REQUEST_BACKING)
    open_tasks = await close_settled(step, application, open_tasks)
    if open_tasks:
        return step.wait(open_tasks)
    if application.returned_at is not None:
        return NextStep(Step.REQUEST_CORRECTION)
    if programme.guarantor is None and (decisive is None or decisive.kind not in _CERTIFIED):
        return NextStep(Step.REQUEST_BACKING)
    if programme.review is not Review.NONE and application.activates_at is None:
        return NextStep(Step.REQUEST_REVIEW)
    return await _await_activation(step) if step.deadlines else NextStep(Step.ACTIVATE_CREDIT)


async def _await_activation(step: Transition) -> NextStep:
    """Approved: the applicant sees from when the credit is usable (A8, A9)."""
    if step.case.phase not in {Phase.AWAITING_ACTIVATION, Phase.AWAITING_CLEARANCE}:
        left = max(step.deadlines.values()) - step.now
        await step.move(Phase.AWAITING_ACTIVATION, next_actor=MACHINE, due_in=left)
    return step.wait([])


async def _refuse(step: Transition, answer: Fact) -> NextStep:
    await step.add_event(FactKind.APPLICATION_REFUSED, params={"reason": answer.payload["reason"]})
    await step.notify(step.owner, FactKind.APPLICATION_REFUSED)
    return await end_without_credit(step, Phase.REFUSED)


async def end_without_credit(step: Transition, phase: Phase) -> NextStep:
    """End the application and free everything that it held (A6, A11)."""
    await release_guarantors(step, step.case.id)
    return await step.end(phase)


async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:
    """What silence means (A6, A7): another guarantor, the platform's finance, or the end."""
    if await give_up_guarantors(step, expired):
        return await assess(step)
    escalated = await escalate_review(step, expired)
    if escalated is not None:
        return escalated
    await step.add_event(Event.APPLICATION_LAPSED)
    await step.notify(step.owner, Event.APPLICATION_LAPSED)
    return await end_without_credit(step, Phase.LAPSED)
