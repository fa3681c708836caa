"""Issues the receipt of what was paid through a gateway, for the case that took the money (G9)."""

from __future__ import annotations

from activities.transition import Transition
from domain.catalogue import words
from domain.paper import PaymentReceipt
from domain.payment import GatewayName
from storage import payment as rows
from storage.paper import issue
from storage.people import names_of
from storage.rows.payment import PaymentItem


async def issue_receipt(step: Transition, item: PaymentItem, *, purpose: str, receiver: str) -> None:
    """Give the payer a receipt of the part that this case took; once, however often it is asked for.

    Args:
        step: of the case that took it.
        item: the part.
        purpose: what was paid for, as it is printed.
        receiver: who has been paid, as it is printed.
    """
    payment, attempts = (
        await rows.read_payment(step.connection, item.payment_id),
        await rows.attempts_of(step.connection, item.payment_id),
    )
    back = {one.attempt_id for one in await rows.returns_of(step.connection, item.payment_id)}
    paid = next((one for one in attempts if one.state == "paid" and one.id not in back), None)
    if payment is None or paid is None or paid.reference is None or paid.paid_at is None:
        return
    names = await names_of(step.connection, [payment.person_id])
    receipt = PaymentReceipt(
        payer=names[payment.person_id],
        purpose=purpose,
        receiver=receiver,
        amount=item.amount,
        gateway=words.term(GatewayName, paid.gateway).fa,
        reference=paid.reference,
        paid=paid.paid_at,
        case_number=step.case.number,
        card=paid.card,
    )
    await issue(step.connection, step.seals, step.case.id, payment.person_id, receipt)
