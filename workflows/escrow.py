"""A safe payment from an employer to a contractor, held in trust (docs/rules.md, E1 to E6).

One side proposes, the other accepts; who is no member yet is invited, and asked once they have joined. The employer
pays through a gateway, and the money is held: not the contractor's yet, nor the employer's to take back. It leaves by
the employer's release, by a refund that the contractor agrees to, or by arbitration that either side asks for: both
file statements, may agree to divide it, else an arbitrator rules, and after an objection another one does, finally.
Each amount is decided by a command and frozen by it; the process books it. What goes back is a payment of its own.

Silence never moves money. A proposal that nobody answers or pays lapses; work that nobody inspects, and a refund that
nobody answers, have the other side told of arbitration; money with which nothing happens for long comes to an
arbitrator; a dispute that no arbitrator takes or rules is given on, and the operations desk hears of it.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.escrow import FactKind, Step
    from messages.payment import Event as PaymentEvent

_SETTLED: dict[str, str] = {
    Step.PAY_OVER: "both agreed to divide it",
    Step.UNFREEZE: "who asked for arbitration took it back",
}


@workflow.defn
class EscrowWorkflow(CaseWorkflow):
    """Sequences one safe payment; see the module for the story."""

    kinds = (CaseKind.ESCROW,)
    process = "escrow"
    steps = {
        Step.ASK_OTHER_SIDE: ProcessStep(
            asks="the other side, as soon as the number is a member's",
            silence="ends it",
            then={
                Step.ASK_OTHER_SIDE: "somebody joined with the number",
                Step.REQUEST_FUNDING: "accepted",
                OVER: "declined, withdrawn or lapsed",
            },
        ),
        Step.REQUEST_FUNDING: ProcessStep(
            asks="the employer to pay",
            silence="ends it",
            then={Step.TAKE_FUNDS: "the money has come", OVER: "withdrawn or lapsed"},
        ),
        Step.TAKE_FUNDS: ProcessStep(then={Step.HOLD_FUNDS: "it is held"}),
        Step.HOLD_FUNDS: ProcessStep(
            asks="the employer to look at work that was declared done, the contractor about an asked refund",
            silence="has the other side told of arbitration; for long, reminds both",
            then={
                Step.HOLD_FUNDS: "declared done, a refund asked for, answered, or left without an answer",
                Step.PAY_OVER: "released, or agreed to go back",
                Step.REQUEST_STATEMENTS: "either side, or an arbitrator who looked at it, asked for arbitration",
                Step.REMIND_DORMANT: "nothing happened for long",
            },
        ),
        Step.REMIND_DORMANT: ProcessStep(
            asks="the last time, an arbitrator to look at it",
            silence="asks again",
            then={Step.HOLD_FUNDS: "both are reminded"},
        ),
        Step.REQUEST_STATEMENTS: ProcessStep(
            asks="both sides for statements and evidence",
            silence="leaves the word to the other side",
            then={Step.REQUEST_ARBITRATOR: "the time to file is over", **_SETTLED},
        ),
        Step.REQUEST_ARBITRATOR: ProcessStep(
            asks="arbitrators who have nothing to do with either side; where there is none, the operations desk",
            silence="asks again, and the operations desk to find one",
            then={
                Step.REQUEST_ARBITRATOR: "nobody claimed it",
                Step.REQUEST_RULING: "an arbitrator claimed it",
                **_SETTLED,
            },
        ),
        Step.REQUEST_RULING: ProcessStep(
            asks="the arbitrator to rule",
            silence="takes it away and gives it on",
            then={
                Step.REQUEST_ARBITRATOR: "not ruled in time, given back, or not an arbitrator any more",
                Step.AWAIT_OBJECTION: "ruled for the first time",
                Step.MAKE_FINAL: "ruled after an objection",
                **_SETTLED,
            },
        ),
        Step.AWAIT_OBJECTION: ProcessStep(
            asks="both sides whether they object",
            silence="makes the ruling final",
            then={Step.MAKE_FINAL: "nobody objected", Step.REQUEST_ARBITRATOR: "a side objected"},
        ),
        Step.MAKE_FINAL: ProcessStep(then={Step.PAY_OVER: "divided as ruled"}),
        Step.UNFREEZE: ProcessStep(then={Step.HOLD_FUNDS: "it is held as before"}),
        Step.PAY_OVER: ProcessStep(
            then={
                Step.HOLD_FUNDS: "a part is still held",
                Step.CLOSE_ESCROW: "nothing is held, and money has still to go back",
                OVER: "all of it is the contractor's",
            }
        ),
        Step.CLOSE_ESCROW: ProcessStep(
            asks="the payments that give money back to end",
            silence="looks again",
            then={Step.CLOSE_ESCROW: "money has not gone back yet", OVER: "all of it has gone where it was decided"},
        ),
    }
    signals = {
        FactKind.ESCROW_PROPOSED: "a member proposed it",
        FactKind.ESCROW_ACCEPTED: "the other side accepted",
        FactKind.ESCROW_DECLINED: "the other side declined",
        FactKind.ESCROW_WITHDRAWN: "withdrawn before it was paid",
        PaymentEvent.PAYMENT_RECEIVED: "the money has come and is to be taken",
        PaymentEvent.PAYMENT_ENDED: "a payment ended without its money, or a refund has gone back",
        FactKind.ESCROW_WORK_DECLARED: "the contractor declared the work done",
        FactKind.ESCROW_RELEASED: "the employer released",
        FactKind.ESCROW_REFUND_ASKED: "the employer asked for money back",
        FactKind.ESCROW_REFUND_AGREED: "the contractor agreed to a refund",
        FactKind.ESCROW_REFUND_DECLINED: "the contractor agreed to none",
        FactKind.ESCROW_DISPUTE_OPENED: "a side asked for arbitration",
        FactKind.ESCROW_DISPUTE_WITHDRAWN: "that side took it back",
        FactKind.ESCROW_STATEMENT_FILED: "a side filed a statement",
        FactKind.ESCROW_SPLIT_OFFERED: "a side offered to divide it",
        FactKind.ESCROW_SPLIT_ACCEPTED: "the other side accepted that",
        FactKind.ESCROW_SPLIT_DECLINED: "the other side declined that",
        FactKind.ESCROW_ARBITRATOR_CLAIMED: "an arbitrator claimed it",
        FactKind.ESCROW_ARBITRATOR_RECUSED: "the arbitrator gave it back",
        FactKind.ESCROW_ARBITRATOR_SOUGHT: "the operations desk saw to an arbitrator",
        FactKind.ESCROW_RULED: "the arbitrator ruled",
        FactKind.ESCROW_OBJECTED: "a side objected to the ruling",
        FactKind.ESCROW_DORMANCY_REVIEWED: "an arbitrator looked at money with which nothing happens",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until all of the money has gone where it was decided."""
        await self.go_on()
