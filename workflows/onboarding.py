"""From application to usable credit (docs/rules.md, A).

A member applies. The employer's hr_officer issues the deduction certificate or refuses it. Then everything is
checked again and the credit becomes usable; if something stands in the way, whoever can mend it is asked, and the
check is made once more. After a change of mobile the activation waits until money actions may go on. The applicant may
withdraw until then.

Silence: whoever is awaited is reminded once, and when the time is over the application lapses and frees what it
held.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import workflow

from workflows.transitions import Mailbox, Rounds, transition

with workflow.unsafe.imports_passed_through():
    from activities.onboarding import OnboardingActivities
    from messages.case import CaseRef
    from messages.onboarding import (
        ApplicationSubmitted,
        ApplicationWithdrawn,
        CertificateAnswered,
        ObstacleAnswered,
        Outcome,
        Standing,
        Step,
    )


@workflow.defn
class OnboardingWorkflow:
    """Sequences one application; see the module for the story."""

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        self._case = case
        self._rounds = Rounds()
        self._mailbox = Mailbox()

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the credit is usable or the application is over."""
        outcome = await self._take(OnboardingActivities.request_certificate)
        while outcome.standing is not Standing.OVER:
            if outcome.standing is Standing.BACKED:
                outcome = await self._take(OnboardingActivities.activate_credit)
            elif outcome.standing is Standing.PAUSED:
                await self._mailbox.heard(outcome.expire_in, "until the pause of money actions is over")
                outcome = await self._take(OnboardingActivities.activate_credit)
            else:
                outcome = await self._await_answer(outcome)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def application_submitted(self, message: ApplicationSubmitted) -> None:
        """The application that started this process; nothing else follows from it."""

    @workflow.signal
    def certificate_answered(self, message: CertificateAnswered) -> None:
        """The employer answered."""
        self._mailbox.receive()

    @workflow.signal
    def obstacle_answered(self, message: ObstacleAnswered) -> None:
        """Somebody mended, or upheld, what stood in the way."""
        self._mailbox.receive()

    @workflow.signal
    def application_withdrawn(self, message: ApplicationWithdrawn) -> None:
        """The applicant withdrew."""
        self._mailbox.receive()

    async def _await_answer(self, asked: Outcome) -> Outcome:
        """Wait for the open task: a reminder, then the end; the database decides who was first."""
        left = asked.expire_in
        if asked.remind_in:
            if await self._mailbox.heard(asked.remind_in, "until the reminder"):
                return await self._take(OnboardingActivities.weigh_answer)
            reminded = await self._take(OnboardingActivities.remind)
            if reminded.standing is not Standing.WAITING:
                return reminded
            left = min(asked.expire_in - asked.remind_in, reminded.expire_in)
        if await self._mailbox.heard(left, "until the application lapses"):
            return await self._take(OnboardingActivities.weigh_answer)
        return await self._take(OnboardingActivities.lapse)

    async def _take(self, activity: Callable[[Any, Step], Awaitable[Outcome]]) -> Outcome:
        name = activity.__name__
        step = Step(self._case.case_id, self._rounds.next(name))
        return await transition(activity, step, summary=f"{name} {step.round}")
