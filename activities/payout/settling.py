"""What became of a line is booked: paid to the member, or theirs again; they are told (E3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ledger
from domain.fee import FeeKind
from domain.ledger import Occasion
from domain.money import format_toman
from domain.payout import LineSettlement
from domain.persian import persian_digits
from messages.withdrawal import Sms
from storage import withdrawal
from storage.fee import Charged, post_charged
from storage.ledger import posting
from storage.notices import notify
from storage.rows.payout import Withdrawal


async def settle(connection: AsyncConnection, line: Withdrawal, found: LineSettlement, at: datetime) -> bool:
    """Settle a line that is locked, once; False if what became of it is known already.

    Raises:
        AccountFrozen: the bank has paid, but nothing may be booked now; nothing was written.
    """
    if line.state != "cut":
        return False
    if found.is_paid:
        await posting.open_account(connection, ledger.BANK_ACCOUNT)
        occasion = Occasion(f"payout:{line.id}", line.payout_id, "system", at)
        paid = ledger.payout_paid(line.person_id, line.money, occasion, line.charged)
        charged = Charged(FeeKind.WITHDRAWAL, line.id, line.person_id, line.charged)
        await post_charged(connection, line.hold_id, paid, charged)
    else:
        await posting.void_hold(connection, line.hold_id)
    settled = await withdrawal.settle(
        connection,
        line.id,
        "paid" if found.is_paid else "rejected",
        reference=found.reference,
        reason="" if found.is_paid else found.reason,
    )
    if not settled:
        return False
    told: dict[str, str | int] = {
        "amount": format_toman(line.money),
        "amount_rial": line.amount,
        "last_four": persian_digits(line.sheba_masked[-4:]),
    }
    await notify(connection, [line.person_id], Sms.PAID if found.is_paid else Sms.REJECTED, params=told)
    return True
