"""A ledger with everything in it is whole, gives every key its first answer, and goes on where it stood."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import (
    AccountFrozen,
    AlreadyCorrected,
    HoldRequest,
    HoldResolved,
    InsufficientFunds,
    Journal,
    Occasion,
    credit_accounts,
)
from domain.money import Money
from storage import ledger
from storage.ledger import holding, posting
from tests.books import Superuser
from tests.storage.ledger_world import (
    NOON,
    available,
    granted,
    mark_next,
    move,
    occasion,
    service_transaction,
    settled,
    violations,
)

LINE, OTHER, FROZEN = (UUID(int=n) for n in (1, 2, 3))
# How each account stands: posted, held.
STANDING = {
    granted(LINE): (890, 0),
    available(LINE): (890, 320),
    granted(OTHER): (500, 0),
    available(OTHER): (500, 0),
    granted(FROZEN): (7, 0),
    available(FROZEN): (7, 0),
}
HELD = {"pending": 300, "open_ended": 20, "posted": 50, "voided": 40, "expired": 30}


def grant(line: UUID, amount: int, key: str | None = None) -> Journal:
    """More to be had on a line."""
    return move(granted(line), available(line), amount, key)


def take(line: UUID, amount: int, key: str | None = None) -> Journal:
    """Less to be had on a line."""
    return move(available(line), granted(line), amount, key)


def held(key: str, amount: int, *, ends: bool) -> HoldRequest:
    """A hold on what is available."""
    when = Occasion(key, None, "system", NOON)
    return HoldRequest(when, available(LINE), Money(amount), "test_held", NOON if ends else None)


async def standing(engine: AsyncEngine) -> dict[str, tuple[int, int]]:
    """Posted and held of each account."""
    async with service_transaction(engine) as connection:
        found = [await ledger.balance(connection, code) for code in STANDING]
    return {one.code: (one.posted, one.held) for one in found}


@pytest.fixture
async def made(engine: AsyncEngine, superuser: Superuser) -> dict[str, UUID]:
    """Everything that a ledger can hold: what was made, by its key."""
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        for line in (LINE, OTHER, FROZEN):
            await posting.open_accounts(connection, credit_accounts(line))
        grants = {"line": grant(LINE, 1_000, "line"), "other": grant(OTHER, 500, "other")}
        grants["frozen"] = grant(FROZEN, 7, "frozen")
        made = {key: await posting.post(connection, journal) for key, journal in grants.items()}
    async with service_transaction(engine) as connection:
        # Two journals of one transaction, and one of those turned back in it.
        made["wrong"] = await posting.post(connection, take(LINE, 60, "wrong"))
        made["spent"] = await posting.post(connection, take(LINE, 60, "spent"))
        made["mended"] = await posting.correct(connection, made["wrong"], occasion("mended"), "test_mended")
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert (await ledger.sum_accounts(connection, 8), await ledger.sum_kinds(connection, 1)) == (1, 1)
    async with service_transaction(engine) as connection:
        for key, amount in HELD.items():
            made[key] = await holding.hold(connection, held(key, amount, ends=key != "open_ended"))
        made["of_hold"] = await posting.post_hold(connection, made["posted"], take(LINE, 45, "of_hold"))
        await posting.void_hold(connection, made["voided"])
        await posting.expire_hold(connection, made["expired"])
        made["late"] = await posting.post(connection, take(LINE, 5, "late"))
        await posting.freeze(connection, available(FROZEN))
    return made


@pytest.mark.usefixtures("made")
async def test_it_is_whole_and_stands_as_it_should(engine: AsyncEngine) -> None:
    assert await violations(engine) == []
    assert await standing(engine) == STANDING
    async with service_transaction(engine) as connection:
        trial = {row.kind: (row.accounts, row.total) for row in await ledger.trial_balance(connection)}
        pages = [await ledger.statement(connection, code) for code in STANDING]

    assert trial == {"credit:granted": (3, -1_397), "credit:available": (3, 1_397)}
    assert [page.lines[-1].running for page in pages] == [posted for posted, _ in STANDING.values()]


async def test_every_key_gives_its_first_answer(engine: AsyncEngine, made: dict[str, UUID]) -> None:
    journals = [
        grant(LINE, 1_000, "line"),
        grant(OTHER, 500, "other"),
        # Frozen since: a key answered before is answered again.
        grant(FROZEN, 7, "frozen"),
        take(LINE, 60, "wrong"),
        take(LINE, 60, "spent"),
        take(LINE, 5, "late"),
    ]
    async with service_transaction(engine) as connection:
        again = [await posting.post(connection, journal) for journal in journals]
        together = await posting.post_batch(connection, journals)
        of_hold = await posting.post_hold(connection, made["posted"], take(LINE, 45, "of_hold"))

    assert again == together == [made[journal.occasion.key] for journal in journals]
    assert of_hold == made["of_hold"]
    for journal in (grant(LINE, 999, "line"), grant(LINE, 60, "mended"), take(LINE, 45, "of_hold")):
        with pytest.raises(ledger.KeyConflict):
            async with service_transaction(engine) as connection:
                await posting.post(connection, journal)
    assert await standing(engine) == STANDING
    assert await violations(engine) == []


async def test_holds_corrections_and_sums_go_on(
    engine: AsyncEngine, made: dict[str, UUID], superuser: Superuser
) -> None:
    async with service_transaction(engine) as connection:
        for state in ("posted", "voided", "expired"):
            with pytest.raises(HoldResolved):
                await posting.post_hold(connection, made[state], take(LINE, 1))
        with pytest.raises(AlreadyCorrected):
            await posting.correct(connection, made["wrong"], occasion(), "test_mended")
        with pytest.raises(InsufficientFunds):
            await posting.post(connection, take(LINE, 571))
        with pytest.raises(AccountFrozen):
            await posting.post(connection, take(FROZEN, 1))
        await posting.post_hold(connection, made["pending"], take(LINE, 200))
        await posting.void_hold(connection, made["open_ended"])
        await posting.correct(connection, made["spent"], occasion(), "test_mended")
        await posting.unfreeze(connection, available(FROZEN))
        (one,) = await posting.post_batch(connection, [take(FROZEN, 7)])

    assert isinstance(one, UUID)
    assert (await standing(engine))[available(LINE)] == (890 - 200 + 60, 0)
    # The snapshots taken before are what the next ones begin with.
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        await posting.post(connection, grant(LINE, 1))
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert (await ledger.sum_accounts(connection, 8), await ledger.sum_kinds(connection, 1)) == (1, 1)
        assert (await ledger.balance(connection, granted(LINE))).posted == 751
        rows = await ledger.trial_balance(connection)
    assert sum(row.total for row in rows) == 0
    assert (await standing(engine))[available(LINE)] == (751, 0)
    assert await violations(engine) == []
