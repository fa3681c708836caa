"""Looking up and correcting one person's personnel data over HTTP (A3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from commands.command import Context
from commands.employment import SEARCHES_PER_OFFICER
from domain.access import Grant, Role, ScopeKind
from tests.arrange import Arrange, Someone, next_national_id
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import MinipayOffice as CreditOffice
from tests.commands.onboarding_steps import apply

REASON = {"reason": "حکم کارگزینی تازه"}
PAY = {"net_pay": {"amount": 450_000_000, "unit": "IRR"}, **REASON}


@dataclass(frozen=True, slots=True)
class Hr:
    """An employee of region 1101, and HR of their organisation."""

    api: httpx2.AsyncClient
    organisation_id: UUID
    employee: Someone
    employment_id: UUID
    officer: Someone

    async def search(self, who: Someone | None = None, national_id: str | None = None) -> httpx2.Response:
        """Look somebody up."""
        body = {"national_id": national_id or self.employee.national_id}
        headers = {"Authorization": f"Bearer {(who or self.officer).token}"}
        return await self.api.post("/v1/employments/searches", json=body, headers=headers)

    async def correct(
        self, body: dict[str, Any], who: Someone | None = None, *, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Correct the employment."""
        path = f"/v1/employments/{self.employment_id}/correction"
        signed = (who or self.officer).headers(key) | {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.api.post(path, json=body, headers=signed)

    async def listed(self) -> Any:
        """The one employment that HR finds."""
        (item,) = (await self.search()).json()["items"]
        return item


@pytest.fixture
async def hr(api: httpx2.AsyncClient, arrange: Arrange) -> Hr:
    """HR of an organisation, with one employee."""
    organisation_id, employee = await arrange.organisation(), await arrange.person("member")
    employment_id = await arrange.employ(employee.id, organisation_id, region="1101")
    return Hr(api, organisation_id, employee, employment_id, await arrange.hr_officer(organisation_id))


async def traces(superuser: Superuser) -> list[Any]:
    """What a correction leaves behind, and the values themselves."""
    return await superuser.rows(
        "SELECT net_pay, region_code, hire_date, state, updated_at, (SELECT count(*) FROM personnel_versions),"
        " (SELECT count(*) FROM notices), (SELECT count(*) FROM outbox), (SELECT count(*) FROM audit),"
        " (SELECT count(*) FROM idempotency) FROM employments ORDER BY id"
    )


async def test_hr_finds_a_colleague_with_the_national_id_masked(hr: Hr) -> None:
    answer = await hr.search()

    (item,) = answer.json()["items"]
    assert answer.status_code == 200
    assert (item["id"], item["first_name"], item["last_name"]) == (str(hr.employment_id), "مریم", "آزمون")
    assert item["organisation"] == {"id": str(hr.organisation_id), "name": "سازمان آزمون"}
    assert item["region"] == {"code": "1101", "name": "منطقه ۱ تهران"}
    assert item["hire_date"] == {"date": "2015-04-04", "jalali": "۱۳۹۴/۰۱/۱۵"}
    assert item["net_pay"] == {"amount": 400_000_000, "unit": "IRR", "fa": "۴۰٬۰۰۰٬۰۰۰ تومان"}
    assert (item["state"], item["served_since"], item["earlier"]) == ("employed", None, [])
    assert hr.employee.national_id not in answer.text
    assert item["national_id"] == f"{hr.employee.national_id[:3]}****{hr.employee.national_id[-3:]}"


async def test_a_correction_changes_the_values_keeps_the_earlier_ones_and_tells_the_employee(
    hr: Hr, superuser: Superuser, context: Context
) -> None:
    body = {**PAY, "region_code": "2201", "hire_date": "2016-03-29"}

    answer = await hr.correct(body)

    assert answer.status_code == 200, answer.text
    item = answer.json()
    assert item == await hr.listed()
    assert (item["net_pay"]["amount"], item["region"]["code"], item["hire_date"]["date"]) == (
        450_000_000,
        "2201",
        "2016-03-29",
    )
    (earlier,) = item["earlier"]
    assert (earlier["net_pay"]["amount"], earlier["region_code"], earlier["case_id"]) == (400_000_000, "1101", None)
    assert earlier["hire_date"] == {"date": "2015-04-04", "jalali": "۱۳۹۴/۰۱/۱۵"}
    assert await superuser.rows("SELECT person_id, template, params FROM notices") == [
        (hr.employee.id, "employment_corrected", {})
    ]
    content = await superuser.value("SELECT content FROM audit WHERE stream = %s", f"employment:{hr.employment_id}")
    entry = json.loads(content)
    assert (entry["action"], entry["actor"]) == ("correct_employment", f"staff:{hr.officer.id}")
    assert (entry["reason"], entry["after"]) == (
        REASON["reason"],
        {"fields": ["hire_date", "net_pay_rial", "region_code"]},
    )
    assert "450000000" not in content
    await assert_books_clean(context.engine)


async def test_the_officers_of_the_organisation_and_of_the_region_are_let_in_and_nobody_else(
    hr: Hr, arrange: Arrange, superuser: Superuser
) -> None:
    grants = {
        Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(hr.organisation_id)): 200,
        Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"): 200,
        Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(await arrange.organisation())): 404,
        Grant(Role.HR_OFFICER, ScopeKind.REGION, "1104"): 404,
        Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(hr.organisation_id)): 403,
        Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"): 403,
        Grant(Role.AUDITOR, ScopeKind.PLATFORM): 403,
        Grant(Role.OPERATOR, ScopeKind.PLATFORM): 403,
    }
    for place, (grant, status) in enumerate(grants.items()):
        who, before = await arrange.staff(grant), await traces(superuser)
        searched = await hr.search(who)
        answer = await hr.correct({"net_pay": {"amount": 450_000_000 + place}, **REASON}, who)
        assert (searched.status_code, answer.status_code) == (status, status), (grant, answer.text)
        assert (await traces(superuser) == before) is (status != 200), grant

    before = await traces(superuser)
    assert [(await hr.search(hr.employee)).status_code, (await hr.correct(PAY, hr.employee)).status_code] == [403, 403]
    nobody = await hr.api.post("/v1/employments/searches", json={"national_id": hr.employee.national_id})
    assert nobody.status_code == 401
    assert await traces(superuser) == before


