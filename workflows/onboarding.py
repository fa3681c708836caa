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

from temporalio import workflow

from workflows.case import CaseWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.onboarding import OnboardingActivities as Machine
    from messages.case import CaseRef
    from messages.onboarding import Outcome, Standing


@workflow.defn
class OnboardingWorkflow(CaseWorkflow):
    """Sequences one application; see the module for the story."""

    first = Machine.request_backing
    then = {
        Standing.UNBACKED: Machine.request_backing,
        Standing.UNREVIEWED: Machine.request_review,
        Standing.RETURNED: Machine.request_correction,
        Standing.BACKED: Machine.activate_credit,
    }
    weigh, remind, lapse = Machine.weigh_answer, Machine.remind, Machine.lapse
    signals = {
        "application_submitted": "a member applied",
        "certificate_answered": "the employer issued or refused the certificate",
        "guarantee_answered": "a guarantor accepted or refused",
        "guarantor_named": "the applicant named another guarantor",
        "review_answered": "finance approved, returned, forwarded or refused",
        "application_corrected": "the applicant corrected what was returned",
        "obstacle_answered": "what stood in the way was mended or upheld",
        "application_withdrawn": "the applicant withdrew",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the credit is usable or the application is over."""
        await self.go_on()

    async def _next(self, outcome: Outcome) -> Outcome:
        match outcome.standing:
            case Standing.APPROVED:
                if await self._mailbox.heard(outcome.expire_in, "until the credit becomes usable"):
                    return await self._take(Machine.weigh_answer)
                return await self._take(Machine.activate_credit)
            case Standing.PAUSED:
                await self._mailbox.heard(outcome.expire_in, "until the pause of money actions is over")
                return await self._take(Machine.activate_credit)
        return await super()._next(outcome)
