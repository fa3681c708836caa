"""A safe payment with its process: what both sides, the bank, arbitrators and the operations desk do, step by step (E).

People act by commands, the machine by its transitions, straight on the context; time passes by ageing rows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from activities.transition import ActivityContext
from commands import payment as payment_commands
from commands.command import Command, Context
from commands.escrow import arbitration, dispute, job, money
from commands.escrow.party import EscrowConfirmed, SmsCode
from commands.task import claim_task, lock_free_task, lock_task, release_task
from domain.access import Role
from domain.escrow.rules import PaymentWish, Shares
from domain.ledger import member_account
from domain.money import Money
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.escrow import JobSide, TaskKind
from storage import ledger, tasks
from storage.cases import read_case
from storage.database import SERVICE, transaction
from storage.escrow import disputes, payments
from storage.payment import attempts_of
from storage.payment_refund import refunds_of
from storage.rows.account import rate_windows
from storage.rows.escrow import EscrowDispute, Ruling
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.normal_payment_steps import confirm_number, let_any_card_pay
from tests.commands.onboarding_steps import fresh_code, open_task, run
from tests.transitions import Transitions, WiredContext, until_answered

AMOUNT = 40_000_000
FEE_RATE = 300
REASONS = "بخشی از کار برابر قرارداد تحویل شده است."
STATEMENT = "کار را برابر قرارداد تحویل دادم."
_ROUNDS = itertools.count(1_000)
_STEPS_MAX = 12
_MOMENTS = {
    "escrow_jobs": ("begun_at", "answer_until"),
    "escrows": ("proposed_at", "answer_until", "accepted_at", "funded_at", "stirred_at", "declared_at"),
    "escrow_disputes": ("opened_at", "evidence_closed_at", "ended_at"),
    "escrow_rulings": ("ruled_at", "objected_at", "final_at"),
    "payments": ("opened_at", "pay_until"),
    "payment_attempts": ("begun_at", "ends_at", "called_back_at", "looked_at", "look_at", "unclear_since", "paid_at"),
    "payment_returns": ("asked_at", "owed_since"),
    "deadlines": ("due_at",),
    "tasks": ("remind_at", "due_at", "opened_at"),
}


async def pass_time(superuser: Superuser, passed: timedelta) -> None:
    """All moments lie so much further back: so much time has passed."""
    for table, names in _MOMENTS.items():
        changes = ", ".join(f"{name} = {name} - %(passed)s" for name in names)
        await superuser.connection.execute(f"UPDATE {table} SET {changes}", {"passed": passed})  # noqa: S608


@dataclass(frozen=True, slots=True)
class EscrowProcess:
    """The people around a job, and the bank."""

    context: Context
    activities: Transitions
    bank: LocalBank
    employer: Someone
    contractor: Someone
    arbitrators: list[Someone]
    operator: Someone
    wired: WiredContext | None = None
    # Cases in which money is held that no test has used yet.
    ready: list[UUID] = field(default_factory=list)

    @classmethod
    async def opened(
        cls,
        context: Context,
        arrange: Arrange,
        activity_context: ActivityContext,
        bank: LocalBank,
        *,
        arbitrators: int = 2,
    ) -> EscrowProcess:
        """Two members, some arbitrators and an operator; any card may pay."""
        sides = [await arrange.person("member") for _ in range(2)]
        for one in sides:
            await confirm_number(context, one)
        await let_any_card_pay(context)
        desk = [await arrange.platform(Role.ARBITRATOR) for _ in range(arbitrators)]
        operator = await arrange.platform(Role.OPERATOR)
        return cls(context, Transitions(activity_context), bank, sides[0], sides[1], desk, operator)

    def who(self, side: JobSide) -> Someone:
        """Who is on a side."""
        return self.employer if side is JobSide.EMPLOYER else self.contractor

    async def begin(
        self, *amounts: int, side: JobSide = JobSide.EMPLOYER, mobile: str = "", more: int = 0
    ) -> list[UUID]:
        """A side begins a job of so many payments, with a price that leaves so much more; returns their cases."""
        wishes = [
            PaymentWish(f"مرحلهٔ {number}", Money(amount), "agreed", datetime.now().astimezone().date())
            for number, amount in enumerate(amounts or (AMOUNT,))
        ]
        wish = job.JobWish(
            side=side,
            mobile=mobile or self.who(side.other).mobile,
            title="طراحی فروشگاه",
            description="",
            price=Money(sum(one.amount.amount for one in wishes) + more),
            payments=wishes,
            clause_version=1,
        )
        job_id = await self.command(self.who(side), lambda command: job.begin_job(command, wish))
        async with transaction(self.context.engine, SERVICE) as connection:
            return [row.escrow.case_id for row in await payments.payments_of(connection, [job_id])]

    def by_wire(self, wired: ActivityContext) -> EscrowProcess:
        """The same with commands that lose answers where steps do, and are sent again under their keys."""
        if not isinstance(wired, WiredContext):
            return self
        return replace(self, context=replace(self.context, engine=wired.engine, side=wired.engine), wired=wired)

    async def propose(self, case_id: UUID, amount: int, side: JobSide, *, immediate: bool = False) -> UUID:
        """A side proposes another payment of a case's job, or makes an immediate one; returns its case."""
        async with transaction(self.context.engine, SERVICE) as connection:
            escrow = await payments.read_escrow(connection, case_id)
        assert escrow is not None
        due_on = None if immediate else datetime.now().astimezone().date()
        wish = PaymentWish("مرحلهٔ دیگر", Money(amount), "immediate" if immediate else "agreed", due_on)
        made: UUID = await self.command(
            self.who(side), lambda command: job.propose_payment(command, escrow.job_id, wish)
        )
        return made

    async def command(self, who: Someone, work: Any) -> Any:
        """Run a command as if none was sent within the last day."""
        async with transaction(self.context.engine, SERVICE) as connection:
            await connection.execute(rate_windows.delete())
        if self.wired is None:
            return await run(self.context, who, work)
        self.wired.wire.begin(**self.wired.losing())
        try:
            return await run(self.context, who, work, send=until_answered)
        finally:
            self.wired.wire.begin()

    async def answer(self, who: Someone, task_id: UUID, decide: Any, *values: Any) -> None:
        """Somebody decides on a task."""

        async def work(command: Command) -> UUID:
            decided: UUID = await decide(command, await lock_task(command, task_id), *values)
            return decided

        await self.command(who, work)

    async def accept(self, case_id: UUID, side: JobSide = JobSide.CONTRACTOR) -> None:
        """The side that was asked accepts."""
        task_id = await open_task(self.context, case_id, TaskKind.ANSWER_ESCROW)
        await self.answer(self.who(side), task_id, job.accept_escrow, 1)

    async def decline(self, case_id: UUID, side: JobSide = JobSide.CONTRACTOR) -> None:
        """The side that was asked declines."""
        task_id = await open_task(self.context, case_id, TaskKind.ANSWER_ESCROW)
        await self.answer(self.who(side), task_id, job.decline_escrow)

    async def withdraw(self, case_id: UUID, side: JobSide = JobSide.EMPLOYER) -> None:
        """A side withdraws it."""
        await self.command(self.who(side), lambda command: job.withdraw_escrow(command, case_id))

    async def begin_payment(self, case_id: UUID) -> UUID:
        """The employer begins to pay; returns the payment's case."""
        paying: UUID = await self.command(self.employer, lambda command: job.fund_escrow(command, case_id, None))
        return paying

    async def pay_at_bank(self, payment_id: UUID) -> None:
        """The employer pays by the newest link, and has the bank asked."""
        self.bank.pay(await self.authority(payment_id), USUAL_CARD)
        await self.look(payment_id)

    async def look(self, payment_id: UUID) -> None:
        """The employer has the bank asked."""
        await self.command(self.employer, lambda command: payment_commands.look_at_payment(command, payment_id))

    async def authority(self, payment_id: UUID) -> str:
        """By which the bank knows the newest try."""
        async with transaction(self.context.engine, SERVICE) as connection:
            newest = (await attempts_of(connection, payment_id))[-1]
        assert newest.authority is not None
        return newest.authority

    async def declare(self, case_id: UUID) -> None:
        """The contractor declares the work done."""
        await self.command(self.contractor, lambda command: money.declare_work(command, case_id, ""))

    async def code(self, who: Someone, confirming: Any) -> SmsCode:
        """A code for exactly what a command would confirm."""
        confirmed: EscrowConfirmed = await self.command(who, confirming)
        return SmsCode(*await fresh_code(self.context, who, confirmed.purpose, confirmed.binding))

    async def release(self, case_id: UUID, amount: int) -> None:
        """The employer releases so much."""
        given = Money(amount)
        code = await self.code(self.employer, lambda command: money.releasing(command, case_id, given))
        await self.command(self.employer, lambda command: money.release_escrow(command, case_id, given, code))

    async def ask_refund(self, case_id: UUID, amount: int) -> None:
        """The employer asks for so much."""
        wanted, why = Money(amount), "کار انجام نشد"
        await self.command(self.employer, lambda command: money.ask_refund(command, case_id, wanted, why))

    async def answer_refund(self, case_id: UUID, amount: int) -> None:
        """The contractor agrees to so much."""
        agreed, code = Money(amount), None
        if amount:
            code = await self.code(self.contractor, lambda command: money.agreeing_to_refund(command, case_id, agreed))
        await self.command(self.contractor, lambda command: money.answer_refund(command, case_id, agreed, code))

    async def dispute(self, case_id: UUID, side: JobSide = JobSide.EMPLOYER) -> None:
        """A side asks for arbitration."""
        await self.command(self.who(side), lambda command: dispute.open_dispute(command, case_id, "work", STATEMENT))

    async def take_back(self, case_id: UUID, side: JobSide = JobSide.EMPLOYER) -> None:
        """A side takes its request for arbitration back."""
        await self.command(self.who(side), lambda command: dispute.withdraw_dispute(command, case_id))

    async def state(self, case_id: UUID, side: JobSide) -> None:
        """A side files a statement."""
        await self.command(self.who(side), lambda command: dispute.file_statement(command, case_id, STATEMENT))

    async def offer(self, case_id: UUID, side: JobSide, shares: Shares) -> None:
        """A side offers to divide it."""
        who = self.who(side)
        code = await self.code(who, lambda command: dispute.offering(command, case_id, shares))
        await self.command(who, lambda command: dispute.offer_split(command, case_id, shares, code))

    async def answer_split(self, case_id: UUID, side: JobSide, *, accept: bool) -> None:
        """A side answers the other's newest offer."""
        who, found = self.who(side), await self.dispute_of(case_id)
        assert found is not None
        async with transaction(self.context.engine, SERVICE) as connection:
            offers = [one for one in await disputes.offers_of(connection, found.id) if one.offered_by != side]
        offer_id, code = offers[-1].id, None
        if accept:
            code = await self.code(who, lambda command: dispute.accepting_split(command, case_id, offer_id))
        await self.command(who, lambda command: dispute.answer_split(command, case_id, offer_id, accept, code))

    async def object_to(self, case_id: UUID, side: JobSide) -> None:
        """A side objects to the ruling."""
        await self.command(self.who(side), lambda command: dispute.object_to_ruling(command, case_id))

    async def claim(self, case_id: UUID, number: int = 0, kind: TaskKind = TaskKind.RULE_DISPUTE) -> None:
        """An arbitrator claims it."""
        task_id = await open_task(self.context, case_id, kind)

        async def work(command: Command) -> None:
            task = await lock_free_task(command, task_id)
            await claim_task(command, task, await arbitration.claimed_until(command, task))

        await self.command(self.arbitrators[number], work)

    async def recuse(self, task_id: UUID, number: int = 0) -> None:
        """The arbitrator who claimed it gives it back."""

        async def work(command: Command) -> None:
            await release_task(command, await lock_free_task(command, task_id))

        await self.command(self.arbitrators[number], work)

    async def rule(self, case_id: UUID, to_contractor: int, number: int = 0) -> None:
        """The arbitrator who claimed it rules."""
        found = await self.dispute_of(case_id)
        assert found is not None
        shares = Shares(Money(to_contractor), Money(found.frozen - to_contractor))
        task_id = await open_task(self.context, case_id, TaskKind.RULE_DISPUTE)
        await self.answer(self.arbitrators[number], task_id, arbitration.rule_dispute, shares, REASONS)

    async def review(self, case_id: UUID, number: int = 0, *, opens: bool) -> None:
        """The arbitrator who claimed it has looked at dormant money."""
        task_id = await open_task(self.context, case_id, TaskKind.REVIEW_DORMANT_ESCROW)
        await self.answer(self.arbitrators[number], task_id, arbitration.review_dormant, opens, "با هر دو سخن گفتم")

    async def seek(self, case_id: UUID) -> None:
        """The operations desk has seen to an arbitrator."""
        task_id = await open_task(self.context, case_id, TaskKind.FIND_ARBITRATOR)
        await self.answer(self.operator, task_id, arbitration.seek_arbitrator, "داور تازه گماشته شد")

    async def take(self, name: str, case_id: UUID, *, until: datetime | None = None) -> NextStep:
        """Take a transition in a round of its own."""
        taken: NextStep = await getattr(self.activities, name)(StepInput(case_id, next(_ROUNDS), until))
        return taken

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process of a case does when it hears of something, until it waits again or is over."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
        assert case is not None
        found = await self.take(f"assess_{case.kind}", case_id)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            found = await self.take(found.step, case_id)
        raise AssertionError(found)

    async def pass_wait(self, case_id: UUID) -> NextStep:
        """The wait of a process is over in silence, its reminder too."""
        found = await self.go_on(case_id)
        if found.remind_in:
            found = await self.take("remind_escrow", case_id, until=found.reminds_at)
        assert found.step == WAIT
        found = await self.take(found.at_end or "lapse_escrow", case_id, until=found.expires_at)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            # What the clock brought is found again by the moment that was waited for.
            found = await self.take(found.step, case_id, until=found.expires_at)
        raise AssertionError(found)

    async def proposed(self, *amounts: int) -> UUID:
        """The other side is asked; returns the first payment's case."""
        cases = await self.begin(*amounts)
        for case_id in cases:
            await self.go_on(case_id)
        return cases[0]

    async def accepted(self) -> UUID:
        """The employer is asked to pay."""
        case_id = await self.proposed()
        await self.accept(case_id)
        await self.go_on(case_id)
        return case_id

    async def at_bank(self, case_id: UUID) -> UUID:
        """The employer is at the bank; returns the payment's case."""
        payment_id = await self.begin_payment(case_id)
        await self.go_on(payment_id)
        return payment_id

    async def held(self) -> UUID:
        """The money is held."""
        if self.ready:
            return self.ready.pop()
        case_id = await self.accepted()
        payment_id = await self.at_bank(case_id)
        await self.pay_at_bank(payment_id)
        for each in (payment_id, case_id, payment_id):
            await self.go_on(each)
        return case_id

    async def disputed(self) -> UUID:
        """The money is in arbitration."""
        case_id = await self.held()
        await self.dispute(case_id)
        await self.go_on(case_id)
        return case_id

    async def claimed(self) -> UUID:
        """The time to file is over, and the first arbitrator has claimed it."""
        case_id = await self.disputed()
        await self.pass_wait(case_id)
        await self.claim(case_id)
        await self.go_on(case_id)
        return case_id

    async def finish_refunds(self, case_id: UUID) -> None:
        """What goes back goes back."""
        async with transaction(self.context.engine, SERVICE) as connection:
            going = [one.case_id for one in await refunds_of(connection, case_id)]
        for refund_id in going:
            await self.go_on(refund_id)

    async def dispute_of(self, case_id: UUID) -> EscrowDispute | None:
        """The newest dispute."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await disputes.last_dispute(connection, case_id)

    async def rulings_of(self, case_id: UUID) -> list[Ruling]:
        """What was ruled in the newest dispute."""
        found = await self.dispute_of(case_id)
        async with transaction(self.context.engine, SERVICE) as connection:
            return [] if found is None else await disputes.rulings_of(connection, found.id)

    async def kinds(self, case_id: UUID) -> list[str]:
        """The kinds of the open tasks."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return [task.kind for task in await tasks.open_tasks(connection, case_id)]

    async def phase(self, case_id: UUID) -> str:
        """Where a case stands."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
        assert case is not None
        return case.phase

    async def money(self, case_id: UUID) -> tuple[int, int]:
        """What is held, and what of it is free."""
        async with transaction(self.context.engine, SERVICE) as connection:
            posted, available = await payments.held(connection, case_id)
        return posted.amount, available.amount

    async def balance(self) -> int:
        """What is in the contractor's balance; nothing, where it was never opened."""
        async with transaction(self.context.engine, SERVICE) as connection:
            rows = {row.kind: row.total for row in await ledger.trial_balance(connection)}
            if not rows.get("member:payable"):
                return 0
            return (await ledger.balance(connection, member_account(self.contractor.id).code)).posted
