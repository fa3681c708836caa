"""What became of a line is booked, by what it is paid for: paid to the member, or owed to them as before (E3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.payment.paying_out import pay_return, settle_return
from activities.withdrawal import pay_withdrawal, tell_settled
from domain import ledger
from domain.payout import LinePurpose, LineSettlement
from storage import withdrawal
from storage.ledger import posting
from storage.rows.payout import Withdrawal


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What follows for a line of it: how it is booked once it is paid, and what else the bank's answer does."""

    pay: Callable[[AsyncConnection, Withdrawal, datetime], Awaitable[None]]
    answered: Callable[[AsyncConnection, Withdrawal, LineSettlement], Awaitable[None]]


_PURPOSES: Final[Mapping[LinePurpose, _Purpose]] = {
    LinePurpose.BALANCE: _Purpose(pay_withdrawal, tell_settled),
    LinePurpose.PAYMENT_RETURN: _Purpose(pay_return, settle_return),
}


async def settle(connection: AsyncConnection, line: Withdrawal, found: LineSettlement, at: datetime) -> bool:
    """Settle a line that is locked, once; False if what became of it is known already.

    Raises:
        AccountFrozen: the bank has paid, but nothing may be booked now; what was written is undone.
    """
    async with connection.begin_nested():
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
            await purpose.pay(connection, line, at)
        else:
            await posting.void_hold(connection, line.hold_id)
    return True