async def test_whoever_is_out_of_reach_looks_like_whoever_does_not_exist(hr: Hr, arrange: Arrange) -> None:
    stranger = await arrange.hr_officer(await arrange.organisation())
    unlisted = await arrange.person("member")
    nowhere = Hr(hr.api, hr.organisation_id, hr.employee, uuid4(), hr.officer)

    searches = [await hr.search(stranger), await hr.search(national_id=unlisted.national_id)]
    searches.append(await hr.search(national_id=next_national_id()))
    corrections = [await hr.correct(PAY, stranger), await nowhere.correct(PAY)]

    for answers in (searches, corrections):
        assert {answer.status_code for answer in answers} == {404}
        assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"region_code": "9999"}, 422, "unknown_region", "region_code"),
        ({"region_code": ""}, 422, "unknown_region", "region_code"),
        ({"net_pay": {"amount": 0}}, 422, "bad_amount", "net_pay.amount"),
        ({"net_pay": {"amount": -1}}, 422, "bad_amount", "net_pay.amount"),
        ({"net_pay": {"amount": 10**14 + 1}}, 422, "bad_amount", "net_pay.amount"),
        ({"net_pay": {"amount": 10**40}}, 422, "bad_amount", "net_pay.amount"),
        ({"net_pay": {"amount": 1.5}}, 422, "invalid_input", "net_pay.amount"),
        ({"net_pay": {"amount": 1_000, "unit": "USD"}}, 422, "invalid_input", "net_pay.unit"),
        ({"hire_date": "2100-01-01"}, 422, "bad_date", "hire_date"),
        ({"hire_date": "1940-01-01"}, 422, "bad_date", "hire_date"),
        ({"hire_date": "1395/01/10"}, 422, "invalid_input", "hire_date"),
        ({"hire_date": 1_459_209_600}, 422, "invalid_input", "hire_date"),
        ({"net_pay": {"amount": 450_000_000}, "region_code": "9999"}, 422, "unknown_region", "region_code"),
        ({"net_pay": {"amount": 450_000_000}, "reason": "  "}, 422, "invalid_input", "reason"),
        ({"sheba": "IR490546091390996030824628"}, 422, "invalid_input", "sheba"),
        ({}, 409, "nothing_to_correct", None),
        ({"net_pay": {"amount": 400_000_000}, "region_code": "1101"}, 409, "nothing_to_correct", None),
    ],
)
async def test_a_correction_that_cannot_be_is_refused_and_changes_nothing(
    hr: Hr, superuser: Superuser, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    before = await traces(superuser)

    answer = await hr.correct({**REASON, **body})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field)
    assert await traces(superuser) == before


