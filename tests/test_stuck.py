"""A process that does not get on becomes a finding that says why, and is settled when it does (H8)."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity, workflow
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.transition import ActivityContext, Transition, run_transition
from commands.command import Context
from domain.access import Role
from messages.case import CaseKind, CaseRef, NextStep, StepInput, workflow_id
from messages.queue import Queue
from reconciler import Reconciler
from relay import Relay
from telemetry import watch_outbox
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser, assert_books_clean
from tests.journeys.steps import ISSUE, Steps
from tests.races import gauge
from tests.reconciliation_steps import KIND, add_cases, found
from worker import build_workers, working
from workflows.decision import DecisionWorkflow


@pytest.fixture
def reconciler(engine: AsyncEngine, temporal: WorkflowEnvironment) -> Reconciler:
    """A reconciler without a relay, whose rounds are always due."""
    return Reconciler(engine, temporal.client, lambda: None, round_every=timedelta(0))


async def start(client: Client, case_id: UUID, *, task_timeout: timedelta | None = None) -> None:
    """Start a case's process."""
    await client.start_workflow(
        DecisionWorkflow.run,
        CaseRef(case_id),
        id=workflow_id(KIND, case_id),
        task_queue=Queue.PROCESSES,
        task_timeout=task_timeout,
    )


async def stuck(reconciler: Reconciler, superuser: Superuser, expected: list[tuple[UUID, str, bool]]) -> None:
    """Wait until the rounds have found this: case, kind and whether it is settled."""

    async def seen() -> bool:
        await reconciler.round()
        return [(row[0], row[1], row[3]) for row in await found(superuser)] == expected

    await eventually(seen, f"the reconciler to find {expected}")


async def counted(engine: AsyncEngine, **labels: str) -> None:
    """Wait until the metrics tell of one such finding."""

    async def shown() -> bool:
        return gauge("amanat_reconciliation_findings_open", **labels) == 1

    assert not await shown()  # which begins to serve metrics
    watching = asyncio.create_task(watch_outbox(engine))
    try:
        await eventually(shown, "the gauge")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def end(client: Client, case_id: UUID) -> None:
    """Terminate a case's process."""
    await client.get_workflow_handle(workflow_id(KIND, case_id)).terminate()


async def test_a_process_whose_next_step_fails_each_time_is_an_alarm_until_it_is_terminated_and_starts_anew(
    engine: AsyncEngine,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
    reconciler: Reconciler,
    superuser: Superuser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (case_id,) = await add_cases(superuser)
    config = temporal.client.config()
    config["data_converter"] = DataConverter.default
    await start(Client(**config), case_id)

    with caplog.at_level(logging.INFO):
        async with working(build_workers(temporal.client, activity_context)):
            await stuck(reconciler, superuser, [(case_id, "process_fails", False)])
    assert {record.levelno for record in caplog.records if record.getMessage() == "process_fails"} == {logging.ERROR}

    await counted(engine, kind="process_fails")

    await end(temporal.client, case_id)
    await stuck(reconciler, superuser, [(case_id, "process_fails", True), (case_id, "process_missing", False)])


async def test_a_process_whose_step_takes_too_long_is_found_and_settled_as_soon_as_it_gets_on(
    activity_context: ActivityContext, temporal: WorkflowEnvironment, reconciler: Reconciler, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)
    await start(temporal.client, case_id, task_timeout=timedelta(seconds=1))
    # A worker that takes the task and is never heard of again.
    await temporal.client.workflow_service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(namespace=temporal.client.namespace, task_queue=TaskQueue(name=Queue.PROCESSES))
    )
    await stuck(reconciler, superuser, [(case_id, "process_times_out", False)])

    async with working(build_workers(temporal.client, activity_context)):
        await stuck(reconciler, superuser, [(case_id, "process_times_out", True)])
    await end(temporal.client, case_id)


@workflow.defn(name="DecisionWorkflow", sandboxed=False)
class Earlier:
    """What another release did first: something else."""

    @workflow.run
    async def run(self, _: CaseRef) -> None:
        """Wait."""
        await workflow.sleep(timedelta(hours=1))


async def test_a_process_whose_history_does_not_fit_the_release_is_told_apart(
    activity_context: ActivityContext, temporal: WorkflowEnvironment, reconciler: Reconciler, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)
    await start(temporal.client, case_id)
    handle = temporal.client.get_workflow_handle(workflow_id(KIND, case_id))

    async def waits() -> bool:
        return len((await handle.fetch_history()).events) > 4

    async with Worker(temporal.client, task_queue=Queue.PROCESSES, workflows=[Earlier], max_cached_workflows=0):
        await eventually(waits, "the earlier release to wait")
    await handle.signal("resumed")
    async with working(build_workers(temporal.client, activity_context)):
        await stuck(reconciler, superuser, [(case_id, "process_misfits", False)])
    await end(temporal.client, case_id)


