"""Payments through a gateway: opened, tried, received, offered to what they are for, and given back (E2).

Whoever changes one has locked the payment's case, apart from the case that an item is for: that one locks the item.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.ledger import payment_accounts
from domain.money import Money, Unit
from domain.payment import PaymentPolicy
from messages.case import CaseKind, CaseSignal
from messages.payment import Event, PurposeAnswer
from storage.account import hash_token, new_link_token
from storage.cases import CASE_COLUMNS, add_event
from storage.database import tehran_today
from storage.outbox import enqueue
from storage.policies import by_id
from storage.rows.cases import Case, cases
from storage.rows.payment import (
    Payment,
    PaymentAttempt,
    PaymentItem,
    PaymentReturn,
    payment_attempts,
    payment_items,
    payment_returns,
    payments,
)
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_PAYMENT = columns(payments, Payment)
_ITEM = columns(payment_items, PaymentItem)
_ATTEMPT = columns(payment_attempts, PaymentAttempt)
_RETURN = columns(payment_returns, PaymentReturn)
_a = payment_attempts.c
# More than the policy lets anybody try.
_MOST = 50


@dataclass(frozen=True, slots=True)
class NewItem:
    """What is to be paid: a case of a kind, and how much of the payment is for it."""

    purpose: CaseKind
    purpose_id: UUID
    amount: Money


async def add_payment(
    connection: AsyncConnection, case_id: UUID, person_id: UUID, items: Sequence[NewItem], policy: PaymentPolicy
) -> Payment:
    """Store what a case of this kind is to pay.

    Raises:
        sqlalchemy.exc.IntegrityError: an item is being paid by another payment already.
    """
    purposes, due = [item.purpose for item in items], Money.total(item.amount for item in items)
    fee = policy.fee_of(due, purposes)
    values = {
        "case_id": case_id,
        "person_id": person_id,
        "amount": (due + fee).amount,
        "fee": fee.amount,
        "unit": Unit.IRR,
        "own_card": policy.needs_own_card(purposes),
        "pay_until": sa.func.now() + policy.pay_within,
    }
    added = await read_one(connection, Payment, sa.insert(payments).values(values).returning(*_PAYMENT))
    rows = [
        {"payment_id": case_id, "purpose": one.purpose, "purpose_id": one.purpose_id, "amount": one.amount.amount}
        for one in items
    ]
    await connection.execute(sa.insert(payment_items), rows)
    return added


async def policy_of(connection: AsyncConnection, policy_id: UUID) -> PaymentPolicy:
    """The policy as a payment's case froze it."""
    return PaymentPolicy.from_policy((await by_id(connection, policy_id)).value)


async def read_payment(connection: AsyncConnection, case_id: UUID) -> Payment | None:
    """The payment of a case, or None if it is missing or hidden."""
    return await find_one(connection, Payment, sa.select(*_PAYMENT).where(payments.c.case_id == case_id))


async def items_of(connection: AsyncConnection, payment_id: UUID) -> list[PaymentItem]:
    """What a payment is for."""
    query = sa.select(*_ITEM).where(payment_items.c.payment_id == payment_id).order_by(payment_items.c.id)
    return await read_all(connection, PaymentItem, query.limit(_MOST))


async def attempts_of(connection: AsyncConnection, payment_id: UUID) -> list[PaymentAttempt]:
    """Each try, the first one first."""
    query = sa.select(*_ATTEMPT).where(_a.payment_id == payment_id).order_by(_a.begun_at, _a.id)
    return await read_all(connection, PaymentAttempt, query.limit(_MOST))


async def sources_of(connection: AsyncConnection, payment: Payment) -> list[PaymentAttempt]:
    """The tries by which what goes back was paid: those of a refund are the refunded payment's."""
    return await attempts_of(connection, payment.refund_of or payment.case_id)


async def returns_of(connection: AsyncConnection, payment_id: UUID) -> list[PaymentReturn]:
    """What goes, or went, back to the payer."""
    query = sa.select(*_RETURN).where(payment_returns.c.payment_id == payment_id).order_by(payment_returns.c.id)
    return await read_all(connection, PaymentReturn, query.limit(_MOST))


