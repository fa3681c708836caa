"""The pages of withdrawals from the member's balance (E3)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.account.codes import request_code
from api.balance import read_balance
from api.bank_account import list_bank_accounts
from api.client import checked
from api.values import IdCursor
from api.withdrawal import (
    WithdrawalCodeRequest,
    WithdrawalIn,
    WithdrawalSubject,
    issue_payout_receipt,
    issue_withdrawal_invoice,
    list_withdrawals,
    read_withdrawal_terms,
    take_back_withdrawal,
    withdraw,
)
from domain.bank_account import BankAccountKind
from domain.errors import Refusal
from web.codes import Asking, times_in
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

_HERE: Final = "/withdrawals"
_AMOUNT: Final = "amount.amount"
_ASKING: Final = Asking(f"{_HERE}/new", (_AMOUNT,))
NOTES: Final = {
    "withdrawal_asked": _("The withdrawal is recorded. You get an SMS when the bank has paid it."),
    "withdrawal_taken_back": _("You took it back. The money is in your balance again within seconds."),
}


@router.get(_HERE)
async def show_withdrawals(request: SignedIn, before: IdCursor) -> Response:
    """The member's withdrawals, newest first."""
    return await _list(request, empty(request.language), before)


async def _list(request: PageRequest, form: Form, before: UUID | None = None) -> Response:
    found = await request.api.read(list_withdrawals, before)
    show = request.render if form.is_good else request.render_again
    return show("withdrawals.html", form=form, withdrawals=found.items, next=found.next)


@router.get(_ASKING.path)
async def show_amount_form(request: SignedIn) -> Response:
    """Where the amount is typed."""
    return await _page(request, _ASKING.form(request))


async def _page(request: PageRequest, form: Form) -> Response:
    """The amount or its code, with the sheba to which it goes."""
    own = (await request.api.read(list_bank_accounts)).items
    sheba = next((one for one in own if one.kind is BankAccountKind.SHEBA and one.is_default), None)
    show = request.render if form.is_good else request.render_again
    balance, terms = await request.api.read(read_balance), await request.api.read(read_withdrawal_terms)
    return show("withdrawal_new.html", form=form, sheba=sheba, balance=balance, terms=terms)


@router.post(_ASKING.path)
async def ask_for_code(request: SignedIn) -> Response:
    """Have a code sent for exactly this amount, to the sheba in use."""
    form = await request.form()
    amount = form.toman(_AMOUNT)
    if form.is_good:
        try:
            wish = checked(WithdrawalCodeRequest, purpose="withdraw", subject=WithdrawalSubject(amount=amount))
            sent = await request.api.perform(request_code, form.key, wish)
            return _ASKING.sent(request, form, f"{_ASKING.path}/code?again={sent.code_id}")
        except Refusal as refused:
            if before := _ASKING.refused(request, form, refused):
                return before
    return await _page(request, form)


@router.get(f"{_ASKING.path}/code")
async def show_code_form(request: SignedIn, again: UUID) -> Response:
    """Where the code is typed; a member who has lost the amount on the way types it anew."""
    form = _ASKING.form(request, code_id=again, **times_in(request))
    if not form.text(_AMOUNT):
        return request.redirect(_ASKING.path)
    return await _page(request, form)


@router.post(f"{_ASKING.path}/code")
async def send_withdrawal(request: SignedIn) -> Response:
    """Withdraw."""
    form = await request.form()
    amount, code_id, code = form.toman(_AMOUNT), form.text("code_id"), form.required("code")
    if form.is_good:
        try:
            body = checked(WithdrawalIn, amount=amount, code_id=code_id, code=code)
            await request.api.perform(withdraw, form.key, body)
            return request.redirect(_HERE, done="withdrawal_asked")
        except Refusal as refused:
            form.refuse(refused)
    return await _page(request, form)


@router.post(f"{_HERE}/{{withdrawal_id}}/taking-back")
async def take_back(request: SignedIn, withdrawal_id: UUID) -> Response:
    """Take one back that still waits."""
    form = await request.form()
    try:
        await request.api.perform(take_back_withdrawal, form.key, withdrawal_id)
        return request.redirect(_HERE, done="withdrawal_taken_back")
    except Refusal as refused:
        form.refuse(refused)
    return await _list(request, form)


@router.post(f"{_HERE}/{{withdrawal_id}}/receipt")
async def issue_receipt(request: SignedIn, withdrawal_id: UUID) -> Response:
    """Issue the receipt of a pay-out; sent again it leads to the same paper."""
    form = await request.form()
    await request.api.perform(issue_payout_receipt, form.key, withdrawal_id)
    return request.redirect("/papers", done="paper_issued")


@router.post(f"{_HERE}/{{withdrawal_id}}/invoice")
async def issue_invoice(request: SignedIn, withdrawal_id: UUID) -> Response:
    """Print the invoice of a withdrawal's fee; sent again it leads to the same paper."""
    form = await request.form()
    await request.api.perform(issue_withdrawal_invoice, form.key, withdrawal_id)
    return request.redirect("/papers", done="paper_issued")
