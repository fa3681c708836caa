"""Gives back what is held for a withdrawal that its owner took back; by the relay (E3)."""

from __future__ import annotations

from activities.transition import ActivityContext
from domain.money import format_toman
from messages.withdrawal import ReleaseWithdrawal, Sms
from storage import withdrawal
from storage.database import SERVICE, transaction
from storage.ledger import posting
from storage.notices import notify


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
