"""Holidays over HTTP: staff read them, operators keep them, and working hours are a policy."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from commands.command import Context
from domain.access import Role
from storage.database import SERVICE, transaction
from storage.working_hours import working_time
from tests.account_people import audited
from tests.arrange import Arrange, Someone
from tests.books import Superuser

EID = "/v1/holidays/2027-03-10"
MOVED: dict[str, Any] = {"name": "عید سعید فطر نیست", "closed": False}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/holidays/2027-13-01", MOVED, "day"),
    ("/v1/holidays/1406-01-01", MOVED, "day"),
    ("/v1/holidays/2121-03-21", MOVED, "day"),
    (EID, {**MOVED, "name": "  "}, "name"),
    (EID, {**MOVED, "name": "ع" * 201}, "name"),
    (EID, {**MOVED, "closed": "yes"}, "closed"),
    (EID, {"name": "عید"}, "closed"),
    (EID, {**MOVED, "source": "calendar"}, "source"),
]


@pytest.fixture
async def operator(arrange: Arrange) -> Someone:
    """Who keeps holidays."""
    return await arrange.platform(Role.OPERATOR)


async def year(api: httpx2.AsyncClient, who: Someone, number: int) -> dict[str, dict[str, Any]]:
    """A Jalali year's holidays by their day."""
    answer = await api.get(f"/v1/holidays?year={number}", headers=who.headers())
    assert answer.status_code == 200, answer.text
    return {item["day"]["date"]: item for item in answer.json()["items"]}


async def test_an_operator_mends_what_the_calendar_estimated_and_adds_what_it_lacks(
    api: httpx2.AsyncClient, operator: Someone, context: Context
) -> None:
    mended = await api.put(EID, json=MOVED, headers=operator.headers())
    extra = {"name": "  آلودگی هوا ", "closed": True}
    added = await api.put("/v1/holidays/2026-12-20", json=extra, headers=operator.headers())

    listed = await year(api, operator, 1405)
    assert (mended.status_code, added.status_code) == (200, 200)
    assert listed["2027-03-10"] == mended.json()
    assert listed["2026-12-20"] == added.json()
    assert {name: mended.json()[name] for name in ("name", "source", "closed")} == {**MOVED, "source": "calendar"}
    assert (added.json()["name"], added.json()["source"]) == ("آلودگی هوا", "operator")
    assert added.json()["day"] == {"date": "2026-12-20", "jalali": "۱۴۰۵/۰۹/۲۹"}
    assert await audited(context, "holidays") == ["record_holiday", "record_holiday"]


async def test_the_audit_keeps_what_a_day_was_before(
    api: httpx2.AsyncClient, operator: Someone, superuser: Superuser
) -> None:
    await api.put(EID, json=MOVED, headers=operator.headers())

    content = json.loads(await superuser.value("SELECT content FROM audit WHERE stream = 'holidays'"))
    assert content["subject"] == "2027-03-10"
    assert content["before"] == {"name": "عید سعید فطر (تخمینی)", "closed": True}
    assert content["after"] == MOVED


async def test_a_year_is_the_jalali_one_from_its_first_day_to_its_last(
    api: httpx2.AsyncClient, operator: Someone
) -> None:
    days = list(await year(api, operator, 1406))

    assert days == sorted(days)
    assert (days[0], days[-1]) == ("2027-03-21", "2028-03-19")
    assert await year(api, operator, 1499) == {}


async def test_a_command_sent_again_is_done_once_and_with_another_body_refused(
    api: httpx2.AsyncClient, operator: Someone, context: Context
) -> None:
    headers = operator.headers()
    first = await api.put(EID, json=MOVED, headers=headers)
    again = await api.put(EID, json=MOVED, headers=headers)
    other = await api.put(EID, json={**MOVED, "closed": True}, headers=headers)

    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await audited(context, "holidays") == ["record_holiday"]


async def test_other_staff_read_holidays_and_change_none(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    for role in (Role.POLICY_ADMIN, Role.AUDITOR, Role.FINANCE_OFFICER):
        colleague = await arrange.platform(role)

        refused = await api.put(EID, json=MOVED, headers=colleague.headers())

        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), role
        assert (await year(api, colleague, 1405))["2027-03-10"]["closed"], role


async def test_members_neither_read_nor_change_holidays(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    member = await arrange.person("member")

    read = await api.get("/v1/holidays?year=1405", headers=member.headers())
    changed = await api.put(EID, json=MOVED, headers=member.headers())

    assert (read.status_code, changed.status_code) == (403, 403)


async def test_a_day_that_cannot_be_kept_is_refused_by_the_name_of_its_field(
    api: httpx2.AsyncClient, operator: Someone
) -> None:
    for path, body, field in WRONG:
        answer = await api.put(path, json=body, headers=operator.headers())

        assert answer.status_code == 422, (path, body)
        assert [error["field"] for error in answer.json()["errors"]] == [field], (path, body)
    assert (await year(api, operator, 1405))["2027-03-10"]["closed"]


async def test_a_list_needs_a_jalali_year(api: httpx2.AsyncClient, operator: Someone) -> None:
    for query in ("", "?year=2027", "?year=1399", "?year=x"):
        answer = await api.get(f"/v1/holidays{query}", headers=operator.headers())

        assert answer.status_code == 422, query


async def test_of_operators_who_add_the_same_day_at_once_one_was_the_first(
    api: httpx2.AsyncClient, operator: Someone, superuser: Superuser
) -> None:
    bodies = [{"name": f"تعطیلی {number}", "closed": True} for number in range(4)]
    answers = await asyncio.gather(
        *(api.put("/v1/holidays/2026-12-20", json=body, headers=operator.headers()) for body in bodies)
    )

    rows = await superuser.rows("SELECT content FROM audit WHERE stream = 'holidays' ORDER BY seq")
    lines = [json.loads(content) for (content,) in rows]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert lines[0].get("before") is None
    assert [line["before"] for line in lines[1:]] == [line["after"] for line in lines[:-1]]


async def test_hours_that_cannot_work_are_refused_before_anybody_approves_them(
    api: httpx2.AsyncClient, arrange: Arrange
) -> None:
    admin = await arrange.platform(Role.POLICY_ADMIN)
    for hours in ("Sa-We 8-17", "off", "Sa-We 08:00-17:00; PH off", "2026 Mo-Su 08:00-17:00", None):
        answer = await api.post(
            "/v1/policies/working_hours/versions", json={"value": {"opening_hours": hours}}, headers=admin.headers()
        )

        assert (answer.status_code, answer.json()["code"]) == (422, "policy_malformed"), hours


async def test_other_hours_count_at_once_when_a_second_person_approved_them(
    api: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    first, second = await arrange.platform(Role.POLICY_ADMIN), await arrange.platform(Role.POLICY_ADMIN)
    await superuser.run("UPDATE holidays SET closed = false")
    proposal = await api.post(
        "/v1/policies/working_hours/versions", json={"value": {"opening_hours": "24/7"}}, headers=first.headers()
    )
    address = f"/v1/policy-versions/{proposal.json()['id']}/decision"
    approved = await api.post(address, json={"decision": "approve"}, headers=second.headers())
    assert (proposal.status_code, approved.status_code) == (201, 200)

    async with transaction(context.engine, SERVICE) as connection:
        passed = await working_time(connection, 16)

    assert passed.total_seconds() == 16 * 3_600
