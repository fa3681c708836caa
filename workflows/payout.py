"""A batch of withdrawals for the bank (docs/rules.md, E3).

A settlement officer makes it: the waiting withdrawals are cut into lines and the bank's file is made. Another officer
confirms it, or rejects it, and then its lines wait for another batch. An officer hands the file to the bank and sends
its answer, by which lines are paid; those that it calls rejected go back to their owners once another officer has
confirmed it. What the bank says otherwise one officer records by hand and another confirms. It ends when every line is
settled.

Silence: the office is reminded once and asked anew. A bank that stays silent has the office reminded every two working
days; nothing is ever sent again by itself.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.payout import FactKind, Step
    from messages.queue import Queue


@workflow.defn
class PayoutWorkflow(CaseWorkflow):
    """Sequences one batch; see the module for the story."""

    kinds = (CaseKind.PAYOUT,)
    process = "payout"
    steps = {
        Step.CUT_LINES: ProcessStep(
            then={Step.REQUEST_PAYOUT_CONFIRMATION: "cut, and the file is made", OVER: "nothing waits"},
            queue=Queue.BATCH,
        ),
        Step.REQUEST_PAYOUT_CONFIRMATION: ProcessStep(
            asks="another officer to confirm",
            silence="asks anew",
            then={
                Step.REQUEST_PAYOUT_CONFIRMATION: "nobody answered",
                Step.RELEASE_LINES: "rejected",
                Step.REQUEST_HAND_OVER: "confirmed",
            },
        ),
        Step.RELEASE_LINES: ProcessStep(then={OVER: "the lines wait again"}, queue=Queue.BATCH),
        Step.REQUEST_HAND_OVER: ProcessStep(
            asks="the office to hand the file to the bank",
            silence="asks anew",
            then={Step.REQUEST_HAND_OVER: "nobody did", Step.AWAIT_BANK: "handed over"},
        ),
        Step.AWAIT_BANK: ProcessStep(
            asks="the bank for its answer",
            silence="of the bank reminds the office every two working days",
            then={
                Step.AWAIT_BANK: "the bank stayed silent",
                Step.APPLY_BANK_ANSWER: "its file came",
                Step.REQUEST_SETTLEMENT_CONFIRMATION: "an officer recorded a line by hand",
            },
        ),
        Step.APPLY_BANK_ANSWER: ProcessStep(
            then={
                Step.AWAIT_BANK: "lines are open",
                Step.REQUEST_REJECTION_CONFIRMATION: "it calls lines rejected",
                Step.CLOSE_PAYOUT: "every line is settled",
            },
            queue=Queue.BATCH,
        ),
        Step.REQUEST_REJECTION_CONFIRMATION: ProcessStep(
            asks="another officer to confirm what the file calls rejected",
            silence="asks anew",
            then={
                Step.APPLY_REJECTIONS: "confirmed",
                Step.AWAIT_BANK: "refused",
                Step.APPLY_BANK_ANSWER: "refused, and another file came at once",
                Step.REQUEST_REJECTION_CONFIRMATION: "nobody answered",
            },
        ),
        Step.APPLY_REJECTIONS: ProcessStep(
            then={Step.AWAIT_BANK: "lines are open", Step.CLOSE_PAYOUT: "every line is settled"}, queue=Queue.BATCH
        ),
        Step.REQUEST_SETTLEMENT_CONFIRMATION: ProcessStep(
            asks="another officer to confirm what was recorded",
            silence="asks anew",
            then={
                Step.SETTLE_LINE: "confirmed",
                Step.AWAIT_BANK: "rejected",
                Step.REQUEST_SETTLEMENT_CONFIRMATION: "nobody answered",
            },
        ),
        Step.SETTLE_LINE: ProcessStep(
            then={Step.AWAIT_BANK: "lines are open", Step.CLOSE_PAYOUT: "every line is settled"}
        ),
        Step.CLOSE_PAYOUT: ProcessStep(
            then={
                OVER: "every line is settled",
                Step.REQUEST_SETTLEMENT_CONFIRMATION: "an officer recorded meanwhile that a paid line came back",
            },
        ),
    }
    signals = {
        FactKind.PAYOUT_MADE: "an officer made a batch",
        FactKind.PAYOUT_CONFIRMED: "another officer confirmed it",
        FactKind.PAYOUT_REJECTED: "another officer rejected it",
        FactKind.PAYOUT_HANDED_OVER: "an officer handed the file to the bank",
        FactKind.PAYOUT_ANSWERED: "an officer sent the bank's answer",
        FactKind.PAYOUT_REJECTIONS_CONFIRMED: "another officer confirmed what the file calls rejected",
        FactKind.PAYOUT_REJECTIONS_REFUSED: "another officer refused it",
        FactKind.PAYOUT_SETTLEMENT_RECORDED: "an officer recorded a line by hand",
        FactKind.PAYOUT_SETTLEMENT_CONFIRMED: "another officer confirmed what was recorded",
        FactKind.PAYOUT_SETTLEMENT_REJECTED: "another officer rejected what was recorded",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until every line is settled."""
        await self.go_on()
