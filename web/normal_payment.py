"""Normal payments: asking for one, the payee's answer, paying, and the member's list of them (E7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answering import Decision
from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.escrow.jobs import JobOut, read_job
from api.inbox import TaskOut
from api.normal_payment import (
    AcceptNormalPayment,
    NormalPaymentIn,
    RefuseNormalPayment,
    list_normal_payments,
    pay_normal_payment,
    read_normal_payment_terms,
    request_normal_payment,
    withdraw_normal_payment,
)
from api.payment import AttemptIn, list_payment_gateways
from api.task import decide_task, read_task
from api.values import IdCursor
from domain.errors import NotFound, Refusal
from web.case_parts import CaseAction, TaskPage
from web.forms import GENERAL, Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "normal_payment_requested": _("The request was recorded. You are told by SMS when the payee has answered."),
    "normal_payment_accepted": _("You accepted. Once the payer has paid, the money is in your balance."),
    "normal_payment_refused": _("You refused. Nothing is paid."),
    "normal_payment_withdrawn": _("You withdrew. Nothing is paid."),
}
_ACCEPTED: Final = "accepted"
_JOB: Final = "job_id"

TASK_PAGES: Final = (
    TaskPage("answer_normal_payment", "/normal-payments/{case_id}/answer", while_open=True),
    TaskPage("pay_normal_payment", "/normal-payments/{case_id}/payment", while_open=True),
)
CASE_ACTIONS: Final = (
    CaseAction("decide_answer_normal_payment", "normal_payment_answering.html"),
    CaseAction("pay_normal_payment", "normal_payment_paying.html"),
    CaseAction("withdraw_normal_payment", "normal_payment_withdrawal.html", first_in=frozenset()),
)


@router.get("/normal-payments")
async def show_normal_payments(request: SignedIn, before: IdCursor) -> Response:
    """What the member pays or is paid outside escrow, newest first."""
    found = await request.api.read(list_normal_payments, before)
    return request.render("normal_payments.html", payments=found.items, next=found.next)


@router.get("/normal-payments/new")
async def show_request(request: SignedIn, job: UUID | None = None) -> Response:
    """Whom to pay how much for what, and the words to be accepted; for a job its contractor is the payee."""
    return await _request_page(request, empty(request.language, **({} if job is None else {_JOB: job})))


@router.post("/normal-payments/new")
async def ask(request: SignedIn) -> Response:
    """Ask; what follows is the same whether or not a member has the number."""
    form = await request.form()
    # The contractor of a job is known; nobody else is without a number.
    payee = {_JOB: form.text(_JOB)} if form.text(_JOB) else {"mobile": form.required("mobile")}
    amount, what_for = form.toman("amount.amount"), form.required("what_for")
    _accept(form)
    if form.is_good:
        try:
            wish = checked(
                NormalPaymentIn,
                **payee,
                amount=amount,
                what_for=what_for,
                terms_version=form.version("terms_version"),
            )
            case = await request.api.perform(request_normal_payment, form.key, wish)
            return request.redirect(f"/cases/{case.id}", done="normal_payment_requested")
        except Refusal as refused:
            form.refuse(refused)
    return await _request_page(request, form, status=422)


def _accept(form: Form) -> None:
    """The words are accepted by a tick, and never by leaving something out."""
    if form.text(_ACCEPTED) != "yes":
        form.errors[_ACCEPTED] = form.language.translate("Without this nothing can be paid outside escrow.")


async def _request_page(request: PageRequest, form: Form, *, status: int = 200) -> Response:
    terms, job = await request.api.read(read_normal_payment_terms), await _job_of(request, form)
    return request.render("normal_payment_new.html", status=status, form=form, terms=terms, job=job)


async def _job_of(request: PageRequest, form: Form) -> JobOut | None:
    """The job that it is for; None for a payment by itself. Raises NotFound for a job that is not theirs."""
    if not form.text(_JOB):
        return None
    try:
        job_id = UUID(form.text(_JOB))
    except ValueError as wrong:
        raise NotFound from wrong
    return await request.api.read(read_job, job_id)


@router.get("/normal-payments/{case_id}/answer")
async def show_answer(request: SignedIn, case_id: UUID) -> Response:
    """Who wants to pay how much for what, and the payee's answer."""
    return await _answer_page(request, case_id, empty(request.language))


