"""Reading cases: versions, pages, and the live stream."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from starlette.responses import Response

from activities.transition import ActivityContext
from api.dependencies import Caller
from api.live import MAX_STREAMS_EACH, Watcher
from api.values import read_cursor, write_cursor
from commands.account import authenticate
from commands.command import Context
from domain.access import Role
from domain.errors import InvalidInput
from messages.case import Event as CaseEvent
from messages.case import StepInput
from storage.cases import add_event, touch_case
from storage.database import SERVICE, transaction
from storage.rows.cases import TimelineEvent
from tests.applications import api_over
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, issue, open_task
from tests.journeys.steps import ISSUE
from tests.serving import serving
from tests.transitions import Transitions


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member and their HR."""
    employer = await arrange.organisation()
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


@pytest.fixture
async def case_id(office: MinipayOffice, activity_context: ActivityContext) -> UUID:
    """An application whose certificate is awaited."""
    opened = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(opened))
    return opened


@pytest.fixture
async def served(context: Context, messages_dir: Path) -> AsyncIterator[str]:
    """The API on a real socket: streams need one."""
    async with serving(api_over(context, messages_dir)) as address:
        yield address


async def test_a_case_that_did_not_change_is_not_sent_again(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID
) -> None:
    first = await api.get(f"/v1/cases/{case_id}", headers=office.member.headers())
    same = {**office.member.headers(), "If-None-Match": first.headers["ETag"]}

    unchanged = await api.get(f"/v1/cases/{case_id}", headers=same)
    await issue(office, case_id)
    changed = await api.get(f"/v1/cases/{case_id}", headers=same)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


async def test_a_decision_on_an_older_version_of_the_task_is_refused(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID
) -> None:
    task_id = await open_task(office.context, case_id)
    seen = (await api.get(f"/v1/tasks/{task_id}", headers=office.officer.headers())).headers["ETag"]
    claimed = await api.post(f"/v1/tasks/{task_id}/claim", headers=office.officer.headers())
    body = {**ISSUE}

    async def decide(etag: str) -> httpx2.Response:
        headers = {**office.officer.headers(), "If-Match": etag}
        return await api.post(f"/v1/tasks/{task_id}/decision", json=body, headers=headers)

    old = await decide(seen)
    malformed = await decide("yesterday")
    new = await decide(f'W/"{claimed.json()["version"]}"')

    assert (old.status_code, old.json()["code"]) == (412, "version_changed")
    assert malformed.status_code == 422
    assert new.status_code == 200


async def _pages(api: httpx2.AsyncClient, address: str, who: Someone, limit: int) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        answer = await api.get(f"{address}?limit={limit}{cursor}", headers=who.headers())
        assert answer.status_code == 200, answer.text
        pages.append([item["id"] for item in answer.json()["items"]])
        if answer.json()["next"] is None:
            return pages
        cursor = f"&cursor={answer.json()['next']}"


async def test_lists_are_paged_without_gap_or_repetition(
    api: httpx2.AsyncClient,
    office: MinipayOffice,
    case_id: UUID,
    arrange: Arrange,
    activity_context: ActivityContext,
    superuser: Superuser,
) -> None:
    employer = await superuser.value("SELECT organisation_id FROM cases")
    for _ in range(4):
        colleague = MinipayOffice(office.context, await arrange.member(employer), office.officer)
        await Transitions(activity_context).request_backing(StepInput(await apply(colleague)))

    for address in ("/v1/cases", "/v1/tasks"):
        pages = await _pages(api, address, office.officer, 2)
        ids = [found for page in pages for found in page]
        assert [len(page) for page in pages] == [2, 2, 1]
        assert len(set(ids)) == 5
    events = await _pages(api, f"/v1/cases/{case_id}/timeline", office.member, 1)
    assert [len(page) for page in events] == [1, 1]


async def test_lists_are_filtered(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID, superuser: Superuser
) -> None:
    async def count(address: str, who: Someone) -> int:
        return len((await api.get(address, headers=who.headers())).json()["items"])

    assert await count("/v1/cases?phase=awaiting_certificate&is_open=true&kind=onboarding", office.member) == 1
    assert await count("/v1/cases?phase=active", office.member) == 0
    assert await count("/v1/cases?late=true", office.member) == 0
    assert await count("/v1/cases?region_code=2201", office.officer) == 0
    assert await count("/v1/tasks?mine=true", office.officer) == 0
    await superuser.run("UPDATE tasks SET due_at = now() - interval '1 hour'")
    await superuser.run("UPDATE cases SET due_at = now() - interval '1 hour'")
    assert await count("/v1/tasks?late=true&kind=issue_certificate&region_code=1101", office.officer) == 1
    assert await count("/v1/cases?late=true", office.officer) == 1


