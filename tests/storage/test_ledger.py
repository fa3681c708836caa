"""What the ledger does when it is used as intended."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import NotFound
from domain.ledger import (
    CHART,
    CREDIT_GRANTED,
    Account,
    AccountFrozen,
    AccountKind,
    AlreadyCorrected,
    HoldResolved,
    InsufficientFunds,
    Journal,
    Side,
    credit_accounts,
    credit_line_closed,
    credit_line_opened,
    credit_line_reduced,
)
from domain.money import Money, Unit
from storage import ledger
from storage.database import Acting, transaction
from storage.ledger import holding, posting
from tests.books import Superuser
from tests.storage.ledger_world import (
    ask,
    available,
    granted,
    mark_next,
    move,
    new_person,
    occasion,
    open_line,
    service_transaction,
    settled,
    violations,
)


async def _stands(connection: AsyncConnection, code: str) -> tuple[int, int, int]:
    found = await ledger.balance(connection, code)
    return found.posted, found.held, found.available


async def test_a_credit_line_opens_shrinks_and_closes(engine: AsyncEngine) -> None:
    line = uuid4()
    async with service_transaction(engine) as connection:
        await posting.open_accounts(connection, credit_accounts(line))
        await posting.post(connection, credit_line_opened(line, Money(900), occasion()))
        assert await _stands(connection, available(line)) == (900, 0, 900)
        assert await _stands(connection, granted(line)) == (900, 0, 900)
        await posting.post(connection, credit_line_reduced(line, Money(300), occasion()))
        await posting.post(connection, credit_line_closed(line, Money(600), occasion()))
        assert await _stands(connection, available(line)) == (0, 0, 0)
        assert await _stands(connection, granted(line)) == (0, 0, 0)
    assert await violations(engine) == []


async def test_the_chart_in_python_is_the_chart_in_postgres(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        rows = (await connection.execute(sa.text("SELECT kind, sign, floor FROM account_kinds"))).all()
    assert {AccountKind(row.kind, Side(row.sign), row.floor) for row in rows} == set(CHART)


async def test_the_same_key_and_content_gives_the_first_answer_whatever_the_order(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        journal = move(available(line), granted(line), 40)
        first = await posting.post(connection, journal)
    async with service_transaction(engine) as connection:
        turned = Journal(journal.occasion, journal.reason, journal.entries[::-1])
        assert await posting.post(connection, turned) == first
        assert await _stands(connection, available(line)) == (60, 0, 60)


async def test_a_key_answered_before_is_answered_again_though_the_money_is_gone(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        journal = move(available(line), granted(line), 100)
        first = await posting.post(connection, journal)
        assert await posting.post(connection, journal) == first


async def test_the_same_key_with_another_content_is_a_fault(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        await posting.post(connection, move(available(line), granted(line), 40, "same"))
        await holding.hold(connection, ask(line, 10, "held"))
    with pytest.raises(ledger.KeyConflict):
        async with service_transaction(engine) as connection:
            await posting.post(connection, move(available(line), granted(line), 41, "same"))
    with pytest.raises(ledger.KeyConflict):
        async with service_transaction(engine) as connection:
            await holding.hold(connection, ask(line, 11, "held"))
    async with service_transaction(engine) as connection:
        assert await _stands(connection, available(line)) == (60, 10, 50)


async def test_a_journal_over_the_balance_is_refused_and_the_transaction_goes_on(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        with pytest.raises(InsufficientFunds):
            await posting.post(connection, move(available(line), granted(line), 101))
        await holding.hold(connection, ask(line, 70))
        with pytest.raises(InsufficientFunds):
            await posting.post(connection, move(available(line), granted(line), 31))
        with pytest.raises(InsufficientFunds):
            await holding.hold(connection, ask(line, 31))
        await posting.post(connection, move(available(line), granted(line), 30))
    async with service_transaction(engine) as connection:
        assert await _stands(connection, available(line)) == (70, 70, 0)


async def test_a_hold_is_posted_in_part_and_the_rest_is_released(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        held = await holding.hold(connection, ask(line, 80))
        journal = move(available(line), granted(line), 50)
        posted = await posting.post_hold(connection, held, journal)
        assert await posting.post_hold(connection, held, journal) == posted
        assert await _stands(connection, available(line)) == (50, 0, 50)
        for resolve in (posting.void_hold, posting.expire_hold):
            with pytest.raises(HoldResolved):
                await resolve(connection, held)
        with pytest.raises(HoldResolved):
            await posting.post_hold(connection, held, move(available(line), granted(line), 1))
    assert await violations(engine) == []


@pytest.mark.parametrize(("resolve", "other"), [("void_hold", "expire_hold"), ("expire_hold", "void_hold")])
async def test_a_released_hold_stays_released(engine: AsyncEngine, resolve: str, other: str) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        request = ask(line, 80)
        held = await holding.hold(connection, request)
        await getattr(posting, resolve)(connection, held)
        await getattr(posting, resolve)(connection, held)
        assert await holding.hold(connection, request) == held
        assert await _stands(connection, available(line)) == (100, 0, 100)
        with pytest.raises(HoldResolved):
            await getattr(posting, other)(connection, held)
        with pytest.raises(HoldResolved):
            await posting.post_hold(connection, held, move(available(line), granted(line), 1))


async def test_a_hold_gives_no_more_than_it_holds_and_only_from_its_account(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line, other = await open_line(connection, 100), await open_line(connection, 100)
        held = await holding.hold(connection, ask(line, 50))
    for journal in (
        move(available(line), granted(line), 51),
        move(available(other), granted(other), 10),
        move(granted(line), available(line), 10),
    ):
        with pytest.raises(ledger.BadHold):
            async with service_transaction(engine) as connection:
                await posting.post_hold(connection, held, journal)


async def test_holds_on_accounts_that_cannot_bear_them_are_faults(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
    faults = [
        (ledger.BadHold, {"p_code": granted(line), "p_unit": "IRR"}),
        (ledger.BadHold, {"p_code": available(line), "p_unit": "PTS"}),
        (ledger.UnknownAccount, {"p_code": "credit:available:none", "p_unit": "IRR"}),
    ]
    call = sa.text("SELECT * FROM ledger_hold('k', :p_code, :p_unit, 1, 'test', NULL, 'system', NULL)")
    for fault, parameters in faults:
        with pytest.raises(fault), ledger.typed_faults():
            async with service_transaction(engine) as connection:
                await connection.execute(call, parameters)
    for resolve in (posting.void_hold, posting.expire_hold):
        with pytest.raises(ledger.UnknownHold):
            async with service_transaction(engine) as connection:
                await resolve(connection, uuid4())


async def test_a_correction_turns_a_journal_back_once(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        wrong = await posting.post(connection, move(available(line), granted(line), 30))
        when = occasion()
        mended = await posting.correct(connection, wrong, when, "test_mended")
        assert await posting.correct(connection, wrong, when, "test_mended") == mended
        assert await _stands(connection, available(line)) == (100, 0, 100)
        with pytest.raises(AlreadyCorrected):
            await posting.correct(connection, wrong, occasion(), "test_mended")
        page = await ledger.statement(connection, available(line))
        assert page.lines[-1].corrects == wrong
    assert await violations(engine) == []
    for journal_id in (mended, uuid4()):
        with pytest.raises(ledger.BadCorrection):
            async with service_transaction(engine) as connection:
                await posting.correct(connection, journal_id, occasion(), "test_mended")


async def test_a_correction_that_would_break_a_floor_is_refused(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection)
        opened = await posting.post(connection, move(granted(line), available(line), 100))
        await posting.post(connection, move(available(line), granted(line), 1))
        with pytest.raises(InsufficientFunds):
            await posting.correct(connection, opened, occasion(), "test_mended")


async def test_a_frozen_account_takes_nothing_but_gives_holds_back(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        held = await holding.hold(connection, ask(line, 10))
        await posting.freeze(connection, available(line))
        with pytest.raises(AccountFrozen):
            await posting.post(connection, move(granted(line), available(line), 1))
        with pytest.raises(AccountFrozen):
            await holding.hold(connection, ask(line, 1))
        with pytest.raises(AccountFrozen):
            await posting.post_hold(connection, held, move(available(line), granted(line), 10))
        await posting.void_hold(connection, held)
        await posting.unfreeze(connection, available(line))
        await posting.post(connection, move(available(line), granted(line), 100))
    with pytest.raises(ledger.UnknownAccount):
        async with service_transaction(engine) as connection:
            await posting.freeze(connection, "credit:available:none")


async def test_accounts_open_once_and_only_as_the_same(engine: AsyncEngine) -> None:
    line = uuid4()
    async with service_transaction(engine) as connection:
        await posting.open_account(connection, Account(CREDIT_GRANTED, str(line)))
        await posting.open_account(connection, Account(CREDIT_GRANTED, str(line)))
    with pytest.raises(ledger.AccountDiffers):
        async with service_transaction(engine) as connection:
            await posting.open_account(connection, Account(CREDIT_GRANTED, str(line), Unit.PTS))
    with pytest.raises(ledger.UnknownKind):
        async with service_transaction(engine) as connection:
            await posting.open_account(connection, Account(AccountKind("credit:dreamt", Side.CREDIT, 0), str(line)))


async def test_unknown_accounts_and_foreign_units_are_faults(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
    with pytest.raises(ledger.UnknownAccount):
        async with service_transaction(engine) as connection:
            await posting.post(connection, move(available(line), "credit:granted:none", 1))
    with pytest.raises(ledger.UnitDiffers):
        async with service_transaction(engine) as connection:
            await posting.post(connection, move(available(line), granted(line), 1, unit=Unit.PTS))


@pytest.mark.parametrize("kind", ["with a floor", "without"])
async def test_a_statement_pages_with_the_running_balance(engine: AsyncEngine, kind: str) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        for amount in (1, 2, 3, 4):
            await posting.post(connection, move(available(line), granted(line), amount))
    code = available(line) if kind == "with a floor" else granted(line)
    seen, cursor, more = [], None, True
    await settled(engine)
    async with service_transaction(engine) as connection:
        while more:
            page = await ledger.statement(connection, code, after=cursor, limit=2)
            seen += [(entry.amount, entry.running) for entry in page.lines]
            cursor, more = page.end, page.more
        assert seen == [(100, 100), (-1, 99), (-2, 97), (-3, 94), (-4, 90)]
        assert (await ledger.statement(connection, code, after=cursor)).lines == []
        await posting.post(connection, move(granted(line), available(line), 10))
    await settled(engine)
    async with service_transaction(engine) as connection:
        page = await ledger.statement(connection, code, after=cursor)
    assert [(entry.amount, entry.running) for entry in page.lines] == [(10, 100)]


async def test_a_commit_later_than_a_snapshot_is_not_lost(engine: AsyncEngine, superuser: Superuser) -> None:
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
    await settled(engine)
    async with service_transaction(engine) as slow:
        await posting.post(slow, move(granted(line), available(await open_line(slow)), 7))
        await mark_next(superuser)
        async with service_transaction(engine) as connection:
            await posting.post(connection, move(granted(line), available(await open_line(connection)), 5))
        async with service_transaction(engine) as connection:
            assert await ledger.sum_accounts(connection, 10) == 1
            assert (await ledger.balance(connection, granted(line))).posted == 105
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert (await ledger.balance(connection, granted(line))).posted == 112
        assert await ledger.sum_accounts(connection, 10) == 1
        assert await ledger.sum_accounts(connection, 10) == 0
        assert (await ledger.balance(connection, granted(line))).posted == 112
    assert await violations(engine) == []


async def test_a_statement_without_a_floor_waits_for_older_transactions(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection)
    await settled(engine)
    async with service_transaction(engine) as slow:
        await posting.post(slow, move(granted(line), available(await open_line(slow)), 7))
        async with service_transaction(engine) as connection:
            await posting.post(connection, move(granted(line), available(await open_line(connection)), 5))
        async with service_transaction(engine) as connection:
            assert (await ledger.statement(connection, granted(line))).lines == []
    await settled(engine)
    async with service_transaction(engine) as connection:
        page = await ledger.statement(connection, granted(line))
    assert [entry.running for entry in page.lines] == [7, 12]


async def test_sums_beyond_a_bigint_are_right(engine: AsyncEngine, superuser: Superuser) -> None:
    most = 10**17
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        full, empty = await open_line(connection), await open_line(connection)
        for _ in range(100):
            await posting.post(connection, move(granted(full), granted(empty), most))
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert (await ledger.balance(connection, granted(full))).posted == 100 * most
        assert await ledger.sum_accounts(connection, 10) in range(1, 10)
        assert await ledger.sum_kinds(connection, 1) == 1
        assert (await ledger.balance(connection, granted(full))).posted == 100 * most
        assert (await ledger.balance(connection, granted(empty))).posted == -100 * most
    assert await violations(engine) == []


async def test_the_trial_balance_sums_to_zero_in_each_unit(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line, points = await open_line(connection, 100), uuid4()
        await posting.open_accounts(connection, credit_accounts(points, unit=Unit.PTS))
        await posting.post(connection, move(granted(points), available(points), 5, unit=Unit.PTS))
        await posting.post(connection, move(available(line), granted(line), 30))
        rows = await ledger.trial_balance(connection)
    totals = {(row.kind, row.unit): row.total for row in rows}
    assert totals == {
        ("credit:granted", "IRR"): -70,
        ("credit:available", "IRR"): 70,
        ("credit:granted", "PTS"): -5,
        ("credit:available", "PTS"): 5,
    }


async def test_postgres_and_python_hash_the_same_content(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
        request, journal = ask(line, 10), move(available(line), granted(line), 4)
        held = await holding.hold(connection, request)
        posted = await posting.post_hold(connection, held, journal)
        mirror = Journal(occasion(), "test_mended", move(granted(line), available(line), 4).entries)
        mended = await posting.correct(connection, posted, mirror.occasion, "test_mended")
        stored = sa.text("SELECT id, content_hash FROM journals UNION ALL SELECT id, content_hash FROM holds")
        hashes: dict[UUID, bytes] = {row.id: row.content_hash for row in await connection.execute(stored)}
    assert hashes[held] == request.content_hash()
    assert hashes[posted] == journal.content_hash(hold=held)
    assert hashes[mended] == mirror.content_hash(corrects=posted)


async def test_members_see_their_own_accounts_and_nothing_else(engine: AsyncEngine, superuser: Superuser) -> None:
    async with service_transaction(engine) as connection:
        me, other = await new_person(connection), await new_person(connection)
        await mark_next(superuser)
        mine = await open_line(connection, 100, owner=me)
        await mark_next(superuser)
        theirs = await open_line(connection, 200, owner=other)
        for line in (mine, theirs):
            await holding.hold(connection, ask(line, 10))
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_accounts(connection, 10) == 2
        assert await ledger.sum_kinds(connection, 1) == 1
    counts = sa.text(
        "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM journals), (SELECT count(*) FROM entries),"
        " (SELECT count(*) FROM holds), (SELECT count(*) FROM balance_snapshots), (SELECT count(*) FROM kind_sums)"
    )
    async with transaction(engine, Acting("member", me)) as connection:
        assert await _stands(connection, available(mine)) == (100, 10, 90)
        assert (await ledger.balance(connection, granted(mine))).posted == 100
        assert [entry.running for entry in (await ledger.statement(connection, available(mine))).lines] == [100]
        for read in (ledger.balance, ledger.statement):
            with pytest.raises(NotFound):
                await read(connection, available(theirs))
        assert tuple((await connection.execute(counts)).one()) == (2, 1, 2, 1, 1, 0)
    async with engine.connect() as connection:
        assert tuple((await connection.execute(counts)).one()) == (0, 0, 0, 0, 0, 0)


async def test_check_reads_while_others_post(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)

    async def spend() -> None:
        for _ in range(20):
            async with service_transaction(engine) as connection:
                await posting.post(connection, move(available(line), granted(line), 1))

    found, _ = await asyncio.gather(violations(engine), spend())
    assert found == []
