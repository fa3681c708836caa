"""Drafts of forms through the API: kept sealed for seven days, seen by their writer, overwritten by nobody unseen."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.access import Role
from domain.draft import MAX_BYTES, MOST
from storage.database import SERVICE, Acting, transaction
from storage.housekeeping import tidy
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.storage.test_walls import count

_HERE = "/v1/drafts"
_TYPED = {"title": ["طراحی جزوه"], "payments.0.amount": ["۲٬۵۰۰٬۰۰۰"], "ticks": ["a", "b"]}


@pytest.fixture
async def member(arrange: Arrange) -> Someone:
    """Somebody with a draft to write."""
    return await arrange.person("member")


async def keep(api: httpx2.AsyncClient, member: Someone, fields: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Keep a draft."""
    body = {"form": "job", "fields": _TYPED if fields is None else fields}
    answer = await api.post(_HERE, json=body, headers=member.headers())
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


async def replace(
    api: httpx2.AsyncClient, member: Someone, draft: str, text: str, version: int | None = None
) -> httpx2.Response:
    """Write another title."""
    headers = member.headers() | ({} if version is None else {"If-Match": f'"{version}"'})
    return await api.put(f"{_HERE}/{draft}", json={"fields": {"title": [text]}}, headers=headers)


async def listed(api: httpx2.AsyncClient, member: Someone) -> list[dict[str, Any]]:
    """One's own drafts."""
    found: list[dict[str, Any]] = (await api.get(f"{_HERE}?form=job", headers=member.headers())).json()["items"]
    return found


async def test_a_draft_is_read_as_it_was_typed_and_stands_sealed_in_the_table(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    kept = await keep(api, member)
    assert "fields" not in kept

    read = await api.get(f"{_HERE}/{kept['id']}", headers=member.headers())

    assert (read.json()["fields"], read.headers["etag"]) == (_TYPED, '"1"')
    assert read.headers["cache-control"] == "no-store"
    (item,) = await listed(api, member)
    assert (item["title"], item["version"], "fields" in item) == ("طراحی جزوه", 1, False)
    row = await superuser.rows("SELECT expires_at - changed_at = interval '7 days', content_sealed FROM form_drafts")
    assert row[0][0]
    assert "طراحی".encode() not in bytes(row[0][1])


async def test_of_two_windows_the_second_does_not_write_over_the_first_unseen(
    api: httpx2.AsyncClient, member: Someone
) -> None:
    draft = (await keep(api, member))["id"]

    both = await asyncio.gather(*(replace(api, member, draft, text, 1) for text in ("one", "another")))

    assert sorted(answer.status_code for answer in both) == [200, 412]
    (done,) = (answer for answer in both if answer.status_code == 200)
    assert done.json()["version"] == 2
    assert (await replace(api, member, draft, "whatever stands there")).json()["version"] == 3


async def test_a_draft_is_nobody_elses(
    api: httpx2.AsyncClient, arrange: Arrange, member: Someone, superuser: Superuser, engine: AsyncEngine
) -> None:
    draft, other = (await keep(api, member))["id"], await arrange.person("member")
    operator = await arrange.platform(Role.OPERATOR)
    before = await superuser.effects()
    for who, status in ((other, 404), (operator, 403)):
        assert (await api.get(f"{_HERE}/{draft}", headers=who.headers())).status_code == status
        assert (await replace(api, who, draft, "mine", 1)).status_code == status
        assert (await api.delete(f"{_HERE}/{draft}", headers=who.headers())).status_code == status
    assert await superuser.effects() == before
    assert (await listed(api, other)) == []
    # Behind the queries stands the table's own rule, for staff too.
    for acting, seen in ((SERVICE, 1), (Acting("member", member.id), 1), (Acting("member", other.id), 0)):
        assert await count(engine, acting, "form_drafts") == seen
    assert await count(engine, Acting("staff", operator.id), "form_drafts") == 0


async def test_the_eleventh_takes_the_place_of_the_one_changed_longest_ago(
    api: httpx2.AsyncClient, member: Someone
) -> None:
    first, second, *_ = [(await keep(api, member))["id"] for _ in range(MOST)]
    await replace(api, member, first, "touched")

    # Also of two that come at once.
    added = await asyncio.gather(keep(api, member), keep(api, member))

    left = [item["id"] for item in await listed(api, member)]
    assert len(left) == MOST
    assert {first, *(one["id"] for one in added)} <= set(left)
    assert second not in left


async def test_seven_days_after_its_last_change_a_draft_is_over_and_swept(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser, engine: AsyncEngine
) -> None:
    draft, young = (await keep(api, member))["id"], (await keep(api, member))["id"]
    age = "UPDATE form_drafts SET changed_at = now() - interval '7 days', expires_at = now() WHERE id = %s"
    await superuser.run(age, draft)

    assert (await api.get(f"{_HERE}/{draft}", headers=member.headers())).status_code == 404
    assert (await replace(api, member, draft, "late")).status_code == 404
    assert (await api.delete(f"{_HERE}/{draft}", headers=member.headers())).status_code == 404
    assert [item["id"] for item in await listed(api, member)] == [young]
    await tidy(engine)
    async with transaction(engine, SERVICE):
        assert [str(one) for (one,) in await superuser.rows("SELECT id FROM form_drafts")] == [young]


async def test_a_deleted_draft_is_gone_and_the_same_command_is_done_once(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    headers, body = member.headers(), {"form": "job", "fields": _TYPED}
    first, again = [await api.post(_HERE, json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert await superuser.value("SELECT count(*) FROM form_drafts") == 1

    gone = await api.delete(f"{_HERE}/{first.json()['id']}", headers=member.headers())

    assert gone.status_code == 200
    assert (await api.delete(f"{_HERE}/{first.json()['id']}", headers=member.headers())).status_code == 404
    assert await superuser.value("SELECT count(*) FROM form_drafts") == 0


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"words.code": ["123456"]}, 422, "draft_holds_secret"),
        ({"password": ["seven green lamps"]}, 422, "draft_holds_secret"),
        ({f"text.{place}": ["ج" * 4_000] for place in range(3)}, 413, "draft_too_large"),
        ({"title": ["x" * 10_001]}, 422, "invalid_input"),
        ({f"f{place}": ["x"] for place in range(201)}, 422, "invalid_input"),
        ({"title": "no list"}, 422, "invalid_input"),
    ],
)
async def test_what_a_draft_does_not_keep_changes_nothing(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser, fields: dict[str, Any], status: int, code: str
) -> None:
    draft, before = (await keep(api, member))["id"], await superuser.effects()

    made = await api.post(_HERE, json={"form": "job", "fields": fields}, headers=member.headers())
    changed = await api.put(f"{_HERE}/{draft}", json={"fields": fields}, headers=member.headers())

    assert (made.status_code, made.json()["code"]) == (changed.status_code, changed.json()["code"]) == (status, code)
    assert await superuser.effects() == before


async def test_the_largest_draft_that_is_kept_fits_the_table(api: httpx2.AsyncClient, member: Someone) -> None:
    overhead = len(b'{"a":["","",""]}')
    await keep(api, member, {"a": ["x" * 8_000, "x" * 8_000, "x" * (MAX_BYTES - overhead - 16_000)]})


async def test_a_form_without_drafts_is_refused(api: httpx2.AsyncClient, member: Someone) -> None:
    body = {"form": f"unknown {uuid4()}", "fields": {}}
    assert (await api.post(_HERE, json=body, headers=member.headers())).status_code == 422
