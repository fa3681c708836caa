"""The process of a safe payment: each wait answered, refused and silent; forged messages; started anew (E1 to E6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from domain.errors import Refusal
from gateways.local_bank import LocalBank
from messages.case import CaseKind, CaseSignal
from messages.escrow import JobSide, Phase, TaskKind
from relay import Relay
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.conftest import routes
from tests.escrow_process import AMOUNT, FEE_RATE, EscrowProcess
from tests.events import quiet_events
from tests.faulty_gateway import FaultyGateway
from tests.histories.escrow_paths import PART, PATHS, Begin, Escrowing, play
from tests.journeys.steps import Steps
from tests.journeys.test_bad_days import relaying
from tests.workflows.test_payment import activity_context, gateway
from worker import build_workers, working
from workflows.escrow import EscrowWorkflow

__all__ = ["activity_context", "gateway"]  # fixtures

EVENTS_HAPPY, EVENTS_RULED, EVENTS_OBJECTED = 45, 95, 120
_FEE = AMOUNT * FEE_RATE // 10_000
NET = AMOUNT - _FEE - _FEE // 10


@pytest.fixture
async def begin(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    bank: LocalBank,
    gateway: FaultyGateway,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
) -> Begin:
    """The employer begins a job with one payment; with three arbitrators."""

    async def begun(*, is_member: bool = True) -> Escrowing:
        nudged = replace(context, nudge=relay.nudge)
        escrow = await EscrowProcess.opened(nudged, arrange, activity_context, bank, arbitrators=3)
        if not is_member:
            await superuser.run("UPDATE persons SET mobile_confirmed_at = NULL WHERE id = %s", escrow.contractor.id)
        (case_id,) = await escrow.begin()
        process = Escrowing(steps, temporal, superuser, relay, escrow.employer, str(case_id), escrow, gateway)
        await process.stands(Phase.AWAITING_ACCEPTANCE)
        return process

    return begun


IN_THE_SUITE = {"escrow_released", "escrow_objected"}
_BUDGETS = {"escrow_released": EVENTS_HAPPY, "escrow_ruled": EVENTS_RULED, "escrow_objected": EVENTS_OBJECTED}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "name", [name if name in IN_THE_SUITE else pytest.param(name, marks=pytest.mark.long) for name in PATHS]
)
async def test_each_way_comes_to_its_end_and_every_rial_is_explained(
    begin: Begin, context: Context, superuser: Superuser, name: str
) -> None:
    going = await play(begin, name)
    assert await going.escrow.phase(going.id) == PATHS[name][1]
    assert await quiet_events(going.handle) <= _BUDGETS.get(name, 2 * EVENTS_OBJECTED)
    if PATHS[name][2]:
        assert await superuser.value("SELECT count(*) FROM accounts WHERE code LIKE 'escrow:%%' AND balance <> 0") == 0
        assert await superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 0
    await assert_books_clean(context.engine)


@pytest.mark.long
@pytest.mark.usefixtures("worker")
async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(begin: Begin, context: Context) -> None:
    going = await begin()
    await going.start_anew()
    await going.fund()
    await going.start_anew()
    await going.dispute()
    await going.start_anew()
    await going.end_evidence()
    await going.start_anew()
    await going.claim()
    await going.start_anew()
    await going.escrow.rule(going.id, AMOUNT)
    await going.stands(Phase.AWAITING_OBJECTION)
    await going.start_anew()
    await going.pass_wait()
    await going.end()
    assert await going.escrow.balance() == NET
    await assert_books_clean(context.engine)


@pytest.mark.long
@pytest.mark.usefixtures("worker")
async def test_forged_messages_change_nothing(begin: Begin) -> None:
    going = await begin()
    await going.fund()
    before = await going.timeline()
    for name in EscrowWorkflow.signals:
        await going.handle.signal(name, CaseSignal(CaseKind.ESCROW, going.id, name, uuid4()))
    await going.pass_time(hours=1)
    assert await going.timeline() == before
    assert await going.escrow.money(going.id) == (AMOUNT, AMOUNT)


@pytest.mark.long
@pytest.mark.usefixtures("worker")
async def test_money_that_comes_after_the_lapse_goes_back(begin: Begin, context: Context) -> None:
    going = await begin()
    await going.accept()
    payment_id = await going.go_to_bank()
    await going.stay_silent(1)
    await going.end()
    await going.escrow.pay_at_bank(payment_id)

    async def returned() -> bool:
        return await going.escrow.phase(payment_id) == "returned"

    await eventually(returned, "the money to go back")
    assert await going.escrow.money(going.id) == (0, 0)
    await assert_books_clean(context.engine)


@pytest.mark.long
@pytest.mark.usefixtures("worker")
async def test_silence_about_declared_work_and_an_asked_refund_moves_nothing(begin: Begin) -> None:
    going = await begin()
    await going.fund()
    await going.escrow.declare(going.id)
    await going.waits_for(TaskKind.INSPECT_WORK)
    await going.stay_silent(1)
    await going.told("escrow_not_inspected")
    await going.escrow.ask_refund(going.id, PART)
    await going.waits_for(TaskKind.ANSWER_REFUND)
    await going.stay_silent(2)
    await going.told("escrow_refund_unanswered")
    assert await going.escrow.money(going.id) == (AMOUNT, AMOUNT)
    await going.escrow.answer_refund(going.id, PART)
    await going.told("escrow_refund_begun")
    assert await going.escrow.money(going.id) == (AMOUNT - PART, AMOUNT - PART)


@pytest.mark.long
@pytest.mark.usefixtures("worker")
async def test_money_that_lies_for_long_comes_to_an_arbitrator_in_the_end(begin: Begin) -> None:
    going = await begin()
    await going.fund()
    for times in (1, 2, 3):
        await going.pass_wait()
        await going.told("escrow_dormant", times)
    await going.waits_for(TaskKind.REVIEW_DORMANT_ESCROW)
    await going.stay_silent(1)
    await going.waits_for(TaskKind.FIND_ARBITRATOR)
    await going.escrow.claim(going.id, kind=TaskKind.REVIEW_DORMANT_ESCROW)
    await going.escrow.review(going.id, opens=True)
    await going.stands(Phase.IN_DISPUTE)
    assert await going.free() == 0


@pytest.mark.long
@pytest.mark.parametrize("objects", [True, False])
async def test_after_a_process_server_was_away_for_the_whole_time_to_object_only_what_came_in_time_counts(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    bank: LocalBank,
    gateway: FaultyGateway,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    messages_dir: Path,
    objects: bool,
) -> None:
    relay = Relay(context.engine, routes(temporal.client, activity_context, messages_dir), sweep_seconds=0.1)
    escrow = await EscrowProcess.opened(replace(context, nudge=relay.nudge), arrange, activity_context, bank)
    async with relaying(relay), working(build_workers(temporal.client, activity_context)):
        (case_id,) = await escrow.begin()
        going = Escrowing(steps, temporal, superuser, relay, escrow.employer, str(case_id), escrow, gateway)
        await going.fund()
        await going.dispute()
        await going.end_evidence()
        await going.claim()
        await escrow.rule(case_id, AMOUNT)
        await going.stands(Phase.AWAITING_OBJECTION)
        await going.pass_time(seconds=1)
    # Nothing is sent and no step taken; the process's clock goes on.
    if objects:
        await escrow.object_to(case_id, JobSide.EMPLOYER)
    away = asyncio.create_task(temporal.fast_forward(going.handle, timedelta(hours=49)))
    async with relaying(relay), working(build_workers(temporal.client, activity_context)):
        await away
        if objects:
            await going.stands(Phase.AWAITING_ARBITRATOR)
            await going.claim(1)
            assert await escrow.balance() == 0
            await escrow.rule(case_id, AMOUNT, 1)
        await going.end()
        with pytest.raises(Refusal):
            await escrow.object_to(case_id, JobSide.EMPLOYER)
    assert (await escrow.phase(case_id), await escrow.balance()) == (Phase.RELEASED, NET)
    await assert_books_clean(context.engine)
