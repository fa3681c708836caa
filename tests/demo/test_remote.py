"""The typed client asks what a hand-written request asks, and gives answers and refusals as what they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi.responses import Response

from activities.transition import ActivityContext
from api.account.sessions import read_me, sign_out
from api.case import list_cases, read_timeline
from api.guarantor import RefuseGuarantee
from api.onboarding import withdraw_application
from api.operation import Operation
from api.organisation import OrganisationIn, add_organisation, list_organisations
from api.personnel import ReportFormat, download_import_report
from api.task import decide_task, list_tasks
from api.values import read_cursor
from commands.command import Context
from demo.remote import Refused, RemoteClient
from domain.access import Role
from tests.api.calls import calls, guaranteed_calls
from tests.api.doors import as_arguments
from tests.api.matrix import MATRIX, WITHOUT_SUCCESS
from tests.api.world import World, make_world
from tests.arrange import Arrange, fresh_totp
from tests.books import Superuser

# What machines ask, and a stream without end.
APART = {"read_liveness", "read_readiness", "watch_case"}
ID = UUID("01890000-0000-7000-8000-000000000000")


@pytest.fixture
async def world(context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser) -> World:
    """One of everything."""
    return await make_world(context, activity_context, arrange, superuser)


async def asked(operation: Operation, request: httpx2.Request) -> tuple[Any, ...]:
    """What a request asks: where, as whom, whether under a key, and its body as the handler gets it."""
    body: Any = await request.aread()
    for field in operation.dependant.body_params:
        body, wrong = field.validate(json.loads(body), loc=("body",))
        assert not wrong
    key = not operation.takes_key or request.headers["Idempotency-Key"] != ""
    return request.method, request.url, request.headers.get("Authorization"), key, body


async def test_every_operation_is_asked_as_by_hand_and_answers_as_its_handler_says(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    table = {name: (name, call) for name, call in calls(world).items() if name not in APART} | guaranteed_calls()
    answered = set()
    for operation_id, call in table.values():
        who = next(one for one in ("member_own", *sorted(world.people)) if one in MATRIX[operation_id].let_in)
        handler, operation, values = as_arguments(call, world)
        remote = RemoteClient(api, world.people[who].token)
        request = remote.request(handler, **values)
        assert await asked(operation, request) == await asked(operation, call.request(api, world, who))
        await superuser.run("DELETE FROM rate_windows")
        answer = await api.send(request)
        if answer.is_success:
            is_file = issubclass(operation.answer, Response)
            assert is_file or isinstance(remote.read_answer(handler, answer), operation.answer)
            answered.add(operation_id)
    assert set(MATRIX) - answered == APART | set(WITHOUT_SUCCESS)


async def test_a_list_goes_on_where_the_part_before_ended(
    api: httpx2.AsyncClient, world: World, arrange: Arrange
) -> None:
    keeper = RemoteClient(api, (await arrange.platform(Role.CONTRACTS_OFFICER)).token)
    member = RemoteClient(api, world.people["member_own"].token)

    first = await keeper.call(list_organisations, after=None, limit=1)
    second = await keeper.call(list_organisations, after=first.items[-1].id, limit=1)
    events = await member.call(read_timeline, world.things["case"], 0, limit=1)
    later = await member.call(read_timeline, world.things["case"], events.items[-1].id)
    due = (datetime(2026, 11, 29, tzinfo=UTC), ID)

    assert first.items != second.items
    assert events.items[0] not in later.items
    assert read_cursor(member.request(list_tasks, after=due).url.params["cursor"], datetime, UUID) == due


async def test_what_is_refused_says_with_which_status_and_code_and_in_which_fields(
    api: httpx2.AsyncClient, world: World
) -> None:
    nobody, member = RemoteClient(api), RemoteClient(api, world.people["member_own"].token)
    keeper = RemoteClient(api, world.people["contracts_officer"].token)
    wish = OrganisationIn(code="new-organisation", name="سازمان تازه")
    await keeper.call(add_organisation, wish, fresh_totp())

    found = []
    for call in (
        nobody.call(read_me),
        member.call(withdraw_application, ID),
        keeper.call(add_organisation, wish, fresh_totp()),
        member.call(decide_task, ID, RefuseGuarantee(kind="answer_guarantee", decision="refuse"), version=7, totp=None),
    ):
        with pytest.raises(Refused) as refused:
            await call
        found.append((refused.value.status, refused.value.code, refused.value.fields))

    assert found == [
        (401, "not_signed_in", []),
        (404, "not_found", []),
        (409, "organisation_code_taken", ["code"]),
        (404, "not_found", []),
    ]


async def test_a_command_has_a_new_key_unless_one_is_given_and_the_version_that_was_looked_at(
    api: httpx2.AsyncClient,
) -> None:
    client = RemoteClient(api, "token")
    decision = RefuseGuarantee(kind="answer_guarantee", decision="refuse")
    decided = [client.request(decide_task, ID, decision, version, None) for version in (None, 7)]
    again = [client.under("key-of-the-test").request(withdraw_application, ID) for _ in range(2)]

    assert [request.headers.get("If-Match") for request in decided] == [None, '"7"']
    assert len({request.headers["Idempotency-Key"] for request in decided}) == 2
    assert {request.headers["Idempotency-Key"] for request in again} == {"key-of-the-test"}
    assert "Idempotency-Key" not in client.request(list_cases, before=None).headers


async def test_signing_out_answers_nothing_and_a_file_is_sent_as_it_is(api: httpx2.AsyncClient, world: World) -> None:
    member, hr = (RemoteClient(api, world.people[who].token) for who in ("member_own", "hr_own"))

    report = await hr.send(download_import_report, world.things["import"], form=ReportFormat.CSV)

    assert report.headers["content-type"].startswith("text/csv")
    await member.call(sign_out)
