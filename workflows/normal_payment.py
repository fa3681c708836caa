"""A normal payment from one member to another, outside escrow (docs/rules.md, E7).

A member asks to pay the holder of a number, and accepts in words that the platform takes no responsibility. The payee
accepts the same words, or refuses; who is no member yet is invited, and asked once they have joined with that number.
Then the payer pays through a gateway, in a payment of its own; as soon as the money has come it goes straight to the
payee's balance. The payer may withdraw until they have paid.

Silence: the payee is reminded once, then it lapses, at the same moment as where nobody joined; the payer is reminded
once, then it lapses. What is paid for one that is over goes back.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.normal_payment import FactKind, Step
    from messages.payment import Event as PaymentEvent


@workflow.defn
class NormalPaymentWorkflow(CaseWorkflow):
    """Sequences one normal payment; see the module for the story."""

    kinds = (CaseKind.NORMAL_PAYMENT,)
    process = "normal_payment"
    steps = {
        Step.ASK_PAYEE: ProcessStep(
            asks="the payee, as soon as the number is a member's",
            silence="ends it",
            then={
                Step.ASK_PAYEE: "somebody joined with the number",
                Step.REQUEST_PAYMENT: "accepted",
                OVER: "refused, withdrawn or lapsed",
            },
        ),
        Step.REQUEST_PAYMENT: ProcessStep(
            asks="the payer to pay",
            silence="ends it",
            then={Step.TAKE_PAYMENT: "the money has come", OVER: "withdrawn or lapsed"},
        ),
        Step.TAKE_PAYMENT: ProcessStep(then={OVER: "it is in the payee's balance"}),
    }
    signals = {
        FactKind.NORMAL_PAYMENT_REQUESTED: "a member asked to pay another",
        FactKind.NORMAL_PAYMENT_ACCEPTED: "the payee accepted",
        FactKind.NORMAL_PAYMENT_REFUSED: "the payee refused",
        FactKind.NORMAL_PAYMENT_WITHDRAWN: "the payer withdrew",
        PaymentEvent.PAYMENT_RECEIVED: "the money has come and is to be taken",
        PaymentEvent.PAYMENT_ENDED: "a payment ended without its money",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until it is paid or over."""
        await self.go_on()
