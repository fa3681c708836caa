"""Another guarantor behind a usable credit (docs/rules.md, A4).

The owner of a credit asks to have one of its guarantors replaced by another colleague. The new one accepts in person,
or refuses, and then nothing has changed. Once they have accepted, the finance office of the owner's region approves or
refuses. Only the approval releases the former guarantor, after everything was checked again: the credit is guaranteed
at every moment. The owner may withdraw until then; a credit that is closed meanwhile needs no guarantor.

Silence: each person who is asked is reminded once. If the region stays silent, the platform's finance reviews; any
other silence ends the substitution, and the former guarantor stays bound.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.guarantor import FactKind as GuarantorFact
    from messages.substitution import Event, FactKind, Step


@workflow.defn
class SubstitutionWorkflow(CaseWorkflow):
    """Sequences one substitution; see the module for the story."""

    kinds = (CaseKind.SUBSTITUTION,)
    process = "substitution"
    steps = {
        Step.ASK_SUBSTITUTE: ProcessStep(
            asks="the new guarantor, in person",
            silence="ends the substitution",
            then={
                Step.REQUEST_SUBSTITUTION_REVIEW: "accepted",
                OVER: "refused, withdrawn, lapsed, or the credit was closed",
            },
        ),
        Step.REQUEST_SUBSTITUTION_REVIEW: ProcessStep(
            asks="the finance office of the owner's region, or of the platform where the region cannot decide",
            silence="the region's hands it to the platform; the platform's ends the substitution",
            then={
                Step.REPLACE_GUARANTOR: "approved",
                OVER: "refused, withdrawn, lapsed, or the credit was closed",
            },
        ),
        Step.REPLACE_GUARANTOR: ProcessStep(
            asks="finance once more, if what it approved does not hold any more",
            silence="as of the review",
            then={
                Step.REPLACE_GUARANTOR: "approved once more",
                OVER: "replaced; or refused, withdrawn, lapsed, or the credit was closed",
            },
        ),
    }
    signals = {
        FactKind.SUBSTITUTION_REQUESTED: "the owner of a credit asked for another guarantor",
        GuarantorFact.GUARANTEE_ACCEPTED: "the new guarantor accepted",
        GuarantorFact.GUARANTEE_REFUSED: "the new guarantor refused",
        FactKind.SUBSTITUTION_APPROVED: "finance approved",
        FactKind.SUBSTITUTION_REFUSED: "finance refused",
        FactKind.SUBSTITUTION_WITHDRAWN: "the owner of the credit withdrew",
        Event.SUBSTITUTION_OVERTAKEN: "the credit was closed",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the guarantor is replaced or the substitution is over."""
        await self.go_on()
