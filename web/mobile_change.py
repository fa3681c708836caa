"""Another mobile: the welfare office forwards it and support opens it on its page, support answers (G2)."""

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
    open_mobile_change,
)
from api.values import IdCursor
from domain.errors import NotFound, Refusal, StepUpRequired
from messages.case import CaseKind
from web.answers import Body, TaskForm, nothing_more, written_reason
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "mobile_change_forwarded": _("The change of mobile was sent to support."),
    "mobile_change_opened": _("The change of mobile was opened; a colleague confirms it once the registry says yes."),
}

_PAGE: Final = 25


@router.get("/mobile-changes")
async def show_mobile_changes(request: SignedIn, before: IdCursor) -> Response:
    """The form of the welfare office or of support, and the changes that they see."""
    return request.render("mobile_changes.html", form=empty(request.language), **await _shown(request, before))


async def _shown(request: PageRequest, before: UUID | None = None) -> dict[str, Any]:
    # Nobody else has a use for the page; what may be done on it is the API's to say.
    if not request.user.has("welfare_manager", "support_agent"):
        raise HTTPException(404)
    found = await request.api.read(list_cases, before, kind=CaseKind.MOBILE_CHANGE, limit=_PAGE)
    return {"cases": found.items, "next": found.next, "is_first": before is None}


@router.post("/mobile-changes")
async def forward(request: SignedIn) -> Response:
    """Forward a change to support; the numbers stand in no address."""
    form = await request.form()
    typed = {name: form.required(name) for name in ("national_id", "mobile", "reason")}
    if form.is_good:
        try:
            case = await request.api.perform(forward_mobile_change, form.key, checked(MobileChangeIn, **typed))
            return request.redirect(f"/cases/{case.id}", done="mobile_change_forwarded")
        except StepUpRequired:
            return request.confirm_first("/mobile-changes")
        except NotFound:
            form.errors["national_id"] = request.language.translate("Nobody with this national id works in your area.")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("mobile_changes.html", form, **await _shown(request))


@router.post("/mobile-changes/lost")
async def open_lost(request: SignedIn) -> Response:
    """Open a change for a member without an employer; the numbers stand in no address."""
    form = await request.form()
    typed = {name: form.required(name) for name in ("national_id", "mobile", "reason")}
    if form.is_good:
        try:
            await request.api.perform(open_mobile_change, form.key, checked(MobileChangeIn, **typed))
            return request.redirect("/mobile-changes", done="mobile_change_opened")
        except StepUpRequired:
            return request.confirm_first("/mobile-changes")
        except NotFound:
            form.errors["national_id"] = request.language.translate("No member has this national id.")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("mobile_changes.html", form, **await _shown(request))


def _note(form: Form) -> Body:
    return {"note": form.required("note")}


def _mobile(form: Form) -> Body:
    return {"mobile": form.required("mobile")}


TASK_FORM: Final = (
    TaskForm(
        "mobile_change_decision.html",
        {ConfirmMobile: nothing_more, ReturnMobile: _note, RejectMobile: written_reason},
        summaries={ConfirmMobile: "mobile_change_summary.html"},
    ),
    TaskForm("mobile_change_correction.html", {CorrectMobile: _mobile}),
)
