"""From application to usable credit (docs/rules.md, A).

A member applies and says who stands behind it: guarantors, each of whom accepts or refuses in person, or the employer,
whose hr_officer issues the deduction certificate. Where the programme asks for it, the finance office of the
applicant's region then approves the application, returns it for correction, or refuses it. After the waiting time
everything is checked again and the credit becomes usable; if something stands in the way, whoever can mend it is
asked. The applicant may withdraw, or name another guarantor, until then.

Silence: whoever is awaited is reminded once. A guarantor's silence asks the applicant for another name, the region's
hands the review to the platform's finance; anybody else's ends the application and frees what it held.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

from workflows.answers import Activity, Answers
from workflows.transitions import Mailbox, Rounds, transition

with workflow.unsafe.imports_passed_through():
    from activities.onboarding import OnboardingActivities
    from messages.case import CaseRef
    from messages.onboarding import (
        ApplicationCorrected,
        ApplicationSubmitted,
        ApplicationWithdrawn,
        CertificateAnswered,
        GuaranteeAnswered,
        GuarantorNamed,
        ObstacleAnswered,
        Outcome,
        ReviewAnswered,
        Standing,
        Step,
    )

_ANSWERS = Answers(OnboardingActivities.weigh_answer, OnboardingActivities.remind, OnboardingActivities.lapse)


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
        outcome = await self._take(OnboardingActivities.request_backing)
        while outcome.standing is not Standing.OVER:
            match outcome.standing:
                case Standing.WAITING:
                    outcome = await _ANSWERS.wait(outcome, self._mailbox, self._take)
                case Standing.UNBACKED:
                    outcome = await self._take(OnboardingActivities.request_backing)
                case Standing.UNREVIEWED:
                    outcome = await self._take(OnboardingActivities.request_review)
                case Standing.RETURNED:
                    outcome = await self._take(OnboardingActivities.request_correction)
                case Standing.APPROVED:
                    outcome = await self._await_activation(outcome)
                case Standing.PAUSED:
                    outcome = await self._await_end_of_pause(outcome)
                case Standing.BACKED:
                    outcome = await self._take(OnboardingActivities.activate_credit)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def application_submitted(self, message: ApplicationSubmitted) -> None:
        """The application that started this process; nothing else follows from it."""

    @workflow.signal
    def certificate_answered(self, message: CertificateAnswered) -> None:
        """The employer issued or refused the certificate."""
        self._mailbox.receive()

    @workflow.signal
    def guarantee_answered(self, message: GuaranteeAnswered) -> None:
        """A guarantor accepted or refused."""
        self._mailbox.receive()

    @workflow.signal
    def guarantor_named(self, message: GuarantorNamed) -> None:
        """The applicant named another guarantor."""
        self._mailbox.receive()

    @workflow.signal
    def review_answered(self, message: ReviewAnswered) -> None:
        """Finance approved, returned, forwarded or refused."""
        self._mailbox.receive()

    @workflow.signal
    def application_corrected(self, message: ApplicationCorrected) -> None:
        """The applicant corrected what was returned."""
        self._mailbox.receive()

    @workflow.signal
    def obstacle_answered(self, message: ObstacleAnswered) -> None:
        """Somebody mended, or upheld, what stood in the way."""
        self._mailbox.receive()

    @workflow.signal
    def application_withdrawn(self, message: ApplicationWithdrawn) -> None:
        """The applicant withdrew."""
        self._mailbox.receive()

    async def _await_activation(self, approved: Outcome) -> Outcome:
        """Wait out the time between approval and usable credit; only the clock ends it with a credit."""
        if await self._mailbox.heard(approved.expire_in, "until the credit becomes usable"):
            return await self._take(OnboardingActivities.weigh_answer)
        return await self._take(OnboardingActivities.activate_credit)

    async def _await_end_of_pause(self, paused: Outcome) -> Outcome:
        """Wait until money actions may go on; whoever acts meanwhile makes it look again sooner."""
        await self._mailbox.heard(paused.expire_in, "until the pause of money actions is over")
        return await self._take(OnboardingActivities.activate_credit)

    async def _take(self, activity: Activity, until: datetime | None = None) -> Outcome:
        name = activity.__name__
        step = Step(self._case.case_id, self._rounds.next(name), until)
        return await transition(activity, step, summary=f"{name} {step.round}")
