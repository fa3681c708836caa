"""Pictures of documents over HTTP: what is kept of them, and that who holds the review sees one marked (F4)."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from PIL import ExifTags, Image

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.kyc import DOCUMENTS_PER_PERSON, MOST_DOCUMENTS
from gateways.picture_maker import LONGEST_SIDE
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.account_steps import use_up
from tests.files_made import HTML, PDF, SVG, picture
from tests.identity import BACK, FRONT, IdentityReview, add_picture, form_with, name_pictures

MINE, REVIEWS = "/v1/identity/documents", "/v1/identity/reviews"
STREET = "Tehran, Azadi square"
PDF_WITH_SCRIPT = PDF.replace(b"/Catalog", b"/Catalog /OpenAction << /S /JavaScript /JS (app.alert(1)) >>")
NO_PICTURES = {
    "a PDF with script": (PDF_WITH_SCRIPT, "file_type_not_accepted"),
    "a page": (HTML, "file_type_not_accepted"),
    "a drawing": (SVG, "file_type_not_accepted"),
    "half a picture": (picture()[:100], "file_type_not_accepted"),
    "nothing": (b"", "empty_file"),
}


@pytest.fixture
async def review(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> IdentityReview:
    """A member who is ready to submit, and two officers."""
    return await IdentityReview.opened(context, arrange, activity_context, superuser)


async def send(api: httpx2.AsyncClient, who: Someone, content: bytes) -> httpx2.Response:
    """Add a picture of the front of a card."""
    headers = {**who.headers(), "Content-Type": "application/octet-stream"}
    return await api.post(f"{MINE}?kind={FRONT}", content=content, headers=headers)


async def kept(api: httpx2.AsyncClient, who: Someone, content: bytes) -> bytes:
    """A picture as it is kept."""
    sent = await send(api, who, content)
    assert sent.status_code == 201, sent.text
    answer = await api.get(f"{MINE}/{sent.json()['id']}", headers=who.headers())
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.content


def from_telephone() -> bytes:
    """A picture that says where it was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = STREET
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (35.0, 41.0, 59.0)}
    )
    return picture(exif=exif)


async def test_where_a_picture_was_taken_is_not_kept(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    sent = from_telephone()
    with Image.open(io.BytesIO(sent)) as before:
        assert before.getexif().get_ifd(ExifTags.IFD.GPSInfo)

    content = await kept(api, await arrange.person("member"), sent)

    with Image.open(io.BytesIO(content)) as after:
        assert (after.format, dict(after.getexif())) == ("JPEG", {})
        assert not after.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    assert STREET.encode() not in content


async def test_a_picture_of_40_megapixels_is_taken_and_made_smaller(api: httpx2.AsyncClient, arrange: Arrange) -> None:
    large = io.BytesIO()
    Image.new("L", (7_400, 5_500), 180).save(large, "JPEG")
    with Image.open(io.BytesIO(await kept(api, await arrange.person("member"), large.getvalue()))) as after:
        assert max(after.size) == LONGEST_SIDE


async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    api: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser, tmp_path: Path
) -> None:
    member = await arrange.person("member")
    before = await superuser.effects()
    for what, (content, code) in NO_PICTURES.items():
        answer = await send(api, member, content)
        assert (answer.status_code, answer.json()["code"]) == (422, code), what
    assert await superuser.effects() == before
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_so_many_pictures_are_kept_without_a_form_and_so_many_taken_a_day(
    api: httpx2.AsyncClient, review: IdentityReview
) -> None:
    for _ in range(MOST_DOCUMENTS // 2):
        await name_pictures(review.context, review.member)
    answer = await send(api, review.member, picture())
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_documents")

    await use_up(review.context, DOCUMENTS_PER_PERSON, str(review.member.id))
    assert (await send(api, review.member, picture())).status_code == 429
    assert (await send(api, review.officer, picture())).status_code == 403


async def test_each_officer_sees_a_picture_under_a_mark_of_their_own_and_each_view_is_noted(
    api: httpx2.AsyncClient, review: IdentityReview
) -> None:
    front = await add_picture(review.context, review.member, FRONT, picture(size=(640, 480)))
    pictures = {FRONT: front, **await name_pictures(review.context, review.member, [BACK])}
    case_id = await review.asked(typed=await form_with(review.context, review.member, pictures))
    address = f"{REVIEWS}/{case_id}/documents/{front}"

    seen = [(await api.get(f"{MINE}/{front}", headers=review.member.headers())).content]
    await review.claim(case_id)
    seen.append((await api.get(address, headers=review.officer.headers())).content)
    await review.release(case_id)
    await review.claim(case_id, review.colleague)
    seen.append((await api.get(address, headers=review.colleague.headers())).content)

    assert len(set(seen)) == 3
    assert all(content.startswith(b"\xff\xd8\xff") for content in seen)
    noted = "SELECT content FROM audit WHERE stream = %s AND content LIKE '%%view_identity%%' ORDER BY seq"
    views = [content for (content,) in await review.superuser.rows(noted, f"case:{case_id}")]
    assert len(views) == 2
    for content, officer in zip(views, (review.officer, review.colleague), strict=True):
        assert str(officer.id) in content
        assert str(front) in content


async def test_the_form_and_its_pictures_are_for_their_person_and_for_who_holds_the_review_alone(
    api: httpx2.AsyncClient, review: IdentityReview, arrange: Arrange
) -> None:
    case_id = await review.asked()
    front = (await review.sent(case_id)).documents[FRONT]
    (unsent,) = (await name_pictures(review.context, review.member, [FRONT])).values()
    stranger, auditor = await arrange.person("member"), await arrange.platform(Role.AUDITOR)

    async def status(who: Someone, *place: str | UUID) -> int:
        return (await api.get("/".join(map(str, place)), headers=who.headers())).status_code

    async def looks(who: Someone, document_id: UUID) -> list[int]:
        """At the form, and at a picture of it."""
        return [
            await status(who, REVIEWS, case_id),
            await status(who, REVIEWS, case_id, "documents", document_id),
        ]

    assert await status(stranger, MINE, front) == 404
    assert await status(auditor, MINE, front) == 403
    assert await looks(review.officer, front) == [404, 404]
    await review.claim(case_id)
    read = await api.get(f"{REVIEWS}/{case_id}", headers=review.officer.headers())
    assert (read.status_code, read.json()["national_id"]) == (200, review.member.national_id)
    assert await looks(review.officer, unsent) == [200, 404]
    for who, refusal in (
        (review.colleague, 404),
        (auditor, 403),
        (review.operator, 403),
        (stranger, 403),
        (review.member, 403),
    ):
        assert await looks(who, front) == [refusal] * 2, refusal

    await review.release(case_id)
    assert await looks(review.officer, front) == [404, 404]
    await review.claim(case_id)
    await review.accept(case_id)
    assert await looks(review.officer, front) == [404, 404]
