"""What changes the ledger: each call is one function in Postgres, which judges and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Refusal
from domain.ledger import (
    Account,
    AccountFrozen,
    AccountKind,
    AlreadyCorrected,
    HoldRequest,
    HoldResolved,
    InsufficientFunds,
    Journal,
    Occasion,
    check_occasion,
)
from storage.ledger.faults import typed_faults

BATCH_MAX: Final = 5_000
_REFUSALS: Final[Mapping[str, type[Refusal]]] = {
    refusal.code: refusal for refusal in (InsufficientFunds, AccountFrozen, HoldResolved, AlreadyCorrected)
}
_OPEN: Final = sa.text(
    "SELECT ledger_open(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:units AS text[]),"
    " CAST(:owners AS uuid[]), CAST(:organisations AS uuid[]))"
)
_POST: Final = sa.text(
    "SELECT journal, outcome FROM ledger_post(:key, :reason, CAST(:case_id AS uuid), :actor,"
    " CAST(:event_at AS timestamptz), CAST(:codes AS text[]), CAST(:units AS text[]), CAST(:amounts AS bigint[]),"
    " CAST(:hold AS uuid))"
)
_HOLD: Final = sa.text(
    "SELECT hold, outcome FROM ledger_hold(:key, :code, :unit, :amount, :reason, CAST(:case_id AS uuid), :actor,"
    " CAST(:expires_at AS timestamptz))"
)
_RELEASE: Final = sa.text("SELECT CAST(NULL AS uuid), outcome FROM ledger_release(:hold, :state)")
_CORRECT: Final = sa.text(
    "SELECT journal, outcome FROM ledger_correct(:journal, :key, :reason, CAST(:case_id AS uuid), :actor,"
    " CAST(:event_at AS timestamptz))"
)
_FREEZE: Final = sa.text("SELECT ledger_freeze(:code, :frozen)")
_SNAPSHOT: Final = sa.text("SELECT ledger_snapshot(CAST(:kinds AS text[]), :least)")


async def open_account(connection: AsyncConnection, account: Account) -> None:
    """Open an account, or find it open already.

    Raises:
        AccountDiffers: an account of that code is of another kind, unit or owner.
        UnknownKind: the chart has no such kind.
    """
    await open_accounts(connection, (account,))


async def open_accounts(connection: AsyncConnection, accounts: Sequence[Account]) -> None:
    """Open several accounts in one call; see open_account."""
    parameters = {
        "codes": [account.code for account in accounts],
        "kinds": [account.kind.name for account in accounts],
        "units": [account.unit.value for account in accounts],
        "owners": [account.owner_person for account in accounts],
        "organisations": [account.organisation for account in accounts],
    }
    with typed_faults():
        await connection.execute(_OPEN, parameters)


async def post(connection: AsyncConnection, journal: Journal) -> UUID:
    """Post a journal; the same one again gives the same id.

    Raises:
        InsufficientFunds, AccountFrozen: refused, nothing written, the transaction can go on.
        LedgerFault: KeyConflict, UnknownAccount, UnitDiffers.
    """
    return await _post(connection, journal, None)


async def post_batch(connection: AsyncConnection, journals: Sequence[Journal]) -> list[UUID | Refusal]:
    """Post up to BATCH_MAX journals as if one after another, in one statement; what became of each, in their order.

    A refused one leaves the others as they are. All are written with the transaction, or none.

    Raises:
        LedgerFault: as with post; nothing was written.
        ValueError: more than BATCH_MAX.
    """
    if len(journals) > BATCH_MAX:
        msg = f"a batch has at most {BATCH_MAX} journals"
        raise ValueError(msg)
    answers: list[UUID | Refusal] = []
    for journal in journals:
        try:
            answers.append(await post(connection, journal))
        except Refusal as refusal:
            answers.append(refusal)
    return answers


async def post_hold(connection: AsyncConnection, hold_id: UUID, journal: Journal) -> UUID:
    """Turn a hold into a journal, which takes at most what is held from the hold's account; the rest is released.

    Raises:
        HoldResolved: the hold was voided or expired, or posted by another journal.
        InsufficientFunds, AccountFrozen: as with post.
        LedgerFault: UnknownHold, BadHold, and as with post.
    """
    return await _post(connection, journal, hold_id)


async def _post(connection: AsyncConnection, journal: Journal, hold_id: UUID | None) -> UUID:
    parameters = _occasion(journal.occasion, journal.reason) | {
        "codes": [entry.account for entry in journal.entries],
        "units": [entry.amount.unit.value for entry in journal.entries],
        "amounts": [entry.amount.amount for entry in journal.entries],
        "hold": hold_id,
    }
    return _made(await _outcome(connection, _POST, parameters))


async def hold(connection: AsyncConnection, request: HoldRequest) -> UUID:
    """Set an amount apart; the same request again gives the same id, also after the hold has been resolved.

    Raises:
        InsufficientFunds, AccountFrozen: refused, nothing written, the transaction can go on.
        LedgerFault: KeyConflict, UnknownAccount, BadHold.
    """
    parameters = _occasion(request.occasion, request.reason) | {
        "code": request.account,
        "unit": request.amount.unit.value,
        "amount": request.amount.amount,
        "expires_at": request.expires_at,
    }
    return _made(await _outcome(connection, _HOLD, parameters))


async def void_hold(connection: AsyncConnection, hold_id: UUID) -> None:
    """Give back what is held; again is harmless.

    Raises:
        HoldResolved: it was posted, or it expired.
        UnknownHold: there is none of that id.
    """
    await _outcome(connection, _RELEASE, {"hold": hold_id, "state": "voided"})


async def expire_hold(connection: AsyncConnection, hold_id: UUID) -> None:
    """Give back what is held because its time is over; whoever calls has waited, no clock is looked at.

    Raises:
        HoldResolved: it was posted or voided.
        UnknownHold: there is none of that id.
    """
    await _outcome(connection, _RELEASE, {"hold": hold_id, "state": "expired"})


async def correct(connection: AsyncConnection, journal_id: UUID, occasion: Occasion, reason: str) -> UUID:
    """Post the mirror image of a journal, once; what was right instead is posted anew by the caller.

    Raises:
        AlreadyCorrected: another key corrected it before.
        InsufficientFunds, AccountFrozen: as with post.
        LedgerFault: BadCorrection, KeyConflict.
        ImpossibleJournal: a malformed key, reason or actor.
    """
    check_occasion(occasion, reason)
    return _made(await _outcome(connection, _CORRECT, _occasion(occasion, reason) | {"journal": journal_id}))


async def freeze(connection: AsyncConnection, code: str) -> None:
    """Refuse entries and new holds on an account from the commit on (UnknownAccount if there is none)."""
    await _freeze(connection, code, frozen=True)


async def unfreeze(connection: AsyncConnection, code: str) -> None:
    """Let entries and holds in again (UnknownAccount if there is none)."""
    await _freeze(connection, code, frozen=False)


async def _freeze(connection: AsyncConnection, code: str, *, frozen: bool) -> None:
    with typed_faults():
        await connection.execute(_FREEZE, {"code": code, "frozen": frozen})


async def take_snapshots(connection: AsyncConnection, kinds: Sequence[AccountKind], *, least: int) -> int:
    """Sum up accounts without a floor that gained ``least`` entries since last time; returns how many were."""
    parameters = {"kinds": [kind.name for kind in kinds], "least": least}
    return int((await connection.execute(_SNAPSHOT, parameters)).scalar_one())


def _occasion(occasion: Occasion, reason: str) -> dict[str, Any]:
    return {
        "key": occasion.key,
        "reason": reason,
        "case_id": occasion.case_id,
        "actor": occasion.actor,
        "event_at": occasion.event_at,
    }


def _made(made: UUID | None) -> UUID:
    if made is None:
        raise RuntimeError("the ledger answered without an id")
    return made


async def _outcome(connection: AsyncConnection, statement: sa.TextClause, parameters: Mapping[str, Any]) -> UUID | None:
    with typed_faults():
        made, outcome = (await connection.execute(statement, parameters)).one()
    if refusal := _REFUSALS.get(outcome):
        raise refusal
    return made  # type: ignore[no-any-return]
