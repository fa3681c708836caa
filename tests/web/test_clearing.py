"""The reconciliation desk on its pages: days, what cannot be compared, money that stands apart without a cause (E2)."""

from __future__ import annotations

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.clearing import explain_difference
from commands.command import Context
from domain.access import Role
from domain.clearing import Explanation
from domain.dates import to_jalali
from gateways.local_bank import LocalBank
from messages.clearing import TaskKind
from storage.clearing import list_suspense
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.clearing_steps import AMOUNT, Day, compared_day
from tests.web.conftest import HERE, cookies


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


async def test_a_day_that_is_not_over_is_refused_at_its_field_and_nonsense_too(
    site: httpx2.AsyncClient, day: Day
) -> None:
    head, present = cookies(day.first), to_jalali(day.day)
    for wrong, said in (
        ({"day.year": str(present.year + 1)}, "به پایان رسیده"),
        ({"day.month": "13"}, "is-invalid"),
        ({"gateway": "<b>x"}, "problems"),
    ):
        typed = {"day.day": str(present.day), "day.month": str(present.month), "day.year": str(present.year)}
        form = {"gateway": "local", "key": "key-of-the-test", **typed, **wrong}
        answer = await site.post("/clearing", data=form, headers={**head, **HERE})
        assert answer.status_code == 422, answer.text
        assert said in answer.text
        assert "<b>x" not in answer.text
    assert await day.superuser.value("SELECT count(*) FROM clearings") == 0


async def test_money_is_without_a_cause_once_nothing_is_under_way_that_moves_it(
    site: httpx2.AsyncClient, day: Day, arrange: Arrange
) -> None:
    attempt = await day.paid()
    await day.age_accounts()
    async with transaction(day.context.engine, SERVICE) as connection:
        assert await list_suspense(connection) == []
    await day.superuser.run("UPDATE payment_items SET state = 'refused', decided_at = now()")
    async with transaction(day.context.engine, SERVICE) as connection:
        (found,) = await list_suspense(connection)
    assert (found.payment_id, found.account, found.amount) == (attempt.payment_id, "payment:received", AMOUNT)

    for role in (Role.SETTLEMENT_OFFICER, Role.OPERATOR, Role.AUDITOR):
        page = await site.get("/clearing/suspense", headers=cookies(await arrange.platform(role)))
        assert f"/cases/{attempt.payment_id}" in page.text
        desk = await site.get("/operations", headers=cookies(await arrange.platform(role)))
        assert "وجه ۱ پرداخت" in desk.text


async def test_only_the_settlement_office_is_offered_to_have_a_day_compared(
    site: httpx2.AsyncClient, day: Day, arrange: Arrange
) -> None:
    office = await site.get("/clearing", headers=cookies(day.first))
    reader = await site.get("/clearing", headers=cookies(await arrange.platform(Role.AUDITOR)))

    assert "اکنون تطبیق شود" in office.text
    assert reader.status_code == 200
    assert "اکنون تطبیق شود" not in reader.text


async def test_the_last_of_very_many_differences_can_be_decided_on_its_page(
    site: httpx2.AsyncClient, day: Day, context: Context, superuser: Superuser
) -> None:
    case_id = (await compared_day(context, superuser))["clearing"]
    await superuser.run(
        "UPDATE clearing_differences SET state = 'explained', explanation = 'on_another_day', note = 'x'"
    )
    await superuser.run(
        "INSERT INTO clearing_differences"
        " (case_id, gateway, order_id, kind, reference, here, there, state, explanation, note)"
        " SELECT %s, 'local', 'o' || i, 'missing_here', 'r' || i, 0, 500000,"
        " CASE WHEN i < 250 THEN 'explained' ELSE 'open' END, CASE WHEN i < 250 THEN 'on_another_day' END, 'x'"
        " FROM generate_series(1, 250) i",
        case_id,
    )
    await day.go_on("clearing", case_id)
    task = await superuser.value("SELECT id FROM tasks WHERE case_id = %s AND status = 'open'", case_id)
    page = await site.get(f"/tasks/{task}", headers=cookies(day.first))

    assert "r250" in page.text
    assert 'name="explanation"' in page.text
    await day.decide(
        day.first, case_id, TaskKind.SETTLE_DIFFERENCE, explain_difference, Explanation.ON_ANOTHER_DAY, "نامه"
    )
    assert (await site.get(f"/tasks/{task}", headers=cookies(day.first))).status_code == 200
