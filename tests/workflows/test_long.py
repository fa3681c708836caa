"""A process with a long history begins anew from its rows, and loses nothing on the way (docs/survival.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.outside import AskAgain
from activities.transition import ActivityContext
from messages.case import RESUMED
from stack.temporal import find_temporal
from storage.sealing import Seals
from tests.arrange import eventually
from tests.asking import Asking, start
from tests.books import Superuser
from tests.reconciliation_steps import add_cases
from worker import build_workers, working
from workflows.client import data_converter

_LONG = 40
_WITHIN_SECONDS = 20


@pytest.fixture
async def short_server(seals: Seals) -> AsyncIterator[WorkflowEnvironment]:
    """A server that calls a history long after few events."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal(),
        dev_server_extra_args=["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={_LONG}"],
        dev_server_log_level="error",
    )
    config = env.client.config()
    config["data_converter"] = data_converter(seals.cipher, env.client.namespace)
    env._client = Client(**config)
    yield env
    await env.shutdown()


async def test_who_wakes_a_process_again_and_again_makes_no_history_that_grows_without_end(
    short_server: WorkflowEnvironment,
    activity_context: ActivityContext,
    superuser: Superuser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (case_id,) = await add_cases(superuser)
    asked = Asking([AskAgain(timedelta(hours=1))])
    asked.take_over(monkeypatch)
    async with working(build_workers(short_server.client, activity_context)):
        handle = await start(short_server, case_id)
        lengths = []
        for number in range(1, 12):

            async def is_asked(number: int = number) -> bool:
                return asked.asked >= number

            await eventually(is_asked, f"question {number}")
            lengths.append((await handle.describe()).history_length)
            await handle.signal(RESUMED)
        asked.is_late = True
        await handle.signal(RESUMED)
        await asyncio.wait_for(handle.result(), _WITHIN_SECONDS)

    assert max(lengths) < 2 * _LONG
    assert (await handle.describe()).run_id != handle.first_execution_run_id
    assert await superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id) == "lapsed"
