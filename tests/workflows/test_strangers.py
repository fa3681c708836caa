"""What somebody without our keys can send to a running process: nothing of it stops the case (A9)."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from messages.case import RESUMED, CaseRef
from relay import Relay
from storage.sealing import Cipher
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.conftest import KEY
from tests.journeys.steps import ISSUE, Steps
from tests.journeys.waiting import Waiting, apply_and_wait
from workflows.client import data_converter
from workflows.onboarding import OnboardingWorkflow

pytestmark = pytest.mark.usefixtures("worker")
_SECRET = "0499370899"
_SEALED_BY_NOBODY = RawValue(Payload(metadata={"encoding": b"binary/amanat-sealed"}, data=b"\x01\x02zz" + bytes(40)))
_ARGUMENTS: tuple[list[Any], ...] = (
    [],
    [_SECRET],
    [{"kind": "onboarding", "case_id": _SECRET}],
    [CaseRef(UUID(int=7)), 7],
    [_SEALED_BY_NOBODY],
)
_FAILED = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)


@pytest.fixture
async def waiting(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Waiting:
    """A member has applied; HR was asked."""
    return await apply_and_wait(steps, temporal, superuser, relay, arrange)


def in_the_hands_of(client: Client, converter: DataConverter) -> Client:
    """The same server, with other keys or none."""
    config = client.config()
    config["data_converter"] = converter
    return Client(**config)


async def failures(waiting: Waiting) -> int:
    """How many workflow tasks of the case failed or took too long."""
    return sum(event.event_type in _FAILED for event in (await waiting.handle.fetch_history()).events)


async def test_signals_queries_and_updates_of_a_stranger_leave_the_case_going(
    waiting: Waiting, temporal: WorkflowEnvironment, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = in_the_hands_of(temporal.client, DataConverter.default).get_workflow_handle(waiting.handle.id)
    before = await waiting.transitions()

    with caplog.at_level(logging.DEBUG):
        for name in (*OnboardingWorkflow.signals, RESUMED, "of_nobody", "__temporal_of_nobody"):
            for arguments in _ARGUMENTS:
                await stranger.signal(name, args=arguments)
        for query in ("of_nobody", "__temporal_workflow_metadata"):
            with pytest.raises((WorkflowQueryFailedError, KeyError)):
                await stranger.query(query, args=[_SECRET])
        with pytest.raises(WorkflowUpdateFailedError):
            await stranger.execute_update("of_nobody", args=[_SECRET])

        async def assessed() -> bool:
            return await waiting.transitions() > before

        await eventually(assessed, "the signals to be looked at")
        await waiting.decide(waiting.officer, "issue_certificate", ISSUE)
        await waiting.end()

    assert await failures(waiting) == 0
    assert _SECRET not in caplog.text
    await waiting.steps.phase(waiting.member, waiting.case_id, "active")
    await assert_books_clean(context.engine)


async def test_a_message_sealed_with_a_key_that_is_not_known_yet_wakes_the_process_all_the_same(
    waiting: Waiting, temporal: WorkflowEnvironment
) -> None:
    newer = data_converter(Cipher.from_ring("t2", {"t2": KEY}), temporal.client.namespace)
    ahead = in_the_hands_of(temporal.client, newer).get_workflow_handle(waiting.handle.id)
    before = await waiting.transitions()

    await ahead.signal(RESUMED, CaseRef(UUID(waiting.case_id)))

    async def assessed() -> bool:
        return await waiting.transitions() > before

    await eventually(assessed, "the process to look")
    assert await failures(waiting) == 0
