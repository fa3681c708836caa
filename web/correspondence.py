"""Words on a case (G7): a part of its page, and a page for each thread where there are several or one was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.case import read_case
from api.client import checked
from api.correspondence import LetterOut, ThreadOut, WordsIn, list_threads, list_words, write_words
from api.values import IdCursor
from domain.catalogue import CORRESPONDENCE
from domain.correspondence import MAX_LETTERS
from domain.errors import NotFound, Refusal
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {"words_written": _("Your message was sent.")}

_FEW: Final = 20
Member = Annotated[UUID | None, Query()]


@dataclass(frozen=True, slots=True)
class Talk:
    """What the templates show of a case's threads.

    ``chosen`` is the one whose ``letters`` are shown, oldest first, and which ``form`` writes in; None where one has to
    be chosen first. ``earlier`` leads to what was written before.
    """

    case_id: UUID
    threads: list[ThreadOut]
    chosen: ThreadOut | None
    letters: list[LetterOut]
    earlier: str | None
    form: Form
    most: int = MAX_LETTERS

    def address_of(self, thread: ThreadOut, cursor: str | None = None) -> str:
        """Where a thread is shown, or what was written in it before."""
        query = {"member_id": str(thread.member_id)} | ({} if cursor is None else {"cursor": cursor})
        return f"/cases/{self.case_id}/words?{urlencode(query)}"


async def talk_of(
    request: PageRequest,
    case_id: UUID,
    kind: str,
    *,
    member_id: UUID | None = None,
    before: UUID | None = None,
    form: Form | None = None,
) -> Talk | None:
    """The threads of a case of a kind; None where there are none for the user, who could not begin one either."""
    found = await request.read_or_none(list_threads, case_id) if kind in CORRESPONDENCE else None
    threads = [] if found is None else found.items
    # A form that was refused says why, even where nobody may write any more.
    if not threads or (form is None and not any(one.may_write or one.count for one in threads)):
        return None
    wanted = [one for one in threads if member_id in {None, one.member_id}]
    chosen = wanted[0] if len(wanted) == 1 else None
    letters, earlier = list[LetterOut](), None
    if chosen is not None and chosen.count:
        page = await request.api.read(list_words, case_id, before, chosen.member_id, limit=_FEW)
        letters, earlier = page.items[::-1], page.next
    return Talk(case_id, threads, chosen, letters, earlier, form or empty(request.language))


@router.get("/cases/{case_id}/words")
async def show_words(request: SignedIn, case_id: UUID, before: IdCursor, member_id: Member = None) -> Response:
    """The threads of a case by themselves: one of them, or which there are."""
    return await _page(request, case_id, member_id, before)


async def _page(
    request: PageRequest, case_id: UUID, member_id: UUID | None, before: UUID | None = None, form: Form | None = None
) -> Response:
    case = await request.api.read(read_case, case_id)
    talk = await talk_of(request, case_id, case.kind, member_id=member_id, before=before, form=form)
    if talk is None or (member_id is not None and talk.chosen is None):
        raise NotFound
    status = 422 if form is not None else 200
    return request.render("correspondence_page.html", status=status, case=case, talk=talk)


@router.post("/cases/{case_id}/words")
async def write(request: SignedIn, case_id: UUID) -> Response:
    """Write in a thread."""
    form = await request.form()
    member_id = _member_in(form)
    try:
        # A browser ends a line with two characters, and counts them as one.
        text = form.required("text").replace("\r\n", "\n")
        if form.is_good:
            wanted = checked(WordsIn, text=text, member_id=member_id)
            await request.api.perform(write_words, form.key, case_id, wanted)
    except Refusal as refused:
        form.refuse(refused)
    if not form.is_good:
        return await _page(request, case_id, member_id, form=form)
    threads = await request.api.read(list_threads, case_id)
    is_only = len(threads.items) == 1
    at = f"/cases/{case_id}" if is_only else f"/cases/{case_id}/words?member_id={member_id}"
    return request.redirect(at, done="words_written")


def _member_in(form: Form) -> UUID | None:
    """Whose thread the form is of; None where its page named nobody."""
    try:
        return UUID(form.text("member_id"))
    except ValueError:
        return None
