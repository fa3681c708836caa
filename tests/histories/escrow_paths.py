"""The ways that a safe payment can go, each driven on real servers (E1 to E6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHandle

from domain.escrow.rules import Shares
from domain.money import Money
from messages.case import CaseKind, workflow_id
from messages.escrow import JobSide, Phase, TaskKind
from storage.database import SERVICE, transaction
from storage.escrow.jobs import wake_awaited
from storage.payment import attempts_of
from storage.tasks import find_open
from tests.arrange import eventually
from tests.commands.normal_payment_steps import confirm_number
from tests.escrow_process import AMOUNT, EscrowProcess
from tests.faulty_gateway import FaultyGateway
from tests.journeys.process import Process

PART = 10_000_000


@dataclass(frozen=True, slots=True)
class Escrowing(Process):
    """A safe payment that a side has proposed, and its process."""

    escrow: EscrowProcess
    gateway: FaultyGateway

    @property
    def id(self) -> UUID:
        """Of the case."""
        return UUID(self.case_id)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.ESCROW, self.id))

    async def waits_for(self, kind: TaskKind) -> None:
        """Wait until somebody is asked."""

        async def asked() -> bool:
            async with transaction(self.escrow.context.engine, SERVICE) as connection:
                return await find_open(connection, self.id, kind) is not None

        await eventually(asked, f"a task {kind}")

    async def stands(self, phase: Phase) -> None:
        """Wait until the case has come to a phase."""

        async def there() -> bool:
            return await self.escrow.phase(self.id) == phase

        await eventually(there, f"the phase {phase}")

    async def accept(self) -> None:
        """The other side accepts, and the employer is asked to pay."""
        await self.waits_for(TaskKind.ANSWER_ESCROW)
        await self.escrow.accept(self.id)
        await self.stands(Phase.AWAITING_FUNDING)

    async def go_to_bank(self) -> UUID:
        """The employer begins to pay, and gets a link; returns the payment's case."""
        payment_id = await self.escrow.begin_payment(self.id)

        async def has_link() -> bool:
            async with transaction(self.escrow.context.engine, SERVICE) as connection:
                return (await attempts_of(connection, payment_id))[-1].authority is not None

        await eventually(has_link, "a link of the bank")
        return payment_id

    async def fund(self) -> None:
        """Accepted, paid, and held."""
        await self.accept()
        await self.escrow.pay_at_bank(await self.go_to_bank())
        await self.stands(Phase.HELD)

    async def release(self, amount: int = AMOUNT) -> None:
        """The employer releases so much."""
        await self.escrow.release(self.id, amount)

    async def dispute(self) -> None:
        """The employer asks for arbitration, and the contractor is heard."""
        await self.escrow.dispute(self.id)
        await self.stands(Phase.IN_DISPUTE)

    async def end_evidence(self) -> None:
        """The contractor is heard, and the time to file is over."""
        await self.escrow.state(self.id, JobSide.CONTRACTOR)
        await self.pass_wait()
        await self.stands(Phase.AWAITING_ARBITRATOR)

    async def claim(self, number: int = 0) -> None:
        """An arbitrator claims it."""
        await self.waits_for(TaskKind.RULE_DISPUTE)
        await self.escrow.claim(self.id, number)
        await self.stands(Phase.AWAITING_RULING)

    async def stay_silent(self, reminded: int) -> None:
        """Nobody does anything: a reminder, then the end."""
        await self.pass_wait()
        await self.told("reminded", reminded)
        await self.pass_wait()

    async def free(self) -> int:
        """What of the held money nothing is decided about."""
        return (await self.escrow.money(self.id))[1]

    async def split(self, amount: int) -> None:
        """The contractor offers to divide it, and the employer accepts."""
        found = await self.escrow.dispute_of(self.id)
        assert found is not None
        shares = Shares(Money(amount), Money(found.frozen - amount))
        await self.escrow.offer(self.id, JobSide.CONTRACTOR, shares)
        await self.escrow.answer_split(self.id, JobSide.EMPLOYER, accept=True)

    async def withdraw_dispute(self) -> None:
        """The employer takes the request for arbitration back, and the money is held as before."""
        await self.escrow.take_back(self.id)
        await self.stands(Phase.HELD)
        assert await self.free() == AMOUNT


Begin = Callable[..., Awaitable[Escrowing]]


async def released(begin: Begin) -> Escrowing:
    """Accepted, funded, declared done, released."""
    going = await begin()
    await going.fund()
    await going.escrow.declare(going.id)
    await going.waits_for(TaskKind.INSPECT_WORK)
    await going.release()
    return going


async def refunded(begin: Begin) -> Escrowing:
    """Nothing happens for long; then a part is released, the rest goes back, and the bank takes its time for that."""
    going, answered = await begin(), asyncio.Event()
    await going.fund()
    await going.pass_wait()
    await going.told("escrow_dormant")
    await going.release(PART)
    await going.told("escrow_paid_over")
    await going.escrow.ask_refund(going.id, AMOUNT - PART)
    await going.waits_for(TaskKind.ANSWER_REFUND)
    going.gateway.meanwhile = answered.wait
    await going.escrow.answer_refund(going.id, AMOUNT - PART)
    await going.stands(Phase.REFUNDING)
    await going.pass_wait()

    async def looked() -> bool:
        query = "SELECT count(*) FROM transitions WHERE case_id = %s AND step = 'close_escrow'"
        return bool(await going.superuser.value(query, going.id) == 2)

    await eventually(looked, "another look at what goes back")
    answered.set()
    return going


