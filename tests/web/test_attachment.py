"""Files of a case at its page: added, refused with a sentence, saved, taken back, and seen by who decides (G7)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from domain.attachment import MAX_BYTES, FileNotAccepted
from domain.errors import TooLarge
from messages.case import StepInput
from storage.rows.attachment import Attachment
from tests.arrange import Arrange, Someone
from tests.attachment_steps import attach
from tests.commands.onboarding_steps import TavanaScenario
from tests.files_made import PDF, SVG, picture
from tests.transitions import Transitions
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import PageVisitor


async def choose(visitor: PageVisitor, name: str, content: bytes) -> None:
    """Choose a file and send it."""
    if not await visitor.page.locator("#files details[open] [type=file]").count():
        await visitor.open("Add a file")
    await visitor.page.set_input_files("[name=file]", {"name": name, "mimeType": "image/png", "buffer": content})
    await visitor.press("Add this file")


async def saved(visitor: PageVisitor, name: str, to: Path) -> bytes:
    """Press a file's name, and what was saved under it."""
    async with visitor.page.expect_download() as download:
        await visitor.page.get_by_role("link", name=name, exact=True).click()
    found = await download.value
    assert found.suggested_filename == name
    await found.save_as(to)
    return await asyncio.to_thread(to.read_bytes)


@pytest.mark.parametrize(("script", "width"), [(True, 360), (False, 1280)])
async def test_a_member_adds_saves_and_takes_back_a_file_and_reads_why_another_is_refused(
    visit: Visit,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    tmp_path: Path,
    script: bool,
    width: int,
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.asked()
    member = await visit(tavana.applicant, script=script, width=width)
    await member.go(f"/cases/{case_id}")
    await member.reads("No file has been added yet.")
    await choose(member, "فیش حقوقی.png", picture("PNG"))
    await member.reads("The file was added.")
    await member.look()
    assert (await saved(member, "فیش حقوقی.jpg", tmp_path / "saved")).startswith(b"\xff\xd8\xff")

    await choose(member, "logo.png", SVG)
    await member.reads(FileNotAccepted.fa)
    await member.look()
    await choose(member, "letter.exe", PDF)
    await member.reads("The file was added.")
    assert await saved(member, "letter.pdf", tmp_path / "saved") == PDF

    await member.open("Take back")
    await member.press("Yes, take it back")
    await member.reads("The file was taken back.")
    text = await member.text()
    assert "letter.pdf" in text
    assert "فیش حقوقی.jpg" not in text
    member.assert_no_complaints()


async def test_who_decides_sees_beside_the_decision_what_the_office_attached(
    visit: Visit, arrange: Arrange, activity_context: ActivityContext, api: httpx2.AsyncClient, tmp_path: Path
) -> None:
    employer = await arrange.organisation()
    person = await arrange.member(employer)
    office = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(employer)))
    agent = await arrange.platform(Role.SUPPORT_AGENT)
    wish = {"national_id": person.national_id, "mobile": "09350000001", "reason": "حضوری آمد و امضا کرد"}
    case_id = UUID((await api.post("/v1/mobile-changes", json=wish, headers=office.headers())).json()["id"])
    await Transitions(activity_context).request_decision(StepInput(case_id))

    welfare = await visit(office)
    await welfare.go(f"/cases/{case_id}")
    await welfare.open("Add a file")
    await welfare.page.get_by_label("مدرک هویتی").check()
    await choose(welfare, "کارت ملی.png", picture())
    await welfare.reads("The file was added.")
    await welfare.look()

    support = await visit(agent, width=360)
    (task,) = (await api.get("/v1/tasks", headers=agent.headers())).json()["items"]
    await support.go(f"/tasks/{task['id']}")
    await support.reads("مدرک هویتی")
    await support.reads("رفاه")
    await support.look()
    assert await saved(support, "کارت ملی.jpg", tmp_path / "saved")
    # The person reads of no file in their own case.
    member = await visit(person)
    await member.go(f"/cases/{case_id}")
    assert "کارت ملی" not in await member.text()


async def _case(context: Context, arrange: Arrange, activity_context: ActivityContext) -> tuple[Someone, Attachment]:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    return tavana.applicant, await attach(context, tavana.applicant, await tavana.asked())


async def test_a_file_comes_from_the_pages_as_one_to_be_saved_and_a_lost_one_as_a_sentence(
    site: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext, tmp_path: Path
) -> None:
    member, added = await _case(context, arrange, activity_context)
    address = f"/cases/{added.case_id}/attachments/{added.id}"
    answer = await site.get(address, headers=cookies(member))
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"

    (tmp_path / "files" / added.file_key).unlink()
    answer = await site.get(address, headers=cookies(member))
    assert answer.status_code == 409
    assert "از دست رفته" in answer.text


async def test_a_file_that_is_too_large_or_missing_is_said_at_its_field(
    site: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext
) -> None:
    member, added = await _case(context, arrange, activity_context)
    address, headers = f"/cases/{added.case_id}/attachments", {**cookies(member), **HERE}
    for files, sentence in (
        ({"file": ("a.pdf", b"x" * (MAX_BYTES + 1), "application/pdf")}, TooLarge.fa),
        ({"file": ("a.pdf", b"x" * (MAX_BYTES * 3 // 2), "application/pdf")}, TooLarge.fa),
        ({"file": ("", b"", "application/pdf")}, "لطفاً فایل را انتخاب کنید."),
    ):
        answer = await site.post(address, files=files, data={"key": "key-of-this-form"}, headers=headers)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert 'id="file-error"' in answer.text
