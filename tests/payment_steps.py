"""The steps of a payment, run straight on the context: its payer, the bank, and cases that only stand for purposes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from activities.payment.refund import open_refund
from activities.transition import ActivityContext, Transition
from commands import payment as commands
from commands import payment_return
from commands.command import Command, Context
from commands.payment_return import WentBack
from domain import ledger as chart
from domain.access import Role
from domain.ledger import Account, Entry, Journal, Occasion
from domain.money import Money
from domain.payment_return import RecordedFrom
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.case import OVER, WAIT, CaseKind, NextStep, StepInput
from messages.payment import TaskKind
from storage import cases
from storage import payment as rows
from storage.database import SERVICE, postgres_now, transaction
from storage.ledger import posting
from storage.payment import NewItem
from storage.policies import in_force
from storage.rows.account import rate_windows
from storage.rows.cases import Case
from storage.rows.payment import PaymentAttempt, PaymentItem, PaymentReturn
from storage.rows.policies import policies
from tests.arrange import STANDS_STILL, Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import answer, open_task, run
from tests.transitions import Transitions

AMOUNT = 500_000
PURPOSE = CaseKind.ONBOARDING
# Where the money goes that a purpose takes.
TAKEN = Account(chart.BANK, "taken-by-tests")
_ROUNDS = itertools.count(1_000)
_STEPS_MAX = 12
_MOMENTS = {
    "payments": ("opened_at", "pay_until"),
    "payment_attempts": ("begun_at", "ends_at", "called_back_at", "looked_at", "look_at", "unclear_since", "paid_at"),
    "payment_returns": ("asked_at", "owed_since"),
    "deadlines": ("due_at",),
    "tasks": ("remind_at", "due_at"),
}


async def open_purpose(context: Context, *, kind: CaseKind = PURPOSE) -> UUID:
    """A case without a process, which can be paid for."""
    async with transaction(context.engine, SERVICE) as connection:
        policy = await in_force(connection, "payment")
        assert policy is not None
        return await cases.open_case(
            connection, kind=kind, phase="awaiting_payment", policy_id=policy.id, variant=STANDS_STILL
        )


async def take(context: Context, purpose_id: UUID) -> bool:
    """A purpose takes the money that is offered to it; False if none is."""
    async with transaction(context.engine, SERVICE) as connection:
        item = await rows.offered_to(connection, purpose_id)
        if item is None:
            return False
        code = await rows.take_item(connection, item)
        await posting.open_account(connection, TAKEN)
        when = Occasion(f"taken:{item.id}", purpose_id, "system", await postgres_now(connection))
        entries = (Entry(code, -item.money), Entry(TAKEN.code, item.money))
        await posting.post(connection, Journal(when, "taken_by_tests", entries))
        return True


async def refuse(context: Context, purpose_id: UUID) -> None:
    """A purpose does not want its money any more."""
    async with transaction(context.engine, SERVICE) as connection:
        await rows.refuse_items(connection, purpose_id)


async def give_back(context: Context, purpose_id: UUID, payment_id: UUID, amount: int) -> UUID:
    """A purpose gives back, as its own transition would, a part of what it took; returns the refund's case."""
    async with transaction(context.engine, SERVICE) as connection:
        case, now = await cases.lock_case(connection, purpose_id), await postgres_now(connection)
        assert case is not None
        step = Transition(connection, context.seals, case, "give_back", now, None, {})
        refund_id, refunding = await open_refund(step, payment_id, Money(amount))
        entries = (Entry(TAKEN.code, Money(-amount)), Entry(refunding, Money(amount)))
        when = Occasion(f"given_back:{refund_id}", purpose_id, "system", now)
        await posting.post(connection, Journal(when, "given_back_by_tests", entries))
        return refund_id


async def end_purpose(context: Context, purpose_id: UUID) -> None:
    """A purpose is over, and forgets to say so."""
    async with transaction(context.engine, SERVICE) as connection:
        await cases.end_case(connection, purpose_id, phase="over", outcome="over")


async def change_policy(context: Context, **changes: Any) -> None:
    """Another version of the policy of payments is in force."""
    async with transaction(context.engine, SERVICE) as connection:
        former = await in_force(connection, "payment")
        assert former is not None
        values = {
            "name": "payment",
            "version": former.version + 1,
            "value": {**former.value, **changes},
            "proposed_by": "test",
            "approved_by": "another",
            "approved_at": sa.func.now(),
        }
        await connection.execute(sa.insert(policies).values(values))


