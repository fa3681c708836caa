"""Payments through a gateway: to the bank and back, the member's list, what the settlement office decides (E2)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.payment import (
    AttemptIn,
    CallbackIn,
    GiveUp,
    HaveGatewayAsked,
    PaymentOut,
    call_back,
    list_payment_gateways,
    list_payments,
    look_at_payment,
    read_payment,
    try_payment,
)
from api.payment_return import ConfirmReturn, RejectReturn, ReturnByHand, reveal_return_sheba
from api.values import IdCursor
from domain.errors import NotFound, Refusal
from domain.payment import TryState
from messages.case import CaseKind
from web.answers import Body, TaskForm, nothing_more, written_reason
from web.case_parts import CaseAction, CaseParts
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import AnyRequest, PageRequest, SignedIn, recognise

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {"bank_asked": _("The bank is being asked.")}
_SEE_OTHER: Final = 303
_ORIGIN: Final = {"Referrer-Policy": "origin"}


def _note(form: Form) -> Body:
    return {"note": form.required("note")}


def _recorded(form: Form) -> Body:
    source = form.chosen("source")
    return {"source": source, "reference": form.required("reference"), "note": form.required("note")}


TASK_FORMS: Final = (
    TaskForm(
        "payment_settle_decision.html",
        {HaveGatewayAsked: nothing_more, GiveUp: _note},
        summaries={GiveUp: "payment_give_up_summary.html"},
    ),
    TaskForm(
        "payment_return_decision.html",
        {ReturnByHand: _recorded},
        summaries={ReturnByHand: "payment_return_summary.html"},
    ),
    TaskForm(
        "payment_confirm_decision.html",
        {ConfirmReturn: nothing_more, RejectReturn: written_reason},
        summaries={ConfirmReturn: "payment_confirm_summary.html"},
    ),
)
CASE_ACTIONS: Final = (
    CaseAction("look_at_payment", "payment_look.html", first_in=frozenset()),
    CaseAction("try_payment", "payment_try.html", first_in=frozenset()),
)


async def _read(request: PageRequest, case: CaseDetail) -> dict[str, Any]:
    is_payable = case.is_own and case.payment is not None and case.payment.refund_of is None
    return {"gateways": (await request.api.read(list_payment_gateways)).items} if is_payable else {}


CASE_PARTS: Final = CaseParts(CaseKind.PAYMENT, _read, now="payment_case_now.html")


@router.get("/payments")
async def show_payments(request: SignedIn, before: IdCursor) -> Response:
    """The member's payments, newest first."""
    found = await request.api.read(list_payments, before)
    return request.render("payments.html", payments=found.items, next=found.next)


@router.get("/payments/{case_id}")
async def show_payment(request: SignedIn, case_id: UUID) -> Response:
    """How a payment stands, and the way to the bank or to another try."""
    return await _page(request, case_id, empty(request.language))


async def _page(request: PageRequest, case_id: UUID, form: Form) -> Response:
    case = await request.api.read(read_case, case_id)
    if case.payment is None:
        raise NotFound
    if not case.is_own:
        return request.redirect(f"/cases/{case_id}")
    response = request.render(
        "payment.html",
        status=200 if form.is_good else 422,
        form=form,
        case=case,
        may={action.action for action in case.allowed_actions},
        **await _read(request, case),
    )
    # Zibal turns away browsers that do not say where they come from.
    response.headers.update(_ORIGIN)
    return response


@router.get("/payments/{case_id}/bank")
async def go_to_bank(request: SignedIn, case_id: UUID) -> Response:
    """Lead to the bank once there is a link; a page that waits for it asks by script, and is led on then."""
    payment = await request.api.read(read_payment, case_id)
    waits = any(one.state.code == TryState.REQUESTED for one in payment.attempts)
    onward = ("" if waits else _link_of(payment)) or f"/payments/{case_id}"
    if "hx-request" not in request.http.headers:
        # No form leads here: its page's policy would hold for the bank's address too.
        return RedirectResponse(onward, _SEE_OTHER, _ORIGIN)
    return Response(headers={} if waits else {"HX-Redirect": onward})


def _link_of(payment: PaymentOut) -> str:
    return next((one.link for one in reversed(payment.attempts) if one.link), "")


@router.post("/payments/{case_id}/attempts")
async def try_again(request: SignedIn, case_id: UUID) -> Response:
    """Go to a bank once more; the page that follows leads there."""
    form = await request.form()
    try:
        wish = checked(AttemptIn, gateway=form.text("gateway") or None)
        await request.api.perform(try_payment, form.key, case_id, wish)
        return request.redirect(f"/payments/{case_id}")
    except Refusal as refused:
        form.refuse(refused)
    return await _page(request, case_id, form)


@router.post("/payments/{case_id}/look")
async def look(request: SignedIn, case_id: UUID) -> Response:
    """Have the bank asked now."""
    form = await request.form()
    try:
        await request.api.perform(look_at_payment, form.key, case_id)
        return request.redirect(f"/payments/{case_id}", done="bank_asked")
    except Refusal as refused:
        form.refuse(refused)
    return await _page(request, case_id, form)


@router.get("/pay/return/{token}")
@router.post("/pay/return/{token}")
async def come_back(request: AnyRequest, token: str) -> Response:
    """Where banks send browsers, by either method: what else they bring is not read, for only the bank is believed.

    The page leads on by itself to where the payer came from: their session is kept under that name, and a browser that
    a form of a bank's page sends shows it to nobody.
    """
    back = await request.api.call(call_back, checked(CallbackIn, token=token))
    host = back.host or request.api.visitor.host
    return request.render("payment_back.html", onward=f"//{host}/payments/{back.case_id}/back", case_id=back.case_id)


@router.get("/payments/{case_id}/back")
async def show_way_back(request: AnyRequest, case_id: UUID) -> Response:
    """Back from the bank: the payment to a signed-in payer, to others that the result comes by SMS and no more."""
    await recognise(request)
    if request.me is not None:
        return request.redirect(f"/payments/{case_id}")
    return request.render("payment_back.html", onward="", case_id=case_id)


@router.get("/payments/{case_id}/returns/{return_id}/sheba")
async def show_sheba_form(request: SignedIn, case_id: UUID, return_id: UUID) -> Response:
    """Where an officer asks for the whole sheba to which they pay money back."""
    return await _sheba(request, case_id, return_id, empty(request.language))


async def _sheba(request: PageRequest, case_id: UUID, return_id: UUID, form: Form, sheba: str = "") -> Response:
    case = await request.api.read(read_case, case_id)
    back = next((one for one in case.payment.returns if one.id == return_id), None) if case.payment else None
    if back is None or back.sheba is None or back.returned or request.user.is_member:
        raise NotFound
    show = request.render if form.is_good else request.render_again
    return show("payment_sheba.html", form=form, case=case, back=back, sheba=sheba)


@router.post("/payments/{case_id}/returns/{return_id}/sheba")
async def show_sheba(request: SignedIn, case_id: UUID, return_id: UUID) -> Response:
    """Show it once; who sends the form again is asked for another code."""
    form = await request.form()
    try:
        shown = await request.api.perform(reveal_return_sheba, form.key, case_id, return_id, form.fresh_code())
        if shown.sheba is None:
            return request.redirect(f"/payments/{case_id}/returns/{return_id}/sheba")
        return await _sheba(request, case_id, return_id, form, shown.sheba)
    except Refusal as refused:
        form.refuse(refused)
    return await _sheba(request, case_id, return_id, form)
