"""Asking for what stands behind an application: the employer, guarantors, or the applicant for a name."""

from __future__ import annotations

from collections.abc import Sequence

from activities.guarantor import ask_guarantor
from activities.onboarding.assessment import read_application
from activities.transition import Transition
from domain.access import Grant, Part, Role, ScopeKind
from domain.onboarding import Obstacle
from domain.programme import GuarantorTerms, Programme
from messages.case import NextStep
from messages.certificate import Event as CertificateEvent
from messages.certificate import TaskKind as CertificateTask
from messages.guarantor import Event as GuarantorEvent
from messages.guarantor import TaskKind as GuarantorTask
from messages.onboarding import Phase
from storage import guarantor, tasks
from storage.programme import programme_of
from storage.rows.tasks import Task


async def request_backing(step: Transition) -> NextStep:
    """Ask for what is missing: the employer (A12), guarantors (A5), or the applicant for names (A6)."""
    programme = await programme_of(step.connection, step.case.policy_id)
    if programme.guarantor is None:
        return await ask_for_certificate(step, reason=None)
    return await _ask_guarantors(step, programme, programme.guarantor)


async def ask_for_certificate(step: Transition, *, reason: Obstacle | None) -> NextStep:
    """Ask the employer's hr_officer (A12); ``reason``: why once more."""
    programme = await programme_of(step.connection, step.case.policy_id)
    await step.ask(
        CertificateTask.ISSUE_CERTIFICATE,
        Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(step.case.organisation_id)),
        remind_in=programme.answer_remind,
        due_in=programme.answer_expire,
        details={"reason": reason},
    )
    await step.move(Phase.AWAITING_CERTIFICATE, next_actor=Role.HR_OFFICER, due_in=programme.answer_expire)
    if reason is None:
        await step.tell(CertificateEvent.CERTIFICATE_REQUESTED)
    else:
        await step.tell(CertificateEvent.CERTIFICATE_REQUESTED_AGAIN, params={"reason": reason})
        await step.notify(step.owner, CertificateEvent.CERTIFICATE_REQUESTED_AGAIN)
    return await step.wait_now()


async def _ask_guarantors(step: Transition, programme: Programme, terms: GuarantorTerms) -> NextStep:
    """Ask everybody who was named, and the applicant for as many names as are missing (A5, A6)."""
    await guarantor.end_parts(step.connection, step.case.id)
    live = await guarantor.guarantees_in(step.connection, step.case.id)
    for guarantee in live:
        if guarantee.status == "named":
            await ask_guarantor(step, programme, guarantee)
    if len(live) < terms.count:
        await _ask_for_name(step, terms)
    open_tasks = await tasks.open_tasks(step.connection, step.case.id)
    await _show(step, open_tasks)
    return step.wait(open_tasks)


async def _show(step: Transition, open_tasks: Sequence[Task]) -> None:
    """Who acts next, and until when: the applicant as long as a name is missing."""
    names = [task.due_at for task in open_tasks if task.kind == GuarantorTask.NAME_GUARANTOR]
    answers = [task.due_at for task in open_tasks if task.kind == GuarantorTask.ANSWER_GUARANTEE]
    due_in = min(names or answers) - step.now
    if names:
        await step.move(Phase.AWAITING_ANOTHER_GUARANTOR, next_actor=Part.APPLICANT, due_in=due_in)
    else:
        await step.move(Phase.AWAITING_GUARANTOR, next_actor=Part.GUARANTOR, due_in=due_in)


async def _ask_for_name(step: Transition, terms: GuarantorTerms) -> None:
    if await tasks.find_open(step.connection, step.case.id, GuarantorTask.NAME_GUARANTOR) is None:
        application = await read_application(step)
        await step.ask(
            GuarantorTask.NAME_GUARANTOR, application.person_id, remind_in=terms.name_remind, due_in=terms.name_expire
        )
        await step.tell(GuarantorEvent.GUARANTOR_NAME_REQUESTED)
