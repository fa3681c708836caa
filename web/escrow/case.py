"""What the two sides do with a safe payment, each deed on a page of its own (E2, E3, E5, E6).

What moves money shows first what would follow, and takes a code by SMS for exactly that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.account.codes import request_code
from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.escrow.answering import RefundCodeRequest, ReleaseCodeRequest, SplitCodeRequest
from api.escrow.disputes import (
    DisputeIn,
    DisputeStatementIn,
    SplitAnswerIn,
    SplitOfferIn,
    answer_split,
    file_statement,
    object_to_ruling,
    offer_split,
    open_dispute,
    withdraw_dispute,
)
from api.escrow.payments import (
    RefundAnswerIn,
    RefundRequestIn,
    ReleaseIn,
    WorkIn,
    answer_refund,
    ask_refund,
    declare_work,
    fund_escrow,
    release_escrow,
    withdraw_escrow,
)
from api.escrow.section import EscrowOut
from api.paper import issue_escrow_invoice, issue_ruling
from api.payment import AttemptIn, list_payment_gateways
from domain.errors import NotFound, Refusal
from domain.escrow.policy import fee_of
from domain.fee import Fee
from domain.money import Money
from web.attachment import files_pane
from web.case_parts import CaseAction, CaseParts, TaskPage
from web.codes import Asking, times_in
from web.escrow.desk import part_of, shares_of
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/escrow/payments/{case_id}")

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "work_declared": _("It is recorded. The employer is asked to look at the work."),
    "escrow_released": _("You released it. The money is on its way to the contractor."),
    "refund_asked": _("It is recorded. The contractor is asked."),
    "refund_agreed": _("You agreed. The money goes back to the employer."),
    "refund_declined": _("You did not agree. The money is held as before."),
    "dispute_opened": _("Arbitration is asked for. What is held is frozen until it ends."),
    "dispute_withdrawn": _("You took it back. The money is held as before."),
    "statement_filed": _("Your statement is recorded."),
    "split_offered": _("Your offer is recorded. The other side is told."),
    "split_accepted": _("You accepted. The money is divided so."),
    "split_declined": _("You declined. The arbitration goes on."),
    "ruling_objected": _("Your objection is recorded. Another arbitrator rules, finally."),
    "escrow_withdrawn": _("It was withdrawn. Nothing is paid."),
}
_AMOUNT: Final = "amount.amount"
_SHARES: Final = ("to_contractor.amount", "to_employer.amount")
_NOTHING: Final = {"amount": 0, "unit": "IRR"}

TASK_PAGES: Final = (
    TaskPage("answer_escrow", "/escrow/payments/{case_id}/answer", while_open=True),
    TaskPage("fund_escrow", "/escrow/payments/{case_id}/payment", while_open=True),
    TaskPage("inspect_work", "/cases/{case_id}"),
    TaskPage("answer_refund", "/escrow/payments/{case_id}/refund-answer", while_open=True),
    TaskPage("file_statement", "/escrow/payments/{case_id}/statements", while_open=True),
)
_FIRST: Final = {
    "decide_answer_escrow": None,
    "fund_escrow": None,
    "inspect_work": None,
    "release_escrow": frozenset({"delivered"}),
    "declare_work": frozenset({"held"}),
    "answer_refund": None,
    "ask_refund": frozenset({"delivered"}),
    "open_dispute": frozenset[str](),
    "file_statement": frozenset({"in_dispute"}),
    "offer_split": frozenset({"in_dispute"}),
    "answer_split": None,
    "withdraw_dispute": frozenset[str](),
    "object_to_ruling": frozenset({"awaiting_objection"}),
    "withdraw_escrow": frozenset[str](),
}
CASE_ACTIONS: Final = tuple(CaseAction(name, "escrow_action.html", first) for name, first in _FIRST.items())


async def _parts(_request: PageRequest, case: CaseDetail) -> dict[str, Any]:
    return {} if case.escrow is None else _charges(case.escrow)


def _charges(escrow: EscrowOut) -> dict[str, Any]:
    """By what templates say how much reaches the contractor."""
    rates = escrow.rates

    def charged(rial: int) -> Fee:
        return fee_of(Money(rial), fee_rate=rates.fee, vat_rate=rates.vat)

    return {"charged": charged, "escrow_rates": rates}


CASE_PARTS: Final = CaseParts("escrow", read=_parts, wide="escrow_dispute.html")

Send = Callable[[PageRequest, UUID, Form], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Deed:
    """Something that a side does on a page of its own.

    Args:
        action: as the API calls it; the page is there as long as the API offers it.
        done: the note that says it was done.
        names: what is typed.
        read: leaves an error in the form at each field that is to be mended.
        send: sends it to the API; raises Refusal.
        ask: asks for the code that confirms it, where it takes one; None where it takes none.
    """

    action: str
    done: str
    names: tuple[str, ...]
    read: Callable[[Form, EscrowOut], object]
    send: Send
    ask: Callable[[UUID, Form], Any] | None = None


async def _declare(request: PageRequest, case_id: UUID, form: Form) -> None:
    await request.api.perform(declare_work, form.key, case_id, checked(WorkIn, note=form.text("note")))


async def _release(request: PageRequest, case_id: UUID, form: Form) -> None:
    body = checked(ReleaseIn, amount=form.toman(_AMOUNT, to_the_rial=True), **_code(form))
    await request.api.perform(release_escrow, form.key, case_id, body)


async def _ask_refund(request: PageRequest, case_id: UUID, form: Form) -> None:
    body = checked(RefundRequestIn, amount=form.toman(_AMOUNT, to_the_rial=True), reason=form.text("reason"))
    await request.api.perform(ask_refund, form.key, case_id, body)


async def _agree(request: PageRequest, case_id: UUID, form: Form) -> None:
    await request.api.perform(
        answer_refund, form.key, case_id, checked(RefundAnswerIn, amount=part_of(form, _AMOUNT), **_code(form))
    )


async def _dispute(request: PageRequest, case_id: UUID, form: Form) -> None:
    body = checked(DisputeIn, about=form.chosen("about"), text=form.text("text"))
    await request.api.perform(open_dispute, form.key, case_id, body)


async def _state(request: PageRequest, case_id: UUID, form: Form) -> None:
    await request.api.perform(file_statement, form.key, case_id, checked(DisputeStatementIn, text=form.text("text")))


async def _offer(request: PageRequest, case_id: UUID, form: Form) -> None:
    body = checked(SplitOfferIn, **shares_of(form), **_code(form))
    await request.api.perform(offer_split, form.key, case_id, body)


async def _accept(request: PageRequest, case_id: UUID, form: Form) -> None:
    body = checked(SplitAnswerIn, offer_id=form.text("offer_id"), accept=True, **_code(form))
    await request.api.perform(answer_split, form.key, case_id, body)


def _code(form: Form) -> dict[str, str]:
    return {"code_id": form.text("code_id"), "code": form.required("code")}


def _release_code(case_id: UUID, form: Form) -> ReleaseCodeRequest:
    subject = {"case_id": case_id, "amount": form.toman(_AMOUNT, to_the_rial=True).model_dump()}
    return checked(ReleaseCodeRequest, purpose="escrow_release", subject=subject)


def _refund_code(case_id: UUID, form: Form) -> RefundCodeRequest:
    subject = {"case_id": case_id, "amount": form.toman(_AMOUNT, to_the_rial=True).model_dump()}
    return checked(RefundCodeRequest, purpose="escrow_refund", subject=subject)


def _offer_code(case_id: UUID, form: Form) -> SplitCodeRequest:
    return checked(SplitCodeRequest, purpose="escrow_split", subject={"case_id": case_id, "shares": shares_of(form)})


def _accept_code(case_id: UUID, form: Form) -> SplitCodeRequest:
    subject = {"case_id": case_id, "offer_id": form.text("offer_id")}
    return checked(SplitCodeRequest, purpose="escrow_split", subject=subject)


def _read_amount(form: Form, _escrow: EscrowOut) -> None:
    form.toman(_AMOUNT, to_the_rial=True)


def _read_request(form: Form, escrow: EscrowOut) -> None:
    _read_amount(form, escrow)
    form.required("reason")


def _read_dispute(form: Form, _escrow: EscrowOut) -> None:
    form.chosen("about")
    form.required("text")


_DEEDS: Final[Mapping[str, _Deed]] = {
    "work": _Deed("declare_work", "work_declared", ("note",), lambda _form, _escrow: None, _declare),
    "release": _Deed("release_escrow", "escrow_released", (_AMOUNT,), _read_amount, _release, _release_code),
    "refund": _Deed("ask_refund", "refund_asked", (_AMOUNT, "reason"), _read_request, _ask_refund),
    "refund-answer": _Deed("answer_refund", "refund_agreed", (_AMOUNT,), _read_amount, _agree, _refund_code),
    "dispute": _Deed("open_dispute", "dispute_opened", ("about", "text"), _read_dispute, _dispute),
    "statements": _Deed("file_statement", "statement_filed", ("text",), lambda form, _: form.required("text"), _state),
    "split": _Deed("offer_split", "split_offered", _SHARES, lambda form, _: shares_of(form), _offer, _offer_code),
    "split-answer": _Deed(
        "answer_split",
        "split_accepted",
        ("offer_id",),
        lambda form, _: form.required("offer_id"),
        _accept,
        _accept_code,
    ),
}


async def _read(request: PageRequest, case_id: UUID) -> tuple[CaseDetail, EscrowOut]:
    case = await request.api.read(read_case, case_id)
    if case.escrow is None:
        raise NotFound
    return case, case.escrow


@router.get("/answer")
async def show_answer(request: SignedIn, case_id: UUID) -> Response:
    """Where a proposal is answered: on the page of its job."""
    _, escrow = await _read(request, case_id)
    return request.redirect(f"/escrow/jobs/{escrow.job_id}")


@router.get("/payment")
async def show_payment(request: SignedIn, case_id: UUID) -> Response:
    """What is paid for whom, before the employer goes to the bank."""
    return await _payment_page(request, case_id, empty(request.language))


@router.post("/payment")
async def pay(request: SignedIn, case_id: UUID) -> Response:
    """Begin to pay; the payment has a page of its own."""
    form = await request.form()
    try:
        choice = checked(AttemptIn, gateway=form.text("gateway") or None)
        payment = await request.api.perform(fund_escrow, form.key, case_id, choice)
        return request.redirect(f"/payments/{payment.id}")
    except Refusal as refused:
        form.refuse(refused)
    return await _payment_page(request, case_id, form)


async def _payment_page(request: PageRequest, case_id: UUID, form: Form) -> Response:
    case, escrow = await _read(request, case_id)
    may_pay = any(one.action == "fund_escrow" for one in case.allowed_actions)
    if not may_pay and form.is_good:
        return request.redirect(f"/cases/{case_id}")
    gateways = (await request.api.read(list_payment_gateways)).items
    show = request.render if form.is_good else request.render_again
    return show("escrow_payment.html", form=form, case=case, escrow=escrow, may_pay=may_pay, gateways=gateways)


@router.post("/refusals/{deed}")
async def refuse_it(request: SignedIn, case_id: UUID, deed: str) -> Response:
    """What is done by one press that asks once more: nothing of it moves money."""
    form, perform = await request.form(), request.api.perform
    if deed == "refund":
        await perform(answer_refund, form.key, case_id, checked(RefundAnswerIn, amount=_NOTHING))
        return request.redirect(f"/cases/{case_id}", done="refund_declined")
    if deed == "split":
        body = checked(SplitAnswerIn, offer_id=form.text("offer_id"), accept=False)
        await perform(answer_split, form.key, case_id, body)
        return request.redirect(f"/cases/{case_id}", done="split_declined")
    known = {
        "dispute": (withdraw_dispute, "dispute_withdrawn"),
        "proposal": (withdraw_escrow, "escrow_withdrawn"),
        "ruling": (object_to_ruling, "ruling_objected"),
    }
    if deed not in known:
        raise NotFound
    operation, done = known[deed]
    await perform(operation, form.key, case_id)
    return request.redirect(f"/cases/{case_id}", done=done)


@router.post("/papers/{what}/{subject_id}")
async def issue_paper(request: SignedIn, case_id: UUID, what: str, subject_id: UUID) -> Response:
    """A ruling, or the invoice of a fee, as a paper; sent again it leads to the same."""
    form, issue = await request.form(), {"ruling": issue_ruling, "invoice": issue_escrow_invoice}.get(what)
    if issue is None:
        raise NotFound
    await _read(request, case_id)
    await request.api.perform(issue, form.key, subject_id)
    return request.redirect("/papers", done="paper_issued")


@router.get("/{deed}")
async def show_deed(request: SignedIn, case_id: UUID, deed: str, offer_id: UUID | None = None) -> Response:
    """Where a deed's values are typed."""
    form = _asking(case_id, deed).form(request)
    if offer_id is not None:
        form.values = {**form.values, "offer_id": str(offer_id)}
    if not form.text(_AMOUNT) and deed in {"release", "refund-answer"}:
        _, escrow = await _read(request, case_id)
        form.values = {**form.values, _AMOUNT: request.language.typed_toman(_whole(escrow, deed))}
    return await _page(request, case_id, deed, form)


