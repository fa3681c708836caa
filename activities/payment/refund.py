"""Opens the refund of money that a case has taken of a payment, within that case's own transition (E6, E6a)."""

from __future__ import annotations

from uuid import UUID

from activities.transition import Transition
from domain import ledger
from domain.money import Money
from storage import payment_refund as rows
from storage.ledger import posting
from storage.payment import read_payment


async def open_refund(step: Transition, payment_id: UUID, amount: Money) -> tuple[UUID, str]:
    """Have a part of what this case has taken given back to its payer.

    Returns the refund's case, and the code of the account to which this transition must post the amount.

    Raises:
        LookupError, ValueError: as ``storage.payment_refund.open_refund``.
    """
    case = step.case
    refund_id = await rows.open_refund(
        step.connection, payment_id=payment_id, purpose=case.kind, purpose_id=case.id, amount=amount
    )
    refund = await read_payment(step.connection, refund_id)
    _, refunding = ledger.payment_accounts(refund_id, None if refund is None else refund.person_id)
    await posting.open_account(step.connection, refunding)
    return refund_id, refunding.code
