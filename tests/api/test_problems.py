"""Bad input: refused with a problem that names the field, and nothing has changed (H1, H3)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from activities.transition import ActivityContext
from api.problems import Unavailable, refusal_of
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from messages.case import StepInput
from relay import Relay
from storage.account import begin_session
from storage.database import SERVICE, transaction
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, open_task
from tests.journeys.steps import ISSUE, REFUSE, TERMS, Steps, in_a_year
from tests.transitions import Transitions

_HUGE = 10**18
_DEEP = "[" * 20_000 + "]" * 20_000


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member and their HR."""
    employer = await arrange.organisation()
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


@pytest.fixture
async def task_id(office: MinipayOffice, activity_context: ActivityContext) -> UUID:
    """The open task of a member's application."""
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))
    return await open_task(office.context, case_id)


def application(**changes: Any) -> dict[str, Any]:
    """An application whose code is surely wrong."""
    return {**TERMS, "mandate": {"version": 1, "code_id": str(uuid4()), "code": "000000"}, **changes}


def amount(value: Any, unit: Any = "IRR") -> dict[str, Any]:
    """A monthly amount."""
    return {"monthly_amount": {"amount": value, "unit": unit}}


async def send(api: httpx2.AsyncClient, member: Someone, body: object) -> httpx2.Response:
    """Apply with whatever body; half characters travel as escapes."""
    headers = {**member.headers(), "Content-Type": "application/json"}
    return await api.post("/v1/onboarding/applications", content=json.dumps(body), headers=headers)


BAD_VALUES: list[tuple[dict[str, Any], str | None]] = [
    (amount(0), "monthly_amount.amount"),
    (amount(-50_000_000), "monthly_amount.amount"),
    (amount(50_000_000.5), "monthly_amount.amount"),
    (amount(50_000_000.0), "monthly_amount.amount"),
    (amount(_HUGE), "monthly_amount.amount"),
    (amount("۱۲۳"), "monthly_amount.amount"),
    (amount(float("nan")), "monthly_amount.amount"),
    (amount(float("inf")), "monthly_amount.amount"),
    (amount("50000000"), "monthly_amount.amount"),
    (amount(value=True), "monthly_amount.amount"),
    (amount(None), "monthly_amount.amount"),
    (amount(50_000_000, "USD"), "monthly_amount.unit"),
    (amount(50_000_000, "irr"), "monthly_amount.unit"),
    (amount(50_000_005), "monthly_amount.amount"),
    (amount(100_000_010), "monthly_amount.amount"),
    ({"instalments": 25}, "instalments"),
    ({"instalments": 0}, "instalments"),
    ({"instalments": True}, "instalments"),
    ({"instalments": "12"}, "instalments"),
    ({"instalments": 10**30}, "instalments"),
    ({"programme": "nothing"}, "programme"),
    ({"programme": "mini\x00pay"}, "programme"),
    ({"programme": "mini\ud800pay"}, "programme"),
    ({"organisation_id": "x"}, "organisation_id"),
    ({"surprise": 1}, "surprise"),
    ({"\ud800": 1}, None),
    ({"mandate": None}, "mandate"),
    ({"mandate": {"version": 1, "code_id": str(uuid4()), "code": "000000"}}, "mandate.code"),
    ({"mandate": {"version": 1, "code_id": str(uuid4()), "code": "\x00\x00\x00"}}, "mandate.code"),
    ({"mandate": {"version": 1, "code_id": str(uuid4()), "code": "\ud800"}}, "mandate.code"),
    ({"mandate": {"version": 1, "code_id": "not-a-uuid", "code": "000000"}}, "mandate.code_id"),
]


