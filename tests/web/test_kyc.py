"""The identity review on the pages: a member fills in and mends a form, an officer compares and decides (F4)."""

from __future__ import annotations

import itertools
import re
from typing import Final
from uuid import UUID, uuid4

import httpx2
import pytest
from playwright.async_api import FilePayload

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.attachment import FileNotAccepted
from domain.kyc import FaultReason
from messages.case import StepInput
from messages.kyc import DocumentKind
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task
from tests.files_made import SVG, picture
from tests.identity import IdentityReview, cards_and_sheba, name_pictures, prepare
from tests.transitions import Transitions
from tests.web.conftest import HERE, Visit, cookies
from tests.web.kyc_scenes import BORN, LATIN, submitted
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.timeout(180)

_REVIEW: Final = "review_identity"
_ROUNDS: Final = itertools.count(9_000)


@pytest.fixture
async def member(arrange: Arrange) -> Someone:
    """A member without an employer."""
    return await arrange.person("member")


@pytest.fixture
async def officer(arrange: Arrange) -> Someone:
    """Somebody who reviews identities."""
    return await arrange.platform(Role.KYC_OFFICER)


async def take(visitor: PageVisitor, kind: str, content: bytes, *, script: bool = True) -> None:
    """Choose a picture: with script it goes at once, without by its button."""
    file: FilePayload = {"name": "card.jpg", "mimeType": "image/jpeg", "buffer": content}
    field, page = f"#documents-{kind}", visitor.page
    if script:
        async with page.expect_navigation():
            await page.set_input_files(field, file)
        return
    await page.set_input_files(field, file)
    async with page.expect_navigation():
        await page.locator("form", has=page.locator(field)).locator("button").click()


async def fill_in(visitor: PageVisitor, *, script: bool = True) -> None:
    """A form of the lower level, up to its last step."""
    await visitor.go("/identity")
    await visitor.press(visitor.language.translate("Begin the form for level %(level)s", level="پایه"))
    await visitor.look()
    await visitor.press("Continue")
    await visitor.fill(**BORN | {"latin_first": "مریم", "latin_last": "REZAEI"})
    await visitor.press("Continue")
    await visitor.reads("نام را با حروف انگلیسی")
    await visitor.look()
    await visitor.fill(**LATIN)
    await visitor.press("Continue")
    await visitor.look()
    await visitor.press("Continue")
    await take(visitor, "national_card_front", SVG, script=script)
    await visitor.reads(FileNotAccepted.fa)
    await take(visitor, "national_card_front", picture(), script=script)
    await visitor.press("Continue")
    await visitor.reads("This picture is still missing.")
    await visitor.look()
    await take(visitor, "national_card_back", picture(), script=script)
    await visitor.press("Continue")
    await visitor.look()


async def claim(visitor: PageVisitor, context: Context, case_id: UUID) -> None:
    """Take the review of a case."""
    await visitor.go(f"/tasks/{await open_task(context, case_id, _REVIEW)}")
    assert "مریم" not in await visitor.text()
    await visitor.press("Claim")
    await visitor.look()


async def send(person: PageVisitor) -> None:
    """A form that is filled in goes its way."""
    await person.press("Send the form")
    await person.reads("Your form came in. You are told by SMS as soon as it is decided.")


async def mend(person: PageVisitor, *, script: bool) -> None:
    """The front of the card was returned: it alone can be sent anew."""
    await person.go("/identity")
    await person.reads("خوانا نیست")
    await person.reads("نور چراغ روی کارت افتاده است")
    await person.look()
    await person.press("Mend these parts")
    assert await person.page.locator("[name=latin_first], [name=card_id], #documents-national_card_back").count() == 0
    await person.press("Send what I mended")
    await person.reads("Please add a new picture.")
    await person.look()
    await take(person, "national_card_front", picture(size=(90, 60)), script=script)
    await person.press("Send what I mended")
    await person.reads("What you mended came in. You are told by SMS as soon as it is decided.")


