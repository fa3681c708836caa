"""A gateway's day, compared with the ledger (docs/rules.md, E2).

The gateway is asked for its list of the day, and the list is compared with our payments, try by try. The settlement
office decides on each difference: one says that it stands on another day, or proposes what explains it or what to book,
and another confirms. A day without a difference ends at once.

Silence: a gateway that cannot be reached for a day, or lists nothing of a day of which we have payments, leaves the day
without a list, to be compared later; the settlement office is reminded and asked anew, and the operators have the day
among their late cases.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.clearing import Event, FactKind, Step
    from messages.queue import Queue


@workflow.defn
class ClearingWorkflow(CaseWorkflow):
    """Sequences the comparison of one day; see the module for the story."""

    kinds = (CaseKind.CLEARING,)
    process = "clearing"
    steps = {
        Step.FETCH_LIST: ProcessStep(
            asks="the gateway for its list",
            silence="for a day leaves the day without a list",
            then={
                Step.REQUEST_DECISIONS: "there are differences",
                OVER: "there is no difference, or no list",
            },
            queue=Queue.OUTSIDE,
        ),
        Step.REQUEST_DECISIONS: ProcessStep(
            asks="the settlement office about each difference",
            silence="asks it anew",
            then={
                Step.REQUEST_DECISIONS: "it stayed silent, something was proposed or rejected, or more is open",
                Step.BOOK_DIFFERENCES: "a second officer confirmed a booking",
                OVER: "every difference is explained",
            },
        ),
        Step.BOOK_DIFFERENCES: ProcessStep(
            then={
                Step.REQUEST_DECISIONS: "more is to be decided",
                OVER: "every difference is explained or booked",
            }
        ),
    }
    signals = {
        Event.CLEARING_OPENED: "the clock opened it",
        FactKind.CLEARING_REQUESTED: "the settlement office wants the day compared",
        FactKind.CLEARING_EXPLAINED: "a difference was explained",
        FactKind.CLEARING_PROPOSED: "something was proposed about a difference",
        FactKind.CLEARING_CONFIRMED: "a second officer confirmed the proposal",
        FactKind.CLEARING_REJECTED: "a second officer rejected the proposal",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until no difference is open."""
        await self.go_on()
