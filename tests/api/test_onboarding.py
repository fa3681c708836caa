"""What a member reads of their credit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from api.app import create_app
from commands.command import Context
from messages.case import StepInput
from storage.database import SERVICE, tehran_today, transaction
from storage.onboarding import limit_now
from storage.organisation import employments_of
from storage.programme import programmes_in_force
from tests.account_people import audited, sent_code
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, issue
from tests.transitions import Transitions


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> MinipayOffice:
    """A member with an active credit, and their HR."""
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    await activate(office, activity_context)
    return office


async def activate(office: MinipayOffice, activity_context: ActivityContext) -> None:
    """A credit from the application on; another one replaces the one before."""
    case_id = await apply(office)
    activities = Transitions(activity_context)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await activities.activate_credit(StepInput(case_id))


@pytest.fixture
def member(office: MinipayOffice) -> Someone:
    """Whose credit it is."""
    return office.member


async def shown_card(api: httpx2.AsyncClient, member: Someone) -> str:
    """The card number that the member is shown."""
    (line,) = (await api.get("/v1/credit-lines", headers=member.headers())).json()["items"]
    return str(line["card_number"])


async def reveal(api: httpx2.AsyncClient, who: Someone, line: str, code_id: str, code: str, key: str = "") -> Any:
    """What somebody gets who asks for a card's whole number with a code."""
    body = {"code_id": code_id, "code": code}
    answer = await api.post(f"/v1/credit-lines/{line}/card-number", json=body, headers=who.headers(key or None))
    return answer.json()["card_number" if answer.is_success else "code"]


async def test_the_whole_card_number_is_shown_once_for_each_code_of_its_own(
    api: httpx2.AsyncClient, context: Context, member: Someone, superuser: Superuser
) -> None:
    await superuser.run(
        "UPDATE sessions SET strong_until = now() + interval '5 minutes' WHERE person_id = %s", member.id
    )
    masked, line = await shown_card(api, member), str(await superuser.value("SELECT id FROM credit_lines"))
    codes = []
    for wish in ({"purpose": "step_up"}, {"purpose": "show_card", "subject": {"line_id": line}}):
        asked = (await api.post("/v1/codes", json=wish, headers=member.headers())).json()["code_id"]
        codes.append((asked, await sent_code(context, UUID(asked))))
    step_up, own = codes

    assert await reveal(api, member, line, *step_up) == "code_not_accepted"
    assert await reveal(api, member, str(uuid4()), *own) == "not_found"
    whole = await reveal(api, member, line, *own, key="key-of-the-test")
    assert (len(whole), whole.isdigit(), masked) == (16, True, "*" * 12 + whole[-4:])
    assert await reveal(api, member, line, *own, key="key-of-the-test") is None
    assert await reveal(api, member, line, *own) == "code_not_accepted"
    assert await shown_card(api, member) == masked
    assert (await audited(context, f"account:{member.id}"))[-1] == "reveal_card"


async def test_neither_card_nor_pay_is_shown_while_the_mobile_is_disputed(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    await superuser.run("UPDATE sessions SET strong_until = now() + interval '5 minutes'")
    await superuser.run("UPDATE employments SET mobile_index = 'x'")

    lines = (await api.get("/v1/credit-lines", headers=member.headers())).json()
    offer = (await api.get("/v1/programmes", headers=member.headers())).json()

    assert lines["mobile_disputed"] is lines["items"][0]["mobile_disputed"] is offer["mobile_disputed"] is True
    assert lines["items"][0]["card_number"].startswith("*" * 12)
    assert [each["limits"] for each in offer["items"]] == [[]] * len(offer["items"])


async def test_every_line_has_its_own_balance_and_one_query_reads_them_all(
    api: httpx2.AsyncClient, context: Context, office: MinipayOffice, activity_context: ActivityContext
) -> None:
    await activate(office, activity_context)
    statements: list[str] = []

    @sa.event.listens_for(context.engine.sync_engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    lines = (await api.get("/v1/credit-lines", headers=office.member.headers())).json()["items"]

    assert sum("account_balance" in statement for statement in statements) == 1
    assert [line["programme_title"]["en"] for line in lines] == ["MiniPay credit"] * len(lines)
    assert sorted((line["closed"] is None, line["available"]["amount"]) for line in lines) == [
        (False, 0),
        (True, 600_000_000),
    ]
    for line in lines:
        alone = await api.get(f"/v1/credit-lines/{line['id']}", headers=office.member.headers())
        assert alone.json() == line


async def test_an_open_line_says_where_the_member_goes_on(context: Context, member: Someone) -> None:
    links = {"app": "https://app.test", "training": "https://training.test"}
    app = create_app(replace(context, links={"app_link": links["app"], "training_link": links["training"]}))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://amanat.test") as client:
        (line,) = (await client.get("/v1/credit-lines", headers=member.headers())).json()["items"]

    assert line["links"] == links


async def test_a_member_without_a_credit_gets_an_empty_list(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    member = await arrange.member(await arrange.organisation())

    answer = await api.get("/v1/credit-lines", headers=member.headers())

    assert (answer.status_code, answer.json()) == (200, {"mobile_disputed": False, "items": []})


async def test_what_is_possible_in_each_programme_at_each_employer_is_told_by_as_many_statements_as_for_one(
    api: httpx2.AsyncClient, context: Context, arrange: Arrange, office: MinipayOffice
) -> None:
    statements: list[str] = []

    @sa.event.listens_for(context.engine.sync_engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async def programmes() -> tuple[dict[str, list[dict[str, Any]]], int]:
        statements.clear()
        items = (await api.get("/v1/programmes", headers=office.member.headers())).json()["items"]
        return {item["code"]: item["limits"] for item in items}, len(statements)

    _, with_one = await programmes()
    second = await arrange.organisation(in_force=False, monthly_cap=30_000_000)
    await arrange.employ(office.member.id, second, net_pay=800_000_000)
    limits, with_two = await programmes()

    assert with_two == with_one
    assert {code: [limit["contract_in_force"] for limit in each] for code, each in limits.items()} == {
        "minipay": [True, False],
        "tavana": [True, False],
    }
    async with transaction(context.engine, SERVICE) as connection:
        today = await tehran_today(connection)
        for programme in await programmes_in_force(connection):
            judged = [
                (await limit_now(connection, programme, employment, today)).amount
                for employment in await employments_of(connection, office.member.id)
            ]
            assert [limit["monthly_limit"]["amount"] for limit in limits[programme.code]] == judged
    # The line counts for every other programme, and not for its own renewal.
    assert [limits[code][0]["monthly_limit"]["amount"] for code in ("minipay", "tavana")] == [100_000_000, 50_000_000]
