"""Another guarantor behind a usable credit (docs/rules.md, A4).

The owner of a credit asks to have one of its guarantors replaced by another colleague. The new one accepts in person,
or refuses, and then nothing has changed. Once they have accepted, the finance office of the owner's region approves or
refuses. Only the approval frees the former guarantor, after everything was checked again: at no moment does nobody
stand. The owner may withdraw until then; a credit that is closed meanwhile needs no guarantor.

Silence: whoever is awaited is reminded once. The region's hands the review to the platform's finance; anybody else's
ends the substitution, and the former guarantor goes on standing.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.substitution import SubstitutionActivities as Machine
    from messages.case import CaseRef
    from messages.onboarding import Standing


@workflow.defn
class SubstitutionWorkflow(CaseWorkflow):
    """Sequences one substitution; see the module for the story."""

    first = Machine.ask_substitute
    then = {
        Standing.UNBACKED: Machine.ask_substitute,
        Standing.UNREVIEWED: Machine.request_substitution_review,
        Standing.APPROVED: Machine.replace_guarantor,
    }
    weigh, remind, lapse = Machine.weigh_substitution, Machine.remind_substitution, Machine.lapse_substitution
    signals = {
        "substitution_requested": "the owner of a credit asked for another guarantor",
        "substitute_answered": "the new guarantor accepted or refused",
        "substitution_reviewed": "finance approved or refused",
        "substitution_withdrawn": "the owner of the credit withdrew",
        "substitution_overtaken": "the credit was closed",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the guarantor is replaced or the substitution is over."""
        await self.go_on()