async def test_staff_read_in_a_list_whom_each_case_is_about(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID
) -> None:
    listed = {who: await api.get("/v1/cases", headers=who.headers()) for who in (office.officer, office.member)}

    names = {who: [item["person_name"] for item in answer.json()["items"]] for who, answer in listed.items()}
    assert names == {office.officer: ["مریم آزمون"], office.member: ["مریم آزمون"]}
    assert [item["id"] for item in listed[office.officer].json()["items"]] == [str(case_id)]


async def test_a_case_that_waits_for_nobody_says_that_it_goes_on(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID
) -> None:
    async def is_moving() -> bool:
        answer = await api.get(f"/v1/cases/{case_id}", headers=office.member.headers())
        return bool(answer.json()["is_moving"])

    before = await is_moving()
    # The process has not heard of it yet: the phase is still the one before.
    await issue(office, case_id)

    assert (before, await is_moving()) == (False, True)


async def test_a_case_that_only_lets_time_pass_does_not_say_that_it_goes_on(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID, superuser: Superuser
) -> None:
    await issue(office, case_id)
    await superuser.run("UPDATE cases SET phase = 'awaiting_clearance', next_actor = 'machine'")

    answer = await api.get(f"/v1/cases/{case_id}", headers=office.member.headers())

    assert (answer.json()["due"] is None, answer.json()["is_moving"]) == (False, False)


