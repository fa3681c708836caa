"""A gateway's day on real servers: opened by an officer or the clock, compared, decided by two, started anew (E2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.clearing import opening_activities
from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.clearing import Correction, Explanation
from gateways.local_bank import LocalBank
from messages.case import CaseKind, CaseSignal, workflow_id
from messages.clearing import Event, TaskKind
from relay import Relay
from storage import clearing as rows
from storage.database import SERVICE, transaction
from storage.outbox import enqueue
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.clearing_steps import Day
from tests.commands.onboarding_steps import answer
from tests.events import quiet_events
from tests.journeys.steps import Steps

pytestmark = pytest.mark.usefixtures("worker", "relay")

# Two decisions of two officers, each with its signal, and the list.
EVENT_BUDGET = 45
SETTLE, CONFIRM = TaskKind.SETTLE_DIFFERENCE, TaskKind.CONFIRM_PROPOSAL


@dataclass(frozen=True, slots=True)
class Office:
    """The settlement office, its day at the bank, and the clock of its processes."""

    day: Day
    temporal: WorkflowEnvironment
    steps: Steps
    relay: Relay

    def handle(self, case_id: UUID) -> WorkflowHandle[Any, Any]:
        """A case's process."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.CLEARING, case_id))

    async def phase(self, case_id: UUID, phase: str) -> None:
        """Wait until it stands there."""

        async def stands() -> bool:
            return bool(await self.day.superuser.value("SELECT phase = %s FROM cases WHERE id = %s", phase, case_id))

        await eventually(stands, f"the phase {phase}")

    async def decide(
        self, who: Someone, case_id: UUID, kind: TaskKind, decision: Any, *values: Any, **named: Any
    ) -> None:
        """Answer a task once the process has asked."""

        async def asked() -> UUID | None:
            sql = "SELECT id FROM tasks WHERE case_id = %s AND kind = %s AND status = 'open'"
            found = await self.day.superuser.rows(sql, case_id, kind)
            return found[0][0] if found else None

        task_id = await eventually(asked, f"the task {kind}")
        await answer(self.day.context, who, task_id, decision, *values, **named)
        self.relay.nudge()

    async def requested(self) -> UUID:
        """An officer has the day compared."""
        await self.day.pass_midnight()
        case_id = await self.day.requested()
        self.relay.nudge()
        return case_id


@pytest.fixture
async def settlement(
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
    bank: LocalBank,
    temporal: WorkflowEnvironment,
    steps: Steps,
    relay: Relay,
) -> Office:
    """An office with a day at the bank."""
    return Office(await Day.of(context, activity_context, arrange, superuser, bank), temporal, steps, relay)


async def test_the_clock_opens_a_clean_day_and_it_ends_by_itself(settlement: Office) -> None:
    await settlement.day.opened()
    await settlement.day.superuser.run("UPDATE payment_attempts SET begun_at = begun_at - interval '1 day'")
    ((open_clearings,),) = opening_activities(settlement.day.activity_context).values()
    assert await open_clearings() == 1
    settlement.relay.nudge()
    case_id = await settlement.day.superuser.value("SELECT case_id FROM clearings")
    await settlement.phase(case_id, "matched")

    assert await settlement.day.superuser.value("SELECT count(*) FROM tasks WHERE case_id = %s", case_id) == 0
    assert await quiet_events(settlement.handle(case_id)) <= EVENT_BUDGET // 3


async def test_two_officers_book_what_came_to_light_and_the_payer_is_told(settlement: Office) -> None:
    case_id = await booked(settlement)
    await settlement.phase(case_id, "settled")

    async def told() -> bool:
        return "payment_returned" in sent_to(settlement.steps.messages, settlement.day.payer.mobile)

    await eventually(told, "the payer to be told")
    assert await quiet_events(settlement.handle(case_id)) <= EVENT_BUDGET
    await assert_books_clean(settlement.day.context.engine)


