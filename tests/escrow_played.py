"""Random deeds about safe payments, and what the test itself reckons of each (E8); see ``test_escrow_model``."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from temporalio.exceptions import ApplicationError

from commands import payment_return
from commands.payment_return import WentBack
from domain.access import Role
from domain.errors import Refusal
from domain.escrow.rules import Shares
from domain.money import Money
from domain.payment_return import RecordedFrom
from messages.case import OVER, WAIT
from messages.escrow import JobSide, TaskKind
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task
from tests.escrow_process import EscrowProcess, pass_time
from tests.escrow_sums import Expected, assert_sums

# How often anything may happen, silent employers say nothing, and a process hears at once that time has passed.
_ANYTHING, _SILENT, _HEARD = 0.25, 0.8, 0.7
# How often what one side asks or offers is answered at once.
_ANSWERED = 0.4
_HOUR = timedelta(hours=1)
_ROUNDS_TO_THE_END = 60
_PASSED = tuple(timedelta(hours=hours) for hours in (1, 26, 50, 130, 730))
_AMOUNTS = (100_007, 1_000_000, 25_000_003)

Deed = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Played:
    """One sequence: some safe payments, the people around them, and what is drawn for them."""

    escrow: EscrowProcess
    arrange: Arrange
    superuser: Superuser
    chance: random.Random
    is_silent: bool
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

    def fitting(self) -> Sequence[Deed]:
        """What fits to where some safe payment stands, as the test knows it; some employers are silent."""
        known = self.cases[self.one]
        if known.frozen:
            heard = (self.state, self.offer, self.answer_split, self.take_back)
            return (*heard, *(self.arbitrate,) * 5, self.object_to, self.object_to, self.time_passes, self.time_passes)
        if not known.free:
            return (self.answer, self.begin_payment, self.begin_payment, self.propose, self.machine)
        if self.is_silent and self.chance.random() < _SILENT:
            return (self.declare, self.time_passes, self.time_passes)
        asked = (self.ask_refund, self.answer_refund, self.answer_refund, self.dispute, self.dispute)
        return (self.declare, self.release, *asked, self.time_passes, self.machine)

    def part(self, whole: int) -> int:
        """All or a part of an amount, or a little too much."""
        return self.chance.choice((whole, whole // 3, whole // 2, 1, whole + 1))

    async def begin(self) -> None:
        """A side begins a job of one or two payments."""
        amounts = [self.chance.choice(_AMOUNTS) for _ in range(self.chance.choice((1, 1, 2)))]
        begun = await self.escrow.begin(*amounts, side=self.side, more=self.chance.choice((0, max(_AMOUNTS))))
        for case_id, amount in zip(begun, amounts, strict=True):
            self.cases[case_id] = Expected(amount)
            await self.play(case_id)
            if self.chance.random() < 0.8:
                await self.attempt(partial(self.answer, case_id))
                await self.attempt(partial(self.begin_payment, case_id))

    async def propose(self) -> None:
        """A side proposes another payment of a job; of the immediate ones the employer's are payable at once."""
        amount, immediate = self.chance.choice(_AMOUNTS), self.chance.random() < 0.5
        side = JobSide.EMPLOYER if immediate and self.chance.random() < 0.9 else self.side
        case_id = await self.escrow.propose(self.one, amount, side, immediate=immediate)
        self.cases[case_id] = Expected(amount)
        await self.play(case_id)

    async def answer(self, case_id: UUID | None = None) -> None:
        """The side that was asked answers, in most cases with yes."""
        case_id = case_id or self.unpaid
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

    async def begin_payment(self, case_id: UUID | None = None) -> None:
        """The employer goes to the bank, and mostly pays."""
        case_id = case_id or self.unpaid
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
        if self.chance.random() < _ANSWERED:
            await self.attempt(self.answer_refund)

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
        assert 0 < contractor + employer <= known.free, (contractor, employer, known)
        known.decided.append((contractor, employer))

    async def dispute(self) -> None:
        """A side asks for arbitration: all that is free is frozen."""
        case_id = self.one
        await self.escrow.dispute(case_id, self.side)
        known = self.cases[case_id]
        assert known.free > 0 == known.frozen, known
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
        if self.chance.random() < _ANSWERED:
            await self.attempt(self.answer_split)

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
        assert contractor + employer == known.frozen, (contractor, employer, known)
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

    async def lose_role(self) -> None:
        """An arbitrator is none any more, with a case in hand if any has one."""
        query = "SELECT claimed_by FROM tasks WHERE status = 'open' AND role = 'arbitrator' AND claimed_by IS NOT NULL"
        claimed = [person_id for (person_id,) in await self.superuser.rows(query)]
        person_id = self.chance.choice(claimed or [one.id for one in self.escrow.arbitrators])
        await self.superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", person_id)

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
                await self.escrow.answer(self.officers[0], task_id, payment_return.record_return, found)
            else:
                await self.escrow.answer(self.officers[1], task_id, payment_return.confirm_return)

    async def time_passes(self) -> None:
        """Some time passes, also at the bank."""
        (passed,) = self.chance.choices(_PASSED, weights=(3, 4, 4, 6, 1))
        self.log.append(f"{passed // _HOUR}h")
        await self.let_pass(passed)
        if self.chance.random() < _HEARD:
            for case_id in list(self.cases):
                await self.play(case_id, is_due=True)

    async def let_pass(self, passed: timedelta) -> None:
        """So much time passes."""
        self.late += passed
        await pass_time(self.superuser, passed)

    async def machine(self) -> None:
        """Some process takes the step that follows, maybe twice, or two of them at once."""
        refunds = await self.superuser.rows("SELECT case_id FROM payments WHERE refund_of IS NOT NULL")
        await self.play(self.chance.choice([*self.cases, *self.cases, *self.payments, *(one for (one,) in refunds)]))

    async def play(self, case_id: UUID, *, is_due: bool = False) -> None:
        """Go on with one process, until it waits; perhaps it hears then that the time of somebody is over."""
        kind = "escrow" if case_id in self.cases else "payment"
        found = await self.take(f"assess_{kind}", case_id)
        for _ in range(12):
            if found in {WAIT, OVER}:
                break
            found = await self.take(found, case_id)
        if found == WAIT and (is_due or self.chance.random() < _HEARD / 3):
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
        """What the machine alone decides: that money is taken, that a ruling is final, that silence releases."""
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
            query = "SELECT to_contractor FROM escrow_moves WHERE case_id = %s AND cause = 'auto_release'"
            silent = [amount for (amount,) in await self.superuser.rows(query, case_id)]
            for amount in silent[known.silent :]:
                assert amount == known.free, (amount, known)
                self.decide(case_id, amount, 0)
            known.silent = len(silent)

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

    async def attempt(self, deed: Deed) -> None:
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

    async def through(self, length: int) -> None:
        """Play one sequence: mostly what fits, and now and then anything at all."""
        deeds: tuple[Deed, ...] = (
            self.begin,
            self.propose,
            self.answer,
            self.withdraw,
            self.begin_payment,
            self.declare,
            self.release,
            self.ask_refund,
            self.answer_refund,
            self.dispute,
            self.take_back,
            self.state,
            self.offer,
            self.answer_split,
            self.arbitrate,
            self.object_to,
            self.recuse,
            self.seek,
            self.lose_role,
            self.time_passes,
            self.machine,
        )
        await self.begin()
        for _ in range(length):
            deed = self.chance.choice(deeds if self.chance.random() < _ANYTHING else self.fitting())
            self.log.append(deed.__name__)
            await self.attempt(deed)
            await self.check()
        await self.end()
