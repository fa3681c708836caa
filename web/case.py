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
from api.substitution import read_substitution, withdraw_substitution
from api.values import IdCursor, Page, number_in
from domain.catalogue import CAPABILITIES, words
from domain.persian import value_text
from messages.case import CaseKind
from web.forms import Form, empty
from web.visit import SignedIn, Visit

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
    visit: SignedIn,
    *,
    before: IdCursor,
    kind: Choice = "",
    state: Choice = "",
    region: Choice = "",
    late: Choice = "",
) -> Response:
    """The cases that a visitor may see, newest first; staff may choose which."""
    form = empty(visit.language, kind=kind, state=state, region=value_text(region), late=late)
    found = Page[TitledCase](items=[])
    if form.text("region") and not _REGION.fullmatch(form.text("region")):
        form.errors["region"] = visit.language.translate("A region's code has four digits.")
    else:
        found = await _find(visit, form, before)
    chosen = urlencode({name: form.text(name) for name in _FILTERS if form.text(name)})
    return visit.page(
        "cases.html",
        status=200 if form.is_good else 422,
        form=form,
        kinds=[(one, visit.language.words(words.kind(one))) for said in CAPABILITIES for one in said.kinds],
        cases=found.items,
        next=found.next,
        path=f"/cases?{chosen}" if chosen else "/cases",
        is_filtered=bool(chosen),
    )


async def _find(visit: Visit, form: Form, before: UUID | None) -> Page[TitledCase]:
    if visit.person.is_member:
        return await visit.api.read(list_cases, before)
    kind = form.text("kind")
    return await visit.api.read(
        list_cases,
        before,
        kind=CaseKind(kind) if kind in set(CaseKind) else None,
        is_open={"open": True, "closed": False}.get(form.text("state")),
        region_code=form.text("region") or None,
        late=True if form.text("late") else None,
    )


@router.get("/cases/{case_id}")
async def show_case(visit: SignedIn, case_id: UUID) -> Response:
    """What is done in a case, who acts next and until when, what is still to come, and what the visitor may do."""
    case = await visit.api.read(read_case, case_id)
    events, is_whole = await timeline_of(visit, case_id)
    asked = await visit.read_or_none(read_substitution, case_id) if case.kind == "substitution" else None
    guarantees = case.guarantees if asked is None else [one for one in (asked.proposed, asked.current) if one]
    return visit.page(
        "case.html",
        case=case,
        events=events,
        is_whole=is_whole,
        guarantees=guarantees,
        asked_guarantee=next((one for one in guarantees if one.status == "asked"), None),
        credit_case_id=None if asked is None else asked.credit_case_id,
        actions=[_link(action) for action in case.allowed_actions],
        messages=await _messages(visit, case_id),
    )


def _link(action: Action) -> dict[str, object]:
    """An action with the task that it answers, where it answers one."""
    parts = action.href.split("/")
    task_id = parts[3] if parts[2] == "tasks" else ""
    # What ends the case is never the first thing to do.
    return {"name": action.action, "task_id": task_id, "is_last": action.action.startswith("withdraw_")}


async def timeline_of(visit: Visit, case_id: UUID) -> tuple[list[EventOut], bool]:
    """A case's timeline, oldest first, and whether it is the whole of it."""
    events, after = list[EventOut](), 0
    for _ in range(_PAGES_MAX):
        page = await visit.api.read(read_timeline, case_id, after, limit=_PAGE)
        events += page.items
        if page.next is None:
            return events, True
        after = number_in(page.next)
    return events, False


async def _messages(visit: Visit, case_id: UUID) -> list[MessageOut]:
    if not visit.person.is_member:
        return []
    return (await visit.api.read(list_messages, None, case_id=case_id, limit=_FEW)).items


@router.post("/cases/{case_id}/substitution-withdrawal")
async def leave_guarantor(visit: SignedIn, case_id: UUID) -> Response:
    """Leave the present guarantor where they stand (A4)."""
    form = await visit.form()
    await visit.api.perform(withdraw_substitution, form.key, case_id)
    return visit.go(f"/cases/{case_id}", done="withdrawn")
