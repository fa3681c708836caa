"""Papers through the API: the confirmation of a credit, its PDF, and its check by a stranger (G9)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from storage.database import SERVICE, transaction
from storage.paper import issue
from tests.api.world import World, make_world
from tests.arrange import Arrange
from tests.books import Superuser
from tests.domain.test_paper import RECEIPT


@pytest.fixture
async def world(context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser) -> World:
    """A member whose usable credit was confirmed."""
    return await make_world(context, activity_context, arrange, superuser)


async def confirm(api: httpx2.AsyncClient, world: World) -> httpx2.Response:
    """Ask for the confirmation of the member's credit."""
    path = f"/v1/credit-lines/{world.things['line']}/confirmation"
    return await api.post(path, headers=world.headers("member_own"))


async def check(api: httpx2.AsyncClient, world: World) -> dict[str, Any]:
    """What a stranger is told of the paper."""
    answer = await api.get(f"/v1/papers/checks/{world.things['paper_token']}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    told: dict[str, Any] = answer.json()
    return told


async def test_a_confirmation_is_issued_once_audited_and_listed(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    first, again = await confirm(api, world), await confirm(api, world)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.json()["id"] == str(world.things["paper"])
    listed = (await api.get("/v1/papers", headers=world.headers("member_own"))).json()
    assert listed == {"items": [first.json()], "next": None}
    assert (await api.get("/v1/papers", headers=world.headers("member_foreign"))).json()["items"] == []
    sha256 = await superuser.value("SELECT encode(sha256, 'hex') FROM papers")
    lines = await superuser.rows("SELECT content FROM audit WHERE content LIKE '%%issue_credit_confirmation%%'")
    assert [json.loads(line)["after"] for (line,) in lines] == [{"sha256": sha256}] * 2


async def test_a_paper_comes_as_a_pdf_that_nothing_keeps_and_is_the_same_each_time(
    api: httpx2.AsyncClient, world: World
) -> None:
    path, headers = f"/v1/papers/{world.things['paper']}", world.headers("member_own")
    first, again = await api.get(path, headers=headers), await api.get(path, headers=headers)
    assert first.content == again.content
    assert first.content.startswith(b"%PDF-")
    assert first.headers["Content-Type"] == "application/pdf"
    assert first.headers["Cache-Control"] == "no-store"
    plain, encoded = first.headers["Content-Disposition"].split("; ")[1:]
    number = (await check(api, world))["number"]
    assert plain == f'filename="credit_confirmation-{number}.pdf"'
    assert unquote(encoded).startswith("filename*=UTF-8''تأییدیهٔ اعتبار ")


async def test_the_paper_of_another_person_looks_like_none(api: httpx2.AsyncClient, world: World) -> None:
    missing = UUID(int=world.things["paper"].int ^ 1)
    for paper_id, who in ((world.things["paper"], "member_foreign"), (missing, "member_own")):
        answer = await api.get(f"/v1/papers/{paper_id}", headers=world.headers(who))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_whoever_holds_a_paper_is_told_what_to_compare_and_nothing_of_a_person(
    api: httpx2.AsyncClient, world: World
) -> None:
    told = await check(api, world)
    assert set(told) == {"kind", "words", "number", "amount", "issued", "state", "state_words"}
    assert told["words"]["fa"] == "تأییدیهٔ اعتبار"
    assert told["state"] == "usable"
    text, member = json.dumps(told, ensure_ascii=False), world.people["member_own"]
    for secret in (member.national_id, member.mobile, str(member.id), "مریم", "آزمون", str(world.things["line"])):
        assert secret not in text


async def test_the_check_tells_how_it_stands_now_while_the_paper_stays(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    path, headers = f"/v1/papers/{world.things['paper']}", world.headers("member_own")
    before = (await api.get(path, headers=headers)).content
    line = world.things["line"]
    await superuser.run("UPDATE credit_lines SET purchases_stopped_at = now() WHERE id = %s", line)
    assert (await check(api, world))["state"] == "purchases_stopped"
    await superuser.run("UPDATE credit_lines SET closed_at = now() WHERE id = %s", line)
    assert (await check(api, world))["state"] == "ended"
    assert (await api.get(path, headers=headers)).content == before
    refused = await confirm(api, world)
    assert (refused.status_code, refused.json()["code"]) == (409, "credit_over")


async def test_a_receipt_is_downloaded_and_checked_as_every_other_paper(
    api: httpx2.AsyncClient, world: World, context: Context
) -> None:
    member = world.people["member_own"]
    async with transaction(context.engine, SERVICE) as connection:
        receipt = await issue(connection, context.seals, world.things["active"], member.id, RECEIPT)
    answer = await api.get(f"/v1/papers/{receipt.id}", headers=world.headers("member_own"))
    assert answer.content.startswith(b"%PDF-")
    told = (await api.get(f"/v1/papers/checks/{receipt.token}")).json()
    assert (told["kind"], told["state"], told["amount"]["amount"]) == ("payment_receipt", "paid", RECEIPT.amount)


@pytest.mark.parametrize("token", ["x", "b1Qm2Zt7cX0yK4sVn8wPjA", "x" * 64, "%00", "سند"])
async def test_every_wrong_token_gets_the_same_answer(api: httpx2.AsyncClient, token: str) -> None:
    answer = await api.get(f"/v1/papers/checks/{token}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
