"""The import's process on a real Temporal server: from the sent file to the deleted one, within its event budget."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from messages.case import CaseKind, workflow_id
from messages.personnel import ImportPhase
from relay import Relay
from storage.rows.organisation import employments
from tests.arrange import Arrange, eventually
from tests.events import quiet_events
from tests.personnel_steps import Line, PersonnelOffice, csv_of

# Start and signal, the import, the end as a local activity, the discarding; each with its workflow tasks.
EVENT_BUDGET = 25


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange, relay: Relay, worker: None) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


async def test_a_sent_file_is_imported_and_deleted(
    office: PersonnelOffice, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    case_id = await office.send([Line(), Line(mobile="1"), Line()])

    async def ended() -> bool:
        return (await office.read(case_id)).ended_at is not None

    await eventually(ended, "the end of the import")
    done = await office.read(case_id)
    assert (done.phase, done.rows_added, done.rows_refused) == (ImportPhase.IMPORTED, 2, 1)
    handle: WorkflowHandle[object, None] = temporal.client.get_workflow_handle(
        workflow_id(CaseKind.PERSONNEL_IMPORT, case_id)
    )
    await handle.result()
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert await quiet_events(handle) <= EVENT_BUDGET


async def test_a_file_at_fault_ends_refused_and_the_process_completes(
    office: PersonnelOffice, temporal: WorkflowEnvironment
) -> None:
    case_id = await office.send(csv_of([Line()])[:40])
    await _result(temporal, case_id)
    done = await office.read(case_id)
    assert (done.phase, done.error) == (ImportPhase.REFUSED, "missing_columns")
    assert await office.fetch(sa.select(employments.c.id)) == []


async def _result(temporal: WorkflowEnvironment, case_id: object) -> None:
    handle: WorkflowHandle[object, None] = temporal.client.get_workflow_handle(f"{CaseKind.PERSONNEL_IMPORT}/{case_id}")

    async def started() -> bool:
        try:
            await handle.describe()
        except RPCError:
            return False
        return True

    await eventually(started, "the process to start")
    await handle.result()
