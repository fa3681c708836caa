"""The review by finance: asked of the applicant's region, or of the platform where the region cannot (A7)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from messages.case import NextStep
from messages.onboarding import Phase
from messages.review import Event, Sms
from storage.cases import set_region
from storage.organisation import read_employment
from storage.programme import programme_of
from storage.rows.onboarding import Application
from storage.rows.tasks import Task
from storage.working_hours import working_time

_PLATFORM = Grant(Role.FINANCE_OFFICER, ScopeKind.PLATFORM)
_log = logging.getLogger("amanat.activities")


async def ask_finance(step: Transition, kind: str, application: Application, *, reason: str | None = None) -> NextStep:
    """Ask the finance of the region where the applicant works now, or the platform's if the region has no officer.

    Args:
        step: at work.
        kind: of the task.
        application: whose applicant.
        reason: why it is asked once more.
    """
    region = (await read_employment(step.connection, application.employment_id)).region_code
    if region != step.case.region_code:
        await set_region(step.connection, step.case.id, region)
    office = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region)
    if not await step.holders(office):
        return await _ask_platform(step, Event.REVIEW_PASSED_ON, kind, reason)
    terms = (await programme_of(step.connection, step.case.policy_id)).finance_terms
    due_in = await working_time(step.connection, terms.escalate_working_hours)
    await _ask(step, kind, office, due_in, reason)
    await step.add_event(Event.REVIEW_REQUESTED, params={"region": region})
    return await step.wait_now()


async def escalate_review(step: Transition, expired: Sequence[Task]) -> NextStep | None:
    """Where a region's finance was silent, ask the platform's instead; None if none of the expired tasks was theirs."""
    for task in expired:
        if (task.role, task.scope_kind) == (Role.FINANCE_OFFICER, ScopeKind.REGION):
            return await _ask_platform(step, Event.REVIEW_ESCALATED, task.kind, None)
    return None


async def _ask_platform(step: Transition, told: Event, kind: str, reason: str | None) -> NextStep:
    """The platform's end is far, and an alarm goes out now; ``told`` is what the timeline says."""
    terms = (await programme_of(step.connection, step.case.policy_id)).finance_terms
    await _ask(step, kind, _PLATFORM, terms.expire, reason)
    await step.add_event(told)
    await step.notify(step.owner, Sms.REVIEW_MOVED)
    _log.warning(told, extra={"case_id": str(step.case.id)})
    return await step.wait_now()


async def _ask(step: Transition, kind: str, office: Grant, due_in: timedelta, reason: str | None) -> None:
    terms = (await programme_of(step.connection, step.case.policy_id)).finance_terms
    remind_in = await working_time(step.connection, terms.remind_working_hours)
    details = {} if reason is None else {"reason": reason}
    await step.ask(kind, office, remind_in=remind_in, due_in=due_in, details=details)
    await step.move(Phase.AWAITING_REVIEW, next_actor=Role.FINANCE_OFFICER, due_in=due_in)
