"""The reconciliation desk: gateways' days against the ledger, what is done about differences, money without a cause."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.clearing import (
    ClearingWish,
    ConfirmProposal,
    CorrectDifference,
    ExplainDifference,
    ProposeBooking,
    RejectProposal,
    StatementIn,
    list_clearing_days,
    list_clearings,
    list_suspense,
    read_clearing,
    request_clearing,
    reveal_bank_description,
    send_statement,
)
from api.client import checked
from api.values import DueAfter, DueCursor
from domain.clearing import STATEMENT_LIMIT
from domain.errors import Refusal, StepUpRequired
from web.answers import Body, TaskForm, nothing_more, written_reason
from web.clearing_chart import charts_of
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn
from web.upload import most_of, taken_in

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "clearing_requested": _("The gateway is asked for its list; the result stands here within seconds."),
    "statement_compared": _("The statement was compared with the ledger."),
}

_MOST: Final = most_of(STATEMENT_LIMIT)


@router.get("/clearing")
async def show_days(request: SignedIn, cursor: DueCursor) -> Response:
    """Day by day, gateway by gateway."""
    return request.render("clearing.html", form=empty(request.language), **await _days(request, cursor))


async def _days(request: PageRequest, cursor: DueAfter = None) -> dict[str, Any]:
    found = await request.api.read(list_clearings, cursor)
    return {
        "days": found,
        "charts": charts_of(await request.api.read(list_clearing_days)),
        "gateways": [(one.name, request.language.words(one.words)) for one in found.gateways],
        "may_request": request.user.has("settlement_officer"),
    }


@router.post("/clearing")
async def ask(request: SignedIn) -> Response:
    """Have a day compared now."""
    form = await request.form()
    form.chosen("gateway")
    day = form.jalali("day")
    if form.is_good:
        try:
            wish = checked(ClearingWish, gateway=form.text("gateway"), day=date.fromisoformat(day))
            clearing = await request.api.perform(request_clearing, form.key, wish)
            return request.redirect(f"/clearing/{clearing.case_id}", done="clearing_requested")
        except StepUpRequired:
            return request.confirm_first("/clearing")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("clearing.html", form, **await _days(request))


@router.post("/clearing/statement", max_body_size=2 * _MOST)
async def send(request: SignedIn) -> Response:
    """Have a statement of the bank compared."""
    async with taken_in(request, _MOST) as (form, file):
        if file is not None:
            try:
                content = base64.b64encode(await file.read()).decode()
                sent = await request.api.perform(send_statement, form.key, checked(StatementIn, file=content))
                return request.redirect(f"/clearing/{sent.case_id}", done="statement_compared")
            except StepUpRequired:
                return request.confirm_first("/clearing")
            except Refusal as refused:
                form.refuse(refused)
    return request.render_again("clearing.html", form, **await _days(request))


@router.get("/clearing/suspense")
async def show_suspense(request: SignedIn) -> Response:
    """Money that stands apart without a cause."""
    return request.render("clearing_suspense.html", found=await request.api.read(list_suspense))


@router.get("/clearing/{case_id}")
async def show_day(request: SignedIn, case_id: UUID) -> Response:
    """A day with each difference."""
    shown = await request.api.read(read_clearing, case_id)
    return request.render("clearing_day.html", clearing=shown)


@router.post("/clearing/{case_id}/differences/{difference_id}/description")
async def show_description(request: SignedIn, case_id: UUID, difference_id: UUID) -> Response:
    """Show once what the bank wrote beside a row."""
    form = await request.form()
    said = None
    try:
        said = (await request.api.perform(reveal_bank_description, form.key, case_id, difference_id)).description
    except StepUpRequired:
        return request.confirm_first(f"/clearing/{case_id}")
    except Refusal as refused:
        form.refuse(refused)
    show = request.render if form.is_good else request.render_again
    return show("clearing_description.html", form=form, case_id=case_id, description=said)


def _explained(form: Form) -> Body:
    return {"explanation": form.chosen("explanation"), "note": form.required("note")}


def _corrected(form: Form) -> Body:
    resolves = form.text("resolves") or None
    return {"against": form.chosen("against"), "note": form.required("correction_note"), "resolves": resolves}


def _proposed(form: Form) -> Body:
    return {
        "note": form.required("booking_note"),
        **{name: form.text(name).strip() or None for name in ("paid_back", "settles")},
    }


TASK_FORMS: Final = (
    TaskForm(
        "clearing_settling.html",
        {ExplainDifference: _explained, ProposeBooking: _proposed, CorrectDifference: _corrected},
    ),
    TaskForm(
        "clearing_confirming.html",
        {ConfirmProposal: nothing_more, RejectProposal: written_reason},
        summaries={ConfirmProposal: "clearing_summary.html"},
    ),
)