@workflow.defn(name="DecisionWorkflow", sandboxed=False)
class Eager:
    """A process whose step is tried again at once."""

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Take the step."""
        retries = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1)
        limit = timedelta(seconds=10)
        await workflow.execute_activity(
            "fail", StepInput(case.case_id), start_to_close_timeout=limit, retry_policy=retries
        )


async def test_a_step_that_fails_again_and_again_is_found_and_settled_when_it_is_tried_no_more(
    activity_context: ActivityContext, temporal: WorkflowEnvironment, reconciler: Reconciler, superuser: Superuser
) -> None:
    async def impossible(_: Transition) -> NextStep:
        raise LookupError

    @activity.defn
    async def fail(step: StepInput) -> NextStep:
        return await run_transition(activity_context, "fail", step, impossible)

    (case_id,) = await add_cases(superuser)
    async with Worker(temporal.client, task_queue=Queue.PROCESSES, workflows=[Eager], activities=[fail]):
        await start(temporal.client, case_id)
        await eventually(lambda: found(superuser), "the step to be reported")
        await stuck(reconciler, superuser, [(case_id, "step_fails", False)])
        await end(temporal.client, case_id)

    await stuck(reconciler, superuser, [(case_id, "step_fails", True), (case_id, "process_missing", False)])


@workflow.defn(name="OnboardingWorkflow", sandboxed=False)
class Misfit(Earlier):
    """The same of another process."""

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Wait."""
        await super().run(case)

    @workflow.signal
    def resumed(self, *_: Any) -> None:
        """Look again."""


async def restart(api: httpx2.AsyncClient, who: Someone, finding_id: UUID) -> httpx2.Response:
    """Ask that a process be started again."""
    return await api.post(f"/v1/reconciliation-findings/{finding_id}/restart", headers=who.headers())


async def test_a_stuck_process_is_started_again_from_the_desk_goes_on_and_nothing_is_done_twice(
    api: httpx2.AsyncClient,
    arrange: Arrange,
    context: Context,
    activity_context: ActivityContext,
    steps: Steps,
    temporal: WorkflowEnvironment,
    relay: Relay,
    superuser: Superuser,
) -> None:
    employer, operator = await arrange.organisation(), await arrange.platform(Role.OPERATOR)
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    reconciler = Reconciler(context.engine, temporal.client, relay.nudge, round_every=timedelta(0))
    async with working(build_workers(temporal.client, activity_context)):
        case_id = UUID(await steps.apply(member))
        task = await steps.task(officer, str(case_id))
    process = temporal.client.get_workflow_handle(workflow_id(CaseKind.ONBOARDING, case_id))

    # A release that does not fit takes over, and goes again.
    async with Worker(temporal.client, task_queue=Queue.PROCESSES, workflows=[Misfit], max_cached_workflows=0):
        await process.signal("resumed")
        await stuck(reconciler, superuser, [(case_id, "process_misfits", False)])
        finding_id = await superuser.value("SELECT id FROM reconciliation_findings")
        asked = await restart(api, operator, finding_id)
        assert (asked.status_code, asked.json()["restart_asked"] is not None) == (200, True), asked.text
        lost = (await process.describe()).run_id

    async with working(build_workers(temporal.client, activity_context)):
        await stuck(reconciler, superuser, [(case_id, "process_misfits", True)])
        assert (await steps.decide(officer, task["id"], ISSUE)).status_code == 200
        await steps.phase(member, str(case_id), "active")
    assert (await process.describe()).run_id != lost
    assert await superuser.value("SELECT count(*) FROM audit WHERE content LIKE '%%restart_process%%'") == 1
    assert (await restart(api, operator, finding_id)).json()["code"] == "process_not_stuck"
    await assert_books_clean(context.engine)


async def test_only_what_is_stuck_is_started_again_and_only_by_operators(
    api: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator, auditor = await arrange.platform(Role.OPERATOR), await arrange.platform(Role.AUDITOR)
    (case_id,) = await add_cases(superuser)
    noted = "INSERT INTO reconciliation_findings (case_id, kind) VALUES (%s, %s) RETURNING id"
    missing = await superuser.value(noted, case_id, "process_missing")
    fails = await superuser.value(noted, case_id, "process_fails")

    refused = [await restart(api, operator, missing), await restart(api, operator, case_id)]

    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (409, "process_not_stuck"),
        (404, "not_found"),
    ]
    assert (await restart(api, auditor, fails)).status_code == 403
    assert await superuser.value("SELECT count(*) FROM reconciliation_findings WHERE restart_asked_at IS NOT NULL") == 0
