"""The review by finance: asked of the applicant's region, or of the platform where the region cannot (A7)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from activities.onboarding.backing import seconds
from activities.onboarding.judgement import applicant, read_application, read_programme, waits_now, weigh
from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from messages.onboarding import FactKind, Outcome, Phase, Standing, TaskKind
from storage import guarantor
from storage.cases import last_fact, set_region
from storage.organisation import read_employment
from storage.rows.onboarding import Application
from storage.working_hours import working_time

_PLATFORM = Grant(Role.FINANCE_OFFICER, ScopeKind.PLATFORM)
_log = logging.getLogger("amanat.activities")


async def request_review(at: Transition) -> Outcome:
    """Ask finance to review the application (A7)."""
    standing = await weigh(at)
    if standing.standing is not Standing.UNREVIEWED:
        return standing
    return await ask_region(at, TaskKind.REVIEW_APPLICATION, await read_application(at))


async def ask_region(at: Transition, kind: str, application: Application, *, reason: str | None = None) -> Outcome:
    """Ask the region where the applicant works now; where nobody there may decide, the platform's finance.

    Args:
        at: the transition.
        kind: of the task.
        application: whose applicant.
        reason: why it is asked once more.
    """
    region = (await read_employment(at.connection, application.employment_id)).region_code
    if region != at.case.region_code:
        await set_region(at.connection, at.case.id, region)
    office = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region)
    if not await at.holders(office):
        return await ask_platform(at, "review_passed_on", kind, reason=reason)
    terms = (await read_programme(at)).finance_terms
    due_in = await working_time(at.connection, terms.escalate_working_hours)
    remind_in = await working_time(at.connection, terms.remind_working_hours)
    await at.ask(kind, office, due_in=due_in, details=_details(remind_in, reason))
    await at.move(Phase.AWAITING_REVIEW, next_actor=Role.FINANCE_OFFICER, due_in=due_in)
    await at.tell("review_requested", params={"region": region})
    return await waits_now(at)


async def ask_platform(
    at: Transition, told: str, kind: str = TaskKind.REVIEW_APPLICATION, *, reason: str | None = None
) -> Outcome:
    """Ask a platform-wide finance_officer; its end is far, and an alarm goes out now.

    Args:
        at: the transition.
        told: what the timeline says: passed on because nobody there may decide, or because nobody did.
        kind: of the task.
        reason: why it is asked once more.
    """
    terms = (await read_programme(at)).finance_terms
    remind_in = await working_time(at.connection, terms.remind_working_hours)
    await at.ask(kind, _PLATFORM, due_in=terms.expire, details=_details(remind_in, reason))
    await at.move(Phase.AWAITING_REVIEW, next_actor=Role.FINANCE_OFFICER, due_in=terms.expire)
    await at.tell(told)
    await at.notify(applicant(at), "review_moved")
    _log.warning(told, extra={"case_id": str(at.case.id)})
    return await waits_now(at)


def _details(remind_in: timedelta, reason: str | None) -> dict[str, Any]:
    asked_again = {} if reason is None else {"reason": reason}
    return {"remind_seconds": seconds(remind_in), **asked_again}


async def request_correction(at: Transition) -> Outcome:
    """Ask the applicant to correct and resubmit (A7)."""
    standing = await weigh(at)
    if standing.standing is not Standing.RETURNED:
        return standing
    # Whoever finance found unsuitable was released.
    await guarantor.end_parts(at.connection, at.case.id)
    application, terms = await read_application(at), (await read_programme(at)).finance_terms
    returned = await last_fact(at.connection, at.case.id, FactKind.APPLICATION_RETURNED)
    reasons = [] if returned is None else returned.payload["reasons"]
    await at.ask(
        TaskKind.CORRECT_APPLICATION,
        application.person_id,
        due_in=terms.correct_expire,
        details={"remind_seconds": seconds(terms.correct_remind), "reasons": reasons},
    )
    await at.move(Phase.AWAITING_CORRECTION, next_actor="applicant", due_in=terms.correct_expire)
    return await waits_now(at)
