"""The contracts office: organisations and their contracts."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from tests.account_people import audited
from tests.arrange import Arrange, Someone
from tests.books import Superuser

CONTRACT = {"number": "1405/1", "starts_on": "2026-03-21", "ends_on": "2027-03-20"}


@pytest.fixture
async def keeper(arrange: Arrange) -> Someone:
    """The contracts office."""
    return await arrange.platform(Role.CONTRACTS_OFFICER)


async def send(api: httpx2.AsyncClient, keeper: Someone, path: str, body: dict[str, Any]) -> httpx2.Response:
    """Send a command."""
    return await api.post(path, json=body, headers=keeper.headers())


async def added(api: httpx2.AsyncClient, keeper: Someone, **changes: Any) -> httpx2.Response:
    """Add an organisation."""
    return await send(api, keeper, "/v1/organisations", {"code": "education", "name": "آموزش و پرورش", **changes})


async def test_an_organisation_gets_a_contract_that_is_suspended_resumed_and_ended_for_good(
    api: httpx2.AsyncClient, keeper: Someone, context: Context
) -> None:
    organisation = (await added(api, keeper, monthly_cap={"amount": 30_000_000, "unit": "IRR"})).json()
    contract = (await send(api, keeper, f"/v1/organisations/{organisation['id']}/contracts", CONTRACT)).json()
    states = []
    for state in ("suspended", "active", "ended"):
        body = {"state": state, "reason": "تصمیم امور قراردادها"}
        states.append((await send(api, keeper, f"/v1/contracts/{contract['id']}/state", body)).json()["state"])
    back = await send(api, keeper, f"/v1/contracts/{contract['id']}/state", {"state": "active", "reason": "بازگشت"})
    listed = await api.get(f"/v1/organisations/{organisation['id']}/contracts", headers=keeper.headers())

    assert organisation["monthly_cap"]["fa"] == "۳٬۰۰۰٬۰۰۰ تومان"
    assert contract["starts_on"] == {"date": "2026-03-21", "jalali": "۱۴۰۵/۰۱/۰۱"}
    assert states == ["suspended", "active", "ended"]
    assert (back.status_code, back.json()["code"]) == (409, "contract_ended")
    assert [item["state"] for item in listed.json()["items"]] == ["ended"]
    assert len(await audited(context, f"organisation:{organisation['id']}")) == 5


async def test_hr_lists_the_organisations_that_are_theirs_and_the_contracts_office_all(
    api: httpx2.AsyncClient, keeper: Someone, arrange: Arrange
) -> None:
    first, second, other = [await arrange.organisation() for _ in range(3)]
    of_two = tuple(Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(one)) for one in (second, first))
    officer = await arrange.staff(*of_two)
    in_region = await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"))
    both = await arrange.staff(of_two[1], Grant(Role.AUDITOR, ScopeKind.PLATFORM))

    async def listed(who: Someone, *, mine: bool = False) -> list[str]:
        found = await api.get("/v1/organisations", params={"mine": mine}, headers=who.headers())
        return [item["id"] for item in found.json()["items"]]

    theirs, everyones = [str(first), str(second)], [str(first), str(second), str(other)]
    assert await listed(officer) == await listed(officer, mine=True) == theirs
    assert await listed(keeper) == await listed(both) == everyones
    assert await listed(both, mine=True) == [str(first)]
    assert await listed(in_region) == await listed(keeper, mine=True) == []


async def test_codes_and_contract_numbers_are_unique_also_in_a_race(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser
) -> None:
    answers = await asyncio.gather(*(added(api, keeper) for _ in range(4)))
    (first,) = [answer for answer in answers if answer.status_code == 201]
    path = f"/v1/organisations/{first.json()['id']}/contracts"
    contracts = await asyncio.gather(*(send(api, keeper, path, CONTRACT) for _ in range(4)))

    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"organisation_code_taken"}
    assert sorted(answer.status_code for answer in contracts) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in contracts if answer.status_code == 409} == {"contract_number_taken"}
    assert await superuser.value("SELECT count(*) FROM contracts") == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "Education"}, "code"),
        ({"code": "x"}, "code"),
        ({"code": "../etc"}, "code"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "نام\x00پنهان"}, None),
        ({"monthly_cap": {"amount": 0, "unit": "IRR"}}, "monthly_cap.amount"),
        ({"monthly_cap": {"amount": 10**18, "unit": "IRR"}}, "monthly_cap.amount"),
    ],
)
async def test_an_organisation_that_cannot_be_is_refused(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser, changes: dict[str, Any], field: str | None
) -> None:
    answer = await added(api, keeper, **changes)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await superuser.value("SELECT count(*) FROM organisations") == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ends_on": "2026-03-20"}, "days_reversed"),
        ({"ends_on": "9999-12-31"}, "invalid_input"),
        ({"starts_on": "0001-01-01"}, "invalid_input"),
        ({"starts_on": "2026-02-30"}, "invalid_input"),
        ({"starts_on": "1405/01/01"}, "invalid_input"),
        ({"starts_on": 1_774_051_200}, "invalid_input"),
        ({"ends_on": 1_805_500_800}, "invalid_input"),
        ({"number": " "}, "invalid_input"),
    ],
)
async def test_a_contract_that_cannot_be_is_refused(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser, changes: dict[str, Any], code: str
) -> None:
    organisation = (await added(api, keeper)).json()

    path = f"/v1/organisations/{organisation['id']}/contracts"
    answer = await send(api, keeper, path, {**CONTRACT, **changes})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await superuser.value("SELECT count(*) FROM contracts") == 0


async def test_what_does_not_exist_gets_no_contract_and_no_state(api: httpx2.AsyncClient, keeper: Someone) -> None:
    contract = await send(api, keeper, f"/v1/organisations/{uuid4()}/contracts", CONTRACT)
    state = await send(api, keeper, f"/v1/contracts/{uuid4()}/state", {"state": "ended", "reason": "آزمون"})

    assert (contract.status_code, state.status_code) == (404, 404)
