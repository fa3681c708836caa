"""The whole number of a card: a code by SMS, then the number once, on no page that stays (C2, G1)."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.account.codes import request_code
from api.card import CardCodeRequest, CardReveal, CardSubject, reveal_card
from api.client import checked
from api.onboarding import read_credit_line
from domain.errors import Refusal
from web.codes import refuse_code, sent_now, times_in
from web.forms import Form, empty
from web.page_request import PageRequest, SignedIn

router = APIRouter()


@router.get("/credit/{line_id}/card")
async def show_card_form(request: SignedIn, line_id: UUID, code_id: UUID | None = None) -> Response:
    """Where a code is asked for, and once it came, typed."""
    return await _page(request, line_id, empty(request.language, code_id=code_id or "", **times_in(request)))


async def _page(request: PageRequest, line_id: UUID, form: Form, number: str | None = None) -> Response:
    line = await request.api.read(read_credit_line, line_id)
    if form.errors:
        return request.render_again("card.html", form, line=line, number=number)
    return request.render("card.html", form=form, line=line, number=number)


@router.post("/credit/{line_id}/card/code")
async def ask_for_code(request: SignedIn, line_id: UUID) -> Response:
    """Send the code that shows this card's number."""
    form = await request.form()
    try:
        wish = CardCodeRequest(purpose="show_card", subject=CardSubject(line_id=line_id))
        sent = await request.api.perform(request_code, form.key, wish)
        return request.redirect(sent_now(f"/credit/{line_id}/card?code_id={sent.code_id}"))
    except Refusal as refused:
        refuse_code(form, refused)
    return await _page(request, line_id, form)


@router.get("/credit/{line_id}/card/code")
async def leave_code(request: SignedIn, line_id: UUID) -> Response:
    """Where a refused request for a code was shown; it begins anew."""
    return request.redirect(f"/credit/{line_id}/card")


@router.post("/credit/{line_id}/card")
async def show_card(request: SignedIn, line_id: UUID) -> Response:
    """Show the number; a person who sends the form once more is asked for another code."""
    form = await request.form()
    code_id, code = form.text("code_id"), form.required("code")
    if form.is_good:
        try:
            wish = checked(CardReveal, code_id=code_id, code=code)
            shown = await request.api.perform(reveal_card, form.key, line_id, wish)
            if shown.card_number is None:
                return request.redirect(f"/credit/{line_id}/card")
            return await _page(request, line_id, form, shown.card_number)
        except Refusal as refused:
            form.refuse(refused)
    return await _page(request, line_id, form)
