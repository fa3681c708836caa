"""Books what was decided to leave the held money, and waits until all of it is where it was to go (E3, E5, E6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from activities.escrow.assessment import amount_of, assess, read
from activities.payment.refund import open_refund
from activities.transition import MACHINE, Transition
from domain import ledger
from domain.escrow.journals import EscrowShares, escrow_divided
from domain.escrow.rules import MoveCause
from domain.fee import FeeKind
from domain.ledger import JournalReason, Occasion
from domain.money import Money
from messages.case import NextStep
from messages.escrow import Event, Phase, Sms, Step
from storage.escrow import payments
from storage.fee import Charged, post_charged
from storage.ledger import posting
from storage.rows.escrow import Escrow, EscrowMove

# The payments that give back have waits and people of their own; this only looks whether a message was lost.
_LOOK_AGAIN: Final = timedelta(days=7)
_REASONS: Final = {
    MoveCause.RELEASE: JournalReason.ESCROW_RELEASED,
    MoveCause.AUTO_RELEASE: JournalReason.ESCROW_RELEASED,
    MoveCause.REFUND: JournalReason.ESCROW_REFUNDED,
    MoveCause.SPLIT: JournalReason.ESCROW_SPLIT,
    MoveCause.RULING: JournalReason.ESCROW_RULED,
}


async def pay_over(step: Transition) -> NextStep:
    """What was decided is the contractor's now, less the fee, and on its way back to the employer."""
    found = await read(step)
    if found.job.contractor_id is None or found.escrow.payment_id is None:
        raise LookupError(f"case {step.case.id} holds money for nobody")
    for move in await payments.unbooked_of(step.connection, step.case.id):
        await _book(step, found.escrow, move, found.job.contractor_id, found.escrow.payment_id)
    return await assess(step)


async def _book(step: Transition, escrow: Escrow, move: EscrowMove, contractor_id: UUID, payment_id: UUID) -> None:
    refund_id, fee = None, move.charged(escrow.vat_rate)
    if move.to_employer:
        refund_id, _ = await open_refund(step, payment_id, Money(move.to_employer))
    if move.to_contractor:
        await posting.open_account(step.connection, ledger.member_account(contractor_id))
    shares = EscrowShares(contractor_id, Money(move.to_contractor), fee, Money(move.to_employer), refund_id)
    occasion = Occasion(key=f"escrow:{move.id}:booked", case_id=step.case.id, actor="system", event_at=move.decided_at)
    journal = escrow_divided(step.case.id, _REASONS[MoveCause(move.cause)], shares, occasion)
    charged = Charged(FeeKind.SAFE_PAYMENT, move.id, contractor_id, fee)
    await post_charged(step.connection, move.hold_id, journal, charged)
    await payments.mark_booked(step.connection, move.id, refund_id)
    if move.to_contractor:
        net = Money(move.to_contractor) - fee.total
        params = {"amount": net.amount, "fee": fee.total.amount}
        await step.add_event(Event.ESCROW_PAID_OVER, params=params)
        await step.notify([contractor_id], Sms.CREDITED, amount_of(net))
    if move.to_employer:
        # The payment that gives it back tells the employer.
        await step.add_event(Event.ESCROW_REFUND_BEGUN, params={"amount": move.to_employer})


async def close_escrow(step: Transition) -> NextStep:
    """Nothing is held any more; what goes back has not gone back yet, and stays owed and visible (E6a)."""
    await step.clear_deadlines()
    if step.case.phase != Phase.REFUNDING:
        await step.move(Phase.REFUNDING, next_actor=MACHINE)
    await step.set_deadline(Step.CLOSE_ESCROW, _LOOK_AGAIN)
    return await assess(step)
