"""The member's jobs: the list, one with its payments as a board, answering it, and further payments (E1, E7, E8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.client import checked
from api.escrow.jobs import (
    ClauseAccepted,
    PaymentWishIn,
    accept_job,
    decline_job,
    list_jobs,
    propose_escrow,
    read_escrow_terms,
    read_job,
)
from api.task import list_tasks
from api.values import IdCursor
from domain.errors import Refusal
from web import draft as drafts
from web.case_parts import HomePart
from web.escrow.begin import WIZARD
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/escrow/jobs")

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "job_accepted": _("You accepted. The employer can pay now."),
    "job_declined": _("You declined. Nothing is paid."),
    "escrow_proposed": _("It is recorded. The other side is asked."),
    "escrow_made": _("It is recorded. Pay it now, and the money is held in trust."),
}
_ACCEPTED: Final = "accepted"
# More tasks than these hardly any member has; the most urgent ones come first.
_MANY: Final = 100
_FEW: Final = 5


async def _at_home(request: PageRequest) -> Mapping[str, Any]:
    """The newest jobs with payments under way, and drafts of further ones."""
    found = (await request.api.read(list_jobs, None)).items
    under_way = [job for job in found if job.open_payments][:_FEW]
    return {"jobs": under_way, "wizard": WIZARD, "drafts": await drafts.drafts_of(request, WIZARD)}


HOME_PART: Final = HomePart("escrow_home.html", _at_home)


@router.get("")
async def show_jobs(request: SignedIn, before: IdCursor) -> Response:
    """The member's jobs on either side, newest first, and what of a new one is kept as a draft."""
    found = await request.api.read(list_jobs, before)
    kept = await drafts.drafts_of(request, WIZARD)
    return request.render("escrow_jobs.html", jobs=found.items, next=found.next, wizard=WIZARD, drafts=kept)


@router.get("/{job_id}")
async def show_job(request: SignedIn, job_id: UUID) -> Response:
    """A job: what waits for the member, both sides, the payments with their sums."""
    return await _page(request, job_id, empty(request.language))


async def _page(request: PageRequest, job_id: UUID, form: Form) -> Response:
    job = await request.api.read(read_job, job_id)
    show = request.render if form.is_good else request.render_again
    # Of staff who look nothing is asked here.
    open_tasks = (await request.api.read(list_tasks, after=None, limit=_MANY)).items if job.my_side else []
    asked = {one.case_id: one for one in open_tasks}
    return show("escrow_job.html", form=form, job=job, may={one.action for one in job.actions}, asked=asked)


@router.post("/{job_id}/acceptance")
async def accept(request: SignedIn, job_id: UUID) -> Response:
    """Accept the job with its clause, and all that is proposed."""
    form = await request.form()
    if form.text(_ACCEPTED) != "yes":
        # By a tick, and never by leaving something out.
        form.errors[_ACCEPTED] = request.language.translate("Without the arbitration clause nothing is paid.")
    else:
        try:
            body = checked(ClauseAccepted, clause_version=form.version("clause_version"))
            await request.api.perform(accept_job, form.key, job_id, body)
            return request.redirect(f"/escrow/jobs/{job_id}", done="job_accepted")
        except Refusal as refused:
            form.refuse(refused)
    return await _page(request, job_id, form)


@router.post("/{job_id}/declination")
async def decline(request: SignedIn, job_id: UUID) -> Response:
    """Decline all that is proposed."""
    form = await request.form()
    try:
        await request.api.perform(decline_job, form.key, job_id)
        return request.redirect(f"/escrow/jobs/{job_id}", done="job_declined")
    except Refusal as refused:
        form.refuse(refused)
    return await _page(request, job_id, form)


@router.get("/{job_id}/payments/new")
async def show_payment_form(request: SignedIn, job_id: UUID) -> Response:
    """Where a further payment is proposed, requested or made."""
    return await _payment_page(request, job_id, empty(request.language, timing="agreed"))


@router.post("/{job_id}/payments/new")
async def propose(request: SignedIn, job_id: UUID) -> Response:
    """Propose it; an immediate one leads to where it is paid."""
    form = await request.form()
    timing, title, amount = form.chosen("timing"), form.required("title"), form.toman("amount.amount")
    due_on = form.jalali("due_on") if timing == "agreed" else None
    if form.is_good:
        try:
            wish = checked(PaymentWishIn, title=title, amount=amount, timing=timing, due_on=due_on)
            case = await request.api.perform(propose_escrow, form.key, job_id, wish)
            if timing == "immediate":
                return request.redirect(f"/escrow/payments/{case.id}/payment", done="escrow_made")
            return request.redirect(f"/escrow/jobs/{job_id}", done="escrow_proposed")
        except Refusal as refused:
            form.refuse(refused)
    return await _payment_page(request, job_id, form)


async def _payment_page(request: PageRequest, job_id: UUID, form: Form) -> Response:
    job, terms = await request.api.read(read_job, job_id), await request.api.read(read_escrow_terms)
    show = request.render if form.is_good else request.render_again
    return show("escrow_propose.html", form=form, job=job, terms=terms)