def _whole(escrow: EscrowOut, deed: str) -> int:
    """What may be released, or what is asked back, in rial: all of it is the usual answer."""
    available = escrow.sums.available.amount
    return min(available, escrow.refund.amount.amount) if deed == "refund-answer" and escrow.refund else available


@router.post("/{deed}")
async def take_deed(request: SignedIn, case_id: UUID, deed: str) -> Response:
    """Do it; where it takes a code, have one sent for exactly this."""
    form, made, asking = await request.form(), _deed(deed), _asking(case_id, deed)
    _, escrow = await _read(request, case_id)
    made.read(form, escrow)
    if form.is_good:
        try:
            if made.ask is None:
                await made.send(request, case_id, form)
                return request.redirect(f"/cases/{case_id}", done=made.done)
            sent = await request.api.perform(request_code, form.key, made.ask(case_id, form))
            return asking.sent(request, form, f"{asking.path}/code?again={sent.code_id}")
        except Refusal as refused:
            if made.ask is None:
                form.refuse(refused)
            elif before := asking.refused(request, form, refused):
                return before
    return await _page(request, case_id, deed, form)


@router.get("/{deed}/code")
async def show_code(request: SignedIn, case_id: UUID, deed: str, again: UUID) -> Response:
    """Where the code is typed; who has lost the values on the way types them anew."""
    asking = _asking(case_id, deed)
    form = asking.form(request, code_id=again, **times_in(request))
    if not all(form.text(name) for name in _deed(deed).names):
        return request.redirect(asking.path)
    return await _page(request, case_id, deed, form)