def _cursor(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


BAD_CURSORS = [
    "x",
    "€",
    "e30=",
    _cursor([]),
    _cursor(5),
    _cursor(None),
    _cursor([5]),
    _cursor([None]),
    _cursor([{}]),
    _cursor(["not a uuid"]),
    _cursor(["9" * 200]),
    _cursor([-1]),
    _cursor([1.5]),
    _cursor(["\x00"]),
    _cursor([1e400]),
    _cursor(["0001-01-01T00:00:00", str(uuid4())]),
    _cursor(["9999-12-31T23:59:59+00:00", "x"]),
    "[" * 300,
    "A" * 301,
]


@pytest.mark.parametrize(
    "address",
    ["/v1/cases", "/v1/tasks", "/v1/cases/{case}/timeline", "/v1/staff", "/v1/organisations", "/v1/policy-versions"],
)
async def test_a_cursor_that_is_not_ours_is_refused_or_shows_a_page(
    api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID, arrange: Arrange, address: str
) -> None:
    who = (await arrange.platform(Role.OPERATOR)).headers()
    for cursor in BAD_CURSORS:
        answer = await api.get(address.format(case=case_id), params={"cursor": cursor}, headers=who)

        assert answer.status_code in {200, 422}, (cursor, answer.text)


def test_a_cursor_brings_back_its_values() -> None:
    number, name = 7, uuid4()

    assert read_cursor(write_cursor(number, name), int, UUID) == (number, name)
    with pytest.raises(InvalidInput):
        read_cursor(write_cursor(number), int, UUID)


async def _events(lines: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = await anext(lines)
        if line.startswith("data:"):
            found.append(json.loads(line.removeprefix("data:")))
    return found


async def test_the_live_stream_tells_what_was_and_what_happens_and_goes_on_where_it_was_cut(
    served: str, office: MinipayOffice, case_id: UUID
) -> None:
    async with httpx2.AsyncClient(base_url=served, timeout=20) as client:
        address = f"/v1/cases/{case_id}/events"
        async with client.stream("GET", address, headers=office.member.headers()) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = aiter(stream.aiter_lines())
            before = await _events(lines, 2)
            async with transaction(office.context.engine, SERVICE) as connection:
                await add_event(connection, case_id, CaseEvent.REMINDED, actor="machine", params={"role": "hr_officer"})
            (news,) = await _events(lines, 1)
        resumed = {**office.member.headers(), "Last-Event-ID": str(before[-1]["id"])}
        async with client.stream("GET", address, headers=resumed) as stream:
            (again,) = await _events(aiter(stream.aiter_lines()), 1)

    assert [event["code"] for event in before] == ["application_submitted", "certificate_requested"]
    assert news["code"] == again["code"] == "reminded"
    assert news["words"]["fa"] == "به منابع انسانی سازمان یادآوری شد."


async def test_the_live_stream_tells_of_a_change_that_no_line_tells_of_to_whoever_says_what_they_have(
    served: str, api: httpx2.AsyncClient, office: MinipayOffice, case_id: UUID
) -> None:
    case = (await api.get(f"/v1/cases/{case_id}", headers=office.member.headers())).json()
    address = f"/v1/cases/{case_id}/events?version={case['version']}"
    async with (
        httpx2.AsyncClient(base_url=served, timeout=20) as client,
        client.stream("GET", address, headers=office.member.headers()) as stream,
    ):
        lines = aiter(stream.aiter_lines())
        before = await _events(lines, 2)
        async with transaction(office.context.engine, SERVICE) as connection:
            await touch_case(connection, case_id)
        (changed,) = await _events(lines, 1)

    assert [event["code"] for event in before] == ["application_submitted", "certificate_requested"]
    assert changed == {"version": case["version"] + 1}


async def test_nobody_watches_a_case_that_is_not_theirs(
    api: httpx2.AsyncClient, case_id: UUID, arrange: Arrange
) -> None:
    stranger = await arrange.person("member")

    answer = await api.get(f"/v1/cases/{case_id}/events", headers=stranger.headers())

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


DISABLE = "UPDATE staff_credentials SET disabled_at = now() WHERE person_id = %s"
SHUT_OUT = {
    "the member's session ended": ("member", "UPDATE sessions SET ended_at = now() WHERE person_id = %s"),
    "the member's session grew too old": ("member", "UPDATE sessions SET expires_at = now() WHERE person_id = %s"),
    "the officer's role was taken back": ("officer", "UPDATE role_grants SET revoked_at = now() WHERE person_id = %s"),
    "the officer was disabled": ("officer", DISABLE),
}


@pytest.mark.parametrize("why", SHUT_OUT)
async def test_a_live_stream_ends_when_whoever_watches_may_watch_no_more(
    context: Context, office: MinipayOffice, case_id: UUID, superuser: Superuser, why: str
) -> None:
    name, statement = SHUT_OUT[why]
    who: Someone = getattr(office, name)
    watcher = Watcher(context.engine, check_seconds=0.05)
    stream = watcher.watch(Caller(context, "", Response(), await authenticate(context, who.token)), case_id, 0)
    seen = [event.code for event in (await anext(stream), await anext(stream)) if isinstance(event, TimelineEvent)]

    await superuser.run(statement, who.id)
    async with asyncio.timeout(5):
        rest = [event async for event in stream]

    assert seen == ["application_submitted", "certificate_requested"]
    assert rest == []


async def test_a_person_has_so_many_live_streams_and_keeps_nobody_else_out(
    served: str, office: MinipayOffice, case_id: UUID
) -> None:
    async with httpx2.AsyncClient(base_url=served, timeout=20) as client:

        def watch(who: Someone) -> contextlib.AbstractAsyncContextManager[httpx2.Response]:
            return client.stream("GET", f"/v1/cases/{case_id}/events", headers=who.headers())

        async with contextlib.AsyncExitStack() as streams:
            held = [await streams.enter_async_context(watch(office.member)) for _ in range(MAX_STREAMS_EACH)]
            lines = [aiter(stream.aiter_lines()) for stream in held]
            for each in lines:
                await _events(each, 1)
            async with watch(office.member) as refused, watch(office.officer) as others:
                assert (refused.status_code, others.status_code) == (429, 200)
                problem = json.loads(await refused.aread())

        async def let_in_again() -> bool:
            async with watch(office.member) as stream:
                return stream.status_code == 200

        await eventually(let_in_again, "the streams that were closed to be forgotten")

    assert problem["code"] == "too_many_streams"
    assert refused.headers["Retry-After"] == "30"


async def test_of_many_live_streams_that_one_person_opens_at_once_no_more_begin_than_there_are_places(
    served: str, office: MinipayOffice, case_id: UUID
) -> None:
    address, headers = f"/v1/cases/{case_id}/events", office.member.headers()
    async with (
        httpx2.AsyncClient(base_url=served, timeout=20, limits=httpx2.Limits(max_connections=60)) as client,
        contextlib.AsyncExitStack() as streams,
    ):

        async def watch() -> int:
            stream = await streams.enter_async_context(client.stream("GET", address, headers=headers))
            return stream.status_code

        statuses = await asyncio.gather(*(watch() for _ in range(60)))

        assert Counter(statuses) == {200: MAX_STREAMS_EACH, 429: 60 - MAX_STREAMS_EACH}


async def test_an_address_with_a_slash_too_many_is_not_found_and_not_sent_elsewhere(
    api: httpx2.AsyncClient, office: MinipayOffice
) -> None:
    answer = await api.get("/v1/cases/", headers=office.member.headers())

    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_operation")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "location" not in answer.headers
