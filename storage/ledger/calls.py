"""How the ledger's functions are called: what all calls share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Refusal
from domain.ledger import AccountFrozen, AlreadyCorrected, HoldResolved, InsufficientFunds, Occasion
from storage.database import Statement, fetch
from storage.ledger.faults import typed_faults

REFUSALS: Final[Mapping[str, type[Refusal]]] = {
    refusal.code: refusal for refusal in (InsufficientFunds, AccountFrozen, HoldResolved, AlreadyCorrected)
}


def occasion_parameters(occasion: Occasion, reason: str) -> dict[str, Any]:
    """What every journal and hold says of its occasion."""
    return {
        "key": occasion.key,
        "reason": reason,
        "case_id": occasion.case_id,
        "actor": occasion.actor,
        "event_at": occasion.event_at,
    }


def made(answer: UUID | None) -> UUID:
    """The id that the ledger answered with.

    Raises:
        RuntimeError: it answered without one.
    """
    if answer is None:
        raise RuntimeError("the ledger answered without an id")
    return answer


async def run(connection: AsyncConnection, statement: str, parameters: Mapping[str, Any]) -> UUID | None:
    """Call a function of the ledger.

    Raises:
        Refusal: it refused; nothing was written, the transaction can go on.
        LedgerFault: a fault of the program.
    """
    with typed_faults():
        ((answer, outcome),) = await fetch(connection, Statement(statement, parameters))
    if refusal := REFUSALS.get(outcome):
        raise refusal
    return answer  # type: ignore[no-any-return]
