"""Bad days of safe payments: workers that die, a process server that is away, people who go meanwhile (E1 to E8)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from domain.escrow.rules import Shares
from domain.money import Money
from messages.case import OVER, WAIT, StepInput
from messages.escrow import JobSide
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.conftest import Database
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import AMOUNT, EscrowProcess
from tests.escrow_sums import Expected, assert_sums
from tests.fee_steps import change_policy
from tests.length import IS_LONG
from tests.transitions import Transitions, WiredContext
from tests.wire import Wire

PART = 10_000_007
_ROUNDS = itertools.count(700_000)
_MOVE_MONEY = {"take_funds", "pay_over", "make_final", "unfreeze", "lapse_escrow"}
# At which answers of Postgres a worker dies: one in the middle of each step; in the long form at every one.
_PLACES = range(1, 100) if IS_LONG else (7,)


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, unwired: ActivityContext, superuser: Superuser, tmp_path: Path
) -> EscrowProcess:
    """Two members, two arbitrators and an operator; money of theirs is held already."""
    return await escrow_with_held(context, arrange, unwired, superuser, tmp_path)


@dataclass(frozen=True, slots=True)
class Dying:
    """Workers that die: their connection ends, Postgres undoes what was not committed and keeps what was."""

    steps: Transitions
    engine: AsyncEngine
    wire: Wire
    superuser: Superuser

    async def go_on(self, case_id: UUID, name: str = "assess_escrow", until: datetime | None = None) -> list[str]:
        """Take all steps that follow; in each that moves money workers die before and after its COMMIT."""
        taken = []
        while name not in {WAIT, OVER}:
            taken.append(name)
            step = StepInput(case_id, next(_ROUNDS), until)
            if name in _MOVE_MONEY:
                await self._die_in(name, step)
            before = await self._state()
            name = str((await getattr(self.steps, name)(step)).step)
            assert taken[-1] not in _MOVE_MONEY or await self._state() == before
        return taken

    async def _die_in(self, name: str, step: StepInput) -> None:
        """Before its COMMIT nothing has changed, after it everything, though nobody heard of it."""
        before = await self._state()
        for place in _PLACES:
            await self._die(name, step, lose_answer=place)
            if await self._state() != before:
                # That was the answer to the COMMIT, which is the last one.
                assert self.wire.commits
                return
        await self._die(name, step, lose_commit=1)
        assert await self._state() != before

    async def _die(self, name: str, step: StepInput, **lose: int) -> None:
        self.wire.begin(dies=True, **lose)
        with pytest.raises(DBAPIError):
            await getattr(self.steps, name)(step)
        self.wire.revive()

    async def _state(self) -> tuple[object, ...]:
        accounts = "SELECT code, balance, held FROM accounts ORDER BY code"
        return await self.superuser.effects(), await self.superuser.rows(accounts)


@pytest.fixture
async def dying(database: Database, unwired: ActivityContext, superuser: Superuser) -> AsyncIterator[Dying]:
    """Workers that die."""
    async with WiredContext.to(database.app_url, unwired.seals, unwired.files) as wired:
        yield Dying(Transitions(replace(unwired, engine=wired.engine)), wired.engine, wired.wire, superuser)


async def _paid(escrow: EscrowProcess) -> UUID:
    case_id = await escrow.accepted()
    payment_id = await escrow.at_bank(case_id)
    await escrow.pay_at_bank(payment_id)
    await escrow.go_on(payment_id)
    return case_id


async def _released(escrow: EscrowProcess) -> UUID:
    case_id = await escrow.held()
    await escrow.release(case_id, PART)
    return case_id


async def _refund_agreed(escrow: EscrowProcess) -> UUID:
    case_id = await escrow.held()
    await escrow.ask_refund(case_id, AMOUNT)
    await escrow.answer_refund(case_id, PART)
    return case_id


async def _split(escrow: EscrowProcess) -> UUID:
    case_id = await escrow.disputed()
    await escrow.offer(case_id, JobSide.EMPLOYER, Shares(Money(PART), Money(AMOUNT - PART)))
    await escrow.answer_split(case_id, JobSide.CONTRACTOR, accept=True)
    return case_id


async def _ruled_twice(escrow: EscrowProcess) -> UUID:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.rule(case_id, AMOUNT)
    await escrow.object_to(case_id, JobSide.EMPLOYER)
    await escrow.go_on(case_id)
    await escrow.claim(case_id, 1)
    await escrow.rule(case_id, PART, 1)
    return case_id


async def _taken_back(escrow: EscrowProcess) -> UUID:
    case_id = await escrow.disputed()
    await escrow.take_back(case_id)
    return case_id


Prepare = Callable[[EscrowProcess], Awaitable[UUID]]
_KILLED: dict[str, tuple[Prepare, list[tuple[int, int]], set[str]]] = {
    "funded": (_paid, [], {"take_funds"}),
    "released": (_released, [(PART, 0)], {"pay_over"}),
    "refunded": (_refund_agreed, [(0, PART)], {"pay_over"}),
    "split": (_split, [(PART, AMOUNT - PART)], {"pay_over"}),
    "ruled": (_ruled_twice, [(PART, AMOUNT - PART)], {"make_final", "pay_over"}),
    "taken_back": (_taken_back, [], {"unfreeze"}),
}


@pytest.mark.parametrize(
    "name", [name if name in {"funded", "ruled"} else pytest.param(name, marks=pytest.mark.long) for name in _KILLED]
)
async def test_workers_killed_before_and_after_the_commit_of_a_step_that_moves_money_move_it_once(
    escrow: EscrowProcess, dying: Dying, superuser: Superuser, name: str
) -> None:
    prepare, decided, steps = _KILLED[name]
    case_id = await prepare(escrow)
    taken = await dying.go_on(case_id)
    assert set(taken) >= steps
    assert (await escrow.go_on(case_id)).step == WAIT
    await assert_sums(superuser, {case_id: Expected(AMOUNT, funded=True, decided=decided)})
    invoices = "SELECT count(*) FROM invoices WHERE kind = 'safe_payment'"
    assert await superuser.value(invoices) == sum(contractor > 0 for contractor, _ in decided)
    refunds = "SELECT count(*) FROM payments WHERE refund_of IS NOT NULL"
    assert await superuser.value(refunds) == sum(employer > 0 for _, employer in decided)
    await assert_books_clean(escrow.context.engine)


@pytest.mark.long
async def test_workers_killed_in_a_release_by_silence_release_once(
    escrow: EscrowProcess, dying: Dying, superuser: Superuser
) -> None:
    await change_policy(escrow.context, "escrow", auto_release=True)
    escrow.ready.clear()
    case_id = await escrow.held()
    await escrow.declare(case_id)
    found = await escrow.go_on(case_id)
    assert await dying.go_on(case_id, "lapse_escrow", found.expires_at) == ["lapse_escrow", "pay_over"]
    await assert_sums(superuser, {case_id: Expected(AMOUNT, funded=True, decided=[(AMOUNT, 0)])})
    await assert_books_clean(escrow.context.engine)
