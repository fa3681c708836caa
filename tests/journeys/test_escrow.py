"""A job of two safe payments through the API, a relay, a Temporal server and a worker (docs/rules.md, E)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from api.balance import BalanceOut, read_balance
from api.escrow.disputes import object_to_ruling
from api.escrow.jobs import read_job
from api.own_mobile import (
    CodeOfNumber,
    OwnMobileConfirmation,
    OwnMobileIn,
    confirm_own_mobile,
    request_own_mobile,
)
from api.payment import look_at_payment
from api.values import AmountIn
from api.withdrawal import WithdrawalCodeRequest, WithdrawalIn, WithdrawalSubject, withdraw
from commands.command import Context
from demo import escrow
from demo.actors import Member, SignedInUser
from demo.escrow import shares_of
from demo.payment import link_of
from demo.remote import Refused
from domain.access import Role
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.case import CaseKind, workflow_id
from messages.escrow import JobSide
from relay import Relay
from storage.account import begin_session
from storage.database import SERVICE, transaction
from tests.arrange import Arrange, Someone, eventually, newest_code, sent_to
from tests.bank_account_steps import a_sheba
from tests.books import Superuser, assert_books_clean
from tests.commands.normal_payment_steps import confirm_number, let_any_card_pay
from tests.journeys.process import Process
from tests.journeys.steps import Steps
from tests.payout_steps import give_sheba

pytestmark = pytest.mark.usefixtures("relay", "worker")

FIRST, SECOND = 40_000_000, 60_000_000
# 3 percent, and 10 percent VAT on it.
NET, FEES = FIRST - 1_320_000, 1_320_000
ANOTHER_NUMBER = "+989351110001"


@dataclass(frozen=True, slots=True)
class Arbitrator(SignedInUser):
    """Somebody who may rule, with an authenticator app."""

    who: Someone

    async def code(self) -> str | None:
        """A code of the app."""
        return self.who.totp


@dataclass(frozen=True, slots=True)
class Escrowing(Process):
    """A safe payment between two members, and arbitrators who may rule on it."""

    context: Context
    bank: LocalBank
    employer: Member
    contractor: Member
    people: tuple[Someone, Someone]
    arbitrators: tuple[Arbitrator, ...]

    @property
    def id(self) -> UUID:
        """Of the case."""
        return UUID(self.case_id)

    @property
    def handle(self) -> WorkflowHandle[object, object]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.ESCROW, self.id))

    async def fund(self) -> None:
        """The employer pays at the bank, and the money is held."""
        payment_id = await escrow.begin_to_pay(self.employer, self.id)
        link = await link_of(self.employer, payment_id)
        self.bank.pay(link.rpartition("/")[-1], USUAL_CARD)
        await self.employer.client.call(look_at_payment, payment_id)
        await self.employer.case_in(self.id, "held")

    async def dispute(self) -> None:
        """The employer asks for arbitration, both are heard, and their time is over."""
        await escrow.dispute(self.employer, self.id)
        await escrow.state(self.contractor, self.id, JobSide.CONTRACTOR)
        await self.pass_wait()
        await self.employer.case_in(self.id, "awaiting_arbitrator")

    async def rule(self, number: int, contractor: int, employer: int) -> None:
        """An arbitrator takes it and rules."""
        await escrow.claim(self.arbitrators[number], self.id)
        await escrow.rule(self.arbitrators[number], self.id, shares_of(contractor, employer))

    async def balance(self) -> BalanceOut:
        """The contractor's."""
        return await self.contractor.client.call(read_balance)


Begin = Callable[..., Awaitable[list[Escrowing]]]


@pytest.fixture
async def begin(
    context: Context,
    bank: LocalBank,
    arrange: Arrange,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
) -> Begin:
    """An employer begins a job of so many payments with a contractor, who accepts; with two arbitrators."""

    async def begun(*amounts: int) -> list[Escrowing]:
        await let_any_card_pay(context)
        people = [await arrange.person("member") for _ in range(2)]
        for one in people:
            await confirm_number(context, one)
        desk = [await arrange.platform(Role.ARBITRATOR) for _ in range(2)]
        arbitrators = tuple(Arbitrator(steps.by(who), who) for who in desk)
        employer, contractor = [steps.member(one) for one in people]
        job_id = await escrow.begin(
            employer, JobSide.EMPLOYER, people[1].mobile, {f"مرحلهٔ {amount}": amount for amount in amounts}
        )
        await escrow.accept(contractor, job_id)
        return [
            Escrowing(
                steps, temporal, superuser, relay, people[0], str(case_id),
                context, bank, employer, contractor, (people[0], people[1]), arbitrators,
            )
            for case_id in await escrow.payments_of(employer, job_id)
        ]  # fmt: skip

    return begun


