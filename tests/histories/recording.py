"""Plays each path and stores its history; run by ``python -m tests.histories.record``, not with the other tests."""

from __future__ import annotations

import pytest
from temporalio.testing import WorkflowEnvironment

from relay import Relay
from storage.sealing import Seals
from tests.arrange import Arrange
from tests.books import Superuser
from tests.histories.paths import PATHS
from tests.histories.record import STORED, record
from tests.journeys.steps import Steps
from tests.journeys.waiting import apply_and_wait


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", PATHS)
async def test_record(
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    arrange: Arrange,
    seals: Seals,
    path: str,
) -> None:
    """Play and store one path."""
    waiting = await apply_and_wait(steps, temporal, superuser, relay, arrange)
    await PATHS[path](waiting)
    await waiting.end()
    await record(waiting.handle, seals.cipher, STORED / f"{path}.json")