async def paid_today(connection: AsyncConnection, person_id: UUID) -> Money:
    """What somebody has paid, or begun to pay, on this day of Tehran, apart from what came to nothing."""
    day = sa.func.date_trunc("day", sa.func.timezone("Asia/Tehran", payments.c.opened_at))
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(payments.c.amount), 0))
        .join(cases, cases.c.id == payments.c.case_id)
        .where(
            payments.c.person_id == person_id,
            payments.c.refund_of.is_(None),
            payments.c.opened_at > sa.func.now() - timedelta(days=2),
            day == await tehran_today(connection),
            sa.func.coalesce(cases.c.outcome, "").not_in(("not_paid", "returned")),
        )
    )
    return Money(int((await connection.execute(query)).scalar_one()))


async def add_attempt(
    connection: AsyncConnection, seals: Seals, payment_id: UUID, gateway: str, *, host: str = ""
) -> UUID:
    """Begin a try by a gateway, of a payer who came by a name of ours; returns its id."""
    attempt_id, token = uuid4(), new_link_token()
    await connection.execute(
        sa.insert(payment_attempts).values(
            id=attempt_id,
            payment_id=payment_id,
            token_hash=hash_token(token),
            token_sealed=seals.cipher.seal_text(token, _seal_of(attempt_id)),
            gateway=gateway,
            host=host,
        )
    )
    return attempt_id


async def token_of(connection: AsyncConnection, seals: Seals, attempt_id: UUID) -> str | None:
    """What names a try when the payer comes back; None once its link was given."""
    sealed = await connection.scalar(sa.select(_a.token_sealed).where(_a.id == attempt_id))
    return None if sealed is None else seals.cipher.open_text(sealed, _seal_of(attempt_id))


async def give_link(
    connection: AsyncConnection, attempt_id: UUID, policy: PaymentPolicy, *, gateway: str, authority: str, link: str
) -> None:
    """The try has a link from now on."""
    await _change(
        connection,
        attempt_id,
        gateway=gateway,
        authority=authority,
        link=link,
        state="open",
        token_sealed=None,
        ends_at=sa.func.now() + policy.attempt_life,
        look_at=sa.func.now() + policy.look_after,
    )


async def end_attempt(connection: AsyncConnection, attempt_id: UUID, state: str, reason: str | None = None) -> None:
    """Nothing comes by this try any more."""
    await _change(
        connection, attempt_id, state=state, reason=reason, token_sealed=None, look_at=None, looked_at=sa.func.now()
    )


async def look_later(
    connection: AsyncConnection, attempt: PaymentAttempt, looked_at: datetime, *, look_at: datetime
) -> None:
    """The gateway was asked and nothing was paid yet: it is asked again then, or when the payer comes back."""
    await _change(connection, attempt.id, looked_at=looked_at, look_at=look_at, state="open", unclear_since=None)


async def mark_unclear(
    connection: AsyncConnection, attempt: PaymentAttempt, looked_at: datetime, pause: timedelta | None
) -> None:
    """Nobody can say what became of a try; asked again after a pause, or by a person's wish alone.

    Args:
        connection: in a transaction.
        attempt: which.
        looked_at: when the gateway was asked: a payer who came back later is not forgotten by it.
        pause: until the next question.
    """
    look_at = None if pause is None else sa.func.now() + pause
    since = sa.func.coalesce(_a.unclear_since, sa.func.now())
    await _change(connection, attempt.id, state="unclear", looked_at=looked_at, look_at=look_at, unclear_since=since)


async def look_now(connection: AsyncConnection, payment_id: UUID, *, afresh: bool = False) -> None:
    """Have the gateway asked at once about each try by which money may still come.

    Args:
        connection: in a transaction.
        payment_id: whose.
        afresh: the time for which it may be unclear begins anew.
    """
    values: dict[str, Any] = {"look_at": sa.func.now()}
    if afresh:
        values["unclear_since"] = sa.func.now()
    watched = sa.and_(_a.payment_id == payment_id, _a.state.in_(("open", "unclear")))
    await connection.execute(sa.update(payment_attempts).where(watched).values(values))


async def is_known_reference(connection: AsyncConnection, attempt: PaymentAttempt, reference: str) -> bool:
    """Whether another try was paid under the same number of the gateway."""
    other = sa.exists().where(_a.gateway == attempt.gateway, _a.reference == reference, _a.id != attempt.id)
    return bool(await connection.scalar(sa.select(other)))


