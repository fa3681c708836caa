"""Cases with and without a process, and what the reconciler wrote down about them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from messages.case import CaseKind, CaseRef, CaseSignal, workflow_id
from storage import outbox
from storage.database import SERVICE, transaction
from tests.arrange import eventually
from tests.books import Superuser
from workflows.decision import DecisionWorkflow

KIND = CaseKind.PERSONNEL_CHANGE
# No worker looks there: a process on it stays at its beginning.
_NOBODY = "nobody"
_AT_ONCE = 50


async def add_cases(superuser: Superuser, count: int = 1) -> list[UUID]:
    """Open cases, untouched for an hour, of which nothing was promised and no process runs; in the order of ids."""
    rows = await superuser.rows(
        "INSERT INTO cases (kind, phase, policy_id, changed_at)"
        " SELECT %s, 'awaiting_confirmation', id, now() - interval '1 hour'"
        " FROM policies, generate_series(1, %s) WHERE name = 'personnel' RETURNING id",
        KIND.value,
        count,
    )
    return sorted(row[0] for row in rows)


async def add_lost_cases(engine: AsyncEngine, superuser: Superuser, count: int = 1) -> list[UUID]:
    """Cases whose messages were sent long ago, and whose process is gone."""
    added = await add_cases(superuser, count)
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(connection, *(CaseSignal(KIND, case_id, "change_proposed") for case_id in added))
    await superuser.run("UPDATE outbox SET sent_at = now() - interval '1 hour'")
    return added


async def let_time_pass(superuser: Superuser) -> None:
    """Two minutes later: nothing is fresh any more."""
    await superuser.run("UPDATE cases SET changed_at = changed_at - interval '2 minutes'")
    await superuser.run("UPDATE outbox SET sent_at = sent_at - interval '2 minutes'")
    await superuser.run(
        "UPDATE reconciliation_findings SET found_at = found_at - interval '2 minutes',"
        " seen_again_at = seen_again_at - interval '2 minutes'"
    )


async def start_processes(client: Client, cases: Sequence[UUID]) -> None:
    """Start a process for each case; they wait at their beginning. Returns once Temporal lists them."""
    for first in range(0, len(cases), _AT_ONCE):
        await asyncio.gather(
            *(
                client.start_workflow(
                    DecisionWorkflow.run,
                    CaseRef(case_id),
                    id=workflow_id(KIND, case_id),
                    task_queue=_NOBODY,
                )
                for case_id in cases[first : first + _AT_ONCE]
            )
        )
    await listed(client, KIND, cases, running=len(cases))


async def end_processes(client: Client, cases: Sequence[UUID]) -> None:
    """Terminate the process of each case. Returns once Temporal lists none of them as running."""
    for first in range(0, len(cases), _AT_ONCE):
        handles = [client.get_workflow_handle(workflow_id(KIND, found)) for found in cases[first : first + _AT_ONCE]]
        await asyncio.gather(*(handle.terminate() for handle in handles))
    await listed(client, KIND, cases, running=0)


async def listed(client: Client, kind: CaseKind, cases: Sequence[UUID], *, running: int) -> None:
    """Wait until Temporal lists so many of these processes as running; its lists lag behind a little."""
    first, last = workflow_id(kind, min(cases)), workflow_id(kind, max(cases))
    query = f"ExecutionStatus = 'Running' AND WorkflowId BETWEEN '{first}' AND '{last}'"

    async def look() -> bool:
        return (await client.count_workflows(query)).count == running

    await eventually(look, f"{running} processes to be listed as running")


async def found(superuser: Superuser) -> list[tuple[UUID, str, int, bool]]:
    """All findings: case, kind, times, whether it is settled; oldest first."""
    rows = await superuser.rows(
        "SELECT case_id, kind, times, settled_at IS NOT NULL FROM reconciliation_findings ORDER BY id"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]
