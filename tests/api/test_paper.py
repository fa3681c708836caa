"""Papers through the API: the confirmation of a credit, its PDF, and its check by a stranger (G9)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.persian import persian_digits
from messages.case import StepInput
from storage.database import SERVICE, transaction
from storage.paper import issue, read_paper
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply
from tests.commands.onboarding_steps import issue as issue_certificate
from tests.domain.test_paper import RECEIPT
from tests.transitions import Transitions


@dataclass(frozen=True, slots=True)
class Credit:
    """A usable credit."""

    api: httpx2.AsyncClient
    owner: Someone
    stranger: Someone
    case_id: UUID
    line_id: UUID

    async def confirm(self) -> httpx2.Response:
        """Ask for the confirmation."""
        return await self.api.post(f"/v1/credit-lines/{self.line_id}/confirmation", headers=self.owner.headers())

    async def download(self, paper_id: object, who: Someone | None = None) -> httpx2.Response:
        """Download a paper."""
        return await self.api.get(f"/v1/papers/{paper_id}", headers=(who or self.owner).headers())


@pytest.fixture
async def credit(
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> Credit:
    """A member with a usable credit, and somebody else."""
    employer = await arrange.organisation()
    owner, stranger = await arrange.colleagues(2, employer)
    office = MinipayOffice(context, owner, await arrange.hr_officer(employer))
    activities, case_id = Transitions(activity_context), await apply(office)
    await activities.request_backing(StepInput(case_id))
    await issue_certificate(office, case_id)
    await activities.activate_credit(StepInput(case_id))
    return Credit(api, owner, stranger, case_id, await superuser.value("SELECT id FROM credit_lines"))


async def told_of(credit: Credit, context: Context, paper_id: str) -> dict[str, Any]:
    """What a stranger is told of a paper."""
    async with transaction(context.engine, SERVICE) as connection:
        paper = await read_paper(connection, context.seals, UUID(paper_id), of=credit.owner.id)
    assert paper is not None
    answer = await credit.api.get(f"/v1/papers/checks/{paper.token}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told: dict[str, Any] = answer.json()
    return told


async def test_a_confirmation_is_issued_once_audited_and_listed(credit: Credit, superuser: Superuser) -> None:
    first, again = await credit.confirm(), await credit.confirm()
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    listed = (await credit.api.get("/v1/papers", headers=credit.owner.headers())).json()
    assert listed == {"items": [first.json()], "next": None}
    assert (await credit.api.get("/v1/papers", headers=credit.stranger.headers())).json()["items"] == []
    sha256 = await superuser.value("SELECT encode(sha256, 'hex') FROM papers")
    lines = await superuser.rows("SELECT content FROM audit WHERE content LIKE '%%issue_credit_confirmation%%'")
    assert [json.loads(line)["after"] for (line,) in lines] == [{"sha256": sha256}] * 2


async def test_a_paper_comes_as_a_pdf_that_nothing_keeps_and_is_the_same_each_time(credit: Credit) -> None:
    paper = (await credit.confirm()).json()
    first, again = await credit.download(paper["id"]), await credit.download(paper["id"])
    assert first.content == again.content
    assert first.content.startswith(b"%PDF-")
    assert first.headers["Content-Type"] == "application/pdf"
    assert first.headers["Cache-Control"] == "no-store"
    plain, encoded = first.headers["Content-Disposition"].split("; ")[1:]
    assert plain == f'filename="credit_confirmation-{paper["number"]}.pdf"'
    assert unquote(encoded) == f"filename*=UTF-8''تأییدیهٔ اعتبار {persian_digits(paper['number'])}.pdf"


async def test_the_paper_and_the_credit_of_another_person_look_like_none(credit: Credit) -> None:
    paper = UUID((await credit.confirm()).json()["id"])
    path = f"/v1/credit-lines/{credit.line_id}/confirmation"
    for answer in (
        await credit.download(paper, credit.stranger),
        await credit.download(UUID(int=paper.int ^ 1)),
        await credit.api.post(path, headers=credit.stranger.headers()),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_whoever_holds_a_paper_is_told_what_to_compare_and_nothing_of_a_person(
    credit: Credit, context: Context
) -> None:
    paper = (await credit.confirm()).json()
    told = await told_of(credit, context, paper["id"])
    assert set(told) == {"kind", "words", "number", "amount", "issued", "state", "state_words"}
    assert {name: told[name] for name in ("words", "number", "amount", "issued")} == {
        name: paper[name] for name in ("words", "number", "amount", "issued")
    }
    assert told["state"] == "usable"
    text, owner = json.dumps(told, ensure_ascii=False), credit.owner
    for secret in (owner.national_id, owner.mobile, str(owner.id), "مریم", "آزمون", str(credit.case_id)):
        assert secret not in text


async def test_the_check_tells_how_it_stands_now_while_the_paper_stays(
    credit: Credit, context: Context, superuser: Superuser
) -> None:
    paper = (await credit.confirm()).json()["id"]
    before = (await credit.download(paper)).content
    await superuser.run("UPDATE credit_lines SET purchases_stopped_at = now()")
    assert (await told_of(credit, context, paper))["state"] == "purchases_stopped"
    await superuser.run("UPDATE credit_lines SET closed_at = now()")
    assert (await told_of(credit, context, paper))["state"] == "ended"
    assert (await credit.download(paper)).content == before
    refused = await credit.confirm()
    assert (refused.status_code, refused.json()["code"]) == (409, "credit_over")


async def test_a_receipt_is_downloaded_and_checked_as_every_other_paper(credit: Credit, context: Context) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        receipt = await issue(connection, context.seals, credit.case_id, credit.owner.id, RECEIPT)
    assert (await credit.download(receipt.id)).content.startswith(b"%PDF-")
    told = await told_of(credit, context, str(receipt.id))
    assert (told["kind"], told["state"], told["amount"]["amount"]) == ("payment_receipt", "paid", RECEIPT.amount)


@pytest.mark.parametrize("token", ["x", "b1Qm2Zt7cX0yK4sVn8wPjA", "x" * 64, "%00", "سند"])
async def test_every_wrong_token_gets_the_same_answer(api: httpx2.AsyncClient, token: str) -> None:
    answer = await api.get(f"/v1/papers/checks/{token}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
