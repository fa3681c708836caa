"""The ledger against a model in plain Python: many sequences at once, with connections that die at COMMIT.

Every choice comes from Hypothesis, so a failure shrinks and comes again; only the server decides who comes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from copy import deepcopy
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import Unit
from storage import ledger
from storage.database import single_statements
from storage.ledger import KeyConflict, posting
from storage.ledger.reading import balances
from tests.conftest import Database
from tests.length import length
from tests.storage.ledger_clients import LedgerClient, Manner
from tests.storage.ledger_model import FLOORED, Deed, History, Model, Names
from tests.storage.ledger_script import STEP_BYTES, STEPS_MAX, Author, Purse, Step, steps
from tests.storage.ledger_world import machine_engine, service_transaction, settled, violations

SEQUENCES: Final = length(200, 2000)
ACTORS: Final = 8
EXAMPLES: Final = max(1, SEQUENCES // 2 // ACTORS)
SCRIPT: Final = st.binary(min_size=2 * STEP_BYTES, max_size=STEPS_MAX * STEP_BYTES).map(steps)
SCRIPTS: Final = st.lists(SCRIPT, min_size=ACTORS, max_size=ACTORS)
KEYS: Final = sa.text(
    "SELECT 'journal' AS kind, key, id FROM journals WHERE key = ANY(CAST(:keys AS text[]))"
    " UNION ALL SELECT 'hold', key, id FROM holds WHERE key = ANY(CAST(:keys AS text[]))"
)


class Ground:
    """Where sequences are played: connections that live, others that are meant to die, and the names of all keys."""

    def __init__(self, database: Database) -> None:
        self.engine = machine_engine(database, 2 * ACTORS)
        self.doomed = machine_engine(database, ACTORS)
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.names = Names()
        self.rounds = count()
        self.clients: list[LedgerClient] = []
        self.last: list[str] = []

    def run(self, what: Coroutine[Any, Any, None]) -> None:
        """Play on the loop to which the connections belong."""
        self.runner.run(what)

    def close(self) -> None:
        """End all connections."""
        for engine in (self.engine, self.doomed):
            self.runner.run(engine.dispose())
        self.runner.close()

    async def opened(self, many: int) -> list[Purse]:
        """Fresh accounts, so that no example depends on another."""
        number = next(self.rounds)
        purses = [Purse(f"{number}-{n}") for n in range(many)]
        async with single_statements(self.engine) as connection:
            await posting.open_accounts(connection, [account for purse in purses for account in purse.accounts])
            client = LedgerClient(self.engine, self.doomed, connection, self.names)
            await client.do(Deed("batch", tuple(purse.opening.journals[0] for purse in purses)), Manner.IN_TRANSACTION)
        self.last = purses[0].codes
        return purses

    async def client(self, stack: AsyncExitStack) -> LedgerClient:
        """A way to the ledger."""
        connection = await stack.enter_async_context(single_statements(self.engine))
        made = LedgerClient(self.engine, self.doomed, connection, self.names)
        self.clients.append(made)
        return made

    async def prove(self) -> None:
        """Look at the whole ledger as it stands in the end, and at the last statements."""
        assert await violations(self.engine) == []
        await settled(self.engine)
        async with service_transaction(self.engine) as connection:
            totals: dict[str, int] = {}
            for row in await ledger.trial_balance(connection):
                totals[row.unit] = totals.get(row.unit, 0) + row.total
            assert totals == dict.fromkeys(totals, 0)
            for code in self.last:
                await _check_statement(connection, code)
        if SEQUENCES >= 1000:
            assert sum(client.deaths for client in self.clients) > SEQUENCES // 100


async def _check_statement(connection: AsyncConnection, code: str) -> None:
    """The running balance is unbroken, never under a floor, and ends with what the account says."""
    running, after, more = 0, None, True
    while more:
        page = await ledger.statement(connection, code, after=after, limit=7)
        for line in page.lines:
            running += line.amount
            assert line.running == running
            assert running >= 0 or not code.startswith(FLOORED)
        after, more = page.end, page.more
    assert running == (await ledger.balance(connection, code)).posted


async def _stand(connection: AsyncConnection, codes: list[str]) -> dict[str, tuple[int, int]]:
    """The sum of entries of each account, and what is held on it."""
    found = await balances(connection, codes)
    return {code: (one.posted if code.startswith(FLOORED) else -one.posted, one.held) for code, one in found.items()}


async def _found(connection: AsyncConnection, keys: list[str]) -> dict[tuple[str, str], UUID]:
    rows = await connection.execute(KEYS, {"keys": keys})
    return {(row.kind, row.key): row.id for row in rows}


@pytest.fixture
def ground(database: Database) -> Iterator[Ground]:
    """Where all examples of a test are played."""
    made = Ground(database)
    yield made
    made.close()


class Alone:
    """An actor whose accounts nobody else touches: each answer is the model's."""

    def __init__(self, ground: Ground, purse: Purse) -> None:
        self.ground, self.purse = ground, purse
        self.model = Model(dict.fromkeys(purse.codes, 0))
        self.model.judge(purse.opening)
        self.author = Author(purse.name, purse.codes, self.model, f"{purse.name}/shared")

    async def play(self, todo: list[Step]) -> None:
        """Compare each answer with the model's."""
        async with AsyncExitStack() as stack:
            client = await self.ground.client(stack)
            for step in todo:
                if step.verb == "look":
                    async with service_transaction(self.ground.engine) as connection:
                        await self.compare(connection)
                    continue
                deed = self.author.deed(step)
                if step.manner in Manner.deadly():
                    await self._die(client, deed, step)
                else:
                    answer = await client.do(deed, step.manner)
                    assert answer == self.model.judge(deed), deed

    async def _die(self, client: LedgerClient, deed: Deed, step: Step) -> None:
        """Nobody knows whether it was done: it is repeated at once, and when what was lost is over for sure."""
        gone = await client.lose(deed, step.manner, step.two % 8)
        seen = [await client.do(deed)]
        await gone
        seen.append(await client.do(deed))
        # The lost call was first, second, or never came.
        said, after = [], [deepcopy(self.model)]
        for _ in range(3):
            after.append(deepcopy(after[-1]))
            said.append(after[-1].judge(deed))
        never, second, first = said[:2], [said[0], said[2]], said[1:]
        assert seen in (never, second, first), deed
        self.model = self.author.known = after[2 if seen == never else 3]

    async def compare(self, connection: AsyncConnection) -> None:
        """All balances are the model's."""
        model = self.model
        assert await _stand(connection, self.purse.codes) == {
            code: (model.balances[code], model.held(code)) for code in self.purse.codes
        }