async def test_silence_brings_one_reminder_and_then_the_office_is_asked_anew_and_the_day_is_late(
    settlement: Office,
) -> None:
    await settlement.day.plant()
    case_id = await settlement.requested()
    await settlement.phase(case_id, "awaiting_decisions")
    await settlement.temporal.fast_forward(settlement.handle(case_id), timedelta(hours=24, seconds=5))

    async def reminded() -> int:
        return sent_to(settlement.steps.messages, settlement.day.first.mobile).count("remind_settle_difference")

    assert await eventually(reminded, "the reminder") == 1
    tasks = "SELECT count(*) FROM tasks WHERE case_id = %s AND status = 'expired'"

    async def asked_anew() -> bool:
        await settlement.temporal.fast_forward(settlement.handle(case_id), timedelta(hours=24))
        return bool(await settlement.day.superuser.value(tasks, case_id))

    await eventually(asked_anew, "the office to be asked anew")
    told = sent_to(settlement.steps.messages, settlement.day.first.mobile)
    assert told.count("task_settle_difference") == 1
    late = "SELECT due_at < (SELECT min(due_at) FROM tasks WHERE status = 'open') FROM cases WHERE id = %s"
    assert await settlement.day.superuser.value(late, case_id)
    await explain(settlement, case_id)
    await settlement.phase(case_id, "settled")


async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(settlement: Office) -> None:
    await settlement.day.given_up()
    case_id = await settlement.requested()
    for who, kind, decision in (
        (settlement.day.first, SETTLE, (partial(commands.propose_booking, paid_back="PAYA-1"), "به شبا برگشت")),
        (settlement.day.second, CONFIRM, (commands.confirm_proposal,)),
    ):
        await settlement.phase(case_id, "awaiting_decisions")
        await settlement.handle(case_id).terminate("operator")
        async with transaction(settlement.day.context.engine, SERVICE) as connection:
            await enqueue(connection, CaseSignal(CaseKind.CLEARING, case_id, "resumed"))
        settlement.relay.nudge()
        await settlement.decide(who, case_id, kind, *decision)
    await settlement.phase(case_id, "settled")

    assert await settlement.day.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_received'") == 1


async def explain(settlement: Office, case_id: UUID) -> None:
    """An officer explains the difference that is asked about, and another confirms it."""
    decision = (commands.explain_difference, Explanation.FAULT_OF_GATEWAY, "نامه به درگاه")
    await settlement.decide(settlement.day.first, case_id, SETTLE, *decision)
    await settlement.decide(settlement.day.second, case_id, CONFIRM, commands.confirm_proposal)


Path_ = Callable[[Office], Awaitable[UUID]]


async def matched(settlement: Office) -> UUID:
    """A day without a difference; the case's id."""
    case_id = await settlement.requested()
    await settlement.phase(case_id, "matched")
    return case_id


async def explained(settlement: Office) -> UUID:
    """A payment that is none of ours is explained; the case's id."""
    await settlement.day.plant()
    case_id = await settlement.requested()
    await explain(settlement, case_id)
    return case_id


async def booked(settlement: Office) -> UUID:
    """What came to light late is booked by two; the case's id."""
    await settlement.day.given_up()
    case_id = await settlement.requested()
    await settlement.decide(
        settlement.day.first, case_id, SETTLE, commands.propose_booking, "به شبا برگشت", paid_back="PAYA-1"
    )
    await settlement.decide(settlement.day.second, case_id, CONFIRM, commands.confirm_proposal)
    return case_id


async def corrected(settlement: Office) -> UUID:
    """A payment that is none of ours is corrected by two; the case's id."""
    await settlement.day.plant()
    case_id = await settlement.requested()
    correct = (commands.propose_correction, Correction.TO_BE_FOUND, "نامه به درگاه")
    await settlement.decide(settlement.day.first, case_id, SETTLE, *correct)
    await settlement.decide(settlement.day.second, case_id, CONFIRM, commands.confirm_proposal)
    return case_id


async def unlisted(settlement: Office) -> UUID:
    """A gateway that is not set up any more gives no list; the case's id."""
    async with transaction(settlement.day.context.engine, SERVICE) as connection:
        case_id = await rows.add_clearing(connection, "former", settlement.day.day)
        await enqueue(connection, CaseSignal(CaseKind.CLEARING, case_id, Event.CLEARING_OPENED))
    settlement.relay.nudge()
    await settlement.phase(case_id, "no_list")
    return case_id


# The ways that are recorded; see tests/histories.
PATHS: dict[str, Path_] = {
    f"clearing_{path.__name__}": path for path in (matched, explained, booked, corrected, unlisted)
}
