"""Words on a case at its page: asked on a phone, answered at a desk, each thread apart (G7)."""

from __future__ import annotations

import httpx2

from activities.transition import ActivityContext
from commands.command import Context
from domain.correspondence import WordsOutOfBounds
from tests.arrange import Arrange
from tests.commands.onboarding_steps import TavanaScenario, open_task
from tests.correspondence_steps import write
from tests.web.conftest import HERE, Visit, cookies
from web.correspondence import _FEW


async def test_a_member_asks_on_a_phone_and_the_office_answers(
    visit: Visit, context: Context, arrange: Arrange, activity_context: ActivityContext
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.backed()
    member = await visit(tavana.applicant, width=360)
    await member.go(f"/cases/{case_id}")
    await member.fill(text="فیش تازه را\nهم بفرستم؟ <b>")
    await member.press("Send the message")
    await member.reads("Your message was sent.")
    await member.reads("فیش تازه را\nهم بفرستم؟ <b>")
    await member.look()

    office = await visit(tavana.finance)
    await office.go(f"/tasks/{await open_task(context, case_id, 'review_application')}")
    async with office.page.expect_navigation():
        await office.page.locator("#words").get_by_role("link", name="متقاضی").click()
    await office.reads("هم بفرستم؟ <b>")
    await office.fill(text="بله، لطفاً.")
    await office.press("Send the message")
    await office.reads("Your message was sent.")
    await office.reads("بله، لطفاً.")
    await office.look()

    await member.go(f"/cases/{case_id}")
    text = await member.text()
    assert text.index("هم بفرستم؟") < text.index("بله، لطفاً.")
    assert "امور مالی" in text
    guarantor = await visit(tavana.guarantor, width=360)
    await guarantor.go(f"/cases/{case_id}")
    assert "بفرستم" not in await guarantor.text()
    for one in (member, office, guarantor):
        one.assert_no_complaints()


async def test_what_is_refused_is_said_at_its_field_and_earlier_words_are_a_page_away(
    site: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.backed()
    address, headers = f"/cases/{case_id}/words", {**cookies(tavana.applicant), **HERE}
    for typed, sentence in (("", "لطفاً این را پر کنید."), ("ن", "دست‌کم"), ("\u200f\u200f ن", WordsOutOfBounds.fa)):
        answer = await site.post(address, data={"key": "key-of-this-form", "text": typed}, headers=headers)
        assert answer.status_code == 422
        assert 'id="text-error"' in answer.text
        assert sentence in answer.text
    assert (await site.get(f"{address}?member_id={tavana.guarantor.id}", headers=headers)).status_code == 404

    for number in range(_FEW + 1):
        await write(context, tavana.applicant, case_id, f"پیام-{number}-")
    newest = (await site.get(address, headers=headers)).text
    assert f"پیام-{_FEW}-" in newest
    assert "پیام-0-" not in newest
    (earlier,) = {part.split('"')[0] for part in newest.split('href="') if "cursor=" in part.split('"')[0]}
    assert "پیام-0-" in (await site.get(earlier.replace("&amp;", "&"), headers=headers)).text