@dataclass(frozen=True, slots=True)
class PaymentScenario:
    """A payer, their bank, and two settlement officers."""

    context: Context
    activity_context: ActivityContext
    bank: LocalBank
    payer: Someone
    officer: Someone
    checker: Someone

    @classmethod
    async def opened(
        cls, context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
    ) -> PaymentScenario:
        """Nothing is to be paid yet."""
        payer, officer = await arrange.person("member"), await arrange.platform(Role.SETTLEMENT_OFFICER)
        checker = await arrange.platform(Role.SETTLEMENT_OFFICER)
        return cls(context, activity_context, bank, payer, officer, checker)

    def with_gateways(self, **gateways: Any) -> PaymentScenario:
        """The same with other gateways set up, by their names."""
        return replace(
            self,
            context=replace(self.context, gateways=tuple(gateways)),
            activity_context=replace(self.activity_context, gateways=gateways),
        )

    async def purpose(self) -> UUID:
        """A case without a process, which can be paid for."""
        return await open_purpose(self.context)

    async def open(
        self,
        *items: tuple[UUID, int],
        gateway: str | None = None,
        purpose: CaseKind = PURPOSE,
        who: Someone | None = None,
    ) -> UUID:
        """The payer begins to pay for some purposes; returns the payment's case."""
        wished = [NewItem(purpose, purpose_id, Money(amount)) for purpose_id, amount in items]
        return await self.command(lambda command: commands.open_payment(command, wished, gateway), who or self.payer)

    async def command(self, work: Callable[[Command], Any], who: Someone | None = None) -> UUID:
        """Run a command, of the payer unless said otherwise, as if none was sent within the last hour."""
        async with transaction(self.context.engine, SERVICE) as connection:
            await connection.execute(rate_windows.delete())
        done: UUID = await run(self.context, who or self.payer, work)
        return done

    async def try_again(self, case_id: UUID, gateway: str | None = None) -> None:
        """The payer goes to the bank once more."""
        await self.command(lambda command: commands.try_again(command, case_id, gateway))

    async def look(self, case_id: UUID) -> None:
        """The payer has the bank asked."""
        await self.command(lambda command: commands.look_at_payment(command, case_id))

    async def come_back(self, case_id: UUID, number: int = -1) -> UUID:
        """The payer's browser comes back from a try, the newest unless said otherwise."""
        return await commands.call_back(self.context, token=await self.token(case_id, number), origin="origin")

    async def token(self, case_id: UUID, number: int = -1) -> str:
        """What names a try in the address to which its payer comes back."""
        bank_knows = self.bank.find(await self.authority(case_id, number))
        return bank_knows.callback.rpartition("/")[2]

    async def decide(self, case_id: UUID, kind: TaskKind, decision: Callable[..., Any], *values: Any) -> None:
        """The settlement office answers its open task."""
        await answer(self.context, self.officer, await open_task(self.context, case_id, kind), decision, *values)

    async def record_return(self, case_id: UUID, reference: str, source: RecordedFrom = RecordedFrom.BANK) -> None:
        """One officer records that a sum went back."""
        found = WentBack(source, reference, "از بانک پرسیدم")
        await self.decide(case_id, TaskKind.RETURN_PAYMENT, payment_return.record_return, found)

    async def confirm_return(self, case_id: UUID) -> None:
        """Another officer confirms it."""
        task_id = await open_task(self.context, case_id, TaskKind.CONFIRM_RETURN)
        await answer(self.context, self.checker, task_id, payment_return.confirm_return)

    async def pay_back(self, case_id: UUID, reference: str, source: RecordedFrom = RecordedFrom.BANK) -> None:
        """Both of them, one after the other; it is booked when the process goes on."""
        await self.record_return(case_id, reference, source)
        await self.go_on(case_id)
        await self.confirm_return(case_id)

    async def step(self, name: str, case_id: UUID, until: datetime | None = None) -> NextStep:
        """Take a transition in a round of its own."""
        return await self.step_in(name, case_id, next(_ROUNDS), until)

    async def step_in(self, name: str, case_id: UUID, round_: int, until: datetime | None = None) -> NextStep:
        """Take a transition in a round."""
        take_it = getattr(Transitions(self.activity_context), name)
        taken: NextStep = await take_it(StepInput(case_id, round_, until))
        return taken

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process does when it hears of something, until it waits again or is over."""
        found = await self.step("assess_payment", case_id)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            found = await self.step(found.step, case_id)
        raise AssertionError(found)

    async def at_bank(self, *items: tuple[UUID, int], **values: Any) -> UUID:
        """The payer is at the bank; returns the payment's case."""
        case_id = await self.open(*items, **values)
        await self.go_on(case_id)
        return case_id

    async def pay(self, case_id: UUID, number: int = -1, *, card: str = USUAL_CARD, unclear: int = 0) -> None:
        """The payer pays by the link of a try and comes back."""
        self.bank.pay(await self.authority(case_id, number), card, unclear=unclear)
        await self.come_back(case_id, number)

    async def cancel(self, case_id: UUID) -> None:
        """The payer cancels at the bank, and comes back."""
        self.bank.end(await self.authority(case_id), failed=False)
        await self.come_back(case_id)

    async def authority(self, case_id: UUID, number: int = -1) -> str:
        """By which the bank knows a try."""
        authority = (await self.attempts(case_id))[number].authority
        assert authority is not None
        return authority

    async def case(self, case_id: UUID) -> Case:
        """The payment's case."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await cases.read_case(connection, case_id)
        assert case is not None
        return case

    async def phase(self, case_id: UUID) -> str:
        """Where the payment stands."""
        return (await self.case(case_id)).phase

    async def attempts(self, case_id: UUID) -> Sequence[PaymentAttempt]:
        """Its tries."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await rows.attempts_of(connection, case_id)

    async def items(self, case_id: UUID) -> Sequence[PaymentItem]:
        """What it is for."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await rows.items_of(connection, case_id)

    async def returns(self, case_id: UUID) -> Sequence[PaymentReturn]:
        """What goes back of it."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return await rows.returns_of(connection, case_id)


async def pass_time(superuser: Superuser, passed: timedelta) -> None:
    """All moments of payments lie so much further back: so much time has passed."""
    for table, names in _MOMENTS.items():
        changes = ", ".join(f"{name} = {name} - %(passed)s" for name in names)
        await superuser.connection.execute(f"UPDATE {table} SET {changes}", {"passed": passed})  # noqa: S608