@router.post("/normal-payments/{case_id}/acceptance")
async def accept(request: SignedIn, case_id: UUID) -> Response:
    """Accept, in the words that the payer accepted."""
    form = await request.form()
    _accept(form)
    version = form.version("terms_version")
    if form.is_good and await _answer(
        request,
        form,
        lambda: checked(AcceptNormalPayment, kind="answer_normal_payment", decision="accept", terms_version=version),
    ):
        return request.redirect(f"/cases/{case_id}", done="normal_payment_accepted")
    return await _answer_page(request, case_id, form)


@router.post("/normal-payments/{case_id}/refusal")
async def refuse(request: SignedIn, case_id: UUID) -> Response:
    """Refuse."""
    form = await request.form()
    refusal = RefuseNormalPayment(kind="answer_normal_payment", decision="refuse")
    if await _answer(request, form, lambda: refusal):
        return request.redirect(f"/cases/{case_id}", done="normal_payment_refused")
    return await _answer_page(request, case_id, form)


async def _answer(request: PageRequest, form: Form, decision: Callable[[], Decision]) -> bool:
    try:
        task_id = UUID(form.text("task_id"))
        await request.api.perform(decide_task, form.key, task_id, decision(), form.version(), None)
    except ValueError:
        form.errors[GENERAL] = request.language.translate("Nothing is waiting for your answer here any more.")
    except Refusal as refused:
        form.refuse(refused)
    return form.is_good


async def _answer_page(request: PageRequest, case_id: UUID, form: Form) -> Response:
    case = await request.api.read(read_case, case_id)
    task = await _task_of(request, case, "decide_answer_normal_payment")
    status = 200 if form.is_good else 422
    if case.normal_payment is None or (task is None and form.is_good):
        return request.redirect(f"/cases/{case_id}")
    return request.render("normal_payment_answer.html", status=status, form=form, case=case, task=task)


async def _task_of(request: PageRequest, case: CaseDetail, action: str) -> TaskOut | None:
    href = next((one.href for one in case.allowed_actions if one.action == action), None)
    return None if href is None else await request.api.read(read_task, UUID(href.split("/")[3]))


@router.get("/normal-payments/{case_id}/payment")
async def show_payment(request: SignedIn, case_id: UUID) -> Response:
    """What is paid to whom, before the payer goes to the bank."""
    return await _payment_page(request, case_id, empty(request.language))


@router.post("/normal-payments/{case_id}/payment")
async def pay(request: SignedIn, case_id: UUID) -> Response:
    """Begin to pay; the payment has a page of its own."""
    form = await request.form()
    try:
        choice = checked(AttemptIn, gateway=form.text("gateway") or None)
        payment = await request.api.perform(pay_normal_payment, form.key, case_id, choice)
        return request.redirect(f"/payments/{payment.id}")
    except Refusal as refused:
        form.refuse(refused)
    return await _payment_page(request, case_id, form)


async def _payment_page(request: PageRequest, case_id: UUID, form: Form) -> Response:
    case = await request.api.read(read_case, case_id)
    may_pay = any(one.action == "pay_normal_payment" for one in case.allowed_actions)
    if case.normal_payment is None or (not may_pay and form.is_good):
        return request.redirect(f"/cases/{case_id}")
    return request.render(
        "normal_payment_payment.html",
        status=200 if form.is_good else 422,
        form=form,
        case=case,
        may_pay=may_pay,
        gateways=(await request.api.read(list_payment_gateways)).items,
    )


@router.post("/cases/{case_id}/normal-payment-withdrawal")
async def withdraw(request: SignedIn, case_id: UUID) -> Response:
    """Withdraw until it is paid."""
    form = await request.form()
    await request.api.perform(withdraw_normal_payment, form.key, case_id)
    return request.redirect(f"/cases/{case_id}", done="normal_payment_withdrawn")
