"""Entrusted passwords over HTTP: each is told what is theirs, and a password comes once for each code (F2)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from tests.api.test_confirmation import real_codes
from tests.arrange import Arrange, Someone, fresh_totp
from tests.books import Superuser
from tests.secret_steps import HOST, PASSWORD, SITE, USER_NAME, Arbitration, arbitration_claimed, away

LOGIN = {"site": SITE, "user_name": USER_NAME, "password": PASSWORD}
_SHOWN = "SELECT (SELECT count(*) FROM secret_views), (SELECT count(*) FROM notices WHERE template = 'secret_shown')"


@pytest.fixture
async def arbitration(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> Arbitration:
    """Both sides have filed, and an arbitrator has claimed it."""
    return await arbitration_claimed(context, arrange, activity_context, superuser, tmp_path)


def path_of(arbitration: Arbitration, secret_id: UUID | None = None) -> str:
    """Where the secrets of the case are, or one of them."""
    here = f"/v1/cases/{arbitration.case_id}/secrets"
    return here if secret_id is None else f"{here}/{secret_id}"


async def show(
    api: httpx2.AsyncClient, arbitration: Arbitration, secret_id: UUID, /, **headers: str
) -> httpx2.Response:
    """The holder has one shown, with these headers beside the usual ones."""
    return await api.post(f"{path_of(arbitration, secret_id)}/show", headers=arbitration.holder.headers() | headers)


def login_in(answer: httpx2.Response) -> Any:
    """What of a secret an answer holds."""
    assert answer.status_code == 200, answer.text
    return {name: answer.json()[name] for name in LOGIN}


def is_without_secrets(answer: httpx2.Response) -> bool:
    """Whether an answer holds nothing of what was typed but the site's host."""
    return not any(part in answer.text for part in (USER_NAME, "فانوس", "&green", "from=home", "/admin"))


async def listed(api: httpx2.AsyncClient, who: Someone, arbitration: Arbitration) -> Any:
    """What somebody is told; None where there is nothing for them."""
    answer = await api.get(path_of(arbitration), headers=who.headers())
    assert is_without_secrets(answer)
    if answer.status_code == 404:
        return None
    assert answer.status_code == 200, answer.text
    told = answer.json()
    items = {
        (one["host"], one["part"], one["may_take_back"], one["may_see"], tuple(view["role"] for view in one["views"]))
        for one in told["items"]
    }
    return items, told["may_entrust"]


async def test_it_is_entrusted_and_each_is_told_what_is_theirs(
    api: httpx2.AsyncClient, arbitration: Arbitration, arrange: Arrange
) -> None:
    for side in (arbitration.employer, arbitration.contractor):
        entrusted = await api.post(path_of(arbitration), json=LOGIN, headers=side.headers())
        assert (entrusted.status_code, is_without_secrets(entrusted)) == (201, True), entrusted.text
        assert set(entrusted.json()) == {"id", "erase_at"}
    # The contractor's.
    shown = await show(api, arbitration, UUID(entrusted.json()["id"]))
    assert login_in(shown) == LOGIN

    seen = ("arbitrator",)
    assert await listed(api, arbitration.employer, arbitration) == ({(HOST, "employer", True, False, ())}, True)
    assert await listed(api, arbitration.contractor, arbitration) == ({(HOST, "contractor", True, False, seen)}, True)
    to_be_seen = {(HOST, "employer", False, True, ()), (HOST, "contractor", False, True, seen)}
    assert await listed(api, arbitration.holder, arbitration) == (to_be_seen, False)
    looked_after = {(HOST, "employer", False, False, ()), (HOST, "contractor", False, False, seen)}
    for who in (arbitration.escrow.operator, await arrange.platform(Role.AUDITOR)):
        assert await listed(api, who, arbitration) == (looked_after, False)
    for who in (
        arbitration.colleague,
        await arrange.person("member"),
        await arrange.platform(Role.SUPPORT_AGENT),
    ):
        assert await listed(api, who, arbitration) is None


