"""A payment on its way through real servers; its gateway can be in trouble, its clock is in the test's hands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.payout.settling import settle
from domain.payout import LineSettlement
from messages.case import CaseKind, workflow_id
from messages.payment import TaskKind
from relay import Relay
from storage.database import SERVICE, postgres_now, transaction
from storage.withdrawal import read_withdrawal
from tests.arrange import eventually
from tests.bank_account_steps import a_sheba
from tests.books import Superuser
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.journeys.process import Process
from tests.journeys.steps import Steps
from tests.payment_steps import AMOUNT, PaymentScenario, give_back, pass_time, refuse, take
from tests.payout_steps import give_sheba


@dataclass(frozen=True, slots=True)
class Paying(Process):
    """A payment whose payer is at the bank."""

    scenario: PaymentScenario
    gateway: FaultyGateway
    purposes: tuple[UUID, ...]

    @property
    def id(self) -> UUID:
        """The payment's case."""
        return UUID(self.case_id)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.PAYMENT, self.id))

    async def timeline(self) -> list[str]:
        """The codes of the case's timeline."""
        rows = await self.superuser.rows("SELECT code FROM timeline WHERE case_id = %s ORDER BY id", self.id)
        return [code for (code,) in rows]

    async def phase(self, phase: str) -> None:
        """Wait until it stands there."""

        async def stands() -> bool:
            return await self.scenario.phase(self.id) == phase

        await eventually(stands, f"the phase {phase}")

    async def pay(self, number: int = -1, *, unclear: int = 0) -> None:
        """The payer pays by a link and comes back."""
        await self.scenario.pay(self.id, number, unclear=unclear)

    async def cancel(self) -> None:
        """The payer cancels at the bank and comes back."""
        await self.scenario.cancel(self.id)
        await self.phase("awaiting_payer")

    async def try_again(self) -> None:
        """The payer goes to the bank once more."""
        tries = len(await self.scenario.attempts(self.id))
        await self.scenario.try_again(self.id)

        async def given() -> bool:
            attempts = await self.scenario.attempts(self.id)
            return len(attempts) > tries and attempts[-1].state != "requested"

        await eventually(given, "a link")

    async def take(self, number: int = 0) -> None:
        """A purpose takes its money as soon as it is offered."""

        async def taken() -> bool:
            return await take(self.scenario.context, self.purposes[number])

        await eventually(taken, "the money to be offered")

    async def refuse(self, number: int = 0) -> None:
        """A purpose does not want its money any more."""
        await refuse(self.scenario.context, self.purposes[number])

    async def give_back(self, amount: int) -> Paying:
        """The first purpose gives back a part of what it took; returns the refund."""
        refund = await give_back(self.scenario.context, self.purposes[0], self.id, amount)
        self.scenario.context.nudge()
        return replace(self, case_id=str(refund))

    async def pass_hours(self, hours: float) -> None:
        """So much time passes everywhere, once the process waits."""
        await eventually(self._waits, "the process to wait")
        await self.let_pass(hours)

    async def let_pass(self, hours: float) -> None:
        """So much time passes everywhere."""
        await pass_time(self.superuser, timedelta(hours=hours))
        await self.temporal.fast_forward(self.handle, timedelta(hours=hours, seconds=1))

    async def nobody_knows(self) -> None:
        """The gateway does not answer; what it is asked next is due at once."""
        self.gateway.always(Trouble.SILENT)
        await self.scenario.come_back(self.id)
        await self.phase("unclear")

    async def called(self, call: str, times: int) -> None:
        """Wait until the gateway was called so often."""

        async def was() -> bool:
            return self.gateway.calls[call] >= times

        await eventually(was, f"{times} calls {call}")

    async def rests(self, pause: timedelta) -> None:
        """Wait until the gateway is to be asked again after such a pause."""

        async def resting() -> bool:
            for step in (await self.handle.describe()).raw_description.pending_activities:
                if step.HasField("next_attempt_schedule_time"):
                    until = step.next_attempt_schedule_time.ToDatetime()
                    return until - step.last_attempt_complete_time.ToDatetime() > pause - timedelta(seconds=1)
            return False

        await eventually(resting, f"a rest of {pause}")

    async def tasks(self, kind: str, times: int) -> None:
        """Wait until the office was asked so often."""

        async def asked() -> bool:
            query = "SELECT count(*) FROM tasks WHERE case_id = %s AND kind = %s"
            return int(await self.superuser.value(query, self.id, kind)) >= times

        await eventually(asked, f"{times} tasks {kind}")

    async def offered(self, times: int) -> None:
        """Wait until a purpose was told so often that its money is there."""

        async def told() -> bool:
            query = "SELECT count(*) FROM outbox WHERE case_id = %s AND payload ->> 'name' = 'payment_received'"
            return int(await self.superuser.value(query, self.purposes[0])) >= times

        await eventually(told, f"{times} offers")

    async def pass_silence(self, kind: str) -> None:
        """The office is reminded, stays silent, and is asked anew."""
        await self.tasks(kind, 1)
        await self.pass_hours(9)
        await self.told("reminded")
        await self.pass_hours(16)
        await self.tasks(kind, 2)

    async def end_unclear(self) -> None:
        """So long nobody could say that the office is asked."""
        await self.superuser.run("UPDATE payment_attempts SET unclear_since = unclear_since - interval '24 hours'")
        await self.phase("awaiting_settlement")

    async def decide(self, kind: TaskKind, decision: Any, *values: Any) -> None:  # type: ignore[override]
        """The settlement office answers."""
        await self.scenario.decide(self.id, kind, decision, *values)

    async def owe_to_sheba(self) -> None:
        """A part is refused that is too small for the gateway, and waits for a pay-out to the payer's own sheba."""
        await give_sheba(self.scenario.context, self.scenario.payer.id, a_sheba("1234", 66))
        await self.pay()
        await self.take(0)
        await self.refuse(1)
        await self.phase("awaiting_payout")

    async def bank_answers(self, found: LineSettlement) -> None:
        """A batch took the line, and the bank has answered."""
        batch = await self.superuser.value(
            "INSERT INTO cases (kind, phase, policy_id, outcome, closed_at)"
            " SELECT 'payout', 'settled', id, 'settled', now() FROM policies WHERE name = 'payout' RETURNING id"
        )
        made = "INSERT INTO payouts (case_id, made_by, most_lines) VALUES (%s, %s, 1)"
        await self.superuser.run(made, batch, self.scenario.officer.id)
        cut = "UPDATE withdrawals SET state = 'cut', payout_id = %s, line = 1 WHERE state = 'waiting' RETURNING id"
        line_id = await self.superuser.value(cut, batch)
        async with transaction(self.scenario.context.engine, SERVICE) as connection:
            line = await read_withdrawal(connection, line_id, lock=True)
            assert line is not None
            assert await settle(connection, line, found, await postgres_now(connection))
        self.scenario.context.nudge()

    async def return_by_hand(self) -> None:
        """One officer pays back what no gateway can, and another confirms it."""
        await self.phase("awaiting_return")
        await self.scenario.record_return(self.id, "bank-1")
        await self.tasks(
            "confirm_return",
            await self.superuser.value(
                "SELECT count(*) FROM tasks WHERE kind = 'return_payment' AND outcome IS NOT NULL"
            ),
        )
        await self.scenario.confirm_return(self.id)


async def begin_to_pay(
    scenario: PaymentScenario,
    gateway: FaultyGateway,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    *amounts: int,
    trouble: Trouble = Trouble.NONE,
) -> Paying:
    """The payer begins to pay for as many purposes, and is at the bank unless the gateways are in trouble."""
    gateway.always(trouble)
    purposes = [await scenario.purpose() for _ in amounts or (AMOUNT,)]
    case_id = await scenario.open(*zip(purposes, amounts or (AMOUNT,), strict=True))
    paying = Paying(steps, temporal, superuser, relay, scenario.payer, str(case_id), scenario, gateway, tuple(purposes))

    async def asked() -> bool:
        return (await scenario.attempts(case_id))[0].state != "requested"

    await eventually(asked, "a link")
    return paying