@pytest.mark.parametrize(("script", "width"), [(True, 360), (False, 1280)])
async def test_a_form_is_filled_in_returned_once_mended_and_accepted(
    visit: Visit,
    context: Context,
    activity_context: ActivityContext,
    superuser: Superuser,
    member: Someone,
    officer: Someone,
    script: bool,
    width: int,
) -> None:
    await prepare(context, member)
    transitions = Transitions(activity_context)
    person = await visit(member, script=script, width=width)
    await fill_in(person, script=script)
    await send(person)
    case_id = UUID(str(await superuser.value("SELECT id FROM cases WHERE kind = 'kyc'")))

    await transitions.request_decision(StepInput(case_id, next(_ROUNDS)))
    desk = await visit(officer, script=script, width=1280 if script else 360)
    await claim(desk, context, case_id)
    await desk.reads("MARYAM REZAEI")
    await desk.open("Return for correction")
    await desk.page.select_option('[name="faults.national_card_front"]', "unreadable")
    await desk.page.fill('[name="note"]', "نور چراغ روی کارت افتاده است")
    await desk.press("Return these parts")

    await transitions.request_resubmission(StepInput(case_id, next(_ROUNDS)))
    await mend(person, script=script)

    await transitions.request_decision(StepInput(case_id, next(_ROUNDS)))
    await claim(desk, context, case_id)
    await desk.reads("changed")
    await desk.reads("نور چراغ روی کارت افتاده است")
    await desk.open("Accept the identity")
    await desk.press("Yes, accept the identity")
    await transitions.apply_decision(StepInput(case_id, next(_ROUNDS)))
    await person.go("/identity")
    await person.reads(person.language.translate("Confirmed: level %(level)s", level="پایه"))
    await person.reads("۵۰٬۰۰۰٬۰۰۰ تومان")
    await person.look()


@pytest.fixture
async def reviewed(context: Context, activity_context: ActivityContext, member: Someone, superuser: Superuser) -> UUID:
    """The case of a form that officers are asked about."""
    case_id = await submitted(context, member)
    await superuser.run("UPDATE persons SET first_name = 'سپیده' WHERE id = %s", member.id)
    await Transitions(activity_context).request_decision(StepInput(case_id, next(_ROUNDS)))
    return case_id


async def picture_of(superuser: Superuser, member: Someone) -> UUID:
    sql = "SELECT id FROM identity_documents WHERE person_id = %s AND kind = 'national_card_front'"
    return UUID(str(await superuser.value(sql, member.id)))


async def test_a_picture_is_enlarged_and_turned_in_its_place_and_without_script_by_its_address(
    visit: Visit, context: Context, superuser: Superuser, member: Someone, officer: Someone, reviewed: UUID
) -> None:
    desk = await visit(officer)
    await desk.go(f"/tasks/{await open_task(context, reviewed, _REVIEW)}")
    await desk.press("Claim")
    viewer, page = desk.page.locator(".viewer").first, desk.page
    for button in ("[data-zoom-by='1']", "[data-turn-by]", "[data-turn-by]"):
        await page.locator(button).first.click()
    assert [await viewer.get_attribute(name) for name in ("data-zoom", "data-turn")] == ["2", "2"]
    for _time in range(4):
        await page.locator("[data-zoom-by='-1']").first.click()
    assert await viewer.get_attribute("data-zoom") == "1"
    assert await viewer.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    await desk.look()

    plain = await visit(officer, script=False, width=360)
    await plain.go(f"/identity/reviews/{reviewed}/pictures/{await picture_of(superuser, member)}?turn=1&zoom=3")
    await plain.press(plain.language.translate("Turn: %(what)s", what="روی کارت ملی"))
    shown = plain.page.locator(".viewer")
    assert [await shown.get_attribute(name) for name in ("data-zoom", "data-turn")] == ["3", "2"]