async def test_own_ended_and_changed_employments_are_refused_and_stay(
    hr: Hr, arrange: Arrange, superuser: Superuser
) -> None:
    own = await arrange.employ(hr.officer.id, hr.organisation_id)
    mine = Hr(hr.api, hr.organisation_id, hr.officer, own, hr.officer)
    seen = (await hr.listed())["version"]
    assert (await hr.correct({"region_code": "1104", **REASON}, If_Match=f'"{seen}"')).status_code == 200
    before = await traces(superuser)

    refused = [await mine.correct(PAY), await hr.correct(PAY, If_Match=f'W/"{seen}"')]
    assert await traces(superuser) == before
    await superuser.run("UPDATE employments SET state = 'left' WHERE id = %s", hr.employment_id)
    before = await traces(superuser)
    refused.append(await hr.correct(PAY))

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (403, "own_employment"),
        (412, "version_changed"),
        (409, "employment_ended"),
    ]
    assert await traces(superuser) == before


async def test_a_correction_sent_twice_is_made_once(hr: Hr, superuser: Superuser) -> None:
    first, second = [await hr.correct(PAY, key="correction-1") for _ in range(2)]
    other = await hr.correct({**PAY, "region_code": "2201"}, key="correction-1")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    for table in ("personnel_versions", "notices"):
        assert await superuser.value(f"SELECT count(*) FROM {table}") == 1  # noqa: S608 - our own names


async def test_look_ups_are_limited_and_those_that_find_nobody_count_too(
    hr: Hr, arrange: Arrange, superuser: Superuser
) -> None:
    missed = await hr.search(national_id=next_national_id())
    assert missed.status_code == 404
    assert await superuser.value("SELECT used FROM rate_windows") == 1
    await superuser.run("UPDATE rate_windows SET used = %s", SEARCHES_PER_OFFICER.allowed)

    refused, colleague = await hr.search(), await hr.search(await arrange.hr_officer(hr.organisation_id))

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= SEARCHES_PER_OFFICER.window.total_seconds()
    assert colleague.status_code == 200


@pytest.mark.parametrize("national_id", ["", "123", "0000000000", "1234567890", "x" * 30])
async def test_what_is_no_national_id_is_said_so(hr: Hr, national_id: str) -> None:
    answer = await hr.api.post(
        "/v1/employments/searches", json={"national_id": national_id}, headers=hr.officer.headers()
    )

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "bad_national_id",
        "national_id",
    )


async def test_a_running_application_keeps_the_values_that_it_was_judged_by(
    hr: Hr, context: Context, superuser: Superuser
) -> None:
    await apply(CreditOffice(context, hr.employee, hr.officer))
    used = (
        "SELECT a.net_pay, a.region_code, a.hire_date, c.phase, c.version, c.region_code,"
        " (SELECT count(*) FROM timeline) FROM applications a JOIN cases c ON c.id = a.case_id"
    )
    before = await superuser.rows(used)

    answer = await hr.correct({**PAY, "region_code": "2201", "hire_date": "2016-03-29"})

    assert answer.status_code == 200
    assert await superuser.rows(used) == before
