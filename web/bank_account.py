"""The pages of one's own bank cards and shebas (E3, F4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import bank_account
from api.account.codes import request_code
from api.client import checked
from domain.bank_account import BankAccountKind
from domain.errors import Refusal, StepUpRequired
from web.codes import Asking, times_in
from web.forms import Form
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

_HERE: Final = "/profile/accounts"
_CARD: Final = f"{_HERE}/cards"
_ASKING: Final = Asking(f"{_HERE}/shebas", ("number",))
NOTES: Final = {
    "card_added": _("Your card is kept; the bank is asked whose it is."),
    "sheba_added": _("Your sheba is kept; the bank is asked whose it is."),
    "bank_account_removed": _("It is removed."),
    "bank_account_chosen": _("From now on this one is the default."),
}


@router.get(_HERE)
async def show_bank_accounts(request: SignedIn) -> Response:
    """All of them; the row of one that is being checked looks again by itself."""
    return await _accounts(request, Form(request.language))


async def _accounts(request: PageRequest, form: Form) -> Response:
    found = (await request.api.read(bank_account.list_bank_accounts)).items
    shown = {kind: [one for one in found if one.kind is kind] for kind in BankAccountKind}
    show = request.render if form.is_good else request.render_again
    return show("bank_accounts.html", form=form, cards=shown[BankAccountKind.CARD], shebas=shown[BankAccountKind.SHEBA])


@router.get(_CARD)
async def show_card_form(request: SignedIn) -> Response:
    """Where a card's number is typed."""
    return request.render("bank_account_card.html", form=Form(request.language))


@router.post(_CARD)
async def add_card(request: SignedIn) -> Response:
    """Add the card."""
    form = await request.form()
    number = form.required("number")
    if form.is_good:
        try:
            body = checked(bank_account.CardIn, number=number)
            await request.api.perform(bank_account.add_card, form.key, body)
            return request.redirect(_HERE, done="card_added")
        except StepUpRequired:
            return request.confirm_first(_CARD)
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("bank_account_card.html", form)


@router.get(_ASKING.path)
async def show_sheba_form(request: SignedIn) -> Response:
    """Where a sheba is typed."""
    return request.render("bank_account_sheba.html", form=_ASKING.form(request))


@router.post(_ASKING.path)
async def ask_for_code(request: SignedIn) -> Response:
    """Have a code sent for exactly this sheba, which stands in no address."""
    form = await request.form()
    number = form.required("number")
    if form.is_good:
        try:
            subject = checked(bank_account.ShebaSubject, number=number)
            wish = bank_account.ShebaCodeRequest(purpose="add_sheba", subject=subject)
            sent = await request.api.perform(request_code, form.key, wish)
            return _ASKING.sent(request, form, f"{_ASKING.path}/code?again={sent.code_id}")
        except Refusal as refused:
            if before := _ASKING.refused(request, form, refused):
                return before
    return request.render_again("bank_account_sheba.html", form)


@router.get(f"{_ASKING.path}/code")
async def show_code_form(request: SignedIn, again: UUID) -> Response:
    """Where the code is typed; a member who lost the number on the way types it anew."""
    form = _ASKING.form(request, code_id=again, **times_in(request))
    if not form.text("number"):
        return request.redirect(_ASKING.path)
    return request.render("bank_account_sheba.html", form=form)


@router.post(f"{_ASKING.path}/code")
async def add_sheba(request: SignedIn) -> Response:
    """Add the sheba."""
    form = await request.form()
    typed = {"number": form.required("number"), "code_id": form.text("code_id"), "code": form.required("code")}
    if form.is_good:
        try:
            body = checked(bank_account.ShebaIn, **typed)
            await request.api.perform(bank_account.add_sheba, form.key, body)
            return request.redirect(_HERE, done="sheba_added")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("bank_account_sheba.html", form)


@router.post(f"{_HERE}/{{account_id}}/removal")
async def remove_bank_account(request: SignedIn, account_id: UUID) -> Response:
    """Remove one."""
    return await _change(request, bank_account.remove_bank_account, account_id, "bank_account_removed")


@router.post(f"{_HERE}/{{account_id}}/default")
async def choose_bank_account(request: SignedIn, account_id: UUID) -> Response:
    """Make one the default of its kind."""
    return await _change(request, bank_account.choose_bank_account, account_id, "bank_account_chosen")


async def _change(
    request: PageRequest, operation: Callable[..., Awaitable[Any]], account_id: UUID, done: str
) -> Response:
    form = await request.form()
    try:
        await request.api.perform(operation, form.key, account_id)
        return request.redirect(_HERE, done=done)
    except StepUpRequired:
        return request.confirm_first(_HERE)
    except Refusal as refused:
        form.refuse(refused)
    return await _accounts(request, form)
