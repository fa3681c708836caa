"""The certificates that an organisation has issued, as its HR reads them (A12)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from messages.case import StepInput
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, issue
from tests.transitions import Transitions


async def issued(
    context: Context, arrange: Arrange, activity_context: ActivityContext, employer: Any, officer: Someone
) -> str:
    """A certificate for a new member of the organisation; returns its case's id."""
    office = MinipayOffice(context, await arrange.member(employer), officer)
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))
    await issue(office, case_id)
    return str(case_id)


@pytest.fixture
async def employer(arrange: Arrange) -> Any:
    """Whose certificates they are."""
    return await arrange.organisation()


@pytest.fixture
async def officer(arrange: Arrange, employer: Any) -> Someone:
    """HR of the organisation."""
    return await arrange.hr_officer(employer)


async def page(api: httpx2.AsyncClient, who: Someone, employer: Any, more: str = "") -> dict[str, Any]:
    """A page of the organisation's certificates."""
    answer = await api.get(f"/v1/certificates?organisation_id={employer}{more}", headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_hr_and_auditors_see_for_whom_each_was_issued_and_whether_it_holds(
    api: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    employer: Any,
    officer: Someone,
    superuser: Superuser,
) -> None:
    case_id = await issued(context, arrange, activity_context, employer, officer)
    (valid,) = (await page(api, officer, employer))["items"]
    revoked = await api.post(
        f"/v1/certificates/{valid['id']}/revocation", json={"reason": "پایان همکاری"}, headers=officer.headers()
    )
    (after,) = (await page(api, await arrange.platform(Role.AUDITOR), employer))["items"]

    assert (valid["case_id"], valid["person_name"], valid["instalments"]) == (case_id, "مریم آزمون", 12)
    assert (valid["monthly"]["amount"], valid["is_valid"], valid["revoked"]) == (50_000_000, True, None)
    assert revoked.json() == after
    assert (after["is_valid"], after["revoke_reason"]) == (False, "پایان همکاری")
    await superuser.run(
        "UPDATE certificates SET revoked_at = NULL, revoked_by = NULL, revoke_reason = NULL, valid_until = '2026-03-21'"
    )
    assert [item["is_valid"] for item in (await page(api, officer, employer))["items"]] == [False]


async def test_certificates_come_newest_first_page_by_page_and_no_other_organisations_among_them(
    api: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    employer: Any,
    officer: Someone,
) -> None:
    cases = [await issued(context, arrange, activity_context, employer, officer) for _ in range(3)]
    elsewhere = await arrange.organisation()
    await issued(context, arrange, activity_context, elsewhere, await arrange.hr_officer(elsewhere))

    first = await page(api, officer, employer, "&limit=2")
    second = await page(api, officer, employer, f"&limit=2&cursor={first['next']}")

    assert [item["case_id"] for item in first["items"] + second["items"]] == cases[::-1]
    assert second["next"] is None


async def test_another_organisations_certificates_are_as_good_as_missing(
    api: httpx2.AsyncClient, arrange: Arrange, employer: Any
) -> None:
    stranger = await arrange.hr_officer(await arrange.organisation())

    answers = [
        await api.get(f"/v1/certificates{query}", headers=stranger.headers())
        for query in (f"?organisation_id={employer}", f"?organisation_id={uuid4()}", "?organisation_id=x", "")
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 422, 422]