async def mark_paid(
    connection: AsyncConnection, attempt: PaymentAttempt, *, reference: str, amount: int, card: str, fee: int | None
) -> None:
    """The gateway has verified a try: rial, its number of it, and the masked number of the card that paid."""
    await _change(
        connection,
        attempt.id,
        state="paid",
        reference=reference,
        paid_amount=amount,
        paid_at=sa.func.now(),
        card=card or None,
        fee=fee,
        looked_at=sa.func.now(),
        look_at=None,
    )


async def _change(connection: AsyncConnection, attempt_id: UUID, **values: Any) -> None:
    await connection.execute(sa.update(payment_attempts).where(_a.id == attempt_id).values(values))


async def try_of(connection: AsyncConnection, token: str) -> tuple[UUID, str] | None:
    """Whose payment a token's try is of, and by which name of ours its payer came; None for no try of ours."""
    query = sa.select(_a.payment_id, _a.host).where(_a.token_hash == hash_token(token))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (row.payment_id, row.host)


async def call_back(connection: AsyncConnection, token: str) -> None:
    """Note that a payer came back from the bank.

    Until the gateway has been asked because of it, coming back again changes nothing.
    """
    noted = (
        sa.update(payment_attempts)
        .where(
            _a.token_hash == hash_token(token), sa.or_(_a.called_back_at.is_(None), _a.called_back_at <= _a.looked_at)
        )
        .values(called_back_at=sa.func.now())
        .returning(_a.payment_id, _a.state)
    )
    row = (await connection.execute(noted)).one_or_none()
    if row is not None and row.state in {"open", "unclear"}:
        await add_event(connection, row.payment_id, Event.PAYMENT_CALLED_BACK, actor=Part.PAYER)
        await enqueue(connection, CaseSignal(CaseKind.PAYMENT, row.payment_id, Event.PAYMENT_CALLED_BACK))


async def offer_items(connection: AsyncConnection, payment_id: UUID) -> None:
    """Tell each case that is waited for that its money is there; a case that is over refuses it by that."""
    await _refuse(connection, payment_items.c.payment_id == payment_id, only_over=True)
    offered = (
        sa.update(payment_items)
        .where(payment_items.c.payment_id == payment_id, payment_items.c.state.in_(("open", "offered")))
        .values(state="offered")
        .returning(*_ITEM)
    )
    for item in await read_all(connection, PaymentItem, offered):
        await enqueue(connection, CaseSignal(CaseKind(item.purpose), item.purpose_id, Event.PAYMENT_RECEIVED))


async def offered_to(connection: AsyncConnection, purpose_id: UUID) -> PaymentItem | None:
    """The money that waits for a case to take it, locked until the transaction ends."""
    query = sa.select(*_ITEM).where(payment_items.c.purpose_id == purpose_id, payment_items.c.state == "offered")
    return await find_one(connection, PaymentItem, query.with_for_update())


async def take_item(connection: AsyncConnection, item: PaymentItem) -> str:
    """The case has taken its money; returns the code of the account from which its own transition posts it."""
    await _decide(connection, payment_items.c.id == item.id, "taken")
    received, _ = payment_accounts(item.payment_id)
    return received.code


async def refuse_items(connection: AsyncConnection, purpose_id: UUID) -> None:
    """A case is over, or does not want its money any more: what is paid for it, now or later, goes back."""
    await _refuse(connection, payment_items.c.purpose_id == purpose_id, only_over=False)


async def refuse_all(connection: AsyncConnection, payment_id: UUID) -> None:
    """Nothing of a payment is offered to anybody."""
    await _decide(
        connection,
        sa.and_(payment_items.c.payment_id == payment_id, payment_items.c.state.in_(("open", "offered"))),
        "refused",
        tell=False,
    )


async def _refuse(connection: AsyncConnection, which: sa.ColumnElement[bool], *, only_over: bool) -> None:
    open_ones = sa.and_(which, payment_items.c.state.in_(("open", "offered")))
    if only_over:
        over = sa.exists().where(cases.c.id == payment_items.c.purpose_id, cases.c.closed_at.is_not(None))
        open_ones = sa.and_(open_ones, over)
    await _decide(connection, open_ones, "refused", tell=not only_over)