async def withdraw_all(going: Escrowing) -> None:
    """The contractor withdraws their whole balance to a sheba of their own."""
    await give_sheba(going.context, going.people[1].id, a_sheba())
    amount = AmountIn(amount=(await going.balance()).available.amount)
    wish = WithdrawalCodeRequest(purpose="withdraw", subject=WithdrawalSubject(amount=amount))
    code_id, code = await going.contractor.read_code(going.contractor.client, wish)
    await going.contractor.client.call(withdraw, WithdrawalIn(amount=amount, code_id=code_id, code=code))


@pytest.mark.long
async def test_a_job_is_released_and_ruled_on_twice_to_the_last_rial_though_all_was_withdrawn_meanwhile(
    begin: Begin, context: Context
) -> None:
    first, second = await begin(FIRST, SECOND)
    await asyncio.gather(first.fund(), second.fund())
    await escrow.declare(first.contractor, first.id)
    await first.employer.task(first.id, "inspect_work")
    await escrow.release(first.employer, first.id, FIRST)
    await first.employer.case_in(first.id, "released")
    assert (await first.balance()).available.amount == NET

    await second.dispute()
    await escrow.offer(second.contractor, second.id, shares_of(50_000_000, 10_000_000))
    await escrow.decline_offer(second.employer, second.id)
    await second.rule(0, 30_000_000, 30_000_000)
    await second.employer.case_in(second.id, "awaiting_objection")
    # The fee of a withdrawal is taken besides it; there is none in the policy that ships.
    await withdraw_all(second)
    await second.contractor.client.call(object_to_ruling, second.id)
    await second.rule(1, 45_000_000, 15_000_000)
    await second.employer.case_in(second.id, "split")
    await second.end()

    job_id = (await escrow.escrow_of(second.employer, second.id)).job_id
    sums = (await second.employer.client.call(read_job, job_id)).sums
    fees = FEES + 1_485_000
    assert (sums.funded.amount, sums.held.amount, sums.refunded.amount) == (FIRST + SECOND, 0, 15_000_000)
    assert (sums.released.amount, sums.fees.amount) == (FIRST + 45_000_000 - fees, fees)
    balance = await second.balance()
    assert (balance.available.amount, balance.held.amount) == (45_000_000 - 1_485_000, NET)
    (move,) = (await escrow.escrow_of(second.employer, second.id)).moves
    assert move.refund_id is not None
    assert (await second.employer.case(move.refund_id)).phase == "returned"
    await assert_books_clean(context.engine)


async def change_number(going: Escrowing, steps: Steps) -> Member:
    """The contractor has another number now; returns them, signed in anew."""
    someone = going.people[1]
    asked = await going.contractor.client.call(request_own_mobile, OwnMobileIn(mobile=ANOTHER_NUMBER))

    async def came() -> bool:
        return "code_change_mobile_new" in sent_to(steps.messages, ANOTHER_NUMBER) and (
            "code_change_mobile_old" in sent_to(steps.messages, someone.mobile)
        )

    await eventually(came, "both codes")
    codes = OwnMobileConfirmation(
        old=CodeOfNumber(code_id=asked.old_code_id, code=newest_code(steps.messages, someone.mobile)),
        new=CodeOfNumber(code_id=asked.new_code_id, code=newest_code(steps.messages, ANOTHER_NUMBER)),
    )
    await going.contractor.client.call(confirm_own_mobile, codes)
    async with transaction(going.context.engine, SERVICE) as connection:
        session = await begin_session(connection, someone.id, "member")
    return steps.member(replace(someone, mobile=ANOTHER_NUMBER, token=session.token))


@pytest.mark.long
async def test_an_arbitration_outlasts_a_new_number_of_a_side_and_a_lost_role_of_the_arbitrator(
    begin: Begin, steps: Steps, superuser: Superuser, context: Context
) -> None:
    (going,) = await begin(SECOND)
    await going.fund()
    await going.dispute()
    contractor = await change_number(going, steps)
    with pytest.raises(Refused, match="money actions pause"):
        await escrow.offer(contractor, going.id, shares_of(SECOND, 0))
    await escrow.claim(going.arbitrators[0], going.id)
    await going.employer.case_in(going.id, "awaiting_ruling")
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", going.arbitrators[0].who.id)
    with pytest.raises(Refused):
        await escrow.escrow_of(going.arbitrators[0], going.id)

    await going.pass_wait()
    await going.employer.case_in(going.id, "awaiting_arbitrator")
    await going.rule(1, SECOND, 0)
    await contractor.case_in(going.id, "awaiting_objection")
    await going.pass_wait()
    await contractor.case_in(going.id, "released")

    assert "escrow_ruling_final" in sent_to(steps.messages, ANOTHER_NUMBER)
    assert (await contractor.client.call(read_balance)).total.amount == SECOND - 1_980_000
    await assert_books_clean(context.engine)
