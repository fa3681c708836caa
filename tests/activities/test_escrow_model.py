"""Safe payments by random sequences of everything that can happen to them: every rial is where it was decided (E8)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities.transition import ActivityContext
from commands import payment_return
from commands.command import Context
from commands.payment_return import WentBack
from domain.access import Role
from domain.errors import Refusal
from domain.escrow.rules import Shares
from domain.money import Money
from domain.payment_return import RecordedFrom
from gateways.local_bank import LocalBank
from messages.case import OVER, WAIT
from messages.escrow import JobSide, TaskKind
from tests.arrange import Arrange, Someone
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import answer, open_task
from tests.conftest import SITE
from tests.escrow_process import EscrowProcess, pass_time
from tests.escrow_sums import Expected, assert_sums
from tests.length import length

SEQUENCES, LENGTH = length(1, 500), 40
# So many share a database: every check of the books reads all that was written before it.
_TOGETHER = 20
# One in so many loses the answer to every COMMIT in the long form.
_BY_WIRE = 10
_ROUNDS_TO_THE_END = 60
_PASSED = tuple(timedelta(hours=hours) for hours in (1, 26, 50, 130, 730))
_AMOUNTS = (100_007, 1_000_000, 25_000_003)


@dataclass(slots=True)
class Played:
    """One sequence: some safe payments, the people around them, and what is drawn for them."""

    escrow: EscrowProcess
    arrange: Arrange
    superuser: Superuser
    chance: random.Random
    late: timedelta = timedelta(0)
    cases: dict[UUID, Expected] = field(default_factory=dict)
    payments: list[UUID] = field(default_factory=list)
    officers: list[Someone] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def one(self) -> UUID:
        """Some safe payment, mostly one in which money is held."""
        held = [case_id for case_id, known in self.cases.items() if known.free or known.frozen]
        return self.chance.choice(held if held and self.chance.random() < 0.8 else list(self.cases))

    @property
    def unpaid(self) -> UUID:
        """Some safe payment, mostly one that is not paid."""
        unpaid = [case_id for case_id, known in self.cases.items() if not known.funded]
        return self.chance.choice(unpaid if unpaid and self.chance.random() < 0.8 else list(self.cases))

    @property
    def side(self) -> JobSide:
        """Some side."""
        return self.chance.choice(list(JobSide))

    @property
    def disputed(self) -> UUID:
        """Some safe payment, mostly one that is in arbitration."""
        disputed = [case_id for case_id, known in self.cases.items() if known.frozen]
        return self.chance.choice(disputed if disputed and self.chance.random() < 0.9 else list(self.cases))

    def part(self, whole: int) -> int:
        """All or a part of an amount, or a little too much."""
        return self.chance.choice((whole, whole // 3, whole // 2, 1, whole + 1))

    async def begin(self) -> None:
        """A side begins a job of one or two payments."""
        amounts = [self.chance.choice(_AMOUNTS) for _ in range(self.chance.choice((1, 1, 2)))]
        for case_id, amount in zip(await self.escrow.begin(*amounts, side=self.side), amounts, strict=True):
            self.cases[case_id] = Expected(amount)
            await self.play(case_id)
            if self.chance.random() < 0.7:
                await self.attempt(self.answer)
                await self.attempt(self.begin_payment)

    async def answer(self) -> None:
        """The side that was asked answers, in most cases with yes."""
        case_id = self.unpaid
        asked = await self.superuser.rows(
            "SELECT person_id FROM tasks WHERE case_id = %s AND status = 'open' AND kind = 'answer_escrow'", case_id
        )
        if asked:
            side = JobSide.EMPLOYER if asked[0][0] == self.escrow.employer.id else JobSide.CONTRACTOR
            await (self.escrow.decline if self.chance.random() < 0.1 else self.escrow.accept)(case_id, side)
            await self.play(case_id)

    async def withdraw(self) -> None:
        """A side withdraws."""
        await self.escrow.withdraw(self.unpaid, self.side)

    async def begin_payment(self) -> None:
        """The employer goes to the bank, and mostly pays."""
        case_id = self.unpaid
        await self.play(case_id)
        payment_id = await self.escrow.begin_payment(case_id)
        self.payments.append(payment_id)
        await self.play(payment_id)
        if self.chance.random() < 0.9:
            await self.escrow.pay_at_bank(payment_id)
            await self.play(payment_id)
            await self.play(case_id)

    async def declare(self) -> None:
        """The contractor declares the work done."""
        await self.escrow.declare(self.one)

    async def release(self) -> None:
        """The employer releases all or a part."""
        case_id = self.one
        amount = self.part(self.cases[case_id].free)
        await self.escrow.release(case_id, amount)
        self.decide(case_id, amount, 0)

    async def ask_refund(self) -> None:
        """The employer asks for money back."""
        case_id = self.one
        await self.escrow.ask_refund(case_id, self.part(self.cases[case_id].free))

    async def answer_refund(self) -> None:
        """The contractor agrees to all, a part, or nothing."""
        query = "SELECT case_id FROM escrow_refund_asks WHERE answered_at IS NULL AND case_id = ANY(%s) ORDER BY id"
        asked = [case_id for (case_id,) in await self.superuser.rows(query, list(self.cases))]
        case_id = self.chance.choice(asked or list(self.cases))
        amount = self.chance.choice((0, self.part(self.cases[case_id].free)))
        await self.escrow.answer_refund(case_id, amount)
        if amount:
            self.decide(case_id, 0, amount)

    def decide(self, case_id: UUID, contractor: int, employer: int) -> None:
        """So much was decided to leave what nothing was decided about."""
        known = self.cases[case_id]
        assert 0 < contractor + employer <= known.free
        known.decided.append((contractor, employer))

    async def dispute(self) -> None:
        """A side asks for arbitration: all that is free is frozen."""
        case_id = self.one
        await self.escrow.dispute(case_id, self.side)
        known = self.cases[case_id]
        assert known.free > 0 == known.frozen
        known.frozen = known.free

    async def take_back(self) -> None:
        """A side takes its request back."""
        case_id = self.disputed
        await self.escrow.take_back(case_id, self.side)
        self.cases[case_id].frozen = 0

    async def state(self) -> None:
        """A side says something."""
        await self.escrow.state(self.disputed, self.side)

    async def offer(self) -> None:
        """A side offers to divide what is frozen."""
        case_id = self.disputed
        frozen = self.cases[case_id].frozen
        part = min(self.part(frozen), frozen)
        await self.escrow.offer(case_id, self.side, Shares(Money(part), Money(frozen - part)))

    async def answer_split(self) -> None:
        """A side answers what the other offered last."""
        case_id, side, accept = self.disputed, self.side, self.chance.random() < 0.5
        found = await self.superuser.rows(
            "SELECT o.to_contractor, o.to_employer FROM escrow_split_offers o JOIN escrow_disputes d"
            " ON d.id = o.dispute_id WHERE d.case_id = %s AND d.ended_at IS NULL AND o.offered_by <> %s"
            " ORDER BY o.id DESC LIMIT 1",
            case_id,
            side,
        )
        if found:
            await self.escrow.answer_split(case_id, side, accept=accept)
            if accept:
                self.settle(case_id, *found[0])

    def settle(self, case_id: UUID, contractor: int, employer: int) -> None:
        """What was frozen is divided."""
        known = self.cases[case_id]
        assert contractor + employer == known.frozen
        known.decided.append((contractor, employer))
        known.frozen = 0

    async def arbitrate(self) -> None:
        """Some arbitrator claims what is asked, or decides what they have claimed."""
        number = self.chance.randrange(len(self.escrow.arbitrators))
        await self.play(self.one)
        query = "SELECT case_id, kind, claimed_by FROM tasks WHERE status = 'open' AND role = 'arbitrator'"
        asked = await self.superuser.rows(query + " AND case_id = ANY(%s) ORDER BY id", list(self.cases))
        if not asked:
            return
        case_id, kind, claimed_by = self.chance.choice(asked)
        if claimed_by is None or self.chance.random() < 0.1:
            await self.escrow.claim(case_id, number, TaskKind(kind))
        elif kind == TaskKind.RULE_DISPUTE:
            frozen = self.cases[case_id].frozen
            await self.escrow.rule(case_id, min(self.part(frozen), frozen), self.number_of(claimed_by))
        else:
            opens = self.chance.random() < 0.5
            await self.escrow.review(case_id, self.number_of(claimed_by), opens=opens)
            if opens:
                self.cases[case_id].frozen = self.cases[case_id].free

    async def recuse(self) -> None:
        """An arbitrator gives back what they have claimed."""
        query = "SELECT id, case_id, claimed_by FROM tasks WHERE status = 'open' AND claimed_by IS NOT NULL"
        for task_id, case_id, claimed_by in await self.superuser.rows(query + " AND role = 'arbitrator' LIMIT 1"):
            await self.escrow.recuse(task_id, self.number_of(claimed_by))
            await self.play(case_id)

    def number_of(self, person_id: UUID) -> int:
        """Which arbitrator it is."""
        return [one.id for one in self.escrow.arbitrators].index(person_id)

    async def object_to(self) -> None:
        """A side objects."""
        await self.escrow.object_to(self.disputed, self.side)

    async def seek(self) -> None:
        """The operations desk sees to another arbitrator."""
        query = "SELECT case_id FROM tasks WHERE status = 'open' AND kind = 'find_arbitrator' AND case_id = ANY(%s)"
        for (case_id,) in await self.superuser.rows(query, list(self.cases)):
            self.escrow.arbitrators.append(await self.arrange.platform(Role.ARBITRATOR))
            await self.escrow.seek(case_id)

    async def pay_back(self) -> None:
        """The settlement office pays back by hand what no gateway gives back, one officer after the other."""
        query = "SELECT case_id, kind FROM tasks WHERE status = 'open' AND kind IN ('return_payment', 'confirm_return')"
        for case_id, kind in await self.superuser.rows(query):
            if not self.officers:
                self.officers = [await self.arrange.platform(Role.SETTLEMENT_OFFICER) for _ in range(2)]
            task_id = await open_task(self.escrow.context, case_id, kind)
            if kind == "return_payment":
                found = WentBack(RecordedFrom.BANK, f"bank-{uuid4().hex}", "از بانک پرسیدم")
                await answer(self.escrow.context, self.officers[0], task_id, payment_return.record_return, found)
            else:
                await answer(self.escrow.context, self.officers[1], task_id, payment_return.confirm_return)

    async def time_passes(self) -> None:
        """Some time passes, also at the bank."""
        (passed,) = self.chance.choices(_PASSED, weights=(6, 5, 4, 4, 1))
        self.log.append(str(passed))
        await self.let_pass(passed)

    async def let_pass(self, passed: timedelta) -> None:
        """So much time passes."""
        self.late += passed
        await pass_time(self.superuser, passed)

    async def machine(self) -> None:
        """Some process takes the step that follows, maybe twice, or two of them at once."""
        refunds = await self.superuser.rows("SELECT case_id FROM payments WHERE refund_of IS NOT NULL")
        await self.play(self.chance.choice([*self.cases, *self.cases, *self.payments, *(one for (one,) in refunds)]))

    async def play(self, case_id: UUID) -> None:
        """Go on with one process, until it waits."""
        kind = "escrow" if case_id in self.cases else "payment"
        found = await self.take(f"assess_{kind}", case_id)
        for _ in range(12):
            if found in {WAIT, OVER}:
                break
            found = await self.take(found, case_id)
        if found == WAIT and self.chance.random() < 0.3:
            for name in (f"remind_{kind}", f"lapse_{kind}"):
                await self.take(name, case_id, is_due=True)

    async def take(self, name: str, case_id: UUID, *, is_due: bool = False) -> str:
        """Take a step, perhaps in two rounds at once; a worker that was thought dead may still be at it."""
        self.log.append(name)
        now = await self.superuser.value("SELECT now()") if is_due else None
        try:
            if self.chance.random() < 0.1:
                await asyncio.gather(*(self.escrow.take(name, case_id, until=now) for _ in range(2)))
                name = "assess_escrow" if case_id in self.cases else "assess_payment"
            return (await self.escrow.take(name, case_id, until=now)).step
        except ApplicationError as trouble:
            self.log.append(repr(trouble)[:60])
            return WAIT

    async def check(self) -> None:
        """Every rial is explained, by the rows and by what the test reckons itself."""
        await self.note_machine()
        await assert_sums(self.superuser, self.cases)

    async def note_machine(self) -> None:
        """What the machine alone decides: that money is taken, and that a ruling is final."""
        for case_id, known in self.cases.items():
            if not known.funded:
                query = "SELECT count(*) FROM payment_items WHERE purpose_id = %s AND state = 'taken'"
                known.funded = bool(await self.superuser.value(query, case_id))
            query = (
                "SELECT r.to_contractor, r.to_employer FROM escrow_rulings r JOIN escrow_disputes d"
                " ON d.id = r.dispute_id WHERE d.case_id = %s AND r.final_at IS NOT NULL"
            )
            final = await self.superuser.rows(query, case_id)
            if final and known.frozen:
                self.settle(case_id, *final[0])

    async def end(self) -> None:
        """Everything comes to its end: who asked for arbitration gets a ruling, what is left is released."""
        for _ in range(_ROUNDS_TO_THE_END):
            open_ones = await self.superuser.rows(
                "SELECT id FROM cases WHERE kind IN ('escrow', 'payment') AND closed_at IS NULL"
            )
            mine = [one for (one,) in open_ones]
            if not mine:
                break
            for case_id in mine:
                await self.play(case_id)
                if case_id in self.cases and self.cases[case_id].free:
                    await self.attempt(partial(self.give, case_id))
            word = self.chance.choice((self.object_to, self.offer, self.answer_split))
            for deed in (self.arbitrate, self.seek, self.pay_back, word):
                await self.attempt(deed)
            await self.let_pass(self.chance.choice(_PASSED[:4]))
        else:
            raise AssertionError("a safe payment does not end")
        await self.check()

    async def give(self, case_id: UUID) -> None:
        """The employer releases all that is free."""
        amount = self.cases[case_id].free
        await self.escrow.release(case_id, amount)
        self.decide(case_id, amount, 0)

    async def attempt(self, deed: Callable[[], Awaitable[None]]) -> None:
        """Try something that may be refused; what is refused changes nothing."""
        await self.note_machine()
        try:
            await deed()
        except Refusal as refused:
            self.log.append(refused.code)
        except AssertionError as missing:
            # Nobody is asked for it now.
            if missing.args:
                raise
            self.log.append("not asked")


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("first", range(0, SEQUENCES, _TOGETHER))
async def test_whatever_happens_every_rial_is_where_it_was_decided(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    unwired: ActivityContext,
    superuser: Superuser,
    tmp_path: Path,
    first: int,
) -> None:
    for seed in range(first, min(first + _TOGETHER, SEQUENCES)):
        chance = random.Random(seed)  # noqa: S311 - a game
        played: Played
        bank = LocalBank(tmp_path / f"bank-{seed}", SITE, lambda: datetime.now(UTC) + played.late)  # noqa: B023
        wired = activity_context if seed % _BY_WIRE == 0 else unwired
        escrow = await EscrowProcess.opened(context, arrange, with_bank(wired, bank), bank)
        played = Played(escrow, arrange, superuser, chance)
        try:
            await played_through(played)
        except Exception as error:
            raise AssertionError(f"sequence {seed}: {' '.join(played.log)}") from error
        await assert_books_clean(context.engine)


def with_bank(wired: ActivityContext, bank: LocalBank) -> ActivityContext:
    """The same with the bank of one sequence."""
    return replace(wired, gateways={bank.name: bank})


async def played_through(played: Played) -> None:
    """Play one sequence."""
    deeds: list[tuple[Callable[[], Awaitable[None]], int]] = [
        (played.begin, 1),
        (played.answer, 4),
        (played.withdraw, 1),
        (played.begin_payment, 4),
        (played.declare, 2),
        (played.release, 2),
        (played.ask_refund, 3),
        (played.answer_refund, 3),
        (played.dispute, 3),
        (played.take_back, 1),
        (played.state, 1),
        (played.offer, 3),
        (played.answer_split, 3),
        (played.arbitrate, 6),
        (played.object_to, 4),
        (played.recuse, 1),
        (played.seek, 1),
        (played.time_passes, 3),
        (played.machine, 8),
    ]
    await played.begin()
    for _ in range(LENGTH):
        (deed,) = played.chance.choices([one for one, _ in deeds], weights=[weight for _, weight in deeds])
        played.log.append(deed.__name__)
        await played.attempt(deed)
        await played.check()
    await played.end()
