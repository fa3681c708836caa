"""The reconciler: a process that was lost is started again and goes on; what nobody can start is reported."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from domain.reconciliation import FindingKind
from messages.case import CaseKind, workflow_id
from reconciler import ALARM_TIMES, Reconciler
from relay import Relay
from stack.ports import free_port
from storage.sealing import Seals
from telemetry import watch_outbox
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.journeys.steps import ISSUE, REFUSE, Steps
from tests.length import length
from tests.pipe import piped
from tests.races import gauge
from tests.reconciliation_steps import (
    add_cases,
    add_lost_cases,
    end_processes,
    found,
    let_time_pass,
    listed,
    start_processes,
)
from workflows.client import connect

_ALWAYS = timedelta(0)
# About what 1,000 cases may take on two busy cores; far under the minute between rounds.
_ROUND_SECONDS = 5.0


def silence() -> None:
    """Nudge nobody: what is to be sent stays to be seen."""


async def due_secret(superuser: Superuser, owner_id: UUID, minutes: int) -> UUID:
    """A secret of a case that is over, due to be erased so many minutes ago; returns the case's id."""
    (case_id,) = await add_cases(superuser)
    await superuser.run("UPDATE cases SET closed_at = now(), outcome = 'x' WHERE id = %s", case_id)
    await superuser.run(
        "INSERT INTO entrusted_secrets (id, case_id, owner_id, part, kind, host_sealed, entrusted_at, erase_at)"
        " VALUES (gen_random_uuid(), %s, %s, 'employer', 'site_login', 'x', now() - interval '1 day',"
        " now() - make_interval(mins => %s))",
        case_id,
        owner_id,
        minutes,
    )
    return case_id


@pytest.fixture
def reconciler(engine: AsyncEngine, temporal: WorkflowEnvironment) -> Reconciler:
    """A reconciler without a relay, whose rounds are always due."""
    return Reconciler(engine, temporal.client, silence, round_every=_ALWAYS)


async def unsent(superuser: Superuser) -> int:
    """How many messages wait to be sent."""
    return int(await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))


async def all_sent(superuser: Superuser) -> None:
    """Wait until nothing is left to send."""

    async def sent() -> bool:
        return not await unsent(superuser)

    await eventually(sent, "everything to be sent")


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[int]:
    """The levels at which something was logged."""
    return [record.levelno for record in caplog.records if record.getMessage() == event]


