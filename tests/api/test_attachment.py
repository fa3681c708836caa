"""Files of a case over HTTP: what comes in, who sees it, how it is saved, and what breaks off (G7)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.attachment import sweep_share
from activities.transition import ActivityContext
from commands.attachment import add_attachment
from commands.command import Command, Context
from domain.access import Grant, Role, ScopeKind
from domain.attachment import FILES_PER_PERSON, MAX_BYTES, MAX_FILES_OF_CASE
from messages.case import CaseKind, StepInput
from storage.attachment import SHARES
from storage.rows.attachment import Attachment
from tests.arrange import Arrange, Someone
from tests.attachment_steps import attach, upload_of
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario
from tests.files_made import HTML, PDF, SVG, archive, picture
from tests.transitions import Transitions

COPY = (
    "INSERT INTO attachments (case_id, person_id, part, seen_by, purpose, name_sealed, media_type, size, sha256,"
    " file_key) SELECT case_id, person_id, part, seen_by, purpose, name_sealed, media_type, size, sha256,"
    " file_key || n FROM attachments, generate_series(2, %s) n"
)


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a guarantor of theirs, and the office that reviews."""
    return await TavanaScenario.opened(context, arrange, activity_context)


@pytest.fixture
async def case_id(tavana: TavanaScenario) -> UUID:
    """An application that its guarantor is asked about."""
    return await tavana.asked()


def place(case_id: UUID, *more: object) -> str:
    """Where the files of a case are."""
    return "/".join([f"/v1/cases/{case_id}/attachments", *map(str, more)])


async def send(
    api: httpx2.AsyncClient, who: Someone, case_id: UUID, content: bytes, *, name: str = "", key: str | None = None
) -> httpx2.Response:
    """Add a file."""
    headers = {**who.headers(key), "Content-Type": "application/octet-stream"}
    if name:
        headers["Content-Disposition"] = name
    return await api.post(place(case_id), content=content, headers=headers)


def stored(tmp_path: Path) -> list[Path]:
    """The files that are in the store."""
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def left_behind() -> list[Path]:
    """What lies there of files on their way."""
    return [*Path("/tmp").glob("amanat-upload-*")]  # noqa: S108 - to look there


async def test_a_file_is_listed_with_who_and_when_and_saved_as_it_was_sent(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID, tmp_path: Path
) -> None:
    name = "attachment; filename*=UTF-8''..%2F..%2F%D9%81%DB%8C%D8%B4%20%22%0D%0A.exe"
    sent = await send(api, tavana.applicant, case_id, PDF, name=name)
    assert sent.status_code == 201, sent.text

    (shown,) = (await api.get(place(case_id), headers=tavana.applicant.headers())).json()["items"]
    assert shown == sent.json()
    assert (shown["name"], shown["media_type"], shown["size"]) == ('فیش ".pdf', "application/pdf", len(PDF))
    assert (shown["actor"], shown["purpose"]["code"], shown["is_mine"]) == ("applicant", "supporting_paper", True)
    assert shown["added"]["jalali"]

    answer = await api.get(place(case_id, shown["id"]), headers=tavana.applicant.headers())
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%D9%81%DB%8C%D8%B4%20%22.pdf"
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    # At rest nothing of it can be read, neither what it holds nor what it is called.
    (path,) = stored(tmp_path)
    assert b"%PDF" not in path.read_bytes()
    assert "pdf" not in str(path).removeprefix(str(tmp_path))


