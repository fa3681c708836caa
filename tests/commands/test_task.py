"""Working on tasks: claim, release, and who may answer."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from messages.case import StepInput
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, open_task
from tests.journeys.steps import ISSUE
from tests.transitions import Transitions


@pytest.fixture
async def officers(arrange: Arrange) -> tuple[UUID, Someone, Someone]:
    """An employer with two HR officers."""
    employer = await arrange.organisation()
    return employer, await arrange.hr_officer(employer), await arrange.hr_officer(employer)


@pytest.fixture
async def task_id(
    context: Context, arrange: Arrange, activity_context: ActivityContext, officers: tuple[UUID, Someone, Someone]
) -> UUID:
    """An open certificate task."""
    employer, first, _ = officers
    case_id = await apply(MinipayOffice(context, await arrange.member(employer), first))
    await Transitions(activity_context).request_backing(StepInput(case_id))
    return await open_task(context, case_id)


async def post(api: httpx2.AsyncClient, who: Someone, task_id: UUID, deed: str) -> httpx2.Response:
    """Claim, release or decide."""
    body = ISSUE if deed == "decision" else None
    return await api.post(f"/v1/tasks/{task_id}/{deed}", json=body, headers=who.headers())


async def test_a_claimed_task_is_left_alone_by_colleagues_until_it_is_released(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID
) -> None:
    _, first, second = officers

    claimed = await post(api, first, task_id, "claim")
    barred = [await post(api, second, task_id, deed) for deed in ("claim", "decision", "release")]
    released = await post(api, first, task_id, "release")
    decided = await post(api, second, task_id, "decision")

    assert claimed.json()["claimed_by"] == str(first.id)
    assert {(answer.status_code, answer.json()["code"]) for answer in barred} == {(409, "task_claimed_by_other")}
    assert released.json()["claimed_by"] is None
    assert decided.status_code == 200


async def test_two_who_claim_at_the_same_moment_do_not_both_have_it(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID
) -> None:
    _, *both = officers

    answers = await asyncio.gather(*(post(api, officer, task_id, "claim") for officer in both))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_the_inbox_shows_mine_when_asked(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID
) -> None:
    _, first, second = officers
    await post(api, first, task_id, "claim")

    mine = [(await api.get("/v1/tasks?mine=true", headers=who.headers())).json()["items"] for who in (first, second)]

    assert [len(items) for items in mine] == [1, 0]


async def test_a_decided_task_can_neither_be_claimed_nor_released(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID
) -> None:
    _, first, _ = officers
    await post(api, first, task_id, "decision")

    codes = {(await post(api, first, task_id, deed)).json()["code"] for deed in ("claim", "release", "decision")}

    assert codes == {"task_decided_by_you"}


async def test_a_decision_is_final_and_seen_at_once(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID, superuser: Superuser
) -> None:
    """No worker runs here: the answer, the inbox and the timeline do not wait for one."""
    _, first, second = officers

    decided = await post(api, first, task_id, "decision")
    inbox = await api.get("/v1/tasks", headers=second.headers())
    timeline = await api.get(f"/v1/cases/{decided.json()['id']}/timeline", headers=first.headers())

    assert inbox.json()["items"] == []
    assert timeline.json()["items"][-1]["code"] == "certificate_issued"
    assert await superuser.rows("SELECT status, decided_by FROM tasks") == [("done", first.id)]


async def test_a_role_that_was_taken_back_counts_no_more(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID, superuser: Superuser
) -> None:
    _, first, _ = officers
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", first.id)

    assert (await post(api, first, task_id, "decision")).status_code == 404


async def test_a_task_that_does_not_exist_is_not_found(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone]
) -> None:
    assert (await post(api, officers[1], uuid4(), "claim")).status_code == 404


DISABLE = "UPDATE staff_credentials SET disabled_at = now() WHERE person_id = %s"
SHUT_OUT = {
    "their role was taken back": "UPDATE role_grants SET revoked_at = now() WHERE person_id = %s",
    "they were disabled": DISABLE,
    "they let it lie too long": "UPDATE tasks SET claimed_at = now() - interval '8 hours' WHERE claimed_by = %s",
}


@pytest.mark.parametrize("why", SHUT_OUT)
@pytest.mark.parametrize("deed", ["claim", "decision"])
async def test_the_claim_of_somebody_who_will_not_answer_keeps_nobody_out(
    api: httpx2.AsyncClient,
    officers: tuple[UUID, Someone, Someone],
    task_id: UUID,
    superuser: Superuser,
    why: str,
    deed: str,
) -> None:
    _, first, second = officers
    await post(api, first, task_id, "claim")
    assert (await post(api, second, task_id, deed)).json()["code"] == "task_claimed_by_other"

    assert await superuser.run(SHUT_OUT[why], first.id) == 1
    answer = await post(api, second, task_id, deed)

    assert answer.status_code == 200, answer.text
    taken = await superuser.rows("SELECT claimed_by, decided_by FROM tasks")
    assert taken == [(second.id, None) if deed == "claim" else (first.id, second.id)]


async def test_a_claim_holds_for_a_working_day_and_while_the_role_does(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID, superuser: Superuser
) -> None:
    employer, first, second = officers
    await post(api, first, task_id, "claim")
    await superuser.run("UPDATE tasks SET claimed_at = now() - interval '7 hours 59 minutes'")
    await superuser.run(
        "INSERT INTO role_grants (person_id, role, scope_kind, scope, granted_by, revoked_at)"
        " VALUES (%s, 'welfare_manager', 'organisation', %s, 'test', now())",
        first.id,
        str(employer),
    )

    barred = [await post(api, second, task_id, deed) for deed in ("claim", "decision", "release")]

    assert {(answer.status_code, answer.json()["code"]) for answer in barred} == {(409, "task_claimed_by_other")}


async def test_claiming_and_releasing_change_what_a_cached_case_is_compared_with(
    api: httpx2.AsyncClient, officers: tuple[UUID, Someone, Someone], task_id: UUID, superuser: Superuser
) -> None:
    _, first, _ = officers
    case_id = await superuser.value("SELECT case_id FROM tasks")
    address = f"/v1/cases/{case_id}"
    etags = [(await api.get(address, headers=first.headers())).headers["ETag"]]

    for deed in ("claim", "release"):
        await post(api, first, task_id, deed)
        etags.append((await api.get(address, headers=first.headers())).headers["ETag"])

    assert len(set(etags)) == 3