async def test_a_secret_that_should_be_erased_for_five_minutes_is_an_alarm_until_it_is(
    reconciler: Reconciler, arrange: Arrange, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await arrange.person("member")
    await due_secret(superuser, owner.id, 4)
    late = await due_secret(superuser, owner.id, 6)

    await reconciler.round()
    await reconciler.round()
    assert await found(superuser) == [(late, "erasure_late", 2, False)]
    assert logged(caplog, "erasure_late") == [logging.ERROR] * 2

    await superuser.run(
        "UPDATE entrusted_secrets SET erased_at = now(), why = 'time_over' WHERE case_id = %s",
        late,
    )
    await reconciler.round()
    assert await found(superuser) == [(late, "erasure_late", 2, True)]


async def test_how_many_cases_have_a_late_secret_stands_in_the_metrics(
    engine: AsyncEngine, arrange: Arrange, superuser: Superuser
) -> None:
    owner = await arrange.person("member")
    for minutes in (4, 6, 60):
        await due_secret(superuser, owner.id, minutes)

    async def shown() -> bool:
        return gauge("amanat_erasures_late") == 2

    assert not await shown()  # which begins to serve metrics
    watching = asyncio.create_task(watch_outbox(engine))
    try:
        await eventually(shown, "the gauge", seconds=10)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_of_a_list_that_is_cut_off_no_late_secret_is_called_erased(
    engine: AsyncEngine, temporal: WorkflowEnvironment, arrange: Arrange, superuser: Superuser
) -> None:
    owner = await arrange.person("member")
    late = {await due_secret(superuser, owner.id, 6) for _ in range(3)}
    few, all_ = [Reconciler(engine, temporal.client, silence, round_every=_ALWAYS, suspects=most) for most in (2, 100)]

    await all_.round()
    await few.round()

    assert {case_id for case_id, _, _, is_settled in await found(superuser) if not is_settled} == late


@pytest.mark.usefixtures("worker")
async def test_a_terminated_process_is_started_again_goes_on_where_it_was_and_the_finding_is_settled(
    context: Context, arrange: Arrange, steps: Steps, temporal: WorkflowEnvironment, relay: Relay, superuser: Superuser
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    reconciler = Reconciler(context.engine, temporal.client, relay.nudge, round_every=_ALWAYS)
    case_id = await steps.apply(member)
    task = await steps.task(officer, case_id)
    await all_sent(superuser)
    process = temporal.client.get_workflow_handle(f"onboarding/{case_id}")
    lost = (await process.describe()).run_id
    await process.terminate("by an operator")
    await listed(temporal.client, CaseKind.ONBOARDING, [UUID(case_id)], running=0)

    await let_time_pass(superuser)
    await reconciler.round()
    await all_sent(superuser)
    assert await found(superuser) == [(UUID(case_id), "process_missing", 1, False)]
    again = await process.describe()
    assert again.status is WorkflowExecutionStatus.RUNNING
    assert again.run_id != lost

    await reconciler.round()
    assert await found(superuser) == [(UUID(case_id), "process_missing", 1, True)]
    assert (await steps.decide(officer, task["id"], ISSUE)).status_code == 200
    await steps.phase(member, case_id, "active")
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'certificate_requested'") == 1
    await assert_books_clean(context.engine)


@pytest.mark.usefixtures("worker", "relay")
async def test_a_process_that_completed_while_its_case_is_open_is_an_alarm_and_nothing_is_sent_again(
    arrange: Arrange,
    steps: Steps,
    temporal: WorkflowEnvironment,
    reconciler: Reconciler,
    superuser: Superuser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    case_id = await steps.apply(member)
    task = await steps.task(officer, case_id)
    assert (await steps.decide(officer, task["id"], REFUSE)).status_code == 200
    await temporal.client.get_workflow_handle(f"onboarding/{case_id}").result()
    await listed(temporal.client, CaseKind.ONBOARDING, [UUID(case_id)], running=0)
    await all_sent(superuser)
    await superuser.run("UPDATE cases SET closed_at = NULL, outcome = NULL")

    await let_time_pass(superuser)
    with caplog.at_level(logging.WARNING, "amanat.reconciler"):
        await reconciler.round()
        await reconciler.round()
    assert await found(superuser) == [(UUID(case_id), "process_ended_early", 2, False)]
    assert await unsent(superuser) == 0
    assert logged(caplog, "process_ended_early") == [logging.ERROR, logging.ERROR]

    await superuser.run("UPDATE cases SET closed_at = now(), outcome = 'refused'")
    await reconciler.round()
    assert await found(superuser) == [(UUID(case_id), "process_ended_early", 2, True)]


async def test_many_cases_whose_processes_run_are_compared_in_one_short_round_and_left_alone(
    engine: AsyncEngine, temporal: WorkflowEnvironment, reconciler: Reconciler, superuser: Superuser
) -> None:
    cases = await add_lost_cases(engine, superuser, length(200, 1_000))
    await start_processes(temporal.client, cases)

    started = time.monotonic()
    await reconciler.round()
    took = time.monotonic() - started

    assert took < _ROUND_SECONDS
    assert await found(superuser) == []
    assert await unsent(superuser) == 0
    assert await superuser.value("SELECT kind IS NULL FROM reconciliation_rounds"), "it came to the end"
    await end_processes(temporal.client, cases)


@pytest.fixture
def short_of_breath(engine: AsyncEngine, temporal: WorkflowEnvironment) -> Reconciler:
    """A reconciler that looks into ten suspicious cases a round."""
    return Reconciler(engine, temporal.client, silence, round_every=_ALWAYS, page=5, suspects=10)


async def found_by_round(reconciler: Reconciler, superuser: Superuser, rounds: int) -> list[list[UUID]]:
    """The cases found by the end of each round."""
    seen = []
    for _ in range(rounds):
        await reconciler.round()
        seen.append([case_id for case_id, *_ in await found(superuser)])
    return seen


async def test_of_many_lost_processes_a_round_starts_a_bounded_number_and_the_next_goes_on(
    engine: AsyncEngine, short_of_breath: Reconciler, superuser: Superuser
) -> None:
    cases = await add_lost_cases(engine, superuser, 25)

    assert await found_by_round(short_of_breath, superuser, 4) == [cases[:10], cases[:20], cases, cases]
    assert await unsent(superuser) == 25


async def test_cases_that_nobody_can_start_do_not_keep_those_after_them_from_being_looked_at(
    short_of_breath: Reconciler, superuser: Superuser
) -> None:
    cases = await add_cases(superuser, 25)

    assert await found_by_round(short_of_breath, superuser, 3) == [cases[:10], cases[:20], cases]


async def test_two_reconcilers_at_once_act_once(
    engine: AsyncEngine, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    cases = await add_lost_cases(engine, superuser, 20)
    nudges: list[int] = []
    both = [
        Reconciler(engine, temporal.client, lambda: nudges.append(1), round_every=timedelta(minutes=1))
        for _ in range(2)
    ]

    await asyncio.gather(*(reconciler.round() for reconciler in both))

    assert await found(superuser) == [(case_id, "process_missing", 1, False) for case_id in cases]
    assert await superuser.value("SELECT count(*) FROM audit WHERE content LIKE '%%resume_case%%'") == 20
    assert len(nudges) == 20


@pytest.mark.parametrize(
    "disturbance",
    [
        "UPDATE outbox SET sent_at = NULL",
        "UPDATE outbox SET sent_at = now()",
        "UPDATE cases SET changed_at = now()",
        "UPDATE cases SET closed_at = now(), outcome = 'confirmed'",
    ],
)
async def test_a_case_with_unsent_messages_or_fresh_changes_is_left_to_the_relay_and_a_closed_one_alone(
    engine: AsyncEngine, reconciler: Reconciler, superuser: Superuser, disturbance: str
) -> None:
    await add_lost_cases(engine, superuser)
    await superuser.run(disturbance)
    before = await superuser.rows("SELECT * FROM outbox")

    await reconciler.round()

    assert await found(superuser) == []
    assert await superuser.rows("SELECT * FROM outbox") == before


async def test_a_case_of_which_no_message_is_kept_is_started_all_the_same(
    reconciler: Reconciler, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)

    await reconciler.round()

    assert await found(superuser) == [(case_id, "process_missing", 1, False)]
    assert await superuser.rows("SELECT case_id, payload ->> 'name', sent_at FROM outbox") == [
        (case_id, "resumed", None)
    ]


async def test_a_process_that_gets_lost_again_and_again_is_started_each_minute_and_becomes_an_alarm(
    engine: AsyncEngine, reconciler: Reconciler, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    (case_id,) = await add_lost_cases(engine, superuser)

    with caplog.at_level(logging.WARNING, "amanat.reconciler"):
        for _ in range(ALARM_TIMES):
            await reconciler.round()
            await superuser.run("UPDATE outbox SET sent_at = now() - interval '1 hour'")
            await reconciler.round()
            assert await unsent(superuser) == 0, "within a minute it is not started again"
            await let_time_pass(superuser)

    assert await found(superuser) == [(case_id, "process_missing", ALARM_TIMES, False)]
    assert logged(caplog, "process_missing") == [logging.WARNING] * (ALARM_TIMES - 1) + [logging.ERROR]


async def test_a_process_that_runs_on_long_after_its_case_is_reported_until_it_ends(
    temporal: WorkflowEnvironment, reconciler: Reconciler, superuser: Superuser
) -> None:
    cases = await add_cases(superuser, 2)
    await start_processes(temporal.client, cases)
    for case_id, ago in zip(cases, ("11 minutes", "9 minutes"), strict=True):
        await superuser.run(
            "UPDATE cases SET closed_at = now() - %s::interval, outcome = 'confirmed' WHERE id = %s", ago, case_id
        )

    await reconciler.round()
    assert await found(superuser) == [(cases[0], FindingKind.PROCESS_OUTLIVES_CASE, 1, False)]
    await end_processes(temporal.client, cases)
    await reconciler.round()
    assert await found(superuser) == [(cases[0], FindingKind.PROCESS_OUTLIVES_CASE, 1, True)]


async def through_a_door(port: int, temporal: Client, seals: Seals) -> Client:
    """A client of the same server that goes through the door."""
    return await connect(f"127.0.0.1:{port}", temporal.namespace, seals.cipher)


async def test_while_temporal_is_away_a_round_ends_quietly_and_afterwards_the_next_one_works(
    engine: AsyncEngine,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    seals: Seals,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (case_id,) = await add_lost_cases(engine, superuser)
    port, server = free_port(), temporal.client.service_client.config.target_host
    async with piped(port, server):
        client = await through_a_door(port, temporal.client, seals)
    reconciler = Reconciler(engine, client, silence, round_every=_ALWAYS)

    with caplog.at_level(logging.WARNING, "amanat.reconciler"):
        await reconciler.round()
    assert logged(caplog, "reconciler_waits_for_temporal") == [logging.WARNING]
    assert await found(superuser) == []

    async def works() -> bool:
        await reconciler.round()
        return bool(await found(superuser))

    async with piped(port, server):
        await eventually(works, "the client to come through again")
    assert await found(superuser) == [(case_id, "process_missing", 1, False)]


async def test_a_connection_that_breaks_under_a_call_is_taken_for_temporal_being_away(
    engine: AsyncEngine,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    seals: Seals,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await add_lost_cases(engine, superuser)
    port = free_port()
    async with piped(port, temporal.client.service_client.config.target_host):
        client = await through_a_door(port, temporal.client, seals)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        with caplog.at_level(logging.WARNING, "amanat.reconciler"):
            await Reconciler(engine, client, silence, round_every=_ALWAYS).round()

    assert logged(caplog, "reconciler_waits_for_temporal") == [logging.WARNING]
    assert await found(superuser) == []


async def test_a_place_in_a_kind_that_only_another_version_knows_does_not_stop_the_rounds(
    engine: AsyncEngine, reconciler: Reconciler, superuser: Superuser
) -> None:
    (case_id,) = await add_lost_cases(engine, superuser)
    await superuser.run("UPDATE reconciliation_rounds SET kind = 'of_tomorrow', after_id = %s", case_id)
    await superuser.run(
        "INSERT INTO cases (kind, phase, policy_id) SELECT 'of_tomorrow', 'begun', id FROM policies LIMIT 1"
    )
    await superuser.run(
        "INSERT INTO reconciliation_findings (case_id, kind)"
        " SELECT id, 'process_missing' FROM cases WHERE kind = 'of_tomorrow'"
    )

    await reconciler.round()

    assert (case_id, "process_missing", 1, False) in await found(superuser)


async def test_what_was_started_by_hand_under_another_name_disturbs_nobody(
    engine: AsyncEngine, temporal: WorkflowEnvironment, reconciler: Reconciler, superuser: Superuser
) -> None:
    (case_id,) = await add_lost_cases(engine, superuser)
    by_hand = await temporal.client.start_workflow("ByHand", id="personnel_change/by-hand", task_queue="nobody")
    assert by_hand.id != workflow_id(CaseKind.PERSONNEL_CHANGE, case_id)

    await reconciler.round()

    assert await found(superuser) == [(case_id, "process_missing", 1, False)]
    await by_hand.terminate()
