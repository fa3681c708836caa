"""What the machine does about deduction certificates: ask the employer for one (A12)."""

from __future__ import annotations

from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from domain.onboarding import Obstacle
from messages.case import NextStep
from messages.certificate import Event, TaskKind
from messages.onboarding import Phase
from storage.programme import programme_of


async def ask_for_certificate(step: Transition, *, reason: Obstacle | None) -> NextStep:
    """Ask the employer's hr_officer (A12); ``reason``: why once more."""
    programme = await programme_of(step.connection, step.case.policy_id)
    await step.ask(
        TaskKind.ISSUE_CERTIFICATE,
        Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(step.case.organisation_id)),
        remind_in=programme.answer_remind,
        due_in=programme.answer_expire,
        details={"reason": reason},
    )
    await step.move(Phase.AWAITING_CERTIFICATE, next_actor=Role.HR_OFFICER, due_in=programme.answer_expire)
    if reason is None:
        await step.add_event(Event.CERTIFICATE_REQUESTED)
    else:
        await step.add_event(Event.CERTIFICATE_REQUESTED_AGAIN, params={"reason": reason})
        await step.notify(step.owner, Event.CERTIFICATE_REQUESTED_AGAIN)
    return await step.wait_now()
