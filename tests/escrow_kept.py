"""A safe payment in which money is held, played through the bank once for many tests: each gets the very same rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from tests.arrange import Arrange
from tests.books import Superuser
from tests.escrow_process import EscrowProcess
from tests.kept_rows import KeptRows
from tests.transitions import Transitions

# Sessions and codes of staff age with them.
_GOOD_FOR_SECONDS = 120.0
_BANK = "bank"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was played: its people and its case, the rows, and the books of the bank."""

    escrow: EscrowProcess
    case_id: UUID
    rows: KeptRows
    books: Mapping[str, bytes]
    made_at: float


_KEPT: list[_Kept] = []


async def escrow_with_held(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, place: Path
) -> EscrowProcess:
    """Two members, two arbitrators and an operator, and money of theirs that ``held`` finds held already."""
    bank = next(one for one in activity_context.gateways.values() if isinstance(one, LocalBank))
    if not _KEPT or time.monotonic() - _KEPT[-1].made_at > _GOOD_FOR_SECONDS:
        escrow = await EscrowProcess.opened(context, arrange, activity_context, bank)
        case_id = await escrow.held()
        books = {file.name: file.read_bytes() for file in (place / _BANK).glob("*.json")}
        _KEPT[:] = [_Kept(escrow, case_id, await KeptRows.of(superuser), books, time.monotonic())]
    else:
        await _KEPT[-1].rows.put_back(superuser)
        (place / _BANK).mkdir()
        for name, book in _KEPT[-1].books.items():
            (place / _BANK / name).write_bytes(book)
    kept = _KEPT[-1]
    return replace(
        kept.escrow,
        context=context,
        activities=Transitions(activity_context),
        bank=bank,
        arbitrators=list(kept.escrow.arbitrators),
        ready=[kept.case_id],
    )
