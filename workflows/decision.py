"""Every case that is only asked and decided.

One person proposes and another decides, for example a change of a known person's data. The decider confirms, rejects
or returns the proposal; a returned one is corrected and proposed again. A confirmed one is applied after everything was
checked once more. What is special about a kind stands in its own file of ``activities/``.

Silence: one reminder, then the proposal lapses and nothing is applied. A case ends too when nothing is left to decide,
because what was proposed has come about in another way or is no longer said.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages import kyc, mobile_change, personnel, staff_change
    from messages.case import OVER, CaseKind, CaseRef
    from messages.decision import Step


@workflow.defn
class DecisionWorkflow(CaseWorkflow):
    """Sequences one decision; see the module for the story."""

    kinds = (CaseKind.PERSONNEL_CHANGE, CaseKind.MOBILE_CHANGE, CaseKind.STAFF_CHANGE, CaseKind.KYC)
    process = "decision"
    steps = {
        Step.REQUEST_DECISION: ProcessStep(
            asks="who may decide",
            silence="ends it; nothing is applied",
            then={
                Step.APPLY_DECISION: "decided",
                Step.REQUEST_RESUBMISSION: "returned",
                Step.REQUEST_DECISION: "what is asked for has changed since",
                OVER: "lapsed, or nothing is left to decide",
            },
        ),
        Step.REQUEST_RESUBMISSION: ProcessStep(
            asks="who brought it to correct what was returned",
            silence="ends it; nothing is applied",
            then={Step.REQUEST_DECISION: "corrected", OVER: "lapsed"},
        ),
        Step.APPLY_DECISION: ProcessStep(then={OVER: "confirmed or rejected"}),
    }
    signals = {**personnel.CHANGE_SIGNALS, **mobile_change.SIGNALS, **staff_change.SIGNALS, **kyc.SIGNALS}

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until it is applied, rejected, or has lapsed."""
        await self.go_on()
