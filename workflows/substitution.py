"""Another guarantor behind a usable credit (docs/rules.md, A4).

The owner of a credit asks to have one of its guarantors replaced by another colleague. The new one accepts in person,
or refuses, and then nothing has changed. Once they have accepted, the finance office of the owner's region approves or
refuses. Only the approval frees the former guarantor, after everything was checked again: at no moment does nobody
stand. The owner may withdraw until then; a credit that is closed meanwhile needs no guarantor.

Silence: whoever is awaited is reminded once. The region's hands the review to the platform's finance; anybody else's
ends the substitution, and the former guarantor goes on standing.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

from workflows.answers import Activity, Answers
from workflows.transitions import Mailbox, Rounds, transition

with workflow.unsafe.imports_passed_through():
    from activities.substitution import SubstitutionActivities
    from messages.case import CaseRef
    from messages.onboarding import Outcome, Standing, Step
    from messages.substitution import (
        SubstituteAnswered,
        SubstitutionOvertaken,
        SubstitutionRequested,
        SubstitutionReviewed,
        SubstitutionWithdrawn,
    )

_ANSWERS = Answers(
    SubstitutionActivities.weigh_substitution,
    SubstitutionActivities.remind_substitution,
    SubstitutionActivities.lapse_substitution,
)


@workflow.defn
class SubstitutionWorkflow:
    """Sequences one substitution; see the module for the story."""

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        self._case = case
        self._rounds = Rounds()
        self._mailbox = Mailbox()

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the guarantor is replaced or the substitution is over."""
        outcome = await self._take(SubstitutionActivities.ask_substitute)
        while outcome.standing is not Standing.OVER:
            match outcome.standing:
                case Standing.WAITING:
                    outcome = await _ANSWERS.wait(outcome, self._mailbox, self._take)
                case Standing.UNBACKED:
                    outcome = await self._take(SubstitutionActivities.ask_substitute)
                case Standing.UNREVIEWED:
                    outcome = await self._take(SubstitutionActivities.request_substitution_review)
                case Standing.APPROVED:
                    outcome = await self._take(SubstitutionActivities.replace_guarantor)
                case other:
                    raise RuntimeError(f"no step follows from {other}")
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def substitution_requested(self, message: SubstitutionRequested) -> None:
        """The request that started this process; nothing else follows from it."""

    @workflow.signal
    def substitute_answered(self, message: SubstituteAnswered) -> None:
        """The new guarantor accepted or refused."""
        self._mailbox.receive()

    @workflow.signal
    def substitution_reviewed(self, message: SubstitutionReviewed) -> None:
        """Finance approved or refused."""
        self._mailbox.receive()

    @workflow.signal
    def substitution_withdrawn(self, message: SubstitutionWithdrawn) -> None:
        """The owner of the credit withdrew."""
        self._mailbox.receive()

    @workflow.signal
    def substitution_overtaken(self, message: SubstitutionOvertaken) -> None:
        """The credit was closed."""
        self._mailbox.receive()

    async def _take(self, activity: Activity, until: datetime | None = None) -> Outcome:
        name = activity.__name__
        step = Step(self._case.case_id, self._rounds.next(name), until)
        return await transition(activity, step, summary=f"{name} {step.round}")
