"""The reconciliation desk on its pages: days, what cannot be compared, money that stands apart without a cause (E2)."""

from __future__ import annotations

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.dates import to_jalali
from gateways.local_bank import LocalBank
from storage.clearing import list_suspense
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.clearing_steps import AMOUNT, Day
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
