"""The ledger under real concurrency, and against a plain model in Python."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import Refusal
from domain.ledger import AlreadyCorrected, Entry, HoldResolved, InsufficientFunds, Journal
from domain.money import Money
from storage import ledger
from storage.database import create_engine
from tests.conftest import Database
from tests.storage.ledger_world import as_service, ask, available, granted, move, occasion, open_line, violations

CROWD = 16


@pytest.fixture
async def crowd(database: Database) -> AsyncIterator[AsyncEngine]:
    """As many connections as racers."""
    made = create_engine(database.app_url, pool=CROWD)
    yield made
    await made.dispose()


async def _line(engine: AsyncEngine, ceiling: int) -> UUID:
    async with as_service(engine) as connection:
        return await open_line(connection, ceiling)


async def _balance(engine: AsyncEngine, code: str) -> tuple[int, int]:
    async with as_service(engine) as connection:
        found = await ledger.balance(connection, code)
    return found.posted, found.held


async def _post(engine: AsyncEngine, journal: Journal) -> UUID | Refusal:
    try:
        async with as_service(engine) as connection:
            return await ledger.post(connection, journal)
    except Refusal as refusal:
        return refusal


async def test_holds_racing_for_one_account_never_pass_its_floor(crowd: AsyncEngine) -> None:
    line = await _line(crowd, 100)

    async def grab() -> list[bool]:
        won = []
        for _ in range(5):
            try:
                async with as_service(crowd) as connection:
                    await ledger.hold(connection, ask(line, 3))
                won.append(True)
            except InsufficientFunds:
                won.append(False)
        return won

    answers = [won for racer in await asyncio.gather(*(grab() for _ in range(CROWD))) for won in racer]
    assert (answers.count(True), len(answers)) == (33, 80)
    assert await _balance(crowd, available(line)) == (100, 99)
    assert await violations(crowd) == []


@pytest.mark.parametrize("amount", [60, 100])
async def test_one_key_from_many_connections_is_one_journal_and_one_answer(crowd: AsyncEngine, amount: int) -> None:
    line = await _line(crowd, 100)
    journal = move(available(line), granted(line), amount)
    answers = await asyncio.gather(*(_post(crowd, journal) for _ in range(CROWD)))
    assert len(set(answers)) == 1
    assert isinstance(answers[0], UUID)
    assert await _balance(crowd, available(line)) == (100 - amount, 0)
    assert await violations(crowd) == []


async def test_one_key_on_accounts_that_nobody_locks_is_one_journal(crowd: AsyncEngine) -> None:
    one, two = await _line(crowd, 0), await _line(crowd, 0)
    journal = move(granted(one), granted(two), 5)
    answers = await asyncio.gather(*(_post(crowd, journal) for _ in range(CROWD)))
    assert len(set(answers)) == 1
    assert await _balance(crowd, granted(one)) == (5, 0)


async def test_one_hold_key_from_many_connections_is_one_hold(crowd: AsyncEngine) -> None:
    line = await _line(crowd, 100)
    request = ask(line, 100)

    async def grab() -> UUID:
        async with as_service(crowd) as connection:
            return await ledger.hold(connection, request)

    assert len(set(await asyncio.gather(*(grab() for _ in range(CROWD))))) == 1
    assert await _balance(crowd, available(line)) == (100, 100)


async def test_one_key_for_two_contents_at_once_lets_one_through(crowd: AsyncEngine) -> None:
    line = await _line(crowd, 100)
    rivals = [move(available(line), granted(line), amount, "rival") for amount in range(1, CROWD + 1)]
    answers = await asyncio.gather(*(_post(crowd, journal) for journal in rivals), return_exceptions=True)
    posted = [n for n, answer in enumerate(answers, start=1) if isinstance(answer, UUID)]
    assert len(posted) == 1
    assert sum(isinstance(answer, ledger.KeyConflict) for answer in answers) == CROWD - 1
    assert await _balance(crowd, available(line)) == (100 - posted[0], 0)


async def test_posts_in_opposite_directions_do_not_dead_lock(crowd: AsyncEngine) -> None:
    lines = [available(await _line(crowd, 1000)) for _ in range(3)]

    async def shuffle(racer: int) -> None:
        order = [lines[(racer + step) % 3] for step in range(3)]
        if racer % 2:
            order.reverse()
        for _ in range(10):
            entries = (Entry(order[0], Money(-2)), Entry(order[1], Money(1)), Entry(order[2], Money(1)))
            async with as_service(crowd) as connection:
                await ledger.post(connection, Journal(occasion(), "test_moved", entries))

    await asyncio.gather(*(shuffle(racer) for racer in range(CROWD)))
    assert sum([(await _balance(crowd, code))[0] for code in lines]) == 3000
    assert await violations(crowd) == []


async def test_a_hold_posted_voided_and_expired_at_once_resolves_once(crowd: AsyncEngine) -> None:
    line = await _line(crowd, 100)
    for _ in range(5):
        async with as_service(crowd) as connection:
            held = await ledger.hold(connection, ask(line, 10))

        async def resolve(how: int, held: UUID = held) -> bool:
            try:
                async with as_service(crowd) as connection:
                    if how == 0:
                        await ledger.post_hold(connection, held, move(available(line), granted(line), 1))
                    elif how == 1:
                        await ledger.void_hold(connection, held)
                    else:
                        await ledger.expire_hold(connection, held)
            except HoldResolved:
                return False
            return True

        assert sum(await asyncio.gather(*(resolve(how) for how in range(3)))) == 1
    assert (await _balance(crowd, available(line)))[1] == 0
    assert await violations(crowd) == []


@pytest.mark.parametrize("locked", [True, False])
async def test_corrections_racing_for_one_journal_let_one_through(crowd: AsyncEngine, locked: bool) -> None:
    one, two = await _line(crowd, 100), await _line(crowd, 100)
    name = available if locked else granted
    async with as_service(crowd) as connection:
        wrong = await ledger.post(connection, move(name(one), name(two), 10))

    async def mend() -> bool:
        try:
            async with as_service(crowd) as connection:
                await ledger.correct(connection, wrong, occasion(), "test_mended")
        except AlreadyCorrected:
            return False
        return True

    assert sum(await asyncio.gather(*(mend() for _ in range(CROWD)))) == 1
    assert (await _balance(crowd, name(one)))[0] == 100
    assert await violations(crowd) == []


@dataclass
class Model:
    """One credit line in plain Python: what the ledger must say."""

    posted: int = 0
    holds: dict[UUID, int] = field(default_factory=dict)

    @property
    def available(self) -> int:
        """What is neither spent nor held."""
        return self.posted - sum(self.holds.values())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "spend", "hold", "post", "void", "expire", "correct"]),
        st.integers(1, 40),
        st.integers(0, 9),
    ),
    max_size=25,
)


class Player:
    """Plays steps against the ledger and the model, and compares each answer."""

    def __init__(self, engine: AsyncEngine, line: UUID) -> None:
        self.engine, self.line, self.model = engine, line, Model()
        self.spent: list[tuple[UUID, int]] = []

    async def play(self, verb: str, amount: int, pick: int) -> None:
        """One step; the model says beforehand whether it must be refused."""
        model = self.model
        async with as_service(self.engine) as connection:
            if verb == "grant":
                await ledger.post(connection, move(granted(self.line), available(self.line), amount))
                model.posted += amount
            elif verb in {"spend", "hold"} and amount > model.available:
                with pytest.raises(InsufficientFunds):
                    await self._take(connection, verb, amount)
            elif verb in {"spend", "hold"}:
                await self._take(connection, verb, amount)
            elif verb == "correct" and self.spent:
                journal_id, turned = self.spent.pop(pick % len(self.spent))
                await ledger.correct(connection, journal_id, occasion(), "test_mended")
                model.posted += turned
            elif model.holds and verb != "correct":
                held = list(model.holds)[pick % len(model.holds)]
                await self._resolve(connection, verb, held, min(amount, model.holds.pop(held)))

    async def _take(self, connection: AsyncConnection, verb: str, amount: int) -> None:
        if verb == "hold":
            self.model.holds[await ledger.hold(connection, ask(self.line, amount))] = amount
        else:
            journal = await ledger.post(connection, move(available(self.line), granted(self.line), amount))
            self.spent.append((journal, amount))
            self.model.posted -= amount

    async def _resolve(self, connection: AsyncConnection, verb: str, held: UUID, amount: int) -> None:
        if verb == "post":
            await ledger.post_hold(connection, held, move(available(self.line), granted(self.line), amount))
            self.model.posted -= amount
        elif verb == "void":
            await ledger.void_hold(connection, held)
        else:
            await ledger.expire_hold(connection, held)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(STEPS, min_size=2, max_size=2))
async def test_the_ledger_says_what_a_plain_model_says(
    engine: AsyncEngine, lines: list[list[tuple[str, int, int]]]
) -> None:
    async def run(steps: list[tuple[str, int, int]]) -> None:
        player = Player(engine, await _line(engine, 0))
        for step in steps:
            await player.play(*step)
        async with as_service(engine) as connection:
            found = await ledger.balance(connection, available(player.line))
            assert (found.posted, found.available) == (player.model.posted, player.model.available)
            assert (await ledger.balance(connection, granted(player.line))).posted == player.model.posted

    await asyncio.gather(*(run(steps) for steps in lines))
    assert await violations(engine) == []
