"""What changes the ledger: each call is one function in Postgres, which judges and writes. For activities only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Refusal
from domain.ledger import Account, Journal, Occasion, check_occasion
from storage.database import Statement, array, fetch
from storage.ledger.calls import REFUSALS, made, occasion_parameters, run
from storage.ledger.faults import typed_faults

BATCH_MAX: Final = 5_000
_OPEN: Final = (
    "SELECT ledger_open(%(codes)s::text[], %(kinds)s::text[], %(units)s::text[], %(owners)s::uuid[],"
    " %(organisations)s::uuid[])"
)
_POST: Final = (
    "SELECT journal, outcome FROM ledger_post(%(key)s, %(reason)s, %(case_id)s::uuid, %(actor)s,"
    " %(event_at)s::timestamptz, %(codes)s::text[], %(units)s::text[], %(amounts)s::bigint[], %(hold)s::uuid)"
)
_BATCH: Final = (
    "SELECT journals, outcomes FROM ledger_post_batch(%(keys)s::text[], %(reasons)s::text[], %(cases)s::uuid[],"
    " %(actors)s::text[], %(moments)s::timestamptz[], %(lines)s::int[], %(codes)s::text[], %(units)s::text[],"
    " %(amounts)s::bigint[])"
)
_RELEASE: Final = "SELECT NULL::uuid, outcome FROM ledger_release(%(hold)s::uuid, %(state)s)"
_CORRECT: Final = (
    "SELECT journal, outcome FROM ledger_correct(%(journal)s::uuid, %(key)s, %(reason)s, %(case_id)s::uuid, %(actor)s,"
    " %(event_at)s::timestamptz)"
)
_FREEZE: Final = "SELECT ledger_freeze(%(code)s, %(frozen)s)"


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
        "codes": array([account.code for account in accounts]),
        "kinds": array([account.kind.name for account in accounts]),
        "units": array([account.unit.value for account in accounts]),
        "owners": array([account.owner_person for account in accounts]),
        "organisations": array([account.organisation for account in accounts]),
    }
    with typed_faults():
        await fetch(connection, Statement(_OPEN, parameters))


async def post(connection: AsyncConnection, journal: Journal) -> UUID:
    """Post a journal; the same one again gives the same id.

    Raises:
        InsufficientFunds, AccountFrozen: refused, nothing written, the transaction can go on.
        LedgerFault: KeyConflict, UnknownAccount, UnitDiffers.
        DBAPIError: among others a dead-lock, or an account frozen at this moment: run the whole transaction in
            storage.retries.retried.
    """
    return await _post(connection, journal, None)


async def post_batch(connection: AsyncConnection, journals: Sequence[Journal]) -> list[UUID | Refusal]:
    """Post up to BATCH_MAX journals as if one after another, in one statement; what became of each, in their order.

    A refused one leaves the others as they are. All are written with the transaction, or none.

    Raises:
        LedgerFault: as with post, and BadBatch beyond 50,000 entries; nothing was written.
        DBAPIError: as with post.
        ValueError: more than BATCH_MAX.
    """
    if len(journals) > BATCH_MAX:
        msg = f"a batch has at most {BATCH_MAX} journals"
        raise ValueError(msg)
    if not journals:
        return []
    occasions = [journal.occasion for journal in journals]
    entries = [(n, entry) for n, journal in enumerate(journals, start=1) for entry in journal.entries]
    parameters = {
        "keys": array([occasion.key for occasion in occasions]),
        "reasons": array([journal.reason for journal in journals]),
        "cases": array([occasion.case_id for occasion in occasions]),
        "actors": array([occasion.actor for occasion in occasions]),
        "moments": array([occasion.event_at for occasion in occasions]),
        "lines": array([n for n, _ in entries]),
        "codes": array([entry.account for _, entry in entries]),
        "units": array([entry.amount.unit.value for _, entry in entries]),
        "amounts": array([entry.amount.amount for _, entry in entries]),
    }
    with typed_faults():
        ((ids, outcomes),) = await fetch(connection, Statement(_BATCH, parameters))
    answered = zip(ids, outcomes, strict=True)
    return [REFUSALS[outcome]() if outcome in REFUSALS else made(journal) for journal, outcome in answered]


async def post_hold(connection: AsyncConnection, hold_id: UUID, journal: Journal) -> UUID:
    """Turn a hold into a journal, which takes at most what is held from the hold's account; the rest is released.

    Raises:
        HoldResolved: the hold was voided or expired, or posted by another journal.
        InsufficientFunds, AccountFrozen: as with post.
        LedgerFault: UnknownHold, BadHold, and as with post.
    """
    return await _post(connection, journal, hold_id)


async def _post(connection: AsyncConnection, journal: Journal, hold_id: UUID | None) -> UUID:
    parameters = occasion_parameters(journal.occasion, journal.reason) | {
        "codes": array([entry.account for entry in journal.entries]),
        "units": array([entry.amount.unit.value for entry in journal.entries]),
        "amounts": array([entry.amount.amount for entry in journal.entries]),
        "hold": hold_id,
    }
    return made(await run(connection, _POST, parameters))


async def void_hold(connection: AsyncConnection, hold_id: UUID) -> None:
    """Give back what is held; again is harmless.

    Raises:
        HoldResolved: it was posted, or it expired.
        UnknownHold: there is none of that id.
    """
    await run(connection, _RELEASE, {"hold": hold_id, "state": "voided"})


async def expire_hold(connection: AsyncConnection, hold_id: UUID) -> None:
    """Release a hold whose time is over; the caller has waited, the clock is not read here.

    Raises:
        HoldResolved: it was posted or voided.
        UnknownHold: there is none of that id.
    """
    await run(connection, _RELEASE, {"hold": hold_id, "state": "expired"})


async def correct(connection: AsyncConnection, journal_id: UUID, occasion: Occasion, reason: str) -> UUID:
    """Post the mirror image of a journal, once; what was right instead is posted anew by the caller.

    Raises:
        AlreadyCorrected: another key corrected it before.
        InsufficientFunds, AccountFrozen: as with post.
        LedgerFault: BadCorrection, KeyConflict.
        ImpossibleJournal: a malformed key, reason or actor.
    """
    check_occasion(occasion, reason)
    return made(await run(connection, _CORRECT, occasion_parameters(occasion, reason) | {"journal": journal_id}))


async def freeze(connection: AsyncConnection, code: str) -> None:
    """Refuse entries and new holds on an account from the commit on (UnknownAccount if there is none)."""
    await _freeze(connection, code, frozen=True)


async def unfreeze(connection: AsyncConnection, code: str) -> None:
    """Let entries and holds in again (UnknownAccount if there is none)."""
    await _freeze(connection, code, frozen=False)


async def _freeze(connection: AsyncConnection, code: str, *, frozen: bool) -> None:
    with typed_faults():
        await fetch(connection, Statement(_FREEZE, {"code": code, "frozen": frozen}))
