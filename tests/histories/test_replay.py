"""Today's workflow code understands every process that older code began."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.common import RawValue
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from messages.case import CaseRef
from relay import Relay
from storage.sealing import Seals
from tests.arrange import Arrange
from tests.books import Superuser
from tests.histories.escrow_paths import PATHS as ESCROW_PATHS
from tests.histories.paths import PATHS, SUBSTITUTION_PATHS, TAVANA_PATHS, issued
from tests.histories.payment_paths import PATHS as PAYMENT_PATHS
from tests.histories.record import STORED, record
from tests.journeys.steps import Steps
from tests.journeys.waiting import apply_and_wait
from tests.workflows.test_clearing import PATHS as CLEARING_PATHS
from tests.workflows.test_kyc import PATHS as KYC_PATHS
from tests.workflows.test_mobile_change import PATHS as MOBILE_PATHS
from tests.workflows.test_normal_payment import INVITING_PATHS as INVITING_PAYMENT_PATHS
from tests.workflows.test_normal_payment import PATHS as NORMAL_PAYMENT_PATHS
from tests.workflows.test_payout import PATHS as PAYOUT_PATHS
from tests.workflows.test_staff_change import PATHS as STAFF_PATHS
from workflows.registry import WORKFLOWS

_LARGEST = 60_000
PERSONNEL_PATHS = {
    "personnel_imported",
    "personnel_change_confirmed",
    "personnel_change_rejected",
    "personnel_change_lapsed",
    "personnel_change_overtaken",
}


@workflow.defn(name="OnboardingWorkflow", sandboxed=False)
class SleepsFirst:
    """A process of the same name that does something else."""

    @workflow.run
    async def run(self, _: CaseRef) -> None:
        """Sleep."""
        await workflow.sleep(60)

    @workflow.signal(dynamic=True)
    def anything(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Hear everything, do nothing."""


async def replay(file: Path, *definitions: type) -> None:
    """Replay a stored history; raises when the code would have done something else."""
    stored = json.loads(await asyncio.to_thread(file.read_text, "utf-8"))
    converter = dataclasses.replace(
        DataConverter.default, failure_converter_class=DefaultFailureConverterWithEncodedAttributes
    )
    replayer = Replayer(workflows=definitions or list(set(WORKFLOWS.values())), data_converter=converter)
    await replayer.replay_workflow(WorkflowHistory.from_json(stored["id"], stored["history"]))


@pytest.mark.parametrize("file", sorted(STORED.glob("*.json")), ids=lambda file: file.stem)
async def test_a_stored_history_replays(file: Path) -> None:
    await replay(file)


def test_every_path_has_a_stored_history_and_each_is_small() -> None:
    stored = {file.stem: file.stat().st_size for file in STORED.glob("*.json")}

    one_case = {*PATHS, *TAVANA_PATHS, *SUBSTITUTION_PATHS, *MOBILE_PATHS, *STAFF_PATHS, *KYC_PATHS}
    paid = {*NORMAL_PAYMENT_PATHS, *INVITING_PAYMENT_PATHS, *PAYMENT_PATHS, *PAYOUT_PATHS, *ESCROW_PATHS}
    assert one_case | PERSONNEL_PATHS | paid <= set(stored)
    assert {
        *PATHS,
        *TAVANA_PATHS,
        *SUBSTITUTION_PATHS,
        *PERSONNEL_PATHS,
        *MOBILE_PATHS,
        *STAFF_PATHS,
        *CLEARING_PATHS,
    } <= set(stored)
    assert max(stored.values()) < _LARGEST


async def test_code_that_does_something_else_is_found_out() -> None:
    with pytest.raises(workflow.NondeterminismError):
        await replay(STORED / "issued.json", SleepsFirst)


@pytest.mark.usefixtures("worker")
async def test_a_process_of_today_is_recorded_and_replays(
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    arrange: Arrange,
    seals: Seals,
    tmp_path: Path,
) -> None:
    waiting = await apply_and_wait(steps, temporal, superuser, relay, arrange)
    await issued(waiting)
    await waiting.end()

    await record(waiting.handle, seals.cipher, tmp_path / "now.json")

    await replay(tmp_path / "now.json")
    assert "binary/amanat-sealed" not in (tmp_path / "now.json").read_text("utf-8")
