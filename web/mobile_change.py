"""Another mobile for an employee: the welfare office forwards it on its page, support answers (G2)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from web.answers import Answering, Body, nothing_more, written_reason
from web.client import Refused
from web.forms import Form, empty
from web.visit import SignedIn, Visit

router = APIRouter()

_KIND: Final = "mobile_change"
_PAGE: Final = 25


@router.get("/mobile-changes")
async def show_mobile_changes(visit: SignedIn, cursor: str | None = None) -> Response:
    """The form of the welfare office, and the changes that it forwarded so far."""
    return visit.page("mobile_changes.html", form=empty(visit.language), **await _shown(visit, cursor))


async def _shown(visit: Visit, cursor: str | None = None) -> dict[str, Any]:
    # Nobody else has a use for the page; what may be done on it is the API's to say.
    if not visit.person.has("welfare_manager"):
        raise HTTPException(404)
    found = await visit.api.get("/v1/cases", kind=_KIND, cursor=cursor, limit=_PAGE)
    return {"cases": found["items"], "next": found["next"], "is_first": not cursor}


@router.post("/mobile-changes")
async def forward(visit: SignedIn) -> Response:
    """Forward a change to support; the numbers stand in no address."""
    form = await visit.form()
    body = {name: form.required(name) for name in ("national_id", "mobile", "reason")}
    if form.is_good:
        try:
            case = await visit.api.post("/v1/mobile-changes", body, key=form.key)
            return visit.go(f"/cases/{case['id']}", done="mobile_change_forwarded")
        except Refused as refused:
            if refused.code == "step_up_required":
                return visit.go("/confirm?next=/mobile-changes")
            if refused.status == 404:
                form.errors["national_id"] = visit.language.say("Nobody with this national id works in your area.")
            else:
                form.refuse(refused)
    return visit.again("mobile_changes.html", form, **await _shown(visit))


def _note(form: Form) -> Body:
    return {"note": form.required("note")}


def _mobile(form: Form) -> Body:
    return {"mobile": form.required("mobile")}


ANSWERING: Final = (
    Answering(
        "confirm_mobile_change",
        "mobile_change_decision.html",
        {"confirm": nothing_more, "return": _note, "reject": written_reason},
    ),
    Answering("correct_mobile_change", "mobile_change_correction.html", {"correct": _mobile}),
)
