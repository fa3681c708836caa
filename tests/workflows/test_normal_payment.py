"""The process of a normal payment: answered, refused and silent at each wait; forged messages; started anew (E7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from domain.wording import reminder_sms
from gateways.local_bank import LocalBank
from messages.case import CaseKind, CaseSignal, workflow_id
from relay import Relay
from storage.database import SERVICE, transaction
from storage.normal_payment import wake_awaited
from storage.payment import attempts_of
from storage.tasks import find_open
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.commands.normal_payment_steps import AMOUNT, ANSWER, PAY, NormalPaymentScenario, confirm_number
from tests.events import quiet_events
from tests.journeys.process import Process
from tests.journeys.steps import Steps
from workflows.normal_payment import NormalPaymentWorkflow

EVENT_BUDGET = 30


@dataclass(frozen=True, slots=True)
class NormalPaying(Process):
    """A normal payment that a payer has asked for."""

    scenario: NormalPaymentScenario

    @property
    def id(self) -> UUID:
        """Of the case."""
        return UUID(self.case_id)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.NORMAL_PAYMENT, self.id))

    async def waits_for(self, kind: str) -> None:
        """Wait until somebody is asked."""

        async def asked() -> bool:
            async with transaction(self.scenario.context.engine, SERVICE) as connection:
                return await find_open(connection, self.id, kind) is not None

        await eventually(asked, f"a task {kind}")

    async def accept(self) -> None:
        """The payee accepts, and the payer is asked to pay."""
        await self.waits_for(ANSWER)
        await self.scenario.accept(self.id)
        await self.waits_for(PAY)

    async def refuse(self) -> None:
        """The payee refuses."""
        await self.waits_for(ANSWER)
        await self.scenario.refuse(self.id)

    async def go_to_bank(self) -> UUID:
        """The payer begins to pay, and gets a link; returns the payment's case."""
        payment_id = await self.scenario.begin_payment(self.id)

        async def has_link() -> bool:
            async with transaction(self.scenario.context.engine, SERVICE) as connection:
                return (await attempts_of(connection, payment_id))[-1].authority is not None

        await eventually(has_link, "a link of the bank")
        return payment_id

    async def pay(self) -> None:
        """The payer pays, and the money is taken."""
        await self.scenario.pay_at_bank(await self.go_to_bank())
        await self.end()

    async def somebody_joins(self) -> None:
        """The number becomes the payee's."""
        async with transaction(self.scenario.context.engine, SERVICE) as connection:
            await wake_awaited(connection, self.scenario.payee.id)
        self.relay.nudge()
        await self.waits_for(ANSWER)


async def ask_and_wait(
    scenario: NormalPaymentScenario,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
) -> NormalPaying:
    """The payer has asked, and somebody is waited for."""
    case_id = await scenario.request()
    paying = NormalPaying(steps, temporal, superuser, relay, scenario.payer, str(case_id), scenario)

    async def waits() -> bool:
        return await scenario.phase(case_id) == "awaiting_payee"

    await eventually(waits, "the payee to be waited for")
    return paying


async def unprove(superuser: Superuser, scenario: NormalPaymentScenario) -> None:
    """The payee is no member yet."""
    await superuser.run("UPDATE persons SET mobile_confirmed_at = NULL WHERE id = %s", scenario.payee.id)


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> NormalPaymentScenario:
    """A payer and a payee."""
    return await NormalPaymentScenario.opened(context, arrange, activity_context, bank)


