"""What the pages show of a task that only its holder sees (E5): how much and since when, no name, how to take it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import httpx2
import pytest

from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from domain.catalogue import HELD
from domain.held_task import HeldTask
from messages.case import CaseKind
from messages.payment import TaskKind
from storage.cases import open_case
from storage.database import SERVICE, transaction
from storage.policies import in_force
from storage.tasks import open_task, set_claim
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.web.conftest import HERE, cookies

DAY = timedelta(days=1)
NAME = "سپیده"


class Fact(StrEnum):
    """What the process would hear."""

    CLAIMED = "dispute_claimed"


@pytest.fixture
async def task_id(context: Context, arrange: Arrange, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """An open task of such a kind, about a member's case."""
    kind = TaskKind.SETTLE_PAYMENT
    monkeypatch.setitem(HELD, kind, HeldTask(kind, Fact.CLAIMED))
    (member,) = await arrange.colleagues(1)
    async with transaction(context.engine, SERVICE) as connection:
        policy = await in_force(connection, "payment")
        assert policy is not None
        case_id = await open_case(
            connection, kind=CaseKind.PAYMENT, phase="asking", policy_id=policy.id, person_id=member.id
        )
        grant, amount = Grant(Role.ARBITRATOR, ScopeKind.PLATFORM), {"amount": 25_000_000}
        return await open_task(connection, case_id, kind, assignee=grant, remind_in=DAY, due_in=2 * DAY, details=amount)


async def shown(site: httpx2.AsyncClient, who: Someone, path: str) -> str:
    """A page."""
    answer = await site.get(path, headers=cookies(who))
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_queue_and_a_task_nobody_has_say_how_much_it_is_about_and_not_whom(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser, task_id: UUID
) -> None:
    await superuser.run("UPDATE persons SET first_name = %s", NAME)
    who = await arrange.platform(Role.ARBITRATOR)

    for page in [await shown(site, who, path) for path in ("/inbox", f"/tasks/{task_id}")]:
        assert "۲٬۵۰۰٬۰۰۰" in page
        assert NAME not in page
        assert f"/tasks/{task_id}/claim" in page
        assert "/cases/" not in page


async def test_who_takes_it_has_no_button_to_give_it_back_and_others_none_to_take_it_over(
    site: httpx2.AsyncClient, context: Context, arrange: Arrange, task_id: UUID
) -> None:
    holder, colleague = [await arrange.platform(Role.ARBITRATOR) for _ in range(2)]
    async with transaction(context.engine, SERVICE) as connection:
        await set_claim(connection, task_id, holder.id)

    assert f"/tasks/{task_id}/release" not in await shown(site, holder, "/inbox")
    theirs = await shown(site, colleague, f"/tasks/{task_id}")
    assert f"/tasks/{task_id}/claim" not in theirs


async def test_it_is_taken_by_a_press(site: httpx2.AsyncClient, arrange: Arrange, task_id: UUID) -> None:
    who = await arrange.platform(Role.ARBITRATOR)
    page = await shown(site, who, "/inbox")
    key = page.split('name="key" value="', 1)[1].split('"', 1)[0]

    answer = await site.post(f"/tasks/{task_id}/claim", data={"key": key}, headers={**cookies(who), **HERE})

    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/inbox")