async def test_a_picture_is_kept_as_a_jpeg_whatever_it_was_called(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID
) -> None:
    sent = await send(
        api, tavana.applicant, case_id, picture("PNG") + archive(), name='attachment; filename="page.html"'
    )
    assert (sent.status_code, sent.json()["name"], sent.json()["media_type"]) == (201, "page.jpg", "image/jpeg")
    answer = await api.get(place(case_id, sent.json()["id"]), headers=tavana.applicant.headers())
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert len(answer.content) == sent.json()["size"]
    assert b"page.html" not in answer.content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (SVG, "file_type_not_accepted"),
        (HTML, "file_type_not_accepted"),
        (archive(), "file_type_not_accepted"),
        (PDF + archive(), "file_type_not_accepted"),
        # An archive that begins as a PDF and whose last words are those of one.
        (PDF.removesuffix(b"%%EOF\n") + archive(b"%%EOF"), "file_type_not_accepted"),
        (picture()[:100], "file_type_not_accepted"),
        (PDF.replace(b"%%EOF", b" " * MAX_BYTES + b"%%EOF"), "too_large"),
    ],
    ids=["empty", "svg", "html", "zip", "pdf and zip", "zip as pdf", "half a picture", "large"],
)
async def test_what_is_no_sound_file_is_refused_and_leaves_nothing(
    api: httpx2.AsyncClient,
    tavana: TavanaScenario,
    case_id: UUID,
    tmp_path: Path,
    superuser: Superuser,
    content: bytes,
    code: str,
) -> None:
    before = await superuser.effects()
    answer = await send(api, tavana.applicant, case_id, content, name='attachment; filename="a.pdf"')
    assert (answer.status_code, answer.json()["code"]) == (413 if code == "too_large" else 422, code)
    assert await superuser.effects() == before
    assert stored(tmp_path) == []