async def test_a_retry_with_the_same_key_answers_without_the_secret_and_is_no_second_view(
    api: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id, other = await arbitration.entrust(), await arbitration.entrust()
    key = {"Idempotency-Key": "key-of-the-test"}
    first = await show(api, arbitration, secret_id, **key)
    again = [await show(api, arbitration, secret_id, **key, TOTP=totp) for totp in (fresh_totp(), "000000", "")]
    reused = await show(api, arbitration, other, **key)

    assert login_in(first) == LOGIN
    assert (first.json()["id"], first.json()["hide_after"]) == (str(secret_id), 60)
    assert [login_in(answer) for answer in again] == [dict.fromkeys(LOGIN)] * 3
    assert [answer.headers["Idempotent-Replayed"] for answer in again] == ["true"] * 3
    assert {answer.headers["Cache-Control"] for answer in (first, *again)} == {"no-store"}
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert await superuser.rows(_SHOWN) == [(1, 1)]


async def test_two_tabs_with_a_code_each_show_it_twice_and_both_are_told(
    api: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()

    came = await asyncio.gather(*(show(api, arbitration, secret_id) for _ in range(2)))

    assert [login_in(answer) for answer in came] == [LOGIN] * 2
    assert await superuser.rows(_SHOWN) == [(2, 2)]
    twice = ("arbitrator",) * 2
    assert await listed(api, arbitration.employer, arbitration) == ({(HOST, "employer", True, False, twice)}, True)


async def test_two_tabs_with_one_code_show_it_once(
    api: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    await real_codes(superuser, arbitration.holder)
    code = fresh_totp()

    came = await asyncio.gather(*(show(api, arbitration, secret_id, TOTP=code) for _ in range(2)))

    assert sorted(answer.status_code for answer in came) == [200, 422]
    (refused,) = [answer for answer in came if answer.status_code == 422]
    assert (refused.json()["code"], is_without_secrets(refused)) == ("code_not_accepted", True)
    assert await superuser.rows(_SHOWN) == [(1, 1)]


async def test_it_is_refused_in_so_many_words(
    api: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id, escrow = await arbitration.entrust(), arbitration.escrow
    path = f"{path_of(arbitration, secret_id)}/show"
    # A step-up of this very moment is no code of its own.
    await superuser.run("UPDATE sessions SET strong_until = now() + interval '10 minutes'")
    without = arbitration.holder.headers()
    without.pop("TOTP")
    asked: list[tuple[dict[str, str], int, str]] = [
        (without, 403, "code_required"),
        (arbitration.holder.headers() | {"TOTP": "12345"}, 422, "bad_code"),
        (arbitration.holder.headers() | {"TOTP": "000000"}, 422, "code_not_accepted"),
        (arbitration.employer.headers(), 403, "own_case"),
        (arbitration.colleague.headers(), 404, "not_found"),
        (escrow.operator.headers(), 409, "task_not_claimed"),
    ]
    answers = [await api.post(path, headers=headers) for headers, _, _ in asked]
    await arbitration.take_back(secret_id)
    answers.append(await api.post(path, headers=arbitration.holder.headers()))

    found = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert found == [*((status, code) for _, status, code in asked), (409, "secret_gone")]
    assert all(is_without_secrets(answer) for answer in answers)
    assert await superuser.rows(_SHOWN) == [(0, 0)]


async def test_what_is_typed_wrong_comes_back_in_no_answer(
    api: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    before = await superuser.effects()
    wrong: list[dict[str, Any]] = [
        {"site": "/admin from=home"},
        {"user_name": USER_NAME.replace("-", "\t")},
        {"user_name": USER_NAME * 20},
        {"password": PASSWORD * 20},
        {"password": f"{PASSWORD}\n"},
        {"password": [PASSWORD]},
        {"surprise": PASSWORD},
    ]
    for changed in wrong:
        answer = await api.post(path_of(arbitration), json={**LOGIN, **changed}, headers=arbitration.employer.headers())
        assert (answer.status_code, is_without_secrets(answer)) == (422, True), answer.text
    assert await superuser.effects() == before


async def test_while_the_keys_are_away_it_says_so_and_when_to_come_again(
    api: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser, tmp_path: Path
) -> None:
    secret_id, headers = await arbitration.entrust(), arbitration.employer.headers("key-of-the-test")
    with away(tmp_path / "vault-keys"):
        kept = await api.post(path_of(arbitration), json=LOGIN, headers=headers)
        shown = await show(api, arbitration, secret_id)
        told = await listed(api, arbitration.employer, arbitration)
        # No key is needed to end it.
        await arbitration.take_back(secret_id)
    for answer in (kept, shown):
        assert (answer.status_code, answer.json()["code"]) == (503, "vault_away")
        assert int(answer.headers["Retry-After"]) > 0
        assert is_without_secrets(answer)
    assert len(told[0]) == 1
    assert (await api.post(path_of(arbitration), json=LOGIN, headers=headers)).status_code == 201
    assert await superuser.value("SELECT count(*) FROM entrusted_secrets") == 2


async def test_its_owner_takes_it_back_once_and_nobody_else_does(
    api: httpx2.AsyncClient, arbitration: Arbitration
) -> None:
    path = path_of(arbitration, await arbitration.entrust())
    asked = (
        (arbitration.contractor, 404),
        (arbitration.holder, 403),
        (arbitration.escrow.operator, 403),
        (arbitration.employer, 200),
        (arbitration.employer, 409),
    )
    found = [(await api.delete(path, headers=who.headers())).status_code for who, _ in asked]

    assert found == [status for _, status in asked]
    answer = await api.get(path_of(arbitration), headers=arbitration.employer.headers())
    (item,) = answer.json()["items"]
    assert (item["state"]["code"], item["why"]["code"], item["erased"]) == ("ending", "taken_back", None)
    assert (item["may_take_back"], item["may_see"]) == (False, False)