async def disputed(begin: Begin) -> Escrowing:
    """Both sides are heard, and arbitrators are asked."""
    going = await begin()
    await going.fund()
    await going.dispute()
    await going.end_evidence()
    return going


async def ruled(begin: Begin) -> Escrowing:
    """A ruling to which nobody objects: a part goes back."""
    going = await disputed(begin)
    await going.claim()
    await going.escrow.rule(going.id, PART)
    await going.stands(Phase.AWAITING_OBJECTION)
    await going.pass_wait()
    return going


async def objected(begin: Begin) -> Escrowing:
    """A ruling, an objection, and the ruling of another arbitrator."""
    going = await disputed(begin)
    await going.claim()
    await going.escrow.rule(going.id, PART)
    await going.stands(Phase.AWAITING_OBJECTION)
    await going.escrow.object_to(going.id, JobSide.CONTRACTOR)
    await going.stands(Phase.AWAITING_ARBITRATOR)
    await going.claim(1)
    await going.escrow.rule(going.id, AMOUNT, 1)
    return going


async def unclaimed(begin: Begin) -> Escrowing:
    """No arbitrator claims it: the operations desk is asked, and both divide it before one does."""
    going = await disputed(begin)
    await going.stay_silent(1)
    await going.waits_for(TaskKind.FIND_ARBITRATOR)
    await going.split(AMOUNT)
    return going


async def unruled(begin: Begin) -> Escrowing:
    """Who claimed it does not rule: it is taken away, and others are asked."""
    going = await disputed(begin)
    await going.claim()
    await going.stay_silent(1)
    await going.stands(Phase.AWAITING_ARBITRATOR)
    return going


async def divided_at_once(begin: Begin) -> Escrowing:
    """The request for arbitration is taken back, comes again, and both agree to divide it while they are heard."""
    going = await begin()
    await going.fund()
    await going.dispute()
    await going.withdraw_dispute()
    await going.dispute()
    await going.split(AMOUNT)
    return going


async def divided_before_ruling(begin: Begin) -> Escrowing:
    """Both agree to divide it before the arbitrator has ruled."""
    going = await disputed(begin)
    await going.claim()
    await going.split(AMOUNT)
    return going


async def taken_back_before_claim(begin: Begin) -> Escrowing:
    """The request for arbitration is taken back before an arbitrator claims it."""
    going = await disputed(begin)
    await going.withdraw_dispute()
    return going


async def taken_back_before_ruling(begin: Begin) -> Escrowing:
    """The request for arbitration is taken back before the arbitrator has ruled."""
    going = await disputed(begin)
    await going.claim()
    await going.withdraw_dispute()
    return going


async def unanswered(begin: Begin) -> Escrowing:
    """The other side stays silent."""
    going = await begin()
    await going.waits_for(TaskKind.ANSWER_ESCROW)
    await going.pass_wait()
    await going.pass_wait()
    return going


async def joined(begin: Begin) -> Escrowing:
    """Somebody joins with the number and accepts, and the employer does not pay."""
    going = await begin(is_member=False)
    await confirm_number(going.escrow.context, going.escrow.contractor)
    async with transaction(going.escrow.context.engine, SERVICE) as connection:
        await wake_awaited(connection, going.escrow.contractor.id)
    going.relay.nudge()
    await going.accept()
    await going.stay_silent(1)
    return going


Way = Callable[[Begin], Awaitable[Escrowing]]
# Each with the phase to which it leads, and whether that is its end.
PATHS: dict[str, tuple[Way, Phase, bool]] = {
    "escrow_released": (released, Phase.RELEASED, True),
    "escrow_refunded": (refunded, Phase.SPLIT, True),
    "escrow_ruled": (ruled, Phase.SPLIT, True),
    "escrow_objected": (objected, Phase.RELEASED, True),
    "escrow_unclaimed": (unclaimed, Phase.RELEASED, True),
    "escrow_unruled": (unruled, Phase.AWAITING_ARBITRATOR, False),
    "escrow_divided_at_once": (divided_at_once, Phase.RELEASED, True),
    "escrow_divided_before_ruling": (divided_before_ruling, Phase.RELEASED, True),
    "escrow_taken_back_before_claim": (taken_back_before_claim, Phase.HELD, False),
    "escrow_taken_back_before_ruling": (taken_back_before_ruling, Phase.HELD, False),
    "escrow_unanswered": (unanswered, Phase.LAPSED, True),
    "escrow_joined": (joined, Phase.LAPSED, True),
}


async def play(begin: Begin, name: str) -> Escrowing:
    """Play one of them, to its end if it has one."""
    way, _, has_end = PATHS[name]
    going = await way(begin)
    if has_end:
        await going.end()
    return going