async def _decide(connection: AsyncConnection, which: sa.ColumnElement[bool], state: str, *, tell: bool = True) -> None:
    decided = (
        sa.update(payment_items)
        .where(which)
        .values(state=state, decided_at=sa.func.now())
        .returning(payment_items.c.payment_id)
    )
    payment_ids = set((await connection.execute(decided)).scalars())
    if tell:
        name = PurposeAnswer.PAYMENT_TAKEN if state == "taken" else PurposeAnswer.PAYMENT_REFUSED
        await enqueue(connection, *(CaseSignal(CaseKind.PAYMENT, one, name) for one in payment_ids))


async def tell_purposes(connection: AsyncConnection, payment_id: UUID) -> None:
    """Tell the cases that were waited for that nothing comes by this payment any more."""
    for item in await items_of(connection, payment_id):
        if item.state == "refused":
            await enqueue(connection, CaseSignal(CaseKind(item.purpose), item.purpose_id, Event.PAYMENT_ENDED))


async def add_return(connection: AsyncConnection, attempt: PaymentAttempt, amount: Money, reason: str) -> None:
    """Owe the payer a part or the whole of a paid try."""
    values = {"payment_id": attempt.payment_id, "attempt_id": attempt.id, "amount": amount.amount, "reason": reason}
    await connection.execute(sa.insert(payment_returns).values(values))


async def go_way(connection: AsyncConnection, return_id: UUID, way: str) -> None:
    """Give it back by another way from now on, of which nothing was asked yet."""
    await connection.execute(
        sa.update(payment_returns).where(payment_returns.c.id == return_id).values(way=way, asked_at=None)
    )


async def turn_over(connection: AsyncConnection, return_id: UUID) -> None:
    """A person gives it back from now on; whether the gateway was asked and never answered clearly stays told."""
    await connection.execute(sa.update(payment_returns).where(payment_returns.c.id == return_id).values(way="hand"))


async def mark_asked(connection: AsyncConnection, return_id: UUID) -> None:
    """The gateway is being asked to give it back: what comes of that may stay unknown."""
    await connection.execute(
        sa.update(payment_returns).where(payment_returns.c.id == return_id).values(asked_at=sa.func.now())
    )


async def note_refused(connection: AsyncConnection, return_id: UUID) -> None:
    """The gateway has said clearly that it does not give it back: nothing of that is unknown any more."""
    await connection.execute(sa.update(payment_returns).where(payment_returns.c.id == return_id).values(asked_at=None))


async def mark_returned(connection: AsyncConnection, return_id: UUID, reference: str) -> bool:
    """It went back; False if that was known."""
    done = await connection.execute(
        sa.update(payment_returns)
        .where(payment_returns.c.id == return_id, payment_returns.c.returned_at.is_(None))
        .values(returned_at=sa.func.now(), reference=reference)
    )
    return done.rowcount == 1


async def running_for(connection: AsyncConnection, purpose_id: UUID) -> UUID | None:
    """The payment by which a case is being paid at this moment."""
    query = sa.select(payment_items.c.payment_id).where(
        payment_items.c.purpose_id == purpose_id, payment_items.c.state.in_(("open", "offered"))
    )
    payment_id: UUID | None = await connection.scalar(query)
    return payment_id


async def list_payments(
    connection: AsyncConnection, person_id: UUID, *, before: UUID | None, limit: int
) -> list[tuple[Payment, Case]]:
    """Somebody's payments with their cases, the newest first."""
    query = sa.select(*_PAYMENT).where(payments.c.person_id == person_id)
    if before is not None:
        query = query.where(payments.c.case_id < before)
    found = await read_all(connection, Payment, query.order_by(payments.c.case_id.desc()).limit(limit))
    theirs = sa.select(*CASE_COLUMNS).where(cases.c.id.in_([one.case_id for one in found]))
    case_of = {case.id: case for case in await read_all(connection, Case, theirs)}
    return [(one, case_of[one.case_id]) for one in found]


async def purposes_of(connection: AsyncConnection, payment_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """What payments are for, by the payment."""
    query = sa.select(payment_items.c.payment_id, payment_items.c.purpose).where(
        payment_items.c.payment_id.in_(payment_ids)
    )
    found: dict[UUID, list[str]] = {}
    for payment_id, purpose in await connection.execute(query.order_by(payment_items.c.id)):
        found.setdefault(payment_id, []).append(purpose)
    return found


def _seal_of(attempt_id: UUID) -> str:
    return f"payment_attempt:{attempt_id}"
