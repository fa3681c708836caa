"""Joining at the pages, and the terms (A1, G1)."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from tests.arrange import Arrange, Someone, eventually, next_national_id, sent_to
from tests.books import Superuser
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.usefixtures("relay")


@pytest.mark.parametrize("script", [True, False])
async def test_somebody_joins_and_is_a_member(visit: Visit, script: bool) -> None:
    who = Someone(UUID(int=0), next_national_id(), "+989351110001", "")
    visitor = await visit(script=script, width=360)
    visitor.someone = who
    await visitor.go("/sign-in")
    await visitor.press("Join")
    await visitor.look()
    await visitor.fill(national_id=who.national_id, first_name="نگار", last_name="صالحی", mobile="۰۹۳۵۱۱۱۰۰۰۱")
    await visitor.press("Send me the code")
    await visitor.reads("To join, please accept the terms.")
    await visitor.page.check('[name="terms_version"]')
    await visitor.press("Send me the code")
    await visitor.look()
    await visitor.fill(code=await visitor.code("join"))
    await visitor.press("Join")
    await visitor.reads("Welcome. You are a member now.")
    assert "نگار" in await visitor.text()
    assert "شرایط عضویت را هنوز" not in await visitor.text()


async def test_a_number_of_somebody_else_gets_the_same_page_and_no_code(visit: Visit) -> None:
    visitor = await visit()
    await visitor.go("/join")
    await visitor.fill(national_id="123", first_name="نگار", last_name="صالحی", mobile="09351114040")
    await visitor.page.check('[name="terms_version"]')
    await visitor.press("Send me the code")
    assert await visitor.page.locator("#national_id-error").inner_text() != ""
    await visitor.fill(national_id=next_national_id())
    await visitor.press("Send me the code")
    await visitor.reads("اگر این شماره به نام صاحب این کد ملی باشد")


async def test_a_member_accepts_newer_terms(visit: Visit, arrange: Arrange, superuser: Superuser) -> None:
    (member,) = await arrange.colleagues(1)
    visitor = await visit(member)
    await visitor.go("/")
    await visitor.press("Read and accept them")
    await visitor.look()
    await visitor.press("I have read and accept the terms.")
    await visitor.reads("Thank you. The terms are accepted.")
    assert "شرایط عضویت را هنوز" not in await visitor.text()
    assert await superuser.value("SELECT version FROM terms_acceptances WHERE person_id = %s", member.id) == 1


def _link(messages: Path) -> str:
    """The link in the one invitation that was sent."""
    sms = [json.loads(file.read_text("utf-8")) for file in messages.glob("*.json")]
    (text,) = [one["text"] for one in sms if one["template"] == "invitation_received"]
    return str(text.rpartition(" ")[2])


async def _follow(visitor: PageVisitor, link: str) -> None:
    """Open the link; without script its code is pasted."""
    page, token = link.removeprefix("https://app").split("#")
    await visitor.go(f"{page}#{token}")
    if not visitor.script:
        await visitor.fill(invitation=link)
        await visitor.press("Who invites me?")
    assert token not in visitor.page.url.partition("#")[0]


@pytest.mark.parametrize("script", [True, False])
async def test_a_member_invites_and_the_invited_joins_by_the_link(
    visit: Visit, arrange: Arrange, messages_dir: Path, superuser: Superuser, script: bool
) -> None:
    (member,) = await arrange.colleagues(1)
    inviter = await visit(member)
    await inviter.go("/invite")
    await inviter.fill(mobile="0935")
    await inviter.press("Send the invitation")
    await inviter.fill(mobile="09351110001")
    await inviter.press("Send the invitation")
    await inviter.reads("The invitation is on its way.")

    async def came() -> bool:
        return "invitation_received" in sent_to(messages_dir, "+989351110001")

    await eventually(came, "the invitation")
    link = _link(messages_dir)

    invited = await visit(script=script, width=360)
    invited.someone = Someone(UUID(int=0), next_national_id(), "+989351110001", "")
    await _follow(invited, link)
    await invited.reads("مریم آزمون شما را دعوت کرده است")
    await invited.look()
    await invited.fill(national_id=invited.someone.national_id, first_name="نگار", last_name="صالحی")
    await invited.fill(mobile="09351110001")
    await invited.page.check('[name="terms_version"]')
    await invited.press("Send me the code")
    await invited.fill(code=await invited.code("join"))
    await invited.press("Join")
    await invited.reads("Welcome. You are a member now.")
    assert await superuser.value("SELECT used_at IS NOT NULL FROM invitations")

    late = await visit(script=script)
    await _follow(late, link)
    await late.reads("This invitation is over. You can join without it.")