async def test_pictures_and_data_are_for_their_person_and_who_holds_the_review_alone(
    site: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    superuser: Superuser,
    member: Someone,
    officer: Someone,
    reviewed: UUID,
) -> None:
    document_id, task_id = await picture_of(superuser, member), await open_task(context, reviewed, _REVIEW)
    own, theirs = f"/identity/pictures/{document_id}", f"/identity/reviews/{reviewed}/pictures/{document_id}"
    stranger, colleague = await arrange.person("member"), await arrange.platform(Role.KYC_OFFICER)

    async def status(who: Someone, path: str) -> int:
        return (await site.get(path, headers=cookies(who))).status_code

    answer = await site.get(own, headers=cookies(member))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert await status(stranger, own) == 404
    pane = await site.get(f"/tasks/{task_id}", headers=cookies(officer))
    assert "سپیده" not in pane.text
    assert [await status(officer, path) for path in (theirs, f"{theirs}/content")] == [404, 404]

    claimed = {"key": str(uuid4()), "within": "", "from": "pane"}
    await site.post(f"/tasks/{task_id}/claim", data=claimed, headers={**cookies(officer), **HERE})

    pane = await site.get(f"/tasks/{task_id}", headers=cookies(officer))
    assert "سپیده" in pane.text
    assert [await status(officer, path) for path in (theirs, f"{theirs}/content")] == [200, 200]
    seen = await site.get(f"{theirs}/content", headers=cookies(officer))
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.content != answer.content
    assert [await status(colleague, path) for path in (theirs, f"{theirs}/content")] == [404, 404]
    assert await status(member, theirs) in {403, 404}
    assert await status(officer, f"/identity/reviews/{reviewed}/pictures/{uuid4()}") == 404
    assert "سپیده" not in (await site.get(f"/tasks/{task_id}", headers=cookies(colleague))).text


async def test_what_is_returned_without_a_reason_or_note_is_said_at_its_field(
    site: httpx2.AsyncClient, context: Context, officer: Someone, reviewed: UUID, superuser: Superuser
) -> None:
    task_id, headers = await open_task(context, reviewed, _REVIEW), {**cookies(officer), **HERE}
    claimed = {"key": str(uuid4()), "within": "", "from": "pane"}
    await site.post(f"/tasks/{task_id}/claim", data=claimed, headers=headers)
    page = (await site.get(f"/tasks/{task_id}", headers=headers)).text
    version = re.findall(r'name="version" value="(\d+)"', page)[0]
    for said, wrong in (
        ({}, "faults-error"),
        ({"faults.selfie": ""}, "faults-error"),
        ({"faults.card": "other"}, "note-error"),
        ({"faults.card": "unreadable"}, "faults-card-error"),
    ):
        data = {"key": str(uuid4()), "version": version, "within": "", "decision": "return", "number": "1", **said}
        answer = await site.post(f"/tasks/{task_id}/decision", data=data, headers=headers)
        assert (answer.status_code, wrong in answer.text) == (422, True), said
    # Nothing was recorded but that it was looked at.
    facts = await superuser.rows("SELECT kind FROM facts WHERE case_id = %s ORDER BY id", reviewed)
    assert facts == [("kyc_submitted",), ("kyc_claimed",)]


async def test_what_is_missing_leads_to_where_it_is_mended(
    site: httpx2.AsyncClient, context: Context, member: Someone
) -> None:
    page = (await site.get("/identity", headers=cookies(member))).text
    for path in ("/profile/email", "/profile/accounts"):
        assert f'href="{path}"' in page
    begun = await site.post(
        "/identity/form", data={"key": str(uuid4()), "level": "full"}, headers=cookies(member) | HERE
    )
    draft = begun.headers["Location"].removesuffix("/level")
    accounts = (await site.get(f"{draft}/accounts", headers=cookies(member))).text
    assert accounts.count('class="warning"') == 2
    pictures = (await site.get(f"{draft}/pictures", headers=cookies(member))).text
    captured = re.findall(r'id="documents-(\w+)"[^>]* capture="(\w+)"', pictures)
    assert dict(captured) == {kind: "user" if kind is DocumentKind.SELFIE else "environment" for kind in DocumentKind}

    await prepare(context, member)
    assert 'id="missing"' not in (await site.get("/identity", headers=cookies(member))).text


