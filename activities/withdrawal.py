"""What becomes of a withdrawal: booked once the bank paid it, given back where its owner took it back (E3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.transition import ActivityContext
from domain import ledger
from domain.fee import FeeKind
from domain.ledger import Occasion
from domain.money import format_toman
from domain.payout import LineSettlement
from domain.persian import persian_digits
from messages.withdrawal import ReleaseWithdrawal, Sms
from storage import withdrawal
from storage.database import SERVICE, transaction
from storage.fee import Charged, post_charged
from storage.ledger import posting
from storage.notices import notify
from storage.rows.payout import Withdrawal


async def pay_withdrawal(connection: AsyncConnection, line: Withdrawal, at: datetime) -> None:
    """Book that the bank paid a withdrawal, with the invoice of its fee."""
    occasion = Occasion(f"payout:{line.id}", line.payout_id, "system", at)
    paid = ledger.payout_paid(line.person_id, line.money, occasion, line.charged)
    charged = Charged(FeeKind.WITHDRAWAL, line.id, line.person_id, line.charged)
    await post_charged(connection, line.hold_id, paid, charged)


async def return_withdrawal(connection: AsyncConnection, line: Withdrawal, at: datetime) -> None:
    """Book that the bank gave back what it had paid, and tell its owner: whatever it was paid for is over by now."""
    await posting.open_account(connection, ledger.member_account(line.person_id))
    occasion = Occasion(f"payout:{line.id}:returned", line.payout_id, "system", at)
    await posting.post(connection, ledger.payout_returned(line.person_id, line.money, occasion))
    await notify(connection, [line.person_id], Sms.RETURNED, params=_told(line))


async def tell_settled(connection: AsyncConnection, line: Withdrawal, found: LineSettlement) -> None:
    """Tell the owner that the bank paid it, or that it is in their balance again."""
    await notify(connection, [line.person_id], Sms.PAID if found.is_paid else Sms.REJECTED, params=_told(line))


def _told(line: Withdrawal) -> dict[str, str | int]:
    return {
        "amount": format_toman(line.money),
        "amount_rial": line.amount,
        "last_four": persian_digits(line.sheba_masked[-4:]),
    }


class WithdrawalRelease:
    """Voids the hold, however often it is asked to."""

    def __init__(self, context: ActivityContext) -> None:
        self._context = context

    async def release(self, message: ReleaseWithdrawal) -> None:
        """Give back what is held; the owner is told once."""
        async with transaction(self._context.engine, SERVICE) as connection:
            found = await withdrawal.read_withdrawal(connection, message.withdrawal_id, lock=True)
            if found is None or found.state != "taken_back" or not await withdrawal.is_held(connection, found):
                return
            await posting.void_hold(connection, found.hold_id)
            await notify(connection, [found.person_id], Sms.TAKEN_BACK, params={"amount": format_toman(found.money)})
