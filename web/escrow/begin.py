"""Beginning a job, step by step, with a draft that is kept meanwhile (E1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.client import checked
from api.escrow.jobs import JobIn, begin_job, read_escrow_terms
from domain.dates import tehran_day
from domain.draft import DraftForm
from domain.errors import Refusal
from domain.escrow.rules import MOST_AT_ONCE, PriceTooSmall, parse_description, parse_title, refuse_day
from domain.money import Money
from web import draft as drafts
from web.draft import Draft, DraftWizard, Rows, Step
from web.forms import GENERAL, Form
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/escrow/begin")

NOTES: Final = {
    "job_begun": _("The job is recorded. The other side is asked; who is no member yet is invited by SMS."),
}
_ACCEPTED: Final = "accepted"
_PRICE: Final = "price.amount"
_DAYS: Final = ("day", "month", "year")


async def _judge_step(request: PageRequest, draft: Draft) -> None:
    form = draft.form
    if draft.step.name == "who":
        form.chosen("side")
        form.required("mobile")
    elif draft.step.name == "work":
        _judge_title(form, "title")
        _judge(form, "description", lambda: parse_description(form.text("description"), field="description"))
        form.toman(_PRICE)
    elif draft.step.name == "payments":
        for row in draft.rows:
            _judge_title(form, f"{row}.title")
            form.toman(f"{row}.amount")
            _judge_day(form, f"{row}.due_on")
        _judge_sum(draft)
    elif form.text(_ACCEPTED) != "yes":
        form.errors[_ACCEPTED] = request.language.translate("Without the arbitration clause no job can begin.")


def _judge_title(form: Form, name: str) -> None:
    _judge(form, name, lambda: parse_title(form.text(name), field=name))


def _judge_day(form: Form, name: str) -> None:
    typed = form.jalali(name)
    if typed:
        _judge(form, name, lambda: refuse_day(date.fromisoformat(typed), tehran_day(datetime.now(UTC)), field=name))


def _judge(form: Form, name: str, rule: Callable[[], object]) -> None:
    """What a job would not take is said at the step where it is typed, not once everything is filled in."""
    try:
        rule()
    except Refusal as refused:
        form.errors.setdefault(name, refused.sentence(form.language.code))


def _judge_sum(draft: Draft) -> None:
    """Payments of more than the price are said so here, not once everything is filled in."""
    form = draft.form
    price = form.amount(_PRICE)
    if form.is_good and price is not None and _sum(draft) > price:
        form.errors[GENERAL] = PriceTooSmall().sentence(form.language.code)


def _sum(draft: Draft) -> Money:
    """All payments together, as far as they are amounts."""
    typed = (draft.form.amount(f"{row}.amount") for row in draft.rows_of("payments"))
    return Money.total([amount for amount in typed if amount is not None])


async def _show(request: PageRequest, draft: Draft) -> Response:
    terms = await request.api.read(read_escrow_terms)
    rows, total, price = draft.rows_of("payments"), _sum(draft), draft.form.amount(_PRICE)
    return request.render(
        "escrow_begin.html",
        status=draft.status,
        draft=draft,
        terms=terms,
        rows=rows,
        days={row: _day(draft.form, f"{row}.due_on") for row in rows},
        total=total,
        price=price,
        rest=None if price is None or total > price else price - total,
    )


def _day(form: Form, name: str) -> date | None:
    """A day that was typed, to be shown; None for none."""
    typed = Form(form.language, form.values)
    read = typed.jalali(name)
    return date.fromisoformat(read) if read else None


async def _send(request: PageRequest, draft: Draft) -> Response:
    form = draft.form
    payments = [_payment(form, row) for row in draft.rows_of("payments")]
    body = checked(
        JobIn,
        side=form.text("side"),
        mobile=form.text("mobile"),
        title=form.text("title"),
        description=form.text("description"),
        price=form.toman(_PRICE),
        payments=payments,
        clause_version=form.version("clause_version"),
    )
    begun = await request.api.perform(begin_job, draft.key, body)
    return request.redirect(f"/escrow/jobs/{begun.job_id}", done="job_begun")


def _payment(form: Form, row: str) -> dict[str, Any]:
    amount = form.toman(f"{row}.amount").model_dump()
    return {"title": form.text(f"{row}.title"), "amount": amount, "due_on": form.jalali(f"{row}.due_on") or None}


WIZARD: Final = DraftWizard(
    DraftForm.JOB,
    path="/escrow/begin",
    home="/escrow/jobs",
    steps=(
        Step("who", ("side", "mobile")),
        Step("work", ("title", "description", "price")),
        Step(
            "payments",
            rows=Rows("payments", ("title", "amount", *(f"due_on.{part}" for part in _DAYS)), most=MOST_AT_ONCE),
        ),
        Step("look", (_ACCEPTED, "clause_version")),
    ),
    judge=_judge_step,
    show=_show,
    send=_send,
)


@router.post("")
async def begin(request: SignedIn) -> Response:
    """Keep a new draft, and go to its first step."""
    return await drafts.begin(request, WIZARD, await request.form())


@router.post("/{draft_id}/removal")
async def discard(request: SignedIn, draft_id: UUID) -> Response:
    """Delete a draft."""
    return await drafts.discard(request, WIZARD, draft_id)


@router.get("/{draft_id}/{step}")
async def show_step(request: SignedIn, draft_id: UUID, step: str) -> Response:
    """A step, as it was left."""
    return await drafts.show_step(request, WIZARD, draft_id, step)


@router.post("/{draft_id}/{step}")
async def take_step(request: SignedIn, draft_id: UUID, step: str) -> Response:
    """Keep what was typed, and go on; the last step begins the job."""
    return await drafts.take_step(request, WIZARD, draft_id, step)
