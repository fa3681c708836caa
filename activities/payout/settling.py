"""What became of a line is booked, by what it is paid for: paid to the member, owed to them as before, or back (E3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.payment.paying_out import pay_return, settle_return
from activities.transition import MACHINE, ActivityContext
from activities.withdrawal import pay_withdrawal, return_withdrawal, tell_settled
from domain import ledger
from domain.payout import LinePurpose, LineResult, LineSettlement
from messages.payout import Event, SettleRecord
from storage import cases, payout, withdrawal
from storage.database import SERVICE, transaction
from storage.ledger import posting
from storage.rows.payout import PayoutSettlement, Withdrawal


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


async def settle_record(connection: AsyncConnection, record: PayoutSettlement, at: datetime) -> None:
    """Let take effect what two officers recorded of a line, in a case that is locked; the timeline says so.

    Raises:
        AccountFrozen: as ``settle``.
    """
    line = await withdrawal.read_withdrawal(connection, record.withdrawal_id, lock=True)
    if line is None:
        raise LookupError(f"line {record.withdrawal_id} is no more")
    if record.result is LineResult.RETURNED:
        event, done = Event.PAYOUT_LINE_RETURNED, await _take_in(connection, line, record, at)
    else:
        found = LineSettlement(record.result, record.reference, record.note)
        event, done = Event.PAYOUT_LINE_SETTLED, await settle(connection, line, found, at)
    if done:
        params = {"line": line.line}
        await cases.add_event(connection, record.payout_id, event, actor=MACHINE, params=params)
    await payout.end_settlement(connection, record.id)


async def _take_in(connection: AsyncConnection, line: Withdrawal, record: PayoutSettlement, at: datetime) -> bool:
    """Book that a paid line came back, once."""
    reference = str(record.reference)
    if not await withdrawal.note_returned(connection, line.id, reference=reference, reason=record.note):
        return False
    await return_withdrawal(connection, line, at)
    return True


class RecordSettling:
    """Lets a confirmed record take effect where the batch is over and no process waits for it, once."""

    def __init__(self, context: ActivityContext) -> None:
        self._context = context

    async def settle(self, message: SettleRecord) -> None:
        """Settle it. Raises AccountFrozen: the message is due again later."""
        async with transaction(self._context.engine, SERVICE) as connection:
            await cases.lock_case(connection, message.case_id)
            record = await payout.open_settlement(connection, message.case_id)
            if record is not None and record.is_confirmed and record.decided_at is not None:
                await settle_record(connection, record, record.decided_at)