async def test_its_person_reads_until_when_it_is_reviewed_and_what_was_returned_also_after_it_lapsed(
    site: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    superuser: Superuser,
) -> None:
    review = await IdentityReview.opened(context, arrange, activity_context, superuser)
    case_id, note = await review.asked(), "نور چراغ روی کارت افتاده است"
    await superuser.run("UPDATE profiles SET email_confirmed_at = NULL WHERE person_id = %s", review.member.id)

    async def page(path: str) -> str:
        return (await site.get(path, headers=cookies(review.member))).text

    # Nothing is theirs to do, whatever is missing.
    under_review = await page("/identity")
    assert ("data-until" in under_review, 'id="missing"' in under_review) == (True, False)

    await review.claim(case_id)
    await review.give_back(case_id, {"card": FaultReason.OTHER}, note=note)
    await review.go_on(case_id)
    await review.remove((await cards_and_sheba(context, review.member))[0][1])
    assert 'id="missing"' in await page("/identity")
    assert "مورد دیگری که بانک به نام شما تأیید کرده باشد ندارید" in await page(f"/identity/corrections/{case_id}")

    await review.take("lapse_decision", case_id)
    assert note in await page(f"/cases/{case_id}")


async def test_who_was_refused_reads_that_another_form_may_be_sent(
    site: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    superuser: Superuser,
) -> None:
    review = await IdentityReview.opened(context, arrange, activity_context, superuser)
    case_id = await review.claimed()
    await review.refuse(case_id)
    await review.go_on(case_id)

    page = (await site.get("/identity", headers=cookies(review.member))).text
    warning = re.findall(rf'<p class="warning">[^<]*<a href="/cases/{case_id}">', page)
    assert (len(warning), "/identity/form" in page) == (1, True)


async def test_a_picture_that_is_taken_again_takes_the_place_of_the_one_before(
    site: httpx2.AsyncClient, context: Context, superuser: Superuser, member: Someone
) -> None:
    headers = cookies(member) | HERE
    begun = await site.post("/identity/form", data={"key": str(uuid4()), "level": "basic"}, headers=headers)
    path = f"{begun.headers['Location'].removesuffix('/level')}/pictures/national_card_front"
    await name_pictures(context, member, [DocumentKind.NATIONAL_CARD_BACK])
    keys = [str(uuid4()) for _ in range(2)]

    async def take_one(which: int) -> list[str]:
        file = {"file": ("a.jpg", picture(size=(90 + which, 60)), "image/jpeg")}
        await site.post(path, files=file, data={"key": keys[which]}, headers=headers)
        kept = "SELECT kind FROM identity_documents WHERE removed_at IS NULL ORDER BY id"
        return [kind for (kind,) in await superuser.rows(kept)]

    both = ["national_card_back", "national_card_front"]
    # The first one sent again comes too late to take any place.
    assert [await take_one(which) for which in (0, 1, 0)] == [both] * 3
    newest = "SELECT count(*) FROM identity_documents WHERE removed_at IS NOT NULL"
    assert await superuser.value(newest) == 1


async def test_a_draft_goes_on_from_home_and_a_lost_one_says_so(
    site: httpx2.AsyncClient, context: Context, member: Someone
) -> None:
    await prepare(context, member)
    headers = cookies(member) | HERE
    begun = await site.post("/identity/form", data={"key": str(uuid4()), "level": "basic"}, headers=headers)
    address = begun.headers["Location"]
    for page in ("/", "/identity"):
        assert address in (await site.get(page, headers=headers)).text
    removed = await site.post(f"{address.removesuffix('/level')}/removal", data={"key": str(uuid4())}, headers=headers)
    assert removed.headers["Location"] == "/identity?done=draft_deleted"
    file = {"file": ("a.jpg", picture(), "image/jpeg")}
    path = f"{address.removesuffix('/level')}/pictures/selfie"
    lost = await site.post(path, files=file, data={"key": str(uuid4())}, headers=headers)
    assert lost.headers["Location"] == "/identity?done=draft_gone"
