"""The page of the stand-alone stack's bank: it looks like a gateway's, and offers whatever may happen at one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.local_bank import ASKED_BEFORE_CLEAR, USUAL_CARD, LocalPayment, at_bank
from domain.errors import InvalidInput
from domain.persian import value_text
from web.forms import Form, empty
from web.page_request import CONTENT_POLICY, AnyRequest, PageRequest

router = APIRouter()

_CARD: Final = re.compile(r"[0-9]{16}")
_BETWEEN: Final = re.compile(r"[ -]")
_ENDS: Final = frozenset({"leave", "fail"})
# After these the browser stays, with so many links that each send it back.
_STAYS: Final = {"lose": 0, "twice": 2}
_PAYS: Final = frozenset({"pay", "slow", "stranger", *_STAYS})


@router.get("/bank/{authority}")
async def show_bank(request: AnyRequest, authority: str, returns: Annotated[int, Query(ge=0, le=2)] = 1) -> Response:
    """Where a payer pays; afterwards what became of it, with as many ways back as ``returns`` says."""
    payment = await at_bank(request.http, lambda bank: bank.find(authority))
    card = next(iter(payment.cards), USUAL_CARD)
    # Invented, like everything here: nobody checks them.
    form = empty(request.language, card=card, cvv2="123", pin="84217")
    return _page(request, payment, form, returns=returns)


@router.post("/bank/{authority}")
async def press(request: AnyRequest, authority: str) -> Response:
    """Do what a button says, and send the browser back as a bank does. What was done before is not done again."""
    form = await request.form()
    deed = form.text("deed")
    payment = await at_bank(request.http, lambda bank: bank.find(authority))
    if deed in _ENDS:
        payment = await at_bank(request.http, lambda bank: bank.end(authority, failed=deed == "fail"))
    elif deed in _PAYS:
        card = payment.stranger if deed == "stranger" else _card(form, payment)
        if not form.is_good:
            return _page(request, payment, form, status=422)
        unclear = ASKED_BEFORE_CLEAR if deed == "slow" else 0
        payment = await at_bank(request.http, lambda bank: bank.pay(authority, card, unclear=unclear))
    else:
        raise InvalidInput
    if deed in _STAYS:
        return request.redirect(f"/bank/{authority}?returns={_STAYS[deed]}")
    return request.redirect(payment.way_back)


def _card(form: Form, payment: LocalPayment) -> str:
    """The card that was typed, with an error if it is none, or none of those that may pay."""
    card = _BETWEEN.sub("", value_text(form.required("card")))
    if form.is_good and not _CARD.fullmatch(card):
        form.errors["card"] = form.language.translate("A card's number has 16 digits.")
    elif form.is_good and payment.cards and card not in payment.cards:
        form.errors["card"] = form.language.translate("This card is not the payer's own.")
    return card


def _page(request: PageRequest, payment: LocalPayment, form: Form, *, returns: int = 1, status: int = 200) -> Response:
    left = payment.until - datetime.now(UTC)
    response = request.render(
        "local_bank_pay.html" if payment.is_open else "local_bank_over.html",
        status=status,
        payment=payment,
        form=form,
        returns=returns,
        left=int(left.total_seconds()),
    )
    # The answer to the form leads to the shop, which may have another host name.
    shop = urlsplit(payment.way_back)
    leads_on = f"form-action 'self' {shop.scheme}://{shop.netloc}"
    response.headers["Content-Security-Policy"] = CONTENT_POLICY.replace("form-action 'self'", leads_on)
    return response