class Together:
    """One of several actors on the same accounts and with some of the same keys."""

    def __init__(self, ground: Ground, purse: Purse, history: History, number: int) -> None:
        self.ground, self.purse, self.history = ground, purse, history
        self.author = Author(f"{purse.name}/{number}", purse.codes, history, f"{purse.name}/shared")

    async def play(self, todo: list[Step]) -> None:
        """Take down each answer, and look on at any moment."""
        async with AsyncExitStack() as stack:
            client = await self.ground.client(stack)
            for step in todo:
                if step.verb == "look":
                    await self._look()
                    continue
                deed = self.author.deed(step)
                if step.manner in Manner.deadly():
                    gone = await client.lose(deed, step.manner, step.two % 8)
                    self.history.add(deed, await client.do(deed))
                    await gone
                answer = await client.do(deed, step.manner)
                self.history.add(deed, answer)
                if answer is KeyConflict and deed.verb == "batch":
                    await self._one_by_one(client, deed)

    async def _one_by_one(self, client: LedgerClient, batch: Deed) -> None:
        """Learn what of a batch is posted: one that was lost may have been, before a rival took a key."""
        for journal in batch.journals:
            single = Deed("post", (journal,))
            self.history.add(single, await client.do(single))

    async def _look(self) -> None:
        async with service_transaction(self.ground.engine) as connection:
            stand = await _stand(connection, self.purse.codes)
        for unit in (Unit.IRR, Unit.PTS):
            codes = [account.code for account in self.purse.accounts if account.unit is unit]
            assert sum(stand[code][0] for code in codes) == 0
        assert all(posted >= held for code, (posted, held) in stand.items() if code.startswith(FLOORED))


@pytest.mark.timeout(60 + SEQUENCES // 10)
def test_each_answer_is_that_of_a_plain_model(ground: Ground) -> None:
    async def play(scripts: list[list[Step]]) -> None:
        actors = [Alone(ground, purse) for purse in await ground.opened(ACTORS)]
        await asyncio.gather(*(actor.play(todo) for actor, todo in zip(actors, scripts, strict=True)))
        async with service_transaction(ground.engine) as connection:
            for actor in actors:
                await actor.compare(connection)
            known = {key: ground.names.ids[key] for actor in actors for key in actor.model.keys}
            assert await _found(connection, [key for actor in actors for key in actor.author.tried]) == known

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(SCRIPTS)
    def example(scripts: list[list[Step]]) -> None:
        ground.run(play(scripts))

    example()
    ground.run(ground.prove())


@pytest.mark.timeout(60 + SEQUENCES // 10)
def test_answers_given_to_many_at_once_have_an_explanation(ground: Ground) -> None:
    async def play(scripts: list[list[Step]]) -> None:
        (purse,) = await ground.opened(1)
        history = History()
        history.add(purse.opening, purse.opening.key)
        actors = [Together(ground, purse, history, number) for number in range(ACTORS)]
        await asyncio.gather(*(actor.play(todo) for actor, todo in zip(actors, scripts, strict=True)))
        history.close()
        async with service_transaction(ground.engine) as connection:
            assert await _stand(connection, purse.codes) == history.totals(purse.codes)
            known = {key: ground.names.ids[key] for key in history.keys}
            assert await _found(connection, [key for actor in actors for key in actor.author.tried]) == known
            for code in purse.codes:
                if code.startswith(FLOORED):
                    await _check_statement(connection, code)

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(SCRIPTS)
    def example(scripts: list[list[Step]]) -> None:
        ground.run(play(scripts))

    example()
    ground.run(ground.prove())
