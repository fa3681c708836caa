"""The pay-out desk: batches for the bank, their lines, the bank's answers, and what is recorded by hand (E3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.client import checked
from api.payout import (
    ConfirmPayout,
    ConfirmSettlement,
    FileForm,
    HandOverPayout,
    PayoutIn,
    RejectPayout,
    RejectSettlement,
    SettlementIn,
    download_payout,
    list_payout_lines,
    list_payouts,
    make_payout,
    read_payout,
    settle_payout_line,
)
from api.payout_answer import (
    ConfirmRejections,
    RefuseRejections,
    list_payout_answers,
    list_payout_refusals,
    send_payout_answer,
)
from api.values import IdCursor, NumberCursor
from domain.errors import EmptyFile, Refusal, StepUpRequired, TooLarge
from domain.payout import ANSWER_LIMIT
from web.answers import Body, TaskForm, nothing_more, written_reason
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn
from web.upload import MEGABYTE, most_of, parts_of, taken_in

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "payout_made": _("The batch is being made."),
    "payout_answer_sent": _("The bank's file is being read."),
    "payout_line_recorded": _("It is recorded, and counts once another officer has confirmed it."),
}
_MOST: Final = most_of(ANSWER_LIMIT)
_OF_THE_FILE: Final = (TooLarge, EmptyFile)


def _seen(*hashes: str) -> Callable[[Form], Body]:
    """A batch, or what a file calls rejected, as its page showed it: how much, and the hashes of files."""

    def read(form: Form) -> Body:
        amount = {"amount": form.version("amount"), "unit": "IRR"}
        return {"lines": form.version("lines"), "amount": amount, **{name: form.text(name) for name in hashes}}

    return read


TASK_FORMS: Final = (
    TaskForm(
        "payout_decision.html",
        {ConfirmPayout: _seen("csv_sha256", "xlsx_sha256"), RejectPayout: written_reason},
        summaries={ConfirmPayout: "payout_summary.html"},
    ),
    TaskForm(
        "payout_rejections_decision.html",
        {ConfirmRejections: _seen("sha256"), RefuseRejections: written_reason},
        summaries={ConfirmRejections: "payout_rejections_summary.html"},
    ),
    TaskForm("payout_hand_over_decision.html", {HandOverPayout: nothing_more}),
    TaskForm(
        "payout_settlement_decision.html",
        {ConfirmSettlement: nothing_more, RejectSettlement: written_reason},
        summaries={ConfirmSettlement: "payout_settlement_summary.html"},
    ),
)


@router.get("/payouts")
async def show_payouts(request: SignedIn, before: IdCursor) -> Response:
    """What waits, and the batches, newest first."""
    return await _desk(request, empty(request.language), before)


async def _desk(request: PageRequest, form: Form, before: UUID | None = None) -> Response:
    desk = await request.api.read(list_payouts, before)
    show = request.render if form.is_good else request.render_again
    return show("payouts.html", form=form, desk=desk)


@router.post("/payouts")
async def make(request: SignedIn) -> Response:
    """Make a batch of what waits."""
    form = await request.form()
    bounds: dict[str, Any] = {}
    if form.text("most_lines"):
        bounds["most_lines"] = form.whole("most_lines")
    if form.text("most_amount.amount"):
        bounds["most_amount"] = form.toman("most_amount.amount")
    if form.is_good:
        try:
            made = await request.api.perform(make_payout, form.key, checked(PayoutIn, **bounds))
            return request.redirect(f"/payouts/{made.id}", done="payout_made")
        except StepUpRequired:
            return request.confirm_first("/payouts")
        except Refusal as refused:
            form.refuse(refused)
    return await _desk(request, form)


@router.get("/payouts/{payout_id}")
async def show_payout(
    request: SignedIn, payout_id: UUID, after: NumberCursor, rejected_in: UUID | None = None
) -> Response:
    """A batch: its counts, its file, the bank's answers and its lines, or those that an answer calls rejected."""
    return await _batch(request, payout_id, empty(request.language), after, rejected_in)


