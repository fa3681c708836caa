"""Credit: what a member may use, the statement of a line, and another guarantor behind it (A4, C8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from web.client import Refused
from web.forms import Form, empty
from web.visit import SignedIn, Visit

router = APIRouter()


@router.get("/credit")
async def show_credit(visit: SignedIn) -> Response:
    """The member's credit lines: those that are usable in full, those that are over in a line."""
    lines = (await visit.api.get("/v1/credit-lines"))["items"]
    usable = [(line, await _case_of(visit, line)) for line in lines if line["closed"] is None]
    return visit.page("credit.html", usable=usable, over=[line for line in lines if line["closed"] is not None])


@router.get("/credit/{line_id}")
async def show_statement(visit: SignedIn, line_id: UUID, cursor: str | None = None) -> Response:
    """The movements of a line, oldest first, with what was available after each."""
    line = await _find(visit, line_id)
    page = await visit.api.get(f"/v1/credit-lines/{line_id}/statement", cursor=cursor)
    return visit.page(
        "credit_statement.html",
        line=line,
        movements=page["items"],
        next=page["next"],
        is_first=cursor is None,
    )


@router.get("/credit/{line_id}/guarantor")
async def show_substitution(visit: SignedIn, line_id: UUID) -> Response:
    """Whom another colleague is to replace, and who."""
    return await _substitution_page(visit, line_id, empty(visit.language))


@router.post("/credit/{line_id}/guarantor")
async def ask_for_another_guarantor(visit: SignedIn, line_id: UUID) -> Response:
    """Ask for another guarantor, or only whether the colleague may be asked (A4a)."""
    form = await visit.form()
    wish = {"guarantee_id": form.chosen("guarantee_id"), "national_id": form.required("national_id")}
    if form.text("do") == "check":
        form.errors.pop("guarantee_id", None)
        return await _check(visit, line_id, form)
    if form.is_good:
        try:
            path = f"/v1/credit-lines/{line_id}/guarantor-substitutions"
            case = await visit.api.post(path, wish, key=form.key)
            return visit.go(f"/cases/{case['id']}", done="substitution_requested")
        except Refused as refused:
            form.refuse(refused)
    return await _substitution_page(visit, line_id, form)


async def _check(visit: Visit, line_id: UUID, form: Form) -> Response:
    may_be_asked = None
    if form.is_good:
        line = await _find(visit, line_id)
        case = await _case_of(visit, line)
        question = {
            "programme": line["programme"],
            "national_id": form.text("national_id"),
            "organisation_id": case["organisation_id"],
        }
        try:
            may_be_asked = (await visit.api.post("/v1/guarantor-checks", question))["may_be_asked"]
        except Refused as refused:
            form.refuse(refused)
    return await _substitution_page(visit, line_id, form, may_be_asked=may_be_asked)


async def _substitution_page(visit: Visit, line_id: UUID, form: Form, *, may_be_asked: bool | None = None) -> Response:
    line = await _find(visit, line_id)
    case = await _case_of(visit, line)
    standing = [one for one in case["guarantees"] if one["status"] == "accepted"]
    if len(standing) == 1 and not form.text("guarantee_id"):
        form.values = {**form.values, "guarantee_id": standing[0]["id"]}
    return visit.page(
        "credit_guarantor.html",
        status=200 if form.is_good else 422,
        form=form,
        line=line,
        case=case,
        standing=standing,
        may_be_asked=may_be_asked,
    )


async def _find(visit: Visit, line_id: UUID) -> Any:
    return await visit.api.get(f"/v1/credit-lines/{line_id}")


async def _case_of(visit: Visit, line: Any) -> Any:
    """The application that a line came from: it says who stands."""
    return await visit.api.get(f"/v1/cases/{line['case_id']}")
