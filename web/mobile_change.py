"""Another mobile for an employee: the welfare office forwards it on its page, support answers (G2)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from api.case import list_cases
from api.client import checked
from api.mobile_change import (
    ConfirmMobile,
    CorrectMobile,
    MobileChangeIn,
    RejectMobile,
    ReturnMobile,
    forward_mobile_change,
)
from api.values import IdCursor
from domain.errors import NotFound, Refusal, StepUpRequired
from messages.case import CaseKind
from web.answers import Answering, Body, nothing_more, written_reason
from web.forms import Form, empty
from web.visit import SignedIn, Visit

router = APIRouter()

_PAGE: Final = 25


@router.get("/mobile-changes")
async def show_mobile_changes(visit: SignedIn, before: IdCursor) -> Response:
    """The form of the welfare office, and the changes that it forwarded so far."""
    return visit.page("mobile_changes.html", form=empty(visit.language), **await _shown(visit, before))


async def _shown(visit: Visit, before: UUID | None = None) -> dict[str, Any]:
    # Nobody else has a use for the page; what may be done on it is the API's to say.
    if not visit.person.has("welfare_manager"):
        raise HTTPException(404)
    found = await visit.api.read(list_cases, before, kind=CaseKind.MOBILE_CHANGE, limit=_PAGE)
    return {"cases": found.items, "next": found.next, "is_first": before is None}


@router.post("/mobile-changes")
async def forward(visit: SignedIn) -> Response:
    """Forward a change to support; the numbers stand in no address."""
    form = await visit.form()
    typed = {name: form.required(name) for name in ("national_id", "mobile", "reason")}
    if form.is_good:
        try:
            case = await visit.api.perform(forward_mobile_change, form.key, checked(MobileChangeIn, **typed))
            return visit.go(f"/cases/{case.id}", done="mobile_change_forwarded")
        except StepUpRequired:
            return visit.go("/confirm?next=/mobile-changes")
        except NotFound:
            form.errors["national_id"] = visit.language.translate("Nobody with this national id works in your area.")
        except Refusal as refused:
            form.refuse(refused)
    return visit.again("mobile_changes.html", form, **await _shown(visit))


def _note(form: Form) -> Body:
    return {"note": form.required("note")}


def _mobile(form: Form) -> Body:
    return {"mobile": form.required("mobile")}


ANSWERING: Final = (
    Answering(
        "mobile_change_decision.html",
        {ConfirmMobile: nothing_more, ReturnMobile: _note, RejectMobile: written_reason},
    ),
    Answering("mobile_change_correction.html", {CorrectMobile: _mobile}),
)
