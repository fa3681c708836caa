"""Papers on the pages: asked for under Credit, downloaded, and checked by somebody else (G9)."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx2
import pytest

from commands.command import Context
from storage.paper import Paper
from tests.api.test_paper import Credit, credit
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.domain.test_paper import RECEIPT
from tests.storage.test_paper import case_of, issued
from tests.web.conftest import Visit, cookies
from tests.web.visitor import PageVisitor

__all__ = ["credit"]

_PHONE, _DESK = 360, 1280


@pytest.fixture
async def payer(arrange: Arrange) -> Someone:
    return await arrange.person("member")


@pytest.fixture
async def receipt(context: Context, superuser: Superuser, payer: Someone) -> Paper:
    """The receipt of a member."""
    return await issued(context, await case_of(superuser, payer), payer.id)


async def look(visitor: PageVisitor, name: str) -> None:
    """Look at the page on a phone and at a desk."""
    for width in (_PHONE, _DESK):
        await visitor.page.set_viewport_size({"width": width, "height": 800})
        await visitor.look()
        await visitor.picture(f"{name}-{width}")


async def test_a_member_asks_for_the_confirmation_of_a_credit_and_downloads_it(
    visit: Visit, credit: Credit, tmp_path: Path
) -> None:
    member = await visit(credit.owner)
    await member.go("/credit")
    await look(member, "paper-credit")
    await member.press("Confirmation (PDF)")
    await member.reads("The paper stands below; you can download it as often as you like.")
    await look(member, "papers")
    async with member.page.expect_download() as download:
        await member.page.get_by_text("دریافت (PDF)").click()
    file = await download.value
    assert file.suggested_filename.startswith("تأییدیهٔ اعتبار")
    await file.save_as(tmp_path / "paper.pdf")
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("language", ["fa", pytest.param("en", marks=pytest.mark.long)])
async def test_a_stranger_checks_a_paper_and_finds_no_other_by_a_wrong_code(
    visit: Visit, receipt: Paper, language: str
) -> None:
    stranger = await visit(language=language)
    await stranger.go(f"/check/{receipt.token}")
    await stranger.reads("This paper is genuine")
    await look(stranger, f"paper-check-{language}")
    said = set()
    for token in ("x", "x" * 22, "x" * 200, "سند", receipt.token[:-1]):
        await stranger.go(f"/check/{token}", status=404)
        said.add(await stranger.text())
    assert len(said) == 1
    await stranger.reads("No such paper")
    await look(stranger, f"paper-check-wrong-{language}")


async def test_the_page_of_a_check_names_nobody_is_kept_by_nobody_and_leaves_no_address_in_the_log(
    site: httpx2.AsyncClient, payer: Someone, receipt: Paper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await site.get(f"/check/{receipt.token}")
    assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("no-store", "noindex")
    for secret in (RECEIPT.payer, RECEIPT.receiver, RECEIPT.reference, "آزمون", payer.national_id, str(payer.id)):
        assert secret not in answer.text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("amanat")]
    assert all(receipt.token not in line for line in ours)


async def test_the_file_of_another_person_is_no_page(
    site: httpx2.AsyncClient, arrange: Arrange, payer: Someone, receipt: Paper
) -> None:
    path = f"/papers/{receipt.id}"
    own = await site.get(path, headers=cookies(payer))
    other = await site.get(path, headers=cookies(await arrange.person("member")))
    assert (own.status_code, own.headers["Content-Type"], other.status_code) == (200, "application/pdf", 404)
