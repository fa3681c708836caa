"""Cases: the list, and one case with its timeline and what may be done now (A9)."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.case import EventOut, list_cases, read_case, read_timeline
from api.case_detail import TitledCase
from api.case_view import Action
from api.notice import MessageOut, list_messages
from api.values import IdCursor, Page, number_in
from domain.catalogue import CAPABILITIES, words
from domain.persian import value_text
from messages.case import CaseKind
from web.attachment import files_pane
from web.capabilities import case_action, case_parts
from web.correspondence import talk_of
from web.forms import Form, empty
from web.page_request import PageRequest, SignedIn
from web.vault import secrets_pane

router = APIRouter()

# A timeline is read as a whole, up to so many lines.
_PAGE: Final = 100
_PAGES_MAX: Final = 5
_FEW: Final = 5
_REGION: Final = re.compile("[0-9]{4}")
_FILTERS: Final = ("kind", "state", "region", "late")

Choice = Annotated[str, Query(max_length=40)]


@router.get("/cases")
async def show_cases(
    request: SignedIn,
    *,
    before: IdCursor,
    kind: Choice = "",
    state: Choice = "",
    region: Choice = "",
    late: Choice = "",
) -> Response:
    """The cases that a user may see, newest first; staff may choose which."""
    form = empty(request.language, kind=kind, state=state, region=value_text(region), late=late)
    found = Page[TitledCase](items=[])
    if form.text("region") and not _REGION.fullmatch(form.text("region")):
        form.errors["region"] = request.language.translate("A region's code has four digits.")
    else:
        found = await _find(request, form, before)
    chosen = urlencode({name: form.text(name) for name in _FILTERS if form.text(name)})
    return request.render(
        "cases.html",
        status=200 if form.is_good else 422,
        form=form,
        kinds=[(one, request.language.words(words.kind(one))) for said in CAPABILITIES for one in said.kinds],
        cases=found.items,
        next=found.next,
        path=f"/cases?{chosen}" if chosen else "/cases",
        is_filtered=bool(chosen),
    )


async def _find(request: PageRequest, form: Form, before: UUID | None) -> Page[TitledCase]:
    if request.user.is_member:
        return await request.api.read(list_cases, before)
    kind = form.text("kind")
    return await request.api.read(
        list_cases,
        before,
        kind=CaseKind(kind) if kind in set(CaseKind) else None,
        is_open={"open": True, "closed": False}.get(form.text("state")),
        region_code=form.text("region") or None,
        late=True if form.text("late") else None,
    )


@router.get("/cases/{case_id}")
async def show_case(request: SignedIn, case_id: UUID) -> Response:
    """What is done in a case, who acts next and until when, what is still to come, and what the user may do."""
    case = await request.api.read(read_case, case_id)
    events, is_whole = await timeline_of(request, case_id)
    parts = case_parts(case.kind)
    values = {"guarantees": case.guarantees} | await parts.read(request, case)
    return request.render(
        "case.html",
        case=case,
        events=events,
        is_whole=is_whole,
        now=parts.now,
        wide=parts.wide,
        actions=[_offer(action, case.phase) for action in case.allowed_actions],
        messages=await _messages(request, case_id),
        pane=await files_pane(request, case_id, case.kind),
        talk=await talk_of(request, case_id, case.kind),
        entrusted=await secrets_pane(request, case_id, case.kind),
        **values,
    )


def _offer(action: Action, phase: str) -> dict[str, object]:
    """An action with its button, and the task that it answers where it answers one."""
    known, parts = case_action(action.action), action.href.split("/")
    return {
        "name": action.action,
        "template": known.template,
        "task_id": parts[3] if parts[2] == "tasks" else "",
        "is_first": known.first_in is None or phase in known.first_in,
        # What ends the case comes last.
        "is_last": known.first_in == frozenset(),
    }


async def timeline_of(request: PageRequest, case_id: UUID) -> tuple[list[EventOut], bool]:
    """A case's timeline, oldest first, and whether it is the whole of it."""
    events, after = list[EventOut](), 0
    for _ in range(_PAGES_MAX):
        page = await request.api.read(read_timeline, case_id, after, limit=_PAGE)
        events += page.items
        if page.next is None:
            return events, True
        after = number_in(page.next)
    return events, False


async def _messages(request: PageRequest, case_id: UUID) -> list[MessageOut]:
    if not request.user.is_member:
        return []
    return (await request.api.read(list_messages, None, case_id=case_id, limit=_FEW)).items
