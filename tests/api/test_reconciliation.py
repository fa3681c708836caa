"""The reconciler's findings, as operators and auditors read them."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.access import Role
from domain.reconciliation import FindingKind
from storage import reconciliation
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.reconciliation_steps import add_cases

PATH = "/v1/reconciliation-findings"


async def note(engine: AsyncEngine, cases: list[UUID], *, settled: bool = False) -> None:
    """Note that processes are missing, and that they were found again if said so."""
    async with transaction(engine, SERVICE) as connection:
        for case_id in cases:
            await reconciliation.record(connection, case_id, FindingKind.PROCESS_MISSING)
        if settled:
            findings = await reconciliation.findings_to_review(connection, 100)
            await reconciliation.settle(connection, [finding.id for finding in findings])


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
async def test_an_operator_or_auditor_reads_what_was_found(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, superuser: Superuser, role: Role
) -> None:
    (case_id,) = await add_cases(superuser)
    await note(engine, [case_id])
    await note(engine, [case_id])
    reader = await arrange.platform(role)

    answer = await api.get(PATH, headers=reader.headers())

    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    assert (item["case_id"], item["kind"], item["times"]) == (str(case_id), "process_missing", 2)
    assert item["found"]["at"] < item["seen_again"]["at"]
    assert item["settled"] is None


async def test_members_and_other_staff_are_refused(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    people = [await arrange.member(employer), await arrange.hr_officer(employer)]
    people.append(await arrange.platform(Role.POLICY_ADMIN))

    statuses = [(await api.get(PATH, headers=someone.headers())).status_code for someone in people]

    assert statuses == [403, 403, 403]
    assert (await api.get(PATH)).status_code == 401


async def test_findings_come_newest_first_page_by_page_open_or_settled(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, superuser: Superuser
) -> None:
    cases = await add_cases(superuser, 5)
    await note(engine, cases[:2], settled=True)
    await note(engine, cases[2:])
    operator = await arrange.platform(Role.OPERATOR)

    async def read(query: str) -> list[UUID]:
        seen, cursor = [], ""
        while cursor is not None:
            page = (await api.get(f"{PATH}?limit=2{query}{cursor}", headers=operator.headers())).json()
            assert len(page["items"]) <= 2
            seen += [UUID(item["case_id"]) for item in page["items"]]
            cursor = page["next"] and f"&cursor={page['next']}"
        return seen

    newest_first = cases[::-1]
    assert await read("") == newest_first
    assert await read("&is_open=true") == newest_first[:3]
    assert await read("&is_open=false") == newest_first[3:]


async def test_a_cursor_that_is_none_of_ours_is_refused(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    operator = await arrange.platform(Role.OPERATOR)

    answer = await api.get(f"{PATH}?cursor=x", headers=operator.headers())

    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


async def test_a_gateway_in_trouble_is_told_by_its_name_and_is_nothing_to_start_again(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    async with transaction(engine, SERVICE) as connection:
        await reconciliation.record(connection, "zarinpal", FindingKind.GATEWAY_REFUSES)

    (item,) = (await api.get(PATH, headers=operator.headers())).json()["items"]
    assert (item["case_id"], item["gateway"], item["kind"]) == (None, "zarinpal", "gateway_refuses")
    answer = await api.post(f"{PATH}/{item['id']}/restart", headers=operator.headers(str(uuid4())))
    assert (answer.status_code, answer.json()["code"]) == (409, "process_not_stuck")
