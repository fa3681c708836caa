"""The operations desk: what waits to be sent, closing a service to new cases, late cases (G5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.reconciliation import FindingKind
from messages.case import CaseKind, CaseSignal, StepInput
from storage import outbox, reconciliation
from storage.database import SERVICE, transaction
from storage.notices import notify
from tests.arrange import Arrange, Someone
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import MinipayOffice, TavanaScenario, apply, credit_request, issue
from tests.commands.substitution_steps import SubstitutionScenario
from tests.journeys.steps import TERMS, Steps
from tests.personnel_steps import Line, csv_of
from tests.transitions import Transitions

SERVICES = "/v1/operations/services"
LATE = "/v1/operations/late-cases"


@pytest.fixture
async def operator(arrange: Arrange) -> Someone:
    """Who looks after it all."""
    return await arrange.platform(Role.OPERATOR)


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member and their HR."""
    employer = await arrange.organisation()
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


async def switch(api: httpx2.AsyncClient, who: Someone, name: str, **body: Any) -> httpx2.Response:
    """Open or close a service; close it unless said otherwise."""
    wish = {"is_open": False, "reason": "نگهداشت سامانه"} | body
    return await api.put(f"{SERVICES}/{name}", json=wish, headers=who.headers())


async def read(api: httpx2.AsyncClient, who: Someone, address: str) -> dict[str, Any]:
    """What is at an address."""
    answer = await api.get(address, headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_backlog_is_told_by_class_and_what_was_sent_is_none(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, operator: Someone, superuser: Superuser
) -> None:
    member = await arrange.person("member")
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(
            connection,
            *(CaseSignal(CaseKind.ONBOARDING, member.id, "application_submitted", member.id) for _ in range(4)),
        )
        await notify(connection, [member.id], "application_withdrawn")
    await superuser.run(
        "UPDATE outbox SET attempts = id, created_at = now() - interval '90 seconds', last_error = 'Error' || id"
        " WHERE id IN (2, 3)"
    )
    await superuser.run("UPDATE outbox SET sent_at = now(), attempts = 9, last_error = 'Never' WHERE id = 4")

    found = await read(api, operator, "/v1/operations/outbox")

    signals, messages = found["items"]
    assert found["waiting"] == 4
    assert (signals["message"], signals["waiting"], signals["tried"]) == ("CaseSignal", 3, 2)
    assert (signals["attempts_max"], signals["last_error"]) == (3, "Error3")
    assert 90 <= signals["oldest_seconds"] < 150
    assert (messages["message"], messages["waiting"], messages["tried"]) == ("SendNotice", 1, 0)
    assert (messages["attempts_max"], messages["last_error"]) == (0, None)
    await superuser.run("UPDATE outbox SET sent_at = now()")
    assert await read(api, operator, "/v1/operations/outbox") == {"waiting": 0, "items": []}


async def test_every_service_is_open_until_an_operator_closes_it_and_the_trail_says_who_and_why(
    api: httpx2.AsyncClient, engine: AsyncEngine, arrange: Arrange, operator: Someone, superuser: Superuser
) -> None:
    before = await read(api, await arrange.platform(Role.AUDITOR), SERVICES)
    closed = await switch(api, operator, "substitution")
    after = {item["name"]: item for item in (await read(api, operator, SERVICES))["items"]}

    assert [(item["name"], item["is_open"], item["reason"]) for item in before["items"]] == [
        ("clearing", True, None),
        ("escrow", True, None),
        ("kyc", True, None),
        ("mobile_change", True, None),
        ("normal_payment", True, None),
        ("onboarding", True, None),
        ("payment", True, None),
        ("payout", True, None),
        ("personnel_import", True, None),
        ("staff_change", True, None),
        ("substitution", True, None),
    ]
    assert closed.status_code == 200, closed.text
    assert closed.json() == after["substitution"]
    assert (closed.json()["is_open"], closed.json()["reason"]) == (False, "نگهداشت سامانه")
    assert closed.json()["changed_by"] == str(operator.id)
    assert [name for name, item in after.items() if item["is_open"]] == [
        "clearing",
        "escrow",
        "kyc",
        "mobile_change",
        "normal_payment",
        "onboarding",
        "payment",
        "payout",
        "personnel_import",
        "staff_change",
    ]
    (line,) = await superuser.rows("SELECT content FROM audit WHERE stream = 'service:substitution'")
    for part in ("switch_service", str(operator.id), "نگهداشت سامانه", "true", "false"):
        assert part in line[0]
    await assert_books_clean(engine)


async def test_switching_needs_a_fresh_code(api: httpx2.AsyncClient, operator: Someone, superuser: Superuser) -> None:
    await superuser.run("UPDATE sessions SET strong_until = now() - interval '1 second'")

    answer = await switch(api, operator, "onboarding")

    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert await superuser.value("SELECT bool_and(is_open) FROM services")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("nothing_such", {}),
        ("onboarding", {"reason": "  "}),
        ("onboarding", {"is_open": "no"}),
        ("onboarding", {"until": "2027-01-01"}),
    ],
)
async def test_a_malformed_switch_changes_nothing(
    api: httpx2.AsyncClient, operator: Someone, superuser: Superuser, name: str, body: dict[str, Any]
) -> None:
    answer = await switch(api, operator, name, **body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert await superuser.value("SELECT bool_and(is_open) FROM services")


async def test_a_closed_service_takes_no_new_application_and_lets_a_running_one_become_a_credit(
    api: httpx2.AsyncClient,
    steps: Steps,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    office: MinipayOffice,
    operator: Someone,
    superuser: Superuser,
) -> None:
    activities = Transitions(activity_context)
    running = await apply(office)
    await activities.request_backing(StepInput(running))
    newcomer = await arrange.member(await arrange.organisation())
    asked = await credit_request(context, newcomer)
    application = {**TERMS, "mandate": {"version": 1, "code_id": str(asked.code_id), "code": asked.code}}

    await switch(api, operator, "onboarding")
    before = await superuser.effects()
    refused = await steps.send_application(newcomer, application)

    assert (refused.status_code, refused.json()["code"]) == (409, "service_closed")
    assert "متوقف" in refused.json()["detail"]
    assert "go on" in refused.json()["detail_en"]
    assert await superuser.effects() == before
    await issue(office, running)
    await activities.activate_credit(StepInput(running))
    assert await superuser.value("SELECT outcome FROM cases WHERE id = %s", running) == "active"
    # What was refused used nothing up: the same code is good as soon as the service is open again.
    await switch(api, operator, "onboarding", is_open=True)
    assert (await steps.send_application(newcomer, application)).status_code == 201


async def test_a_closed_service_takes_no_substitution(
    api: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext, operator: Someone
) -> None:
    scenario = await SubstitutionScenario.opened(context, arrange, activity_context)
    await switch(api, operator, "substitution")

    answer = await api.post(
        f"/v1/credit-lines/{scenario.line_id}/guarantor-substitutions",
        json={"guarantee_id": str(scenario.current.id), "national_id": scenario.newcomer.national_id},
        headers=scenario.owner.headers(),
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "service_closed")


async def test_a_closed_service_takes_no_file_and_keeps_none(
    api: httpx2.AsyncClient, arrange: Arrange, operator: Someone, superuser: Superuser, context: Context, tmp_path: Any
) -> None:
    employer = await arrange.organisation()
    officer = await arrange.hr_officer(employer)
    await switch(api, operator, "personnel_import")

    answer = await api.post(
        f"/v1/organisations/{employer}/personnel-imports",
        content=csv_of([Line()]),
        headers={**officer.headers(), "Content-Type": "text/csv"},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "service_closed")
    assert await superuser.value("SELECT count(*) FROM personnel_imports") == 0
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_late_cases_say_since_when_and_for_whom_they_wait(
    api: httpx2.AsyncClient,
    engine: AsyncEngine,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    operator: Someone,
    superuser: Superuser,
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.asked()
    await tavana.asked(applicant=await tavana.colleague())
    await superuser.run("UPDATE cases SET due_at = now() - interval '3 hours' WHERE id = %s", case_id)
    await superuser.run("UPDATE tasks SET due_at = now() - interval '3 hours' WHERE case_id = %s", case_id)

    (late,) = (await read(api, operator, LATE))["items"]

    assert late["case"]["id"] == str(case_id)
    assert late["late_since"] == late["case"]["due"]
    (task,) = late["waits_for"]
    assert (task["kind"], task["role"], task["words"]["fa"]) == ("answer_guarantee", None, "پذیرش یا رد ضمانت")
    assert late["finding"] is None
    async with transaction(engine, SERVICE) as connection:
        await reconciliation.record(connection, case_id, FindingKind.PROCESS_ENDED_EARLY)
    (stuck,) = (await read(api, operator, LATE))["items"]
    assert stuck["finding"] == "process_ended_early"
    for person in (tavana.applicant, tavana.guarantor):
        assert person.mobile not in str(stuck)


async def test_late_cases_come_oldest_first_page_by_page(
    api: httpx2.AsyncClient, operator: Someone, superuser: Superuser
) -> None:
    rows = await superuser.rows(
        "INSERT INTO cases (kind, phase, policy_id, due_at)"
        " SELECT 'personnel_change', 'awaiting_confirmation', id,"
        " now() - make_interval(hours => CASE n WHEN 0 THEN -1 ELSE (n + 1) / 2 END)"
        " FROM policies, generate_series(0, 5) n WHERE name = 'personnel' RETURNING due_at, id, due_at < now()"
    )
    expected = [case_id for _, case_id, is_late in sorted(rows, key=lambda row: row[:2]) if is_late]
    assert len(expected) == 5

    seen: list[UUID] = []
    cursor = ""
    while cursor is not None:
        page = await read(api, operator, f"{LATE}?limit=2{cursor}")
        assert len(page["items"]) <= 2
        seen += [UUID(item["case"]["id"]) for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"

    assert seen == expected
    assert (await api.get(f"{LATE}?cursor=x", headers=operator.headers())).json()["field"] == "cursor"