async def _batch(
    request: PageRequest, payout_id: UUID, form: Form, after: int = 0, rejected_in: UUID | None = None
) -> Response:
    read = request.api.read
    lines = await read(list_payout_lines, payout_id, after, rejected_in=rejected_in)
    show = request.render if form.is_good else request.render_again
    return show(
        "payout.html",
        form=form,
        payout=await read(read_payout, payout_id),
        lines=lines.items,
        next=lines.next,
        rejected_in=rejected_in,
        answers=(await read(list_payout_answers, payout_id)).items,
        may_act=request.user.has("settlement_officer"),
        most=ANSWER_LIMIT,
        megabytes=ANSWER_LIMIT // MEGABYTE,
    )


@router.get("/payouts/{payout_id}/file")
async def download(
    request: SignedIn, payout_id: UUID, form: Annotated[FileForm, Query(alias="format")] = FileForm.XLSX
) -> Response:
    """The bank's file, to be saved."""
    return await request.api.call(download_payout, payout_id, form)


@router.post("/payouts/{payout_id}/answers", max_body_size=2 * _MOST)
async def send_answer(request: SignedIn, payout_id: UUID) -> Response:
    """Hand the bank's answer on."""
    # Whoever may not send one is refused before theirs is taken in.
    if not request.user.has("settlement_officer"):
        raise HTTPException(404)
    await request.api.read(read_payout, payout_id)
    async with taken_in(request, _MOST) as (form, file):
        if file is not None and await _hand_on(request, payout_id, form, file):
            return request.redirect(f"/payouts/{payout_id}", done="payout_answer_sent")
    return await _batch(request, payout_id, form)


async def _hand_on(request: PageRequest, payout_id: UUID, form: Form, file: UploadFile) -> bool:
    """Whether the file was taken; else the form says why not."""
    try:
        await request.api.call(send_payout_answer, payout_id, form.key, parts_of(file), form.fresh_code())
    except _OF_THE_FILE as refused:
        form.errors["file"] = refused.sentence(request.language.code)
    except Refusal as refused:
        form.refuse(refused)
    return form.is_good


@router.get("/payouts/{payout_id}/answers/{answer_id}/refusals")
async def show_refusals(request: SignedIn, payout_id: UUID, answer_id: UUID, after: NumberCursor) -> Response:
    """The rows of the bank's file from which nothing followed."""
    found = await request.api.read(list_payout_refusals, payout_id, answer_id, after)
    payout = await request.api.read(read_payout, payout_id)
    here = f"/payouts/{payout_id}/answers/{answer_id}/refusals"
    return request.render("payout_refusals.html", payout=payout, refusals=found.items, next=found.next, path=here)


@router.get("/payouts/{payout_id}/lines/{line_id}")
async def show_settlement_form(request: SignedIn, payout_id: UUID, line_id: UUID) -> Response:
    """Where is recorded what became of one line."""
    return await _settlement(request, payout_id, line_id, empty(request.language))


async def _settlement(request: PageRequest, payout_id: UUID, line_id: UUID, form: Form) -> Response:
    payout = await request.api.read(read_payout, payout_id)
    found = (await request.api.read(list_payout_lines, payout_id, 0, line_id=line_id)).items
    if not found:
        raise HTTPException(404)
    show = request.render if form.is_good else request.render_again
    return show("payout_line.html", form=form, payout=payout, line=found[0])


@router.post("/payouts/{payout_id}/lines/{line_id}")
async def settle(request: SignedIn, payout_id: UUID, line_id: UUID) -> Response:
    """Record what became of one line."""
    form = await request.form()
    result, note, reference = form.chosen("result"), form.required("note"), form.text("reference")
    if form.is_good:
        try:
            body = checked(SettlementIn, result=result, reference=reference, note=note)
            await request.api.perform(settle_payout_line, form.key, payout_id, line_id, body, form.fresh_code())
            return request.redirect(f"/payouts/{payout_id}", done="payout_line_recorded")
        except Refusal as refused:
            form.refuse(refused)
    return await _settlement(request, payout_id, line_id, form)
