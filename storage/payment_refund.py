"""Money that a case has taken of a payment and that goes back later: a payment's case of its own (E6, E6a).

Who opens one has locked the case that took the money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.money import Money, Unit, format_toman
from domain.payment import PaymentPolicy, RefundReason
from messages.case import CaseKind, CaseSignal
from messages.payment import Event, Phase, Variant
from storage.cases import add_event, open_case
from storage.notices import notify
from storage.outbox import enqueue
from storage.payment import attempts_of, read_payment, returns_of
from storage.policies import in_force
from storage.rows.payment import PaymentAttempt, payment_items, payment_returns, payments
from storage.rows.table import as_row

_p, _i, _r = payments.c, payment_items.c, payment_returns.c
# More than anybody's case asks for: each is a process of its own.
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Refund:
    """A part of a payment that goes, or went, back: ``case_id`` is the refund's own case, ``amount`` rial."""

    case_id: UUID
    payment_id: UUID
    amount: int
    opened_at: datetime
    returned_at: datetime | None

    @property
    def money(self) -> Money:
        """What goes back."""
        return Money(self.amount, Unit.IRR)


async def open_refund(
    connection: AsyncConnection, *, payment_id: UUID, purpose: CaseKind, purpose_id: UUID, amount: Money
) -> UUID:
    """Owe the payer a part of what a case has taken of a payment, and have it given back; returns the refund's case.

    The caller posts the amount to ``payment:refunding`` of that case in the same transaction. The case that took the
    money is told by ``payment_ended`` once it has gone back.

    Args:
        connection: in a transaction of the machine's.
        payment_id: the payment that was paid.
        purpose: the kind of the case that took it.
        purpose_id: that case.
        amount: what goes back, over 0.

    Raises:
        LookupError: the case has taken nothing of such a payment, or payments have no policy.
        ValueError: it is nothing, more than the case has taken and not given back, or more than is left of the try.
    """
    paid, left = await _source(connection, payment_id, purpose_id)
    payment, policy = await read_payment(connection, payment_id), await in_force(connection, PaymentPolicy.POLICY)
    if payment is None or policy is None:
        raise LookupError(f"payment {payment_id} cannot be refunded")
    if not Money(0) < amount <= left:
        raise ValueError(f"of payment {payment_id} no more than {left.amount} rial can go back")
    case_id = await open_case(
        connection,
        kind=CaseKind.PAYMENT,
        variant=Variant.REFUND,
        phase=Phase.RETURNING,
        policy_id=policy.id,
        person_id=payment.person_id,
        part=Part.PAYER,
        next_actor=Part.MACHINE,
    )
    new = {
        "case_id": case_id,
        "person_id": payment.person_id,
        "amount": amount.amount,
        "fee": 0,
        "unit": amount.unit,
        "own_card": payment.own_card,
        "pay_until": sa.func.now(),
        "refund_of": payment_id,
    }
    await connection.execute(sa.insert(payments).values(new))
    item = {"purpose": purpose, "purpose_id": purpose_id, "state": "refused", "decided_at": sa.func.now()}
    owed = {"attempt_id": paid.id, "reason": RefundReason.LATER_REFUND, "way": "refund"}
    for table, values in ((payment_items, item), (payment_returns, owed)):
        await connection.execute(sa.insert(table).values(payment_id=case_id, amount=amount.amount, **values))
    await _tell(connection, case_id, payment.person_id, amount)
    return case_id


async def _source(connection: AsyncConnection, payment_id: UUID, purpose_id: UUID) -> tuple[PaymentAttempt, Money]:
    """The try by which a case's money was paid, and how much of it may still go back; the case's part is locked."""
    which = sa.and_(_i.payment_id == payment_id, _i.purpose_id == purpose_id, _i.state == "taken")
    taken = await connection.scalar(sa.select(_i.amount).where(which).with_for_update())
    back = {one.attempt_id for one in await returns_of(connection, payment_id) if one.reason != RefundReason.NOT_TAKEN}
    tries = await attempts_of(connection, payment_id)
    paid = next((one for one in tries if one.state == "paid" and one.id not in back), None)
    if taken is None or paid is None or paid.paid_amount is None:
        raise LookupError(f"case {purpose_id} has taken nothing of payment {payment_id}")
    of_case = sa.select(sa.func.coalesce(sa.func.sum(_p.amount), 0)).join(
        payment_items, sa.and_(_i.payment_id == _p.case_id, _i.purpose_id == purpose_id)
    )
    of_try = sa.select(sa.func.coalesce(sa.func.sum(_r.amount), 0)).where(_r.attempt_id == paid.id)
    given_back = int(await connection.scalar(of_case.where(_p.refund_of == payment_id)) or 0)
    returned = int(await connection.scalar(of_try) or 0)
    return paid, Money(max(min(taken - given_back, paid.paid_amount - returned), 0))


async def _tell(connection: AsyncConnection, case_id: UUID, payer_id: UUID, amount: Money) -> None:
    begun = Event.PAYMENT_REFUND_BEGUN
    await add_event(connection, case_id, begun, actor=Part.MACHINE, params={"amount": amount.amount})
    await notify(connection, [payer_id], begun, case_id=case_id, params={"amount": format_toman(amount)})
    await enqueue(connection, CaseSignal(CaseKind.PAYMENT, case_id, begun))


async def refunds_of(connection: AsyncConnection, purpose_id: UUID) -> list[Refund]:
    """What goes, or went, back later of that which a case has taken, the first one first.

    As far as the acting person sees payments: a member sees those that are paid back to them.
    """
    query = (
        sa.select(_p.case_id, _p.refund_of.label("payment_id"), _p.amount, _p.opened_at, _r.returned_at)
        .join(payment_items, _i.payment_id == _p.case_id)
        .join(payment_returns, _r.payment_id == _p.case_id)
        .where(_i.purpose_id == purpose_id, _p.refund_of.is_not(None))
        .order_by(_p.case_id)
        .limit(_MOST)
    )
    return [as_row(Refund, row) for row in await connection.execute(query)]