@pytest.fixture
async def asked(
    scenario: NormalPaymentScenario,
    relay: Relay,
    worker: None,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> NormalPaying:
    """The payee is asked."""
    return await ask_and_wait(scenario, steps, temporal, superuser, relay)


@pytest.fixture
async def inviting(
    scenario: NormalPaymentScenario,
    relay: Relay,
    worker: None,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> NormalPaying:
    """The payee is no member yet, and invited."""
    await unprove(superuser, scenario)
    return await ask_and_wait(scenario, steps, temporal, superuser, relay)


async def test_what_is_accepted_and_paid_comes_to_the_balance_in_few_events_and_both_are_told(
    asked: NormalPaying, context: Context
) -> None:
    await paid(asked)
    await asked.end()

    assert await asked.scenario.balance() == AMOUNT.amount
    assert await quiet_events(asked.handle) <= EVENT_BUDGET
    assert await asked.timeline() == [
        "normal_payment_requested",
        "normal_payment_accepted",
        "normal_payment_made",
    ]

    async def told() -> bool:
        messages, scenario = asked.steps.messages, asked.scenario
        return "normal_payment_made" in sent_to(messages, scenario.payer.mobile) and (
            "normal_payment_credited" in sent_to(messages, scenario.payee.mobile)
        )

    await eventually(told, "both to be told")
    await assert_books_clean(context.engine)


async def test_a_refusal_ends_it_and_the_payer_is_told(asked: NormalPaying) -> None:
    await refused(asked)
    await asked.end()
    assert await asked.scenario.phase(asked.id) == "refused"

    async def told() -> bool:
        return "normal_payment_refused" in sent_to(asked.steps.messages, asked.scenario.payer.mobile)

    await eventually(told, "the payer to be told")


async def test_a_silent_payee_is_reminded_once_unseen_by_the_payer_and_then_it_lapses(asked: NormalPaying) -> None:
    await asked.waits_for(ANSWER)
    await asked.pass_wait()

    async def reminded() -> bool:
        return sent_to(asked.steps.messages, asked.scenario.payee.mobile).count(reminder_sms(ANSWER)) == 1

    await eventually(reminded, "the payee to be reminded")
    assert await asked.timeline() == ["normal_payment_requested"]
    await asked.pass_wait()
    await asked.end()
    assert await asked.timeline() == ["normal_payment_requested", "normal_payment_unanswered"]


async def test_a_silent_payer_is_reminded_once_and_then_both_are_told_that_it_lapsed(asked: NormalPaying) -> None:
    await unpaid(asked)
    await asked.end()
    assert (await asked.timeline())[-2:] == ["reminded", "normal_payment_unpaid"]

    async def told() -> bool:
        both = (asked.scenario.payer, asked.scenario.payee)
        return all("normal_payment_unpaid" in sent_to(asked.steps.messages, one.mobile) for one in both)

    await eventually(told, "both to be told")


async def test_who_joins_meanwhile_is_asked_and_may_be_paid(inviting: NormalPaying) -> None:
    await confirm_number(inviting.scenario.context, inviting.scenario.payee)
    await inviting.somebody_joins()
    await inviting.accept()
    await inviting.pay()
    assert await inviting.scenario.balance() == AMOUNT.amount


async def test_where_nobody_joins_it_lapses_and_nothing_is_left_of_the_number(
    inviting: NormalPaying, superuser: Superuser
) -> None:
    await nobody_joined(inviting)
    await inviting.end()
    assert await inviting.timeline() == ["normal_payment_requested", "normal_payment_unanswered"]
    assert await superuser.value("SELECT count(*) FROM normal_payments WHERE mobile_index IS NOT NULL") == 0


async def test_a_payer_who_withdraws_at_the_bank_gets_back_what_they_paid_there(
    asked: NormalPaying, context: Context
) -> None:
    await asked.accept()
    payment_id = await asked.go_to_bank()
    await asked.scenario.withdraw(asked.id)
    await asked.end()
    await asked.scenario.pay_at_bank(payment_id)

    async def returned() -> bool:
        return await asked.scenario.phase(payment_id) == "returned"

    await eventually(returned, "the money to go back")
    assert await asked.scenario.balance() == 0
    await assert_books_clean(context.engine)


async def test_forged_messages_change_nothing(asked: NormalPaying) -> None:
    await asked.waits_for(ANSWER)
    before = await asked.timeline()
    for name in NormalPaymentWorkflow.signals:
        await asked.handle.signal(name, CaseSignal(CaseKind.NORMAL_PAYMENT, asked.id, name, uuid4()))
    await asked.pass_time(hours=1)
    assert await asked.timeline() == before
    assert await asked.scenario.balance() == 0


async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(asked: NormalPaying) -> None:
    await asked.start_anew()
    await asked.accept()
    await asked.start_anew()
    payment_id = await asked.go_to_bank()
    await asked.start_anew()
    await asked.scenario.pay_at_bank(payment_id)
    await asked.end()
    assert await asked.scenario.balance() == AMOUNT.amount
    assert (await asked.timeline()).count("normal_payment_made") == 1


async def paid(asked: NormalPaying) -> None:
    """Accepted and paid."""
    await asked.accept()
    await asked.pay()


async def refused(asked: NormalPaying) -> None:
    """The payee refuses."""
    await asked.refuse()


async def withdrawn(asked: NormalPaying) -> None:
    """The payer withdraws what was accepted."""
    await asked.accept()
    await asked.scenario.withdraw(asked.id)


async def unanswered(asked: NormalPaying) -> None:
    """The payee stays silent."""
    await asked.waits_for(ANSWER)
    await asked.pass_wait()
    await asked.pass_wait()


async def unpaid(asked: NormalPaying) -> None:
    """The payer stays silent."""
    await asked.accept()
    await asked.pass_wait()
    await asked.told("reminded")
    await asked.pass_wait()


async def joined(inviting: NormalPaying) -> None:
    """Somebody joins with the number, and refuses."""
    await confirm_number(inviting.scenario.context, inviting.scenario.payee)
    await inviting.somebody_joins()
    await inviting.refuse()


async def nobody_joined(inviting: NormalPaying) -> None:
    """Nobody joins with the number."""
    await inviting.pass_wait()


Path_ = Callable[[NormalPaying], Awaitable[None]]
PATHS: dict[str, Path_] = {
    f"normal_payment_{path.__name__}": path for path in (paid, refused, withdrawn, unanswered, unpaid)
}
# Those in which the payee is no member at first.
INVITING_PATHS: dict[str, Path_] = {f"normal_payment_{path.__name__}": path for path in (joined, nobody_joined)}
