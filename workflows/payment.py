"""Money that a member pays through a gateway (docs/rules.md, E2).

The payer goes to the bank by a link that a gateway gives, and comes back, or does not: either way the gateway is asked,
for what a browser brings is only a hint. Money that was paid stands apart until the cases that it is for have taken it;
what they refuse, what was paid twice, by another's card or with another amount goes back, through the gateway where it
can, else by a pay-out to the payer's own sheba, else by two settlement officers. A try that came to nothing may be
followed by another one for a while. What was taken and is to go back later, a refund, is a case of this process too:
nothing can be paid by it, and its money goes back in the same ways.

Silence: a payer who does not come back is looked after until the link's end; a gateway that does not answer is asked
for a day, then the settlement office is; it is asked anew until it has answered, for no money is forgotten, and
reminded of a pay-out that is not made. Cases that do not take their money within a day get none.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.case import CaseWorkflow, ProcessStep

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef
    from messages.payment import Event, FactKind, PurposeAnswer, Step
    from messages.queue import Queue

_SETTLED = {
    Step.HAND_OVER: "paid, and those that it is for have not taken it",
    Step.RETURN_REST: "paid, and not all of it is taken",
    Step.RETURN_MONEY: "paid twice, with another amount or by another's card",
    Step.CLOSE_PAYMENT: "not paid, and the time to pay is over",
    OVER: "all that came is taken or has gone back",
}


@workflow.defn
class PaymentWorkflow(CaseWorkflow):
    """Sequences one payment; see the module for the story."""

    kinds = (CaseKind.PAYMENT,)
    process = "payment"
    steps = {
        Step.REQUEST_LINK: ProcessStep(
            asks="a gateway for a link, then the payer to pay by it",
            silence="of the payer has the gateway asked; of every gateway lets the payer try again",
            then={
                Step.VERIFY_PAYMENT: "the payer came back, or did not",
                Step.REQUEST_LINK: "the payer tries once more",
                Step.RETURN_MONEY: "a refund: what another payment brought goes back, and nothing is paid",
                Step.CLOSE_PAYMENT: "no gateway gave a link, and the time to pay is over",
            },
            queue=Queue.OUTSIDE,
        ),
        Step.VERIFY_PAYMENT: ProcessStep(
            asks="the gateway what became of it, then those that were paid for to take it",
            silence="of the gateway for a day asks the settlement office",
            then={
                Step.VERIFY_PAYMENT: "the payer may still pay",
                Step.REQUEST_LINK: "not paid, and the payer tries once more",
                Step.REQUEST_SETTLEMENT: "nobody knows after a day",
                **_SETTLED,
            },
            queue=Queue.OUTSIDE,
        ),
        Step.REQUEST_SETTLEMENT: ProcessStep(
            asks="the settlement office to find out",
            silence="asks it anew",
            then={
                Step.REQUEST_SETTLEMENT: "it stayed silent",
                Step.VERIFY_PAYMENT: "it had the gateway asked again",
                Step.CLOSE_PAYMENT: "it found that nothing was paid",
            },
        ),
        Step.HAND_OVER: ProcessStep(
            asks="those that were paid for once more",
            silence="for a day sends the money back",
            then={
                Step.HAND_OVER: "not taken yet",
                Step.RETURN_REST: "refused, or not taken within a day",
                OVER: "taken",
            },
        ),
        Step.RETURN_REST: ProcessStep(then={Step.RETURN_MONEY: "it is owed to the payer"}),
        Step.RETURN_MONEY: ProcessStep(
            asks="the gateway to give it back, then a pay-out",
            silence="of the gateway for a day asks the settlement office to; of the bank reminds it",
            then={
                Step.VERIFY_PAYMENT: "the payer came back from another try",
                Step.REQUEST_RETURN: "the gateway cannot and no pay-out may, or the bank rejects it or is silent",
                Step.BOOK_RETURN: "the settlement office paid another sum back",
                Step.REQUEST_LINK: "it went back, and the payer tries once more",
                Step.HAND_OVER: "it went back, and what was paid besides is not taken",
                Step.CLOSE_PAYMENT: "it went back, and the time to pay is over",
                OVER: "it went back",
            },
            queue=Queue.OUTSIDE,
        ),
        Step.REQUEST_RETURN: ProcessStep(
            asks="the settlement office to pay it back, and another officer to confirm that",
            silence="asks it anew",
            then={
                Step.REQUEST_RETURN: "it stayed silent, one recorded it, or another did not confirm it",
                Step.BOOK_RETURN: "another officer confirmed that it was paid back",
                Step.RETURN_MONEY: "a gateway has another sum to give back",
                OVER: "the bank paid what waited for a pay-out",
            },
        ),
        Step.BOOK_RETURN: ProcessStep(
            then={
                Step.REQUEST_RETURN: "another sum is to go back",
                Step.RETURN_MONEY: "another sum is to go back, by its gateway",
                Step.CLOSE_PAYMENT: "the time to pay is over",
                OVER: "all that came is taken or has gone back",
            }
        ),
        Step.CLOSE_PAYMENT: ProcessStep(then={OVER: "nothing came, or all of it went back"}),
    }
    signals = {
        Event.PAYMENT_REFUND_BEGUN: "a case gives back a part of what it took",
        FactKind.PAYMENT_ATTEMPTED: "the payer begins to pay, or tries again",
        Event.PAYMENT_CALLED_BACK: "the payer's browser came back from the bank",
        FactKind.PAYMENT_LOOKED_AT: "the payer wants the bank asked now",
        PurposeAnswer.PAYMENT_TAKEN: "a case that was paid for took its money",
        PurposeAnswer.PAYMENT_REFUSED: "a case that was paid for does not want it any more",
        FactKind.PAYMENT_ASKED_AGAIN: "the settlement office wants the gateway asked again",
        FactKind.PAYMENT_GIVEN_UP: "the settlement office found that nothing was paid",
        FactKind.PAYMENT_RETURNED_BY_HAND: "an officer recorded that money was paid back",
        FactKind.PAYMENT_RETURN_CONFIRMED: "another officer confirmed it",
        FactKind.PAYMENT_RETURN_REJECTED: "another officer did not confirm it",
        Event.PAYMENT_RETURNED: "the bank paid a line of a pay-out",
        Event.PAYMENT_TO_SHEBA_REJECTED: "the bank rejected a line of a pay-out",
    }

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until all that came is taken or has gone back."""
        await self.go_on()
