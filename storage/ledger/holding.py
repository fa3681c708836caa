"""Setting an amount apart: what a command may do with the ledger; only an activity posts, voids or pays."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import HoldRequest
from storage.ledger.calls import made, occasion_parameters, run

_HOLD: Final = (
    "SELECT hold, outcome FROM ledger_hold(%(key)s, %(code)s, %(unit)s, %(amount)s, %(reason)s, %(case_id)s::uuid,"
    " %(actor)s, %(expires_at)s::timestamptz)"
)


async def hold(connection: AsyncConnection, request: HoldRequest) -> UUID:
    """Set an amount apart; the same request again gives the same id, also after the hold has been resolved.

    Raises:
        InsufficientFunds, AccountFrozen: refused, nothing written, the transaction can go on.
        LedgerFault: KeyConflict, UnknownAccount, BadHold.
    """
    parameters = occasion_parameters(request.occasion, request.reason) | {
        "code": request.account,
        "unit": request.amount.unit.value,
        "amount": request.amount.amount,
        "expires_at": request.expires_at,
    }
    return made(await run(connection, _HOLD, parameters))
