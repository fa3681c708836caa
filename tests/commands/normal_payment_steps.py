"""The steps of a normal payment and of the payment by which it is paid, run straight on the context (E7)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from activities.transition import ActivityContext
from commands import normal_payment as commands
from commands import payment as payment_commands
from commands.command import Context
from commands.normal_payment import NormalPaymentWish
from domain.ledger import member_account
from domain.money import Money
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.case import OVER, WAIT, NextStep, StepInput
from storage import ledger
from storage.cases import read_case
from storage.database import SERVICE, transaction
from storage.payment import attempts_of
from storage.policies import in_force
from storage.rows.account import rate_windows
from storage.rows.people import persons
from storage.rows.policies import policies
from tests.arrange import Arrange, Someone
from tests.commands.onboarding_steps import answer, open_task, run
from tests.transitions import Transitions

AMOUNT = Money(25_000_000)
WHAT_FOR = "طراحی کارت ویزیت"
ANSWER, PAY = "answer_normal_payment", "pay_normal_payment"
_ROUNDS = itertools.count(1_000)
_STEPS_MAX = 12


async def confirm_number(context: Context, someone: Someone) -> None:
    """Somebody has shown that their number is theirs, as a member who signs in by it has."""
    async with transaction(context.engine, SERVICE) as connection:
        proved = sa.update(persons).where(persons.c.id == someone.id).values(mobile_confirmed_at=sa.func.now())
        await connection.execute(proved)


async def let_any_card_pay(context: Context) -> None:
    """A version of the policy of payments by which no payer's own card is asked for."""
    async with transaction(context.engine, SERVICE) as connection:
        shipped = await in_force(connection, "payment")
        assert shipped is not None
        values = {
            "name": "payment",
            "version": shipped.version + 1,
            "value": {**shipped.value, "own_card": []},
            "proposed_by": "test",
            "approved_by": "another",
            "approved_at": sa.func.now(),
        }
        await connection.execute(sa.insert(policies).values(values))


@dataclass(frozen=True, slots=True)
class NormalPaymentScenario:
    """A payer, a payee, and the bank between them."""

    context: Context
    activities: Transitions
    bank: LocalBank
    payer: Someone
    payee: Someone

    @classmethod
    async def opened(
        cls, context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
    ) -> NormalPaymentScenario:
        """Both are members, and any card may pay."""
        payer, payee = [await arrange.person("member") for _ in range(2)]
        for one in (payer, payee):
            await confirm_number(context, one)
        await let_any_card_pay(context)
        return cls(context, Transitions(activity_context), bank, payer, payee)

    async def request(self, mobile: str | None = None, **changes: Any) -> UUID:
        """The payer asks the payee, unless another number is given; returns the case's id."""
        values: dict[str, Any] = {
            "mobile": mobile or self.payee.mobile,
            "amount": AMOUNT,
            "what_for": WHAT_FOR,
            "terms_version": 1,
        }
        wish = NormalPaymentWish(**(values | changes))
        case_id: UUID = await run(
            self.context, self.payer, lambda command: commands.request_normal_payment(command, wish)
        )
        return case_id

    async def accept(self, case_id: UUID, terms_version: int = 1) -> None:
        """The payee accepts."""
        task_id = await open_task(self.context, case_id, ANSWER)
        await answer(self.context, self.payee, task_id, commands.accept_normal_payment, terms_version)

    async def refuse(self, case_id: UUID) -> None:
        """The payee refuses."""
        task_id = await open_task(self.context, case_id, ANSWER)
        await answer(self.context, self.payee, task_id, commands.refuse_normal_payment)

    async def withdraw(self, case_id: UUID, who: Someone | None = None) -> None:
        """The payer withdraws."""
        await run(self.context, who or self.payer, lambda command: commands.withdraw_normal_payment(command, case_id))

    async def begin_payment(self, case_id: UUID, who: Someone | None = None) -> UUID:
        """The payer begins to pay; returns the payment's case."""
        payment_id: UUID = await run(
            self.context, who or self.payer, lambda command: commands.pay_normal_payment(command, case_id)
        )
        return payment_id

    async def pay_at_bank(self, payment_id: UUID) -> None:
        """The payer pays by the newest link, and has the bank asked."""
        self.bank.pay(await self.authority(payment_id), USUAL_CARD)
        await self.look(payment_id)

    async def cancel_at_bank(self, payment_id: UUID) -> None:
        """The payer cancels at the bank, and comes back."""
        self.bank.end(await self.authority(payment_id), failed=False)
        await self.look(payment_id)

    async def look(self, payment_id: UUID) -> None:
        """The payer has the bank asked."""
        await run(self.context, self.payer, lambda command: payment_commands.look_at_payment(command, payment_id))

    async def authority(self, payment_id: UUID) -> str:
        """By which the bank knows the newest try."""
        async with transaction(self.context.engine, SERVICE) as connection:
            newest = (await attempts_of(connection, payment_id))[-1]
        assert newest.authority is not None
        return newest.authority

    async def take(self, name: str, case_id: UUID, *, until: Any = None) -> NextStep:
        """Take a transition in a round of its own."""
        taken: NextStep = await getattr(self.activities, name)(StepInput(case_id, next(_ROUNDS), until))
        return taken

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process of a case does when it hears of somebody, until it waits again or is over."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
        assert case is not None
        found = await self.take(f"assess_{case.kind}", case_id)
        for _ in range(_STEPS_MAX):
            if found.step in {WAIT, OVER}:
                return found
            found = await self.take(found.step, case_id)
        raise AssertionError(found)

    async def asked(self, mobile: str | None = None) -> UUID:
        """The payee is asked, or somebody is waited for by a number."""
        case_id = await self.request(mobile)
        await self.go_on(case_id)
        return case_id

    async def accepted(self) -> UUID:
        """The payee has accepted, and the payer is asked to pay."""
        case_id = await self.asked()
        await self.accept(case_id)
        await self.go_on(case_id)
        return case_id

    async def at_bank(self, case_id: UUID) -> UUID:
        """The payer is at the bank; returns the payment's case."""
        payment_id = await self.begin_payment(case_id)
        await self.go_on(payment_id)
        return payment_id

    async def paid(self) -> UUID:
        """It is paid, and in the payee's balance."""
        case_id = await self.accepted()
        payment_id = await self.at_bank(case_id)
        await self.pay_at_bank(payment_id)
        for each in (payment_id, case_id, payment_id):
            await self.go_on(each)
        return case_id

    async def phase(self, case_id: UUID) -> str:
        """Where a case stands."""
        async with transaction(self.context.engine, SERVICE) as connection:
            case = await read_case(connection, case_id)
        assert case is not None
        return case.phase

    async def balance(self) -> int:
        """What is in the payee's balance; nothing, where it was never opened."""
        async with transaction(self.context.engine, SERVICE) as connection:
            rows = {row.kind: row.total for row in await ledger.trial_balance(connection)}
            if not rows.get("member:payable"):
                return 0
            return (await ledger.balance(connection, member_account(self.payee.id).code)).posted

    async def forget_limits(self) -> None:
        """A day has passed for every limit."""
        async with transaction(self.context.engine, SERVICE) as connection:
            await connection.execute(rate_windows.delete())