@router.post("/{deed}/code")
async def send_coded(request: SignedIn, case_id: UUID, deed: str) -> Response:
    """Do what the code was sent for."""
    form, made = await request.form(), _deed(deed)
    _, escrow = await _read(request, case_id)
    made.read(form, escrow)
    form.required("code")
    if form.is_good:
        try:
            await made.send(request, case_id, form)
            return request.redirect(f"/cases/{case_id}", done=made.done)
        except Refusal as refused:
            form.refuse(refused)
    return await _page(request, case_id, deed, form)


def _deed(name: str) -> _Deed:
    if name not in _DEEDS:
        raise NotFound
    return _DEEDS[name]


def _asking(case_id: UUID, deed: str) -> Asking:
    return Asking(f"/escrow/payments/{case_id}/{deed}", _deed(deed).names)


async def _page(request: PageRequest, case_id: UUID, deed: str, form: Form) -> Response:
    case, escrow = await _read(request, case_id)
    made = _deed(deed)
    offers = [] if escrow.dispute is None else escrow.dispute.offers
    offer = next((one for one in offers if str(one.id) == form.text("offer_id") and one.answer is None), None)
    is_offered = any(one.action == made.action for one in case.allowed_actions)
    if (not is_offered or (deed == "split-answer" and offer is None)) and form.is_good:
        return request.redirect(f"/cases/{case_id}")
    show = request.render if form.is_good else request.render_again
    path = f"/escrow/payments/{case_id}/{deed}"
    return show(
        "escrow_deed.html",
        form=form,
        case=case,
        escrow=escrow,
        deed=deed,
        path=path,
        names=made.names,
        offer=offer,
        pane=await files_pane(request, case_id, case.kind) if deed in {"work", "statements"} else None,
        **_charges(escrow),
    )
