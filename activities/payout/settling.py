"""What became of a line is booked, by what it is paid for: paid to the member, or owed to them as before (E3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.payment.paying_out import returned_journal, settle_return
from activities.withdrawal import tell_settled, withdrawn_journal
from domain import ledger
from domain.ledger import Journal
from domain.payout import LinePurpose, LineSettlement
from storage import withdrawal
from storage.ledger import posting
from storage.rows.payout import Withdrawal


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What follows for a line of it: the journal once it is paid, and what else the bank's answer does."""

    journal: Callable[[AsyncConnection, Withdrawal, datetime], Awaitable[Journal]]
    answered: Callable[[AsyncConnection, Withdrawal, LineSettlement], Awaitable[None]]


_PURPOSES: Final[Mapping[LinePurpose, _Purpose]] = {
    LinePurpose.BALANCE: _Purpose(withdrawn_journal, tell_settled),
    LinePurpose.PAYMENT_RETURN: _Purpose(returned_journal, settle_return),
}


async def settle(connection: AsyncConnection, line: Withdrawal, found: LineSettlement, at: datetime) -> bool:
    """Settle a line that is locked, once; False if what became of it is known already."""
    settled = await withdrawal.settle(
        connection,
        line.id,
        "paid" if found.is_paid else "rejected",
        reference=found.reference,
        reason="" if found.is_paid else found.reason,
    )
    if not settled:
        return False
    purpose = _PURPOSES[line.purpose]
    # Before the ledger: what a line is paid for locks its case, and a process locks that before its accounts.
    await purpose.answered(connection, line, found)
    if found.is_paid:
        await posting.open_account(connection, ledger.BANK_ACCOUNT)
        await posting.post_hold(connection, line.hold_id, await purpose.journal(connection, line, at))
    else:
        await posting.void_hold(connection, line.hold_id)
    return True
