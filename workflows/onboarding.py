"""From application to usable credit (docs/rules.md, A).

A member applies and says who stands behind it: guarantors, each of whom accepts or refuses in person, or the employer,
whose hr_officer issues the deduction certificate. Where the programme asks for it, the finance office of the
applicant's region then approves the application, returns it for correction, or refuses it. After the waiting time
everything is checked again and the credit becomes usable; the officer who can clear an obstacle is asked to do so. The
applicant may withdraw, or name another guarantor, until then.

Silence: each person who is asked is reminded once. If a guarantor stays silent, the applicant is asked for another
name; if the region does, the platform's finance reviews; any other silence ends the application and releases its
guarantors.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.certificate import FactKind as CertificateFact
    from messages.guarantor import FactKind as GuarantorFact
    from messages.onboarding import FactKind, Step
    from messages.review import FactKind as ReviewFact


@workflow.defn
class OnboardingWorkflow(CaseWorkflow):
    """Sequences one application; see the module for the story."""

    kinds = (CaseKind.ONBOARDING,)
    process = "onboarding"
    steps = {
        Step.REQUEST_BACKING: ProcessStep(
            asks="the employer for the deduction certificate; or each guarantor, and the applicant for a missing name",
            silence="a guarantor's asks the applicant for another name; anybody else's ends the application",
            then={
                Step.REQUEST_BACKING: "a guarantor was named, refused or stayed silent",
                Step.REQUEST_REVIEW: "everybody accepted",
                Step.ACTIVATE_CREDIT: "certified, and nobody reviews",
                OVER: "refused, withdrawn or lapsed",
            },
        ),
        Step.REQUEST_REVIEW: ProcessStep(
            asks="the finance office of the applicant's region, or of the platform where the region cannot decide",
            silence="the region's hands it to the platform; the platform's ends the application",
            then={
                Step.REQUEST_REVIEW: "handed to the region where the applicant works now",
                Step.REQUEST_CORRECTION: "returned",
                Step.REQUEST_BACKING: "another guarantor was named",
                Step.ACTIVATE_CREDIT: "approved, and the waiting time is over",
                OVER: "refused, withdrawn or lapsed",
            },
        ),
        Step.REQUEST_CORRECTION: ProcessStep(
            asks="the applicant to correct what was returned",
            silence="ends the application",
            then={
                Step.REQUEST_BACKING: "more is asked for than was accepted, or a guarantor is missing",
                Step.REQUEST_REVIEW: "corrected",
                OVER: "withdrawn or lapsed",
            },
        ),
        Step.ACTIVATE_CREDIT: ProcessStep(
            asks="nobody; at an obstacle the officer who can clear it",
            silence="ends the application",
            then={
                Step.ACTIVATE_CREDIT: "the obstacle is cleared, or a pause of money actions is over",
                Step.REQUEST_BACKING: "a guarantor is gone",
                OVER: "usable; or refused, withdrawn or lapsed",
            },
        ),
    }
    signals = {
        FactKind.APPLICATION_SUBMITTED: "a member applied",
        CertificateFact.CERTIFICATE_ISSUED: "the employer certified what it will deduct",
        CertificateFact.CERTIFICATE_REFUSED: "the employer did not",
        GuarantorFact.GUARANTEE_ACCEPTED: "a guarantor accepted",
        GuarantorFact.GUARANTEE_REFUSED: "a guarantor refused",
        GuarantorFact.GUARANTOR_NAMED: "the applicant named another guarantor",
        ReviewFact.APPLICATION_APPROVED: "finance approved",
        ReviewFact.APPLICATION_RETURNED: "finance returned it for correction",
        ReviewFact.APPLICATION_FORWARDED: "finance handed it to another region",
        FactKind.APPLICATION_REFUSED: "finance refused",
        FactKind.APPLICATION_CORRECTED: "the applicant corrected what was returned",
        FactKind.OBSTACLE_CLEARED: "the obstacle was cleared",
        FactKind.OBSTACLE_UPHELD: "it was not",
        FactKind.APPLICATION_WITHDRAWN: "the applicant withdrew",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the credit is usable or the application is over."""
        await self.go_on()
