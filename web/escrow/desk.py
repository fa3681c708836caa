"""What arbitrators and the operations desk answer about safe payments, and the figures of them (E4, E5)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.escrow.answering import LeaveDormant, OpenDormantDispute, RuleDispute, SeekArbitrator
from api.escrow.figures import read_escrow_figures
from api.values import MAX_RIAL
from web.answers import Body, TaskForm
from web.forms import Form
from web.page_request import SignedIn

router = APIRouter(prefix="/escrow")

_SIDES: Final = ("to_contractor", "to_employer")
_FROZEN: Final = "frozen"


def part_of(form: Form, name: str) -> dict[str, Any]:
    """An amount that may be nothing, as the API takes parts."""
    typed = form.amount(name)
    if typed is not None and not typed:
        return {"amount": 0, "unit": "IRR"}
    return form.toman(name, to_the_rial=True).model_dump()


def shares_of(form: Form) -> Body:
    """The two amounts of a division; one that is left out is the rest of what is frozen, as the page said."""
    _fill_in(form)
    return {side: part_of(form, f"{side}.amount") for side in _SIDES}


def _fill_in(form: Form) -> None:
    """Write the rest where one amount is left out: what the page said is frozen is what the API divides, or refuses."""
    said = form.text(_FROZEN)
    frozen = int(said) if said.isascii() and said.isdigit() and len(said) <= len(str(MAX_RIAL)) else 0
    for side, other in (_SIDES, _SIDES[::-1]):
        typed = form.amount(f"{other}.amount")
        if not form.text(f"{side}.amount") and typed is not None and typed.amount <= frozen:
            form.values = {**form.values, f"{side}.amount": form.language.typed_toman(frozen - typed.amount)}


def _ruling(form: Form) -> Body:
    return {"shares": shares_of(form), "reasons": form.required("reasons")}


def _note(form: Form) -> Body:
    return {"note": form.text("note")}


TASK_FORMS: Final = (
    TaskForm("escrow_rule_decision.html", {RuleDispute: _ruling}, summaries={RuleDispute: "escrow_rule_summary.html"}),
    TaskForm("escrow_dormant_decision.html", {LeaveDormant: _note, OpenDormantDispute: _note}),
    TaskForm("escrow_find_decision.html", {SeekArbitrator: _note}),
)


@router.get("/figures")
async def show_figures(request: SignedIn) -> Response:
    """What is open by phase, how the others ended, and how long rulings take."""
    return request.render("escrow_figures.html", figures=await request.api.read(read_escrow_figures))
