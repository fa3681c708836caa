"""Credit: what a member may use, the statement of a line, and another guarantor behind it (A4, C8)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.guarantor import CheckIn, check_guarantor
from api.ledger import read_statement
from api.onboarding import CreditLineOut, list_credit_lines, read_credit_line
from api.substitution import SubstitutionIn, request_substitution
from api.values import Cursor
from domain.errors import Refusal
from web.forms import Form, empty, new_key
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "substitution_requested": _("The change of guarantor was requested; until it is approved, the present one stands."),
}


@router.get("/credit")
async def show_credit(request: SignedIn) -> Response:
    """The member's credit lines: those that are usable in full, those that are over in a line."""
    lines = (await request.api.read(list_credit_lines)).items
    usable = [(line, await _case_of(request, line)) for line in lines if line.closed is None]
    return request.render("credit.html", usable=usable, over=[line for line in lines if line.closed is not None])


@router.get("/credit/{line_id}")
async def show_statement(request: SignedIn, line_id: UUID, cursor: Cursor = None) -> Response:
    """The movements of a line, oldest first, with what was available after each."""
    line = await request.api.read(read_credit_line, line_id)
    page = await request.api.read(read_statement, line_id, cursor)
    return request.render(
        "credit_statement.html",
        line=line,
        movements=page.items,
        next=page.next,
        is_first=cursor is None,
    )


@router.get("/credit/{line_id}/guarantor")
async def show_substitution(request: SignedIn, line_id: UUID) -> Response:
    """Whom another colleague is to replace, and who."""
    return await _substitution_page(request, line_id, empty(request.language))


@router.post("/credit/{line_id}/guarantor")
async def ask_for_another_guarantor(request: SignedIn, line_id: UUID) -> Response:
    """Ask for another guarantor, or only whether the colleague may be asked (A4a)."""
    form = await request.form()
    guarantee_id, national_id = form.chosen("guarantee_id"), form.required("national_id")
    if form.text("do") == "check":
        form.errors.pop("guarantee_id", None)
        return await _check(request, line_id, form)
    if form.is_good:
        try:
            wish = checked(SubstitutionIn, guarantee_id=guarantee_id, national_id=national_id)
            case = await request.api.perform(request_substitution, form.key, line_id, wish)
            return request.redirect(f"/cases/{case.id}", done="substitution_requested")
        except Refusal as refused:
            form.refuse(refused)
    return await _substitution_page(request, line_id, form)


async def _check(request: PageRequest, line_id: UUID, form: Form) -> Response:
    may_be_asked = None
    if form.is_good:
        line = await request.api.read(read_credit_line, line_id)
        case = await _case_of(request, line)
        national_id, organisation_id = form.text("national_id"), case.organisation_id
        try:
            question = checked(
                CheckIn, programme=line.programme, national_id=national_id, organisation_id=organisation_id
            )
            may_be_asked = (await request.api.perform(check_guarantor, new_key(), question)).may_be_asked
        except Refusal as refused:
            form.refuse(refused)
    return await _substitution_page(request, line_id, form, may_be_asked=may_be_asked)


async def _substitution_page(
    request: PageRequest, line_id: UUID, form: Form, *, may_be_asked: bool | None = None
) -> Response:
    line = await request.api.read(read_credit_line, line_id)
    case = await _case_of(request, line)
    standing = [one for one in case.guarantees if one.status == "accepted"]
    if len(standing) == 1 and not form.text("guarantee_id"):
        form.values = {**form.values, "guarantee_id": str(standing[0].id)}
    return request.render(
        "credit_guarantor.html",
        status=200 if form.is_good else 422,
        form=form,
        line=line,
        case=case,
        standing=standing,
        may_be_asked=may_be_asked,
    )


async def _case_of(request: PageRequest, line: CreditLineOut) -> CaseDetail:
    """The application that a line came from: it says who stands."""
    return await request.api.read(read_case, line.case_id)
