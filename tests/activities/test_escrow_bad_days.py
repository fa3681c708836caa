"""Bad days of safe payments: workers that die, a process server that is away, people who go meanwhile (E1 to E8)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from commands.own_mobile import TypedCode, confirm_own_mobile, request_own_mobile
from commands.withdrawal import withdraw
from domain.account import CodePurpose, withdrawal_binding
from domain.errors import CaseClosed, NotFound, Refusal
from domain.escrow.rules import EvidenceClosed, Shares
from domain.money import Money
from domain.onboarding import MoneyPaused
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.escrow import JobSide
from storage.account import begin_session
from storage.database import SERVICE, transaction
from tests.account_people import sent_code
from tests.arrange import Arrange, Someone
from tests.bank_account_steps import a_sheba
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import fresh_code, run
from tests.commands.test_escrow_money import refused
from tests.conftest import Database
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import AMOUNT, EscrowProcess, pass_time
from tests.escrow_sums import Expected, assert_sums
from tests.fee_steps import change_policy
from tests.length import IS_LONG
from tests.payout_steps import give_sheba
from tests.transitions import Transitions, WiredContext
from tests.wire import Wire

PART = 10_000_007
_ANOTHER_NUMBER = "+989351110001"
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
        self.wire.begin(**lose)
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
        wired.wire.dies = True
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


async def _ruled(escrow: EscrowProcess, to_contractor: int) -> tuple[UUID, NextStep]:
    """The first arbitrator has ruled, and either side may object; returns what the process waits for."""
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.rule(case_id, to_contractor)
    return case_id, await escrow.go_on(case_id)


# While the process server is away no step is taken, and no clock of a process rings: both come after it.
async def test_money_that_came_in_time_is_held_though_the_process_was_away_past_the_deadline(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    in_time, late = await escrow.accepted(), await escrow.accepted()
    payment_id = await escrow.at_bank(in_time)
    await escrow.pay_at_bank(payment_id)
    await escrow.go_on(payment_id)
    await pass_time(superuser, timedelta(days=8))
    until = await superuser.value("SELECT now()")

    assert (await escrow.take("lapse_escrow", in_time, until=until)).step == "take_funds"
    await escrow.go_on(in_time)
    assert (await escrow.phase(in_time), await escrow.money(in_time)) == ("held", (AMOUNT, AMOUNT))
    assert (await escrow.take("lapse_escrow", late, until=until)).step == OVER
    await refused(superuser, escrow.begin_payment(late), CaseClosed)
    assert await escrow.phase(late) == "lapsed"
    await assert_books_clean(escrow.context.engine)


async def test_what_was_stated_before_the_process_came_back_is_heard_and_nothing_after_it(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    await escrow.state(case_id, JobSide.CONTRACTOR)
    await pass_time(superuser, timedelta(days=6))
    until = await superuser.value("SELECT now()")

    assert (await escrow.take("request_arbitrator", case_id, until=until)).step == WAIT
    assert await superuser.value("SELECT count(*) FROM escrow_statements") == 2
    for side in JobSide:
        await refused(superuser, escrow.state(case_id, side), EvidenceClosed)
    assert (await escrow.phase(case_id), await escrow.kinds(case_id)) == ("awaiting_arbitrator", ["rule_dispute"])


@pytest.mark.parametrize("objects", [True, False])
async def test_an_objection_in_time_counts_though_the_process_was_away_past_the_deadline_and_a_later_one_does_not(
    escrow: EscrowProcess, superuser: Superuser, objects: bool
) -> None:
    case_id, _ = await _ruled(escrow, AMOUNT)
    if objects:
        await escrow.object_to(case_id, JobSide.EMPLOYER)
    await pass_time(superuser, timedelta(hours=49))
    until = await superuser.value("SELECT now()")

    found = await escrow.take("make_final", case_id, until=until)
    await escrow.go_on(case_id)
    if objects:
        assert (found.step, await escrow.phase(case_id)) == ("request_arbitrator", "awaiting_arbitrator")
        assert (await escrow.money(case_id), await escrow.balance()) == ((AMOUNT, 0), 0)
    else:
        assert (found.step, await escrow.phase(case_id)) == ("pay_over", "released")
        with pytest.raises(Refusal):
            await escrow.object_to(case_id, JobSide.EMPLOYER)
        assert await escrow.money(case_id) == (0, 0)
    await assert_books_clean(escrow.context.engine)


async def test_an_arbitrator_who_loses_the_role_rules_nothing_and_another_may_claim_it_at_once(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    first = escrow.arbitrators[0].id
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", first)
    await refused(superuser, escrow.rule(case_id, AMOUNT), NotFound)

    await escrow.claim(case_id, 1)
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == "awaiting_ruling"
    await escrow.rule(case_id, PART, 1)
    await escrow.go_on(case_id)
    assert [one.arbitrator_id for one in await escrow.rulings_of(case_id)] == [escrow.arbitrators[1].id]
    assert await escrow.money(case_id) == (AMOUNT, 0)


async def test_with_another_number_in_the_middle_of_arbitration_money_pauses_and_the_ruling_comes_there(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    half = Shares(Money(AMOUNT // 2), Money(AMOUNT // 2))
    await escrow.offer(case_id, JobSide.EMPLOYER, half)
    contractor = await _with_another_number(escrow)
    changed = replace(escrow, contractor=contractor)
    await refused(superuser, changed.answer_split(case_id, JobSide.CONTRACTOR, accept=True), MoneyPaused)
    await refused(superuser, changed.offer(case_id, JobSide.CONTRACTOR, half), MoneyPaused)
    await changed.state(case_id, JobSide.CONTRACTOR)
    await changed.pass_wait(case_id)
    await changed.claim(case_id)
    await changed.rule(case_id, PART)
    await changed.go_on(case_id)
    await changed.object_to(case_id, JobSide.CONTRACTOR)
    await changed.go_on(case_id)
    await changed.claim(case_id, 1)
    await changed.rule(case_id, AMOUNT, 1)

    assert (await changed.go_on(case_id)).step == OVER
    net = AMOUNT - 1_320_000
    assert await changed.balance() == net
    told = "SELECT count(*) FROM notices WHERE person_id = %s AND template = 'escrow_credited'"
    assert await superuser.value(told, contractor.id) == 1


async def _with_another_number(escrow: EscrowProcess) -> Someone:
    """The contractor, who has another number now, signed in anew."""
    context, who = escrow.context, escrow.contractor
    ids = await run(context, who, lambda command: request_own_mobile(command, _ANOTHER_NUMBER))
    old, new = [TypedCode(one, await sent_code(context, one)) for one in ids]
    await run(context, who, lambda command: confirm_own_mobile(command, old, new))
    async with transaction(context.engine, SERVICE) as connection:
        session = await begin_session(connection, who.id, "member")
    return replace(who, mobile=_ANOTHER_NUMBER, token=session.token)


async def test_all_of_the_balance_may_be_withdrawn_while_a_ruling_on_another_payment_is_objected_to(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    first = await escrow.held()
    await escrow.release(first, AMOUNT)
    await escrow.go_on(first)
    case_id, _ = await _ruled(escrow, AMOUNT)
    balance = Money(await escrow.balance())
    await give_sheba(escrow.context, escrow.contractor.id, sheba := a_sheba())
    code_id, code = await fresh_code(
        escrow.context, escrow.contractor, CodePurpose.WITHDRAW, withdrawal_binding(balance.amount, sheba)
    )
    await run(escrow.context, escrow.contractor, lambda command: withdraw(command, balance, code_id=code_id, code=code))

    await escrow.object_to(case_id, JobSide.EMPLOYER)
    await escrow.go_on(case_id)
    await escrow.claim(case_id, 1)
    await escrow.rule(case_id, 0, 1)
    await escrow.go_on(case_id)
    await escrow.finish_refunds(case_id)
    assert (await escrow.go_on(case_id)).step == OVER
    assert await escrow.phase(case_id) == "refunded"
    account = "SELECT balance, balance - held FROM accounts WHERE code = 'member:payable:' || %s"
    assert await superuser.rows(account, str(escrow.contractor.id)) == [(balance.amount, 0)]
    await assert_books_clean(escrow.context.engine)
