"""Books money of a payment that came to light after it was over, and was paid back to its payer by hand (E2)."""

from __future__ import annotations

from dataclasses import dataclass

from activities.transition import MACHINE, Transition
from domain import ledger
from domain.ledger import Occasion
from domain.money import Money, format_toman
from domain.payment import RefundReason
from messages.payment import Event
from storage import cases, notices
from storage import payment as rows
from storage.ledger import posting
from storage.rows.payment import PaymentAttempt


@dataclass(frozen=True, slots=True)
class FoundLate:
    """What the gateway's list says of a try, in rial, and the bank's reference of what was paid back."""

    attempt: PaymentAttempt
    amount: Money
    fee: Money
    reference: str
    paid_back: str


async def book_found_late(step: Transition, found: FoundLate) -> None:
    """Receive it, owe it to its payer and pay it back from the bank, in the one transaction of another case's step."""
    connection, attempt = step.connection, found.attempt
    payment_id = attempt.payment_id
    if await cases.lock_case(connection, payment_id) is None:
        raise LookupError(f"no case {payment_id}")
    reference = found.reference
    if await rows.is_known_reference(connection, attempt, reference):
        # Another try was paid under the same number: the gateway keeps both.
        reference = f"{reference}/{attempt.id}"
    await rows.mark_paid(
        connection, attempt, reference=reference, amount=found.amount.amount, card="", fee=found.fee.amount
    )
    await rows.add_return(connection, attempt, found.amount, RefundReason.FOUND_LATE)
    owed = next(one for one in await rows.returns_of(connection, payment_id) if one.attempt_id == attempt.id)
    await rows.turn_over(connection, owed.id)
    await rows.mark_returned(connection, owed.id, found.paid_back)
    await _post(step, found, str(owed.id))
    await _tell(step, found)


async def _post(step: Transition, found: FoundLate, return_id: str) -> None:
    payment_id, gateway = found.attempt.payment_id, found.attempt.gateway

    def occasion(name: str) -> Occasion:
        return Occasion(key=f"payment:{name}", case_id=payment_id, actor="system", event_at=step.now)

    payment = await rows.read_payment(step.connection, payment_id)
    accounts = ledger.payment_accounts(payment_id, None if payment is None else payment.person_id)
    others = (ledger.gateway_account(gateway), ledger.GATEWAY_FEES, ledger.BANK_ACCOUNT)
    await posting.open_accounts(step.connection, [*accounts, *others])
    attempt_id = found.attempt.id
    journals = [
        ledger.payment_received(payment_id, gateway, found.amount, occasion(f"{attempt_id}:received")),
        ledger.payment_to_return(payment_id, found.amount, occasion(f"{attempt_id}:to_return:late")),
        ledger.payment_returned(payment_id, ledger.BANK_ACCOUNT, found.amount, occasion(f"{return_id}:returned")),
    ]
    if found.fee.amount:
        journals.append(ledger.gateway_fee_kept(gateway, found.fee, occasion(f"{attempt_id}:fee")))
    for journal in journals:
        await posting.post(step.connection, journal)


async def _tell(step: Transition, found: FoundLate) -> None:
    payment_id, amount = found.attempt.payment_id, {"amount": found.amount.amount}
    why = {**amount, "reason": RefundReason.FOUND_LATE}
    for code, params in (
        (Event.PAYMENT_RECEIVED, amount),
        (Event.PAYMENT_RETURNING, why),
        (Event.PAYMENT_RETURNED, amount),
    ):
        await cases.add_event(step.connection, payment_id, code, actor=MACHINE, params=params)
    payment = await rows.read_payment(step.connection, payment_id)
    if payment is not None:
        told = {"amount": format_toman(found.amount)}
        await notices.notify(
            step.connection, [payment.person_id], Event.PAYMENT_RETURNED, case_id=payment_id, params=told
        )
