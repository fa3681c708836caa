"""Asking for what stands behind an application: the employer, or guarantors."""

from __future__ import annotations

from activities.certificate import ask_for_certificate
from activities.guarantor import ask_guarantors
from activities.transition import Transition
from messages.case import NextStep
from storage.programme import programme_of


async def request_backing(step: Transition) -> NextStep:
    """Ask for what is missing: the employer (A12), guarantors (A5), or the applicant for names (A6)."""
    programme = await programme_of(step.connection, step.case.policy_id)
    if programme.guarantor is None:
        return await ask_for_certificate(step, reason=None)
    return await ask_guarantors(step, programme)
