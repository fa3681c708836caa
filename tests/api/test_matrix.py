"""Who may call what: every operation of the API, called by everybody; the table is in ``matrix.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from zlib import crc32

import httpx2
import pytest

from activities.transition import ActivityContext
from api.app import create_app
from api.dependencies import SESSION_COOKIE
from commands.command import Context
from domain.access import Role
from tests.api.calls import Call, calls, filled, guaranteed_calls, operations
from tests.api.doors import Answered, Door, as_functions, over_http
from tests.api.matrix import GUARANTEED, LET_IN, MATRIX, MEMBERS, NO_ANSWERS, WITHOUT_SUCCESS, allowed, expected
from tests.api.world import EVERYBODY, OF_ORGANISATIONS, World, make_world, make_worlds
from tests.arrange import Arrange, fresh_totp
from tests.books import Superuser
from tests.length import IS_LONG

_FOREIGN = ("_foreign", "_other", "_other_region")
_MANY = 8


@pytest.fixture(params=["http", "functions"])
def door(request: pytest.FixtureRequest, api: httpx2.AsyncClient, context: Context) -> Door:
    """Either way to an operation: both judge alike."""
    return over_http(api) if request.param == "http" else as_functions(context)


def askers(what: str, statuses: Callable[[str], set[int]], people: tuple[str, ...] = EVERYBODY) -> list[str]:
    """Who calls what gives each these statuses; those who are let in come last: what they do may change the object.

    In the short form it is called by one of those each who are refused alike, and by one more if there is one who has
    the same of another organisation or person; of many who are let in, by every third. Others call the next operation.
    """
    refused = [who for who in people if not statuses(who) <= LET_IN]
    let_in = [who for who in people if who not in refused]
    if IS_LONG:
        return refused + let_in
    turn = crc32(what.encode())
    alike: dict[tuple[object, ...], list[str]] = {}
    for who in refused:
        kind = (who in MEMBERS, who.endswith(_FOREIGN), *sorted(statuses(who)))
        alike.setdefault(kind, []).append(who)
    some = let_in[turn % 3 :: 3] if len(let_in) > _MANY else let_in
    return [each[turn % len(each)] for each in alike.values()] + some


async def everybody_calls(
    door: Door, superuser: Superuser, world: World, call: Call, people: list[str]
) -> dict[str, Answered]:
    """What each gets."""
    answers = {}
    for who in people:
        await superuser.run("DELETE FROM rate_windows")
        answers[who] = await door.ask(call, world, who)
    return answers


@pytest.mark.timeout(600)
async def test_everybody_gets_from_every_operation_exactly_what_the_matrix_says(
    door: Door,
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    document = operations((await api.get("/openapi.json")).json())
    table = calls(world)
    assert set(document) == set(MATRIX) == set(table), "every operation needs a call and a rule"

    surprises, succeeded = [], set()
    for operation, call in table.items():
        if operation in NO_ANSWERS.get(door.name, ()):
            continue
        people = askers(operation, functools.partial(expected, operation))
        for who, answer in (await everybody_calls(door, superuser, world, call, people)).items():
            if answer.status not in expected(operation, who):
                surprises.append(f"{operation} by {who}: {answer.status} {answer.text}")
            if answer.is_success:
                succeeded.add(operation)
    assert surprises == []
    assert set(table) - succeeded == set(WITHOUT_SUCCESS) | NO_ANSWERS[door.name], (
        "every operation lets somebody through, or says why not"
    )


# Whom they are about is said by a national id.
ABOUT_SOMEBODY = {"search_employments", "forward_mobile_change", "check_guarantor"}


def _is_about_things(operation: str, call: Call, world: World) -> bool:
    """Whether an operation is about something that an organisation or one of its people has."""
    named = (call.path.format_map(world.things), filled(call.body, world.things))
    return named != (call.path, call.body) or operation in ABOUT_SOMEBODY


async def _each_employer_finds_its_own_line(api: httpx2.AsyncClient, side: World) -> None:
    """Who works for both organisations stands in the list of each with the line of that one alone."""
    asked = {"national_id": side.people["member_own"].national_id}
    for who, organisation in (("hr_own", "organisation"), ("hr_other", "other_organisation")):
        answer = await api.post("/v1/employments/searches", json=asked, headers=side.headers(who))
        (item,) = answer.json()["items"]
        assert item["organisation"]["id"] == str(side.things[organisation])


async def test_each_of_two_organisations_gets_from_every_operation_what_is_its_own(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    worlds = await make_worlds(context, activity_context, arrange, superuser)

    surprises, asked = [], 0
    for side in worlds:
        await _each_employer_finds_its_own_line(api, side)
        for operation, call in calls(side).items():
            if not _is_about_things(operation, call, side) or operation in NO_ANSWERS["http"]:
                continue
            asked += 1
            for who in askers(operation, functools.partial(expected, operation), OF_ORGANISATIONS):
                await superuser.run("DELETE FROM rate_windows")
                answer = await call.send(api, side, who)
                if answer.status_code not in expected(operation, who):
                    surprises.append(f"{side.region}: {operation} by {who}: {answer.status_code} {answer.text[:200]}")
    assert asked > 2 * 30
    assert surprises == []


async def test_guarantors_and_finance_get_what_is_theirs_and_nobody_elses(
    door: Door,
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    table = guaranteed_calls()
    assert set(table) == set(GUARANTEED)

    surprises, succeeded = [], set()
    for name, (_, call) in table.items():
        people = askers(name, functools.partial(allowed, GUARANTEED[name]))
        for who, answer in (await everybody_calls(door, superuser, world, call, people)).items():
            if answer.status not in allowed(GUARANTEED[name], who):
                surprises.append(f"{name} by {who}: {answer.status} {answer.text}")
            if answer.is_success:
                succeeded.add(name)
    # Nobody who may not see a live case may watch it.
    watch, rule = calls(world)["watch_case"], MATRIX["watch_case"]
    refused = {who: await watch.send(api, world, who) for who in EVERYBODY if who not in rule.let_in}
    surprises += [
        f"watching by {who}" for who, answer in refused.items() if answer.status_code not in allowed(rule, who)
    ]
    assert surprises == []


async def test_the_statuses_that_people_get_are_declared(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    document = operations((await api.get("/openapi.json")).json())

    undeclared = [
        f"{operation}: {status}"
        for operation, declared in document.items()
        for who in EVERYBODY
        for status in expected(operation, who) - LET_IN
        if not MATRIX[operation].public and str(status) not in declared["responses"]
    ] + [
        f"{operation}, {name}: {status}"
        for name, (operation, _) in guaranteed_calls().items()
        for who in EVERYBODY
        for status in allowed(GUARANTEED[name], who) - LET_IN
        if str(status) not in document[operation]["responses"]
    ]

    assert sorted(set(undeclared)) == []


async def test_what_is_not_there_and_what_is_not_yours_look_the_same(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    table, missing = calls(world), "01890000-0000-7000-8000-000000000000"
    foreign = {
        "member_foreign": [
            *("read_case", "read_timeline", "list_attachments", "download_attachment", "add_attachment"),
            *("list_threads", "list_words", "write_words"),
            *("read_statement", "read_credit_line", "read_guarantee"),
            *("withdraw_application", "name_guarantor", "correct_application"),
            *("request_substitution", "read_substitution", "withdraw_substitution"),
            *("pay_normal_payment", "withdraw_normal_payment"),
            *("list_secrets", "entrust_secret", "show_secret", "take_back_secret"),
            *("download_identity_document", "remove_identity_document", "withdraw_identity"),
        ],
        "hr_other": [
            *("read_case", "read_task", "claim_task", "decide_task"),
            *("list_certificates", "revoke_certificate", "list_contracts"),
        ],
    }

    for who, names in foreign.items():
        for name in names:
            call = table[name]
            theirs = await call.send(api, world, who)
            there, world.things = world.things, dict.fromkeys(world.things, missing)
            nowhere = await call.send(api, world, who)
            world.things = there
            bodies = [{**answer.json(), "request_id": ""} for answer in (theirs, nowhere)]
            assert theirs.status_code == nowhere.status_code == 404, name
            assert bodies[0] == bodies[1], name


FRIEND = "https://panel.friend.test"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}, 201),
        ({"Origin": FRIEND, "Sec-Fetch-Site": "same-site"}, 201),
        ({"Origin": FRIEND}, 201),
        ({"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://amanat.test", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_cookie_counts_from_the_sites_that_the_settings_name_and_from_no_other_foreign_one(
    context: Context, arrange: Arrange, headers: dict[str, str], status: int
) -> None:
    keeper = await arrange.platform(Role.CONTRACTS_OFFICER)
    cookie = {"Cookie": f"{SESSION_COOKIE}={keeper.token}", "Idempotency-Key": "key-of-the-test", "TOTP": fresh_totp()}
    app = create_app(context, allowed_origins=[FRIEND])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://amanat.test") as client:
        answer = await client.post(
            "/v1/organisations", json={"code": "education", "name": "آموزش و پرورش"}, headers=cookie | headers
        )

    assert answer.status_code == status, answer.text
    assert status == 201 or answer.json()["code"] == "foreign_origin"