async def test_a_bad_value_is_refused_by_its_field_and_changes_nothing(
    api: httpx2.AsyncClient, office: MinipayOffice, superuser: Superuser
) -> None:
    before = await superuser.effects()
    for changes, field in BAD_VALUES:
        answer = await send(api, office.member, application(**changes))

        assert answer.status_code == 422, (changes, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == 422
        assert problem["type"] == f"urn:amanat:error:{problem['code']}"
        assert problem["detail"] != problem["detail_en"]
        assert field in {None, problem["field"]}, (changes, problem)
        assert await superuser.effects() == before, changes


UNREADABLE: list[tuple[bytes, int]] = [
    (b"", 422),
    (b"{", 422),
    (b"[]", 422),
    (b"null", 422),
    (b'"x"', 422),
    (b"\xff\xfe", 422),
    (b'{"programme": NaN}', 422),
    (b'{"instalments": ' + b"9" * 5_000 + b"}", 422),
    (b'{"instalments": 1e999}', 422),
    (_DEEP.encode(), 422),
    (b'{"programme": "' + b"x" * 70_000 + b'"}', 413),
]


async def test_a_body_that_cannot_be_read_is_refused(
    api: httpx2.AsyncClient, office: MinipayOffice, superuser: Superuser
) -> None:
    before = await superuser.effects()
    for content, status in UNREADABLE:
        headers = {**office.member.headers(), "Content-Type": "application/json"}
        answer = await api.post("/v1/onboarding/applications", content=content, headers=headers)

        assert answer.status_code == status, (content[:50], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
    assert await superuser.effects() == before


async def test_the_organisations_own_cap_and_the_quarter_are_named_in_the_refusal(
    api: httpx2.AsyncClient, office: MinipayOffice, arrange: Arrange
) -> None:
    capped = await arrange.organisation(monthly_cap=20_000_000)
    member = await arrange.member(capped)

    over_quarter = await send(api, office.member, application(**amount(100_000_010)))
    over_cap = await send(api, member, application(**amount(20_000_010)))

    assert over_quarter.json()["code"] == over_cap.json()["code"] == "amount_above_share"
    assert "۱۰٬۰۰۰٬۰۰۰ تومان" in over_quarter.json()["detail"]
    assert "2,000,000 toman" in over_cap.json()["detail_en"]


async def test_who_is_on_no_list_of_a_contracted_organisation_is_refused(
    api: httpx2.AsyncClient, arrange: Arrange
) -> None:
    nobody = await arrange.person("member")
    without_contract = await arrange.member(await arrange.organisation(in_force=False))
    twice = await arrange.member(await arrange.organisation())
    await arrange.employ(twice.id, await arrange.organisation())

    answers = [await send(api, person, application()) for person in (nobody, without_contract, twice)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (403, "not_on_personnel_list"),
        (409, "contract_not_in_force"),
        (422, "choose_organisation"),
    ]


@pytest.mark.usefixtures("relay")
async def test_a_mandate_code_is_good_once_in_time_and_for_its_own_terms(
    api: httpx2.AsyncClient, steps: Steps, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.member(await arrange.organisation())
    mine = await steps.application(member)

    other_terms = await steps.send_application(member, {**mine, "instalments": 13})
    other_amount = await steps.send_application(member, {**mine, **amount(60_000_000)})
    wrong = {**mine, "mandate": {**mine["mandate"], "code": f"{(int(mine['mandate']['code']) + 1) % 10**6:06d}"}}
    wrong_code = await steps.send_application(member, wrong)
    right = await steps.send_application(member, mine)
    await superuser.run("UPDATE cases SET closed_at = now(), outcome = 'lapsed', next_actor = NULL, due_at = NULL")
    used = await steps.send_application(member, mine)
    late = await steps.application(member)
    await superuser.run("UPDATE one_time_codes SET expires_at = now() - interval '1 second'")
    expired = await steps.send_application(member, late)

    assert right.status_code == 201, right.text
    for answer in (other_terms, other_amount, wrong_code, used, expired):
        assert (answer.status_code, answer.json()["code"]) == (422, "code_not_accepted")
        assert answer.json()["field"] == "mandate.code"
    assert await superuser.value("SELECT count(*) FROM cases") == 1


async def test_who_changed_their_mobile_lately_waits_with_money(
    api: httpx2.AsyncClient, office: MinipayOffice, superuser: Superuser
) -> None:
    await superuser.run("UPDATE persons SET money_paused_until = now() + interval '1 hour'")
    paused = await send(api, office.member, application())
    await superuser.run("UPDATE persons SET money_paused_until = now() - interval '1 second'")
    over = await send(api, office.member, application())

    assert (paused.status_code, paused.json()["code"]) == (409, "money_paused")
    assert over.json()["code"] == "code_not_accepted"


async def test_a_task_is_decided_once_whatever_comes_at_the_same_moment(
    api: httpx2.AsyncClient, office: MinipayOffice, task_id: UUID, superuser: Superuser, arrange: Arrange
) -> None:
    employer = await superuser.value("SELECT organisation_id FROM cases")
    colleague = await arrange.hr_officer(employer)

    answers = await asyncio.gather(
        *(
            api.post(f"/v1/tasks/{task_id}/decision", json=decision, headers=officer.headers())
            for officer in (office.officer, colleague)
            for decision in (ISSUE, REFUSE)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    late = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert late == {"task_decided", "task_decided_by_you"}
    kinds = "SELECT count(*) FROM facts WHERE kind IN ('certificate_issued', 'certificate_refused')"
    assert await superuser.value(kinds) == 1
    assert await superuser.value("SELECT count(*) FROM certificates") <= 1


@pytest.mark.parametrize("part", ["applicant", "guarantor"])
async def test_nobody_decides_on_their_own_case(
    api: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    superuser: Superuser,
    part: str,
) -> None:
    """An hr_officer who works there applies as a member, and may not touch the task as an officer."""
    employer = await arrange.organisation()
    officer = await arrange.hr_officer(employer)
    await arrange.employ(officer.id, employer)
    async with transaction(context.engine, SERVICE) as connection:
        session = await begin_session(connection, officer.id, "member")
    case_id = await apply(MinipayOffice(context, replace(officer, token=session.token), officer))
    await Transitions(activity_context).request_backing(StepInput(case_id))
    await superuser.run("UPDATE case_people SET part = %s", part)
    task_id = await open_task(context, case_id)
    before = await superuser.effects()

    inbox = await api.get("/v1/tasks", headers=officer.headers())
    seen = await api.get(f"/v1/cases/{case_id}", headers=officer.headers())
    for deed in ("decision", "claim", "release"):
        refused = await api.post(f"/v1/tasks/{task_id}/{deed}", json=ISSUE, headers=officer.headers())
        assert (refused.status_code, refused.json()["code"]) == (403, "own_case")

    assert inbox.json()["items"] == []
    assert seen.json()["allowed_actions"] == []
    assert await superuser.effects() == before


async def test_a_role_counts_only_in_its_own_scope(
    api: httpx2.AsyncClient, office: MinipayOffice, task_id: UUID, arrange: Arrange
) -> None:
    regional = await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"))
    answers = [
        await api.post(f"/v1/tasks/{task_id}/decision", json=ISSUE, headers=who.headers())
        for who in (regional, office.member, await arrange.platform(Role.OPERATOR))
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


# A day that would do, as seconds since 1970.
_IN_A_YEAR = int(datetime.fromisoformat(f"{in_a_year()}T00:00:00+00:00").timestamp())
BAD_CERTIFICATES: list[tuple[dict[str, Any], str]] = [
    ({"monthly_amount": {"amount": 50_000_010, "unit": "IRR"}}, "certificate_above_application"),
    ({"monthly_amount": {"amount": 1, "unit": "IRR"}}, "amount_not_whole_toman"),
    ({"instalments": 13}, "certificate_above_application"),
    ({"valid_until": "2020-01-01"}, "certificate_valid_until_past"),
    ({"valid_until": "9999-12-31"}, "certificate_valid_until_past"),
    ({"valid_until": "0001-01-01"}, "certificate_valid_until_past"),
    ({"valid_until": "tomorrow"}, "invalid_input"),
    ({"valid_until": _IN_A_YEAR}, "invalid_input"),
    ({"kind": "clear_obstacle", "decision": "cleared"}, "invalid_input"),
    ({"kind": "nothing"}, "invalid_input"),
    ({"decision": "both"}, "invalid_input"),
]


async def test_a_certificate_that_cannot_be_is_refused(
    api: httpx2.AsyncClient, office: MinipayOffice, task_id: UUID, superuser: Superuser
) -> None:
    before = await superuser.effects()
    for changes, code in BAD_CERTIFICATES:
        answer = await api.post(
            f"/v1/tasks/{task_id}/decision", json={**ISSUE, **changes}, headers=office.officer.headers()
        )

        assert (answer.status_code, answer.json()["code"]) == (422, code), changes
    assert await superuser.effects() == before


async def test_a_decision_for_another_kind_of_task_is_refused(
    api: httpx2.AsyncClient, office: MinipayOffice, task_id: UUID
) -> None:
    body = {"kind": "clear_obstacle", "decision": "cleared"}
    answer = await api.post(f"/v1/tasks/{task_id}/decision", json=body, headers=office.officer.headers())

    assert (answer.status_code, answer.json()["code"]) == (422, "task_of_other_kind")


@pytest.mark.parametrize(
    "address", ["/v1/cases/x", "/v1/cases/0", "/v1/cases/01a20083-13c0-7eb7-b2a0-2344e091c2ce'", "/v1/cases/%00"]
)
async def test_an_id_that_is_none_is_refused(api: httpx2.AsyncClient, office: MinipayOffice, address: str) -> None:
    answer = await api.get(address, headers=office.member.headers())

    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "address"), [("GET", "/nothing"), ("PATCH", "/v1/cases"), ("POST", "/v1/me")])
async def test_an_address_or_method_that_does_not_exist_gets_a_problem_too(
    api: httpx2.AsyncClient, method: str, address: str
) -> None:
    answer = await api.request(method, address)

    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_operation")
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"]


async def test_a_fault_of_ours_shows_nothing_of_our_insides(
    api: httpx2.AsyncClient, office: MinipayOffice, superuser: Superuser
) -> None:
    await superuser.run("ALTER TABLE timeline RENAME TO timeline_gone")

    answer = await api.get(f"/v1/cases/{uuid4()}/timeline", headers=office.member.headers())
    case_id = await superuser.value(
        "INSERT INTO cases (kind, phase, person_id, policy_id)"
        " SELECT 'onboarding', 'submitted', %s, id FROM policies WHERE name = 'programme:minipay' RETURNING id",
        office.member.id,
    )
    await superuser.run("INSERT INTO case_people VALUES (%s, %s, 'applicant')", case_id, office.member.id)
    broken = await api.get(f"/v1/cases/{case_id}/timeline", headers=office.member.headers())

    assert answer.status_code == 404
    assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")
    for secret in ("timeline", "SELECT", "sqlalchemy", "Traceback"):
        assert secret not in broken.text


async def test_every_answer_carries_the_security_headers(api: httpx2.AsyncClient, relay: Relay) -> None:
    answer = await api.get("/livez")

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert set(policy.split("; ")) == {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}


async def test_a_transaction_that_stood_still_too_long_is_unavailable_and_no_fault_of_ours(
    context: Context, superuser: Superuser
) -> None:
    async def is_gone() -> bool:
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
        )
        return not await superuser.value(idle)

    async def stand_still() -> None:
        async with transaction(context.engine, SERVICE) as connection:
            await connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '10ms'"))
            await eventually(is_gone, "Postgres to end it")
            await connection.execute(sa.text("SELECT 1"))

    with pytest.raises(DBAPIError) as failed:
        await stand_still()

    assert isinstance(refusal_of(failed.value), Unavailable)
