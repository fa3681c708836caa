"""The process of a proposed change on a real Temporal server that skips time: answered, rejected, silent."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from domain.access import Role
from messages.case import CaseKind, workflow_id
from relay import Relay
from storage.database import SERVICE, transaction
from storage.rows.account import role_grants
from storage.rows.cases import cases, timeline
from storage.rows.tasks import tasks
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.events import quiet_events
from tests.personnel_steps import Line, PersonnelOffice

EVENT_BUDGET = 25
NEW_MOBILE = "+989990000001"


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange, relay: Relay, worker: None) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def support(arrange: Arrange) -> Someone:
    return await arrange.platform(Role.SUPPORT_AGENT)


async def proposed(office: PersonnelOffice, first: Line, second: Line) -> UUID:
    """A change case whose task is open; the files go through the running worker."""
    for line in (first, second):
        await _imported(office, await office.send([line]))
    (case,) = await office.changes()
    await task_of(office, case.id)
    case_id: UUID = case.id
    return case_id


async def _imported(office: PersonnelOffice, case_id: UUID) -> None:
    async def ended() -> bool:
        return (await office.read(case_id)).ended_at is not None

    await eventually(ended, "the end of an import")


async def task_of(office: PersonnelOffice, case_id: UUID) -> UUID:
    """The open task of a change."""

    async def look() -> UUID | None:
        rows = await office.fetch(sa.select(tasks.c.id).where(tasks.c.case_id == case_id, tasks.c.status == "open"))
        return rows[0].id if rows else None

    task_id: UUID = await eventually(look, "the task")
    return task_id


def process(temporal: WorkflowEnvironment, case_id: UUID) -> WorkflowHandle[object, None]:
    """The workflow of a change."""
    return temporal.client.get_workflow_handle(workflow_id(CaseKind.PERSONNEL_CHANGE, case_id))


async def phase_of(office: PersonnelOffice, case_id: UUID) -> str:
    """Where a case stands."""
    ((phase,),) = await office.fetch(sa.select(cases.c.phase).where(cases.c.id == case_id))
    return str(phase)


async def decide(api: httpx2.AsyncClient, who: Someone, task_id: UUID, **decision: str) -> httpx2.Response:
    """Answer the task over HTTP, as it stands."""
    body = {"kind": "confirm_change", **decision}
    seen = (await api.get(f"/v1/tasks/{task_id}", headers=who.headers())).headers.get("ETag", "")
    return await api.post(f"/v1/tasks/{task_id}/decision", json=body, headers={**who.headers(), "If-Match": seen})


async def test_what_a_newer_file_may_replace_is_not_confirmed_unseen(
    office: PersonnelOffice, support: Someone, api: httpx2.AsyncClient
) -> None:
    line = Line()
    task_id = await task_of(office, await proposed(office, line, line.but(mobile=NEW_MOBILE)))
    wish = {"kind": "confirm_change", "decision": "confirm"}
    unseen = await api.post(f"/v1/tasks/{task_id}/decision", json=wish, headers=support.headers())
    assert (unseen.status_code, unseen.json()["code"]) == (428, "version_missing")


async def test_a_confirmed_mobile_becomes_the_persons_and_the_old_number_hears_of_it(
    office: PersonnelOffice,
    support: Someone,
    api: httpx2.AsyncClient,
    temporal: WorkflowEnvironment,
    messages_dir: Path,
) -> None:
    line = Line()
    case_id = await proposed(office, line, line.but(mobile=NEW_MOBILE))
    answer = await decide(api, support, await task_of(office, case_id), decision="confirm")
    assert answer.status_code == 200, answer.text
    await process(temporal, case_id).result()
    assert await phase_of(office, case_id) == "confirmed"
    assert await office.mobile(line) == NEW_MOBILE
    assert await quiet_events(process(temporal, case_id)) <= EVENT_BUDGET

    async def told() -> bool:
        return "mobile_changed_old" in sent_to(messages_dir, line.mobile)

    await eventually(told, "the SMS to the old number")
    assert "mobile_changed_old" not in sent_to(messages_dir, NEW_MOBILE)


async def test_a_rejected_exit_returns_the_person_to_work(
    office: PersonnelOffice, arrange: Arrange, api: httpx2.AsyncClient, temporal: WorkflowEnvironment
) -> None:
    line = Line()
    officer = await arrange.hr_officer(office.organisation_id)
    case_id = await proposed(office, line, line.but(employment="مستعفی"))
    answer = await decide(
        api, officer, await task_of(office, case_id), decision="reject", reason="هنوز مشغول به کار است"
    )
    assert answer.status_code == 200, answer.text
    await process(temporal, case_id).result()
    assert await phase_of(office, case_id) == "rejected"
    assert (await office.person(line)).job_state == "employed"


async def test_a_list_that_agrees_again_ends_its_change_of_mobile(
    office: PersonnelOffice, temporal: WorkflowEnvironment, messages_dir: Path
) -> None:
    line = Line()
    case_id = await proposed(office, line, line.but(mobile=NEW_MOBILE))
    await office.send([line])
    await process(temporal, case_id).result()

    assert await phase_of(office, case_id) == "overtaken"
    assert await office.mobile(line) == line.mobile
    assert await quiet_events(process(temporal, case_id)) <= EVENT_BUDGET

    async def told() -> bool:
        return "personnel_mobile_overtaken" in sent_to(messages_dir, line.mobile)

    await eventually(told, "the SMS to the person")


async def test_a_newer_row_that_says_employed_ends_a_waiting_exit_without_a_word_to_the_person(
    office: PersonnelOffice, arrange: Arrange, temporal: WorkflowEnvironment, messages_dir: Path
) -> None:
    line = Line()
    await arrange.hr_officer(office.organisation_id)
    case_id = await proposed(office, line, line.but(employment="ترک کار"))
    await office.send([line])
    await process(temporal, case_id).result()

    assert await phase_of(office, case_id) == "overtaken"
    assert (await office.person(line)).job_state == "employed"
    assert await quiet_events(process(temporal, case_id)) <= EVENT_BUDGET
    assert sent_to(messages_dir, line.mobile) == []


async def test_an_exit_whose_last_decider_has_gone_is_asked_of_the_contracts_office_and_waits_there_anew(
    office: PersonnelOffice, arrange: Arrange, api: httpx2.AsyncClient, temporal: WorkflowEnvironment
) -> None:
    contracts, line = await arrange.platform(Role.CONTRACTS_OFFICER), Line()
    colleague = await arrange.hr_officer(office.organisation_id)
    case_id = await proposed(office, line, line.but(employment="ترک کار"))
    asked, handle = await task_of(office, case_id), process(temporal, case_id)
    async with transaction(office.context.engine, SERVICE) as connection:
        gone = sa.update(role_grants).where(role_grants.c.person_id == colleague.id)
        await connection.execute(gone.values(revoked_at=sa.func.now()))

    await temporal.fast_forward(handle, timedelta(hours=72, seconds=5))

    async def handed_on() -> bool:
        return await task_of(office, case_id) != asked

    await eventually(handed_on, "the other office's task")
    answer = await decide(api, contracts, await task_of(office, case_id), decision="confirm")
    assert answer.status_code == 200, answer.text
    await handle.result()
    assert (await office.person(line)).job_state == "left"
    assert await quiet_events(handle) <= EVENT_BUDGET


async def test_silence_brings_one_reminder_and_then_the_change_lapses(
    office: PersonnelOffice, support: Someone, temporal: WorkflowEnvironment
) -> None:
    line = Line()
    case_id = await proposed(office, line, line.but(mobile=NEW_MOBILE))
    handle = process(temporal, case_id)

    async def reminders() -> list[object]:
        wanted = sa.select(timeline.c.id).where(timeline.c.case_id == case_id, timeline.c.code == "reminded")
        return await office.fetch(wanted)

    await temporal.fast_forward(handle, timedelta(hours=72, seconds=5))
    await eventually(reminders, "the reminder")
    assert await phase_of(office, case_id) == "awaiting_confirmation"
    await temporal.fast_forward(handle)
    await handle.result()
    assert await phase_of(office, case_id) == "lapsed"
    assert len(await reminders()) == 1
    assert await office.mobile(line) == line.mobile
