"""Asking finance to review an application, and the applicant to correct what it returned (A7)."""

from __future__ import annotations

from activities.onboarding.assessment import read_application
from activities.review import ask_finance
from activities.transition import Transition
from domain.access import Part
from messages.case import NextStep
from messages.onboarding import Phase, TaskKind
from messages.review import FactKind
from messages.review import TaskKind as ReviewTask
from storage import guarantor
from storage.cases import last_fact
from storage.programme import programme_of


async def request_review(step: Transition) -> NextStep:
    """Ask the finance office of the applicant's region."""
    return await ask_finance(step, ReviewTask.REVIEW_APPLICATION, await read_application(step))


async def request_correction(step: Transition) -> NextStep:
    """Ask the applicant to correct and resubmit."""
    # A guarantor whom finance found unsuitable was released.
    await guarantor.end_parts(step.connection, step.case.id)
    application = await read_application(step)
    terms = (await programme_of(step.connection, step.case.policy_id)).finance_terms
    returned = await last_fact(step.connection, step.case.id, FactKind.APPLICATION_RETURNED)
    await step.ask(
        TaskKind.CORRECT_APPLICATION,
        application.person_id,
        remind_in=terms.correct_remind,
        due_in=terms.correct_expire,
        details={"reasons": [] if returned is None else returned.payload["reasons"]},
    )
    await step.move(Phase.AWAITING_CORRECTION, next_actor=Part.APPLICANT, due_in=terms.correct_expire)
    return await step.wait_now()
