"""The entries by which safe payments are held, and by which held money leaves (docs/chart-of-accounts.md, E2 to E6)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain import ledger
from domain.fee import Fee, FeeKind
from domain.ledger import Entry, Journal, JournalReason, Occasion
from domain.money import Money


def escrow_funded(payment: UUID, escrow: UUID, amount: Money, occasion: Occasion) -> Journal:
    """What the employer paid for a safe payment is held in trust (E2)."""
    received, _ = ledger.payment_accounts(payment)
    return Journal(
        occasion, JournalReason.ESCROW_FUNDED, ledger.transfer(received, ledger.escrow_account(escrow), amount)
    )


@dataclass(frozen=True, slots=True)
class EscrowShares:
    """How held money is divided (E3, E5, E6): ``contractor`` is the contractor's part, of which ``fee`` is taken.

    ``employer`` goes back by the payment ``refund``; None where nothing does.
    """

    contractor_id: UUID
    contractor: Money
    fee: Fee
    employer: Money
    refund: UUID | None = None


def escrow_divided(escrow: UUID, reason: JournalReason, shares: EscrowShares, occasion: Occasion) -> Journal:
    """Held money leaves by a release, an agreement or a ruling, each of which has its reason (E3, E5, E6)."""
    parts = [
        Entry(ledger.escrow_account(escrow).code, -(shares.contractor + shares.employer)),
        Entry(ledger.member_account(shares.contractor_id).code, shares.contractor - shares.fee.total),
        *ledger.fee_earned(FeeKind.SAFE_PAYMENT, shares.fee),
    ]
    if shares.refund is not None:
        _, refunding = ledger.payment_accounts(shares.refund)
        parts.append(Entry(refunding.code, shares.employer))
    return Journal(occasion, reason, tuple(part for part in parts if part.amount))