async def test_a_guarantor_and_a_stranger_see_no_file_of_the_applicant_and_their_office_does(
    api: httpx2.AsyncClient, arrange: Arrange, tavana: TavanaScenario, case_id: UUID, context: Context
) -> None:
    added = await attach(context, tavana.applicant, case_id)
    stranger = await arrange.member(tavana.employer)
    operator = await arrange.platform(Role.OPERATOR)
    for who in (tavana.guarantor, stranger, operator):
        for answer in (
            await api.get(place(case_id), headers=who.headers()),
            await api.get(place(case_id, added.id), headers=who.headers()),
            await api.delete(place(case_id, added.id), headers=who.headers()),
            await send(api, who, case_id, PDF),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    auditor = await arrange.platform(Role.AUDITOR)
    assert (await api.get(place(case_id, added.id), headers=auditor.headers())).content == PDF
    assert not (await api.get(place(case_id), headers=auditor.headers())).json()["may_add"]
    assert (await send(api, auditor, case_id, PDF)).status_code == 404
    # Of another case of the same applicant it is not.
    other = uuid4()
    assert (await api.get(place(other, added.id), headers=tavana.applicant.headers())).status_code == 404


async def test_each_time_staff_save_a_file_is_noted_and_a_members_own_is_not(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID, context: Context, superuser: Superuser
) -> None:
    added = await attach(context, tavana.applicant, case_id)
    for who in (tavana.finance, tavana.finance, tavana.applicant):
        assert (await api.get(place(case_id, added.id), headers=who.headers())).status_code == 200

    noted = await superuser.rows(
        "SELECT content FROM audit WHERE stream = %s AND content LIKE '%%download_attachment%%'", f"case:{case_id}"
    )
    assert len(noted) == 2
    assert all(str(tavana.finance.id) in content and str(added.id) in content for (content,) in noted)


async def test_staff_see_no_files_of_a_case_in_which_they_take_part(
    api: httpx2.AsyncClient, arrange: Arrange, tavana: TavanaScenario, case_id: UUID, context: Context
) -> None:
    added = await attach(context, tavana.applicant, case_id)
    finance = await arrange.as_staff(tavana.guarantor, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    assert (await api.get(place(case_id, added.id), headers=finance.headers())).status_code == 404


async def test_the_same_file_under_the_same_key_is_added_once(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID, tmp_path: Path
) -> None:
    key = str(uuid4())
    first = await send(api, tavana.applicant, case_id, PDF, key=key)
    again = await send(api, tavana.applicant, case_id, PDF, key=key)
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    other = await send(api, tavana.applicant, case_id, picture(), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    listed = (await api.get(place(case_id), headers=tavana.applicant.headers())).json()["items"]
    assert (len(listed), len(stored(tmp_path))) == (1, 1)


async def test_the_same_key_sent_twice_at_once_adds_one_file(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID, tmp_path: Path
) -> None:
    key = str(uuid4())
    both = await asyncio.gather(*(send(api, tavana.applicant, case_id, PDF, key=key) for _ in range(2)))
    assert {answer.status_code for answer in both} <= {201, 409}
    listed = (await api.get(place(case_id), headers=tavana.applicant.headers())).json()["items"]
    assert (len(listed), len(stored(tmp_path))) == (1, 1)


async def test_an_upload_that_breaks_off_leaves_nothing(
    context: Context, tavana: TavanaScenario, case_id: UUID, tmp_path: Path, superuser: Superuser
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PDF[:20]
        raise ConnectionResetError

    before, upload = await superuser.effects(), await upload_of(context, tavana.applicant, case_id)
    object.__setattr__(upload, "content", broken())
    with pytest.raises(ConnectionResetError):
        await add_attachment(context, upload, lambda _command, _row: b"")
    assert await superuser.effects() == before
    assert stored(tmp_path) == []
    assert left_behind() == []


async def sweep(activity_context: ActivityContext) -> int:
    """Every share's turn, once."""
    return sum([await sweep_share(activity_context, share, 1_000) for share in range(SHARES)])


async def test_a_file_without_a_row_is_swept_after_a_day_and_one_with_a_row_stays(
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    tavana: TavanaScenario,
    case_id: UUID,
    tmp_path: Path,
) -> None:
    def killed(_command: Command, _row: Attachment) -> bytes:
        raise ConnectionResetError

    kept = await attach(context, tavana.applicant, case_id)
    with pytest.raises(ConnectionResetError):
        await add_attachment(context, await upload_of(context, tavana.applicant, case_id), killed)
    removed = await attach(context, tavana.applicant, case_id, picture())
    answer = await api.delete(place(case_id, removed.id), headers=tavana.applicant.headers())
    assert answer.status_code == 200, answer.text
    assert len(stored(tmp_path)) == 3
    assert await sweep(activity_context) == 0

    yesterday = time.time() - 25 * 3_600
    for path in stored(tmp_path):
        os.utime(path, (yesterday, yesterday))
    assert await sweep(activity_context) == 2
    (left,) = stored(tmp_path)
    assert str(left).endswith(kept.file_key)


async def test_a_lost_or_damaged_file_is_said_to_be_so(
    api: httpx2.AsyncClient, context: Context, tavana: TavanaScenario, case_id: UUID, tmp_path: Path
) -> None:
    added = await attach(context, tavana.applicant, case_id)
    (path,) = stored(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for is_there in (True, False):
        if not is_there:
            path.unlink()
        answer = await api.get(place(case_id, added.id), headers=tavana.applicant.headers())
        assert (answer.status_code, answer.json()["code"]) == (409, "attachment_unreadable")


async def test_a_wrong_file_is_taken_back_by_its_sender_until_somebody_acts_or_an_hour_has_passed(
    api: httpx2.AsyncClient, context: Context, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    async def tried(who: Someone) -> tuple[int, str]:
        added = await attach(context, tavana.applicant, case_id)
        await superuser.run(age, added.id)
        answer = await api.delete(place(case_id, added.id), headers=who.headers())
        return answer.status_code, answer.json().get("code", "")

    age = "UPDATE attachments SET added_at = now() - interval '59 minutes' WHERE id = %s"
    await superuser.run("SET session_replication_role = replica")
    await superuser.run("UPDATE facts SET at = at - interval '2 hours'")
    assert await tried(tavana.applicant) == (200, "")
    assert await tried(tavana.finance) == (404, "not_found")
    age = "UPDATE attachments SET added_at = now() - interval '61 minutes' WHERE id = %s"
    assert await tried(tavana.applicant) == (409, "attachment_stays")
    age = "UPDATE attachments SET added_at = now() - interval '1 minute' WHERE id = %s"
    await superuser.run("UPDATE facts SET at = now()")
    assert await tried(tavana.applicant) == (409, "attachment_stays")


async def test_a_case_takes_so_many_files_and_a_person_sends_so_many_a_day(
    api: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    tavana: TavanaScenario,
    case_id: UUID,
    superuser: Superuser,
) -> None:
    hr = await arrange.hr_officer(tavana.employer)
    await attach(context, tavana.applicant, case_id)
    await superuser.run(COPY, MAX_FILES_OF_CASE - 1)
    both = await asyncio.gather(*(send(api, who, case_id, PDF) for who in (tavana.applicant, tavana.finance)))
    assert sorted(answer.status_code for answer in both) == [201, 409]
    answer = await send(api, tavana.applicant, case_id, PDF)
    assert (answer.status_code, answer.json()["code"]) == (409, "case_files_full")

    await superuser.run("UPDATE rate_windows SET used = %s", FILES_PER_PERSON.allowed)
    answer = await send(api, tavana.applicant, case_id, PDF)
    assert (answer.status_code, answer.json()["code"]) == (429, "files_over_quota")
    assert int(answer.headers["Retry-After"]) > 3_600
    assert (await send(api, hr, case_id, SVG)).json()["code"] == "file_type_not_accepted"


async def test_a_case_that_is_over_takes_no_more_and_shows_what_it_has(
    api: httpx2.AsyncClient, context: Context, tavana: TavanaScenario
) -> None:
    case_id = await tavana.approved()
    added = await attach(context, tavana.applicant, case_id)
    await tavana.take("activate_credit", case_id)
    answer = await send(api, tavana.applicant, case_id, PDF)
    assert (answer.status_code, answer.json()["code"]) == (409, "case_closed")
    assert (await api.get(place(case_id, added.id), headers=tavana.applicant.headers())).content == PDF
    shown = (await api.get(place(case_id), headers=tavana.applicant.headers())).json()
    assert (shown["may_add"], shown["items"][0]["may_remove"]) == (False, False)


async def test_a_case_has_no_files_for_another_purpose_or_of_a_kind_that_takes_none(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    headers = tavana.applicant.headers()
    answer = await api.post(f"{place(case_id)}?purpose=identity_paper", content=PDF, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "purpose")
    await superuser.run("UPDATE cases SET kind = %s WHERE id = %s", CaseKind.SUBSTITUTION, case_id)
    assert (await api.get(place(case_id), headers=tavana.applicant.headers())).status_code == 404


async def test_papers_of_a_change_of_mobile_are_for_its_offices_and_not_for_the_person(
    api: httpx2.AsyncClient, arrange: Arrange, activity_context: ActivityContext
) -> None:
    employer, other = await arrange.organisation(), await arrange.organisation()
    member = await arrange.member(employer)
    welfare, foreign = [
        await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(one))) for one in (employer, other)
    ]
    support, hr = await arrange.platform(Role.SUPPORT_AGENT), await arrange.hr_officer(employer)
    wish = {"national_id": member.national_id, "mobile": "09350000001", "reason": "حضوری آمد و امضا کرد"}
    opened = await api.post("/v1/mobile-changes", json=wish, headers=welfare.headers())
    case_id = UUID(opened.json()["id"])
    sent = await send(api, welfare, case_id, PDF)
    assert (sent.status_code, sent.json()["actor"]) == (201, "welfare_manager")
    assert sent.json()["purpose"]["code"] == "signed_request"
    one = place(case_id, sent.json()["id"])
    # Support sees the case once it is asked.
    assert (await api.get(one, headers=support.headers())).status_code == 404

    await Transitions(activity_context).request_decision(StepInput(case_id))
    assert (await api.get(one, headers=support.headers())).content == PDF
    answer = await api.post(f"{place(case_id)}?purpose=identity_paper", content=picture(), headers=support.headers())
    assert (answer.status_code, answer.json()["actor"]) == (201, "support_agent")
    for who in (member, foreign, hr):
        assert (await api.get(place(case_id), headers=who.headers())).status_code == 404
        assert (await api.get(one, headers=who.headers())).status_code == 404
        assert (await send(api, who, case_id, PDF)).status_code == 404
    assert (await api.delete(one, headers=support.headers())).status_code == 404
