"""One's own cards and shebas through the API: whole numbers go in and never come out (E3, F4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.bank_account import BankAccountCheck
from activities.transition import ActivityContext
from commands.command import Context
from gateways.account_owner import LocalAccountOwners
from messages.bank_account import CheckBankAccount
from tests.account_people import sent_code
from tests.arrange import Arrange, Someone
from tests.bank_account_steps import a_card, a_sheba
from tests.books import Superuser

_HERE = "/v1/bank-accounts"


@pytest.fixture
async def member(arrange: Arrange, superuser: Superuser) -> Someone:
    """A member with a fresh code."""
    found = await arrange.person("member")
    await superuser.run("UPDATE sessions SET strong_until = now() + interval '1 hour' WHERE person_id = %s", found.id)
    return found


async def ask_code(api: httpx2.AsyncClient, member: Someone, number: str) -> httpx2.Response:
    """Ask for the code of a sheba."""
    wish = {"purpose": "add_sheba", "subject": {"number": number}}
    return await api.post("/v1/codes", json=wish, headers=member.headers())


async def listed(api: httpx2.AsyncClient, member: Someone) -> list[dict[str, Any]]:
    """One's own list."""
    items: list[dict[str, Any]] = (await api.get(_HERE, headers=member.headers())).json()["items"]
    return items


async def test_what_was_added_is_listed_with_bank_and_last_digits_alone(
    api: httpx2.AsyncClient, member: Someone, context: Context, activity_context: ActivityContext
) -> None:
    added = await api.post(f"{_HERE}/cards", json={"number": a_card("4040")}, headers=member.headers())
    assert added.status_code == 202, added.text
    asked = await ask_code(api, member, a_sheba("4321"))
    assert asked.status_code == 202, asked.text
    code_id = asked.json()["code_id"]
    body = {"number": a_sheba("4321"), "code_id": code_id, "code": await sent_code(context, code_id)}
    kept = await api.post(f"{_HERE}/shebas", json=body, headers=member.headers())
    assert kept.status_code == 202, kept.text

    check = BankAccountCheck(activity_context, LocalAccountOwners())
    for answer in (added, kept):
        await check.check(CheckBankAccount(UUID(answer.json()["account_id"])))

    card, sheba = await listed(api, member)
    assert (card["kind"], card["bank_name"], card["masked"]) == ("card", "بانک ملی ایران", "************4040")
    assert (card["state"], card["reason"]["code"], card["is_default"]) == ("refused", "not_owner", False)
    assert (sheba["kind"], sheba["last_four"], sheba["masked"]) == ("sheba", "4321", "IR**017***4321")
    assert (sheba["state"], sheba["state_words"]["en"], sheba["is_default"]) == ("confirmed", "Confirmed", True)
    said = (await api.get(_HERE, headers=member.headers())).text
    assert a_card("4040") not in said
    assert a_sheba("4321") not in said


async def test_no_code_is_sent_for_what_could_not_be_added(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    unreadable = await ask_code(api, member, "IR12")
    assert (unreadable.status_code, unreadable.json()["code"]) == (422, "bad_sheba")
    await superuser.run("UPDATE persons SET money_paused_until = now() + interval '1 hour'")
    paused = await ask_code(api, member, a_sheba())
    assert (paused.status_code, paused.json()["code"]) == (409, "money_paused")
    assert await superuser.value("SELECT count(*) FROM one_time_codes") == 0


async def test_a_retry_adds_nothing_twice(api: httpx2.AsyncClient, member: Someone) -> None:
    headers = member.headers()
    first, second = [
        await api.post(f"{_HERE}/cards", json={"number": a_card()}, headers=headers | {"Idempotency-Key": "the-same"})
        for _ in range(2)
    ]
    assert first.json() == second.json()
    assert len(await listed(api, member)) == 1


async def test_what_is_removed_is_listed_no_more(
    api: httpx2.AsyncClient, member: Someone, activity_context: ActivityContext
) -> None:
    added = await api.post(f"{_HERE}/cards", json={"number": a_card()}, headers=member.headers())
    account_id = UUID(added.json()["account_id"])
    address = f"{_HERE}/{account_id}"
    early = await api.post(f"{address}/default", headers=member.headers())
    assert (early.status_code, early.json()["code"]) == (409, "bank_account_unconfirmed")
    await BankAccountCheck(activity_context, LocalAccountOwners()).check(CheckBankAccount(account_id))
    assert (await api.post(f"{address}/default", headers=member.headers())).status_code == 200
    assert (await api.delete(address, headers=member.headers())).status_code == 200
    assert await listed(api, member) == []
    assert (await api.delete(address, headers=member.headers())).status_code == 404
