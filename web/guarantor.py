"""Guarantors: naming one (A4), and what a member stands for and was asked to, with their answer in person (A5)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.account.codes import request_code
from api.answering import Decision
from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.guarantor import (
    AcceptGuarantee,
    GuaranteeCodeRequest,
    GuaranteeOut,
    GuaranteeSubject,
    GuarantorIn,
    RefuseGuarantee,
    list_guarantees,
    name_guarantor,
    read_guarantee,
)
from api.task import decide_task, read_task
from api.values import IdCursor
from domain.errors import Refusal, TooMany
from web.case_parts import CaseAction, TaskPage
from web.codes import refuse_code, sent_now, times_in
from web.forms import GENERAL, Form, empty
from web.language import noop as _
from web.onboarding.colleague import Question, read_national_id, refusal_words
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "guarantor_named": _("The guarantor was named and is being asked."),
    "guarantee_accepted": _("You accepted. The application goes on."),
    "guarantee_refused": _("You refused. Nothing is on you."),
}

_COLLEAGUE: Final = "national_id"

TASK_PAGES: Final = (
    TaskPage("answer_guarantee", "/guarantees/{subject_id}"),
    TaskPage("name_guarantor", "/cases/{case_id}/guarantor", while_open=True),
)
CASE_ACTIONS: Final = (
    CaseAction("decide_answer_guarantee", "guarantor_answer.html"),
    # Until the credit is usable another one may be named; only without one is it the first thing to do.
    CaseAction("name_guarantor", "guarantor_naming.html", first_in=frozenset({"awaiting_another_guarantor"})),
)


@router.get("/guarantees")
async def show_guarantees(request: SignedIn, before: IdCursor) -> Response:
    """What the member stands for and was asked to stand for, newest first."""
    found = await request.api.read(list_guarantees, before)
    return request.render("guarantees.html", guarantees=found.items, stands_for=found.stands_for, next=found.next)


@router.get("/guarantees/{guarantee_id}")
async def show_guarantee(request: SignedIn, guarantee_id: UUID) -> Response:
    """What the member would stand for or stands for, and, while it is asked, the answer."""
    return await _page(request, guarantee_id, empty(request.language))


@router.post("/guarantees/{guarantee_id}/code")
async def ask_for_code(request: SignedIn, guarantee_id: UUID) -> Response:
    """Send the code with which this mandate is accepted."""
    form = await request.form()
    found = await request.api.read(read_guarantee, guarantee_id)
    subject = GuaranteeSubject(guarantee_id=guarantee_id, mandate_version=found.mandate_version)
    wish = GuaranteeCodeRequest(purpose="accept_guarantee", subject=subject)
    try:
        sent = await request.api.perform(request_code, form.key, wish)
    except Refusal as refused:
        refuse_code(form, refused)
        if form.text("mandate.code_id") and found.task_id is not None:
            return await _code_page(request, found, found.task_id, form)
        return await _page(request, guarantee_id, form, status=422)
    return request.redirect(sent_now(f"/guarantees/{guarantee_id}/acceptance?code_id={sent.code_id}"))


async def _code_page(request: PageRequest, found: GuaranteeOut, task_id: UUID, form: Form) -> Response:
    task = await request.api.read(read_task, task_id)
    return request.render_again("guarantee_code.html", form, guarantee=found, due=task.due)


@router.get("/guarantees/{guarantee_id}/acceptance")
async def show_acceptance(request: SignedIn, guarantee_id: UUID, code_id: UUID) -> Response:
    """The second look: the terms once more, and the field for the code."""
    found = await request.api.read(read_guarantee, guarantee_id)
    if found.task_id is None:
        return request.redirect(f"/guarantees/{guarantee_id}")
    task = await request.api.read(read_task, found.task_id)
    values = {"mandate__code_id": code_id, "mandate__version": found.mandate_version, "version": task.version}
    form = empty(request.language, **values, **times_in(request))
    return request.render("guarantee_code.html", form=form, guarantee=found, due=task.due)


@router.post("/guarantees/{guarantee_id}/acceptance")
async def accept(request: SignedIn, guarantee_id: UUID) -> Response:
    """Stand, with the code that came."""
    form = await request.form()
    code = form.required("mandate.code")
    found = await request.api.read(read_guarantee, guarantee_id)
    if form.is_good and await _answer(request, form, found, lambda: _acceptance(form, code)):
        return request.redirect(f"/guarantees/{guarantee_id}", done="guarantee_accepted")
    if found.task_id is None:
        return await _page(request, guarantee_id, form, status=422)
    return await _code_page(request, found, found.task_id, form)


def _acceptance(form: Form, code: str) -> AcceptGuarantee:
    version, code_id = form.version("mandate.version"), form.text("mandate.code_id")
    mandate = {"version": version, "code_id": code_id, "code": code}
    return checked(AcceptGuarantee, kind="answer_guarantee", decision="accept", mandate=mandate)


@router.post("/guarantees/{guarantee_id}/refusal")
async def refuse(request: SignedIn, guarantee_id: UUID) -> Response:
    """Do not stand."""
    form = await request.form()
    found = await request.api.read(read_guarantee, guarantee_id)
    refusal = RefuseGuarantee(kind="answer_guarantee", decision="refuse")
    if await _answer(request, form, found, lambda: refusal):
        return request.redirect(f"/guarantees/{guarantee_id}", done="guarantee_refused")
    return await _page(request, guarantee_id, form, status=422)


async def _answer(request: PageRequest, form: Form, found: GuaranteeOut, decision: Callable[[], Decision]) -> bool:
    """Decide the task; a second sending of the same form finds it answered, and gets the same answer by its key."""
    try:
        task_id = UUID(form.text("task_id") or str(found.task_id))
        await request.api.perform(decide_task, form.key, task_id, decision(), form.version(), None)
    except ValueError:
        form.errors[GENERAL] = request.language.translate("Nothing is waiting for your answer here any more.")
    except Refusal as refused:
        form.refuse(refused)
    return form.is_good


async def _page(request: PageRequest, guarantee_id: UUID, form: Form, *, status: int = 200) -> Response:
    found = await request.api.read(read_guarantee, guarantee_id)
    stands_for = (await request.api.read(list_guarantees, None, limit=1)).stands_for
    task = None if found.task_id is None else await request.api.read(read_task, found.task_id)
    # While the answer is awaited nothing is renewed under their hands.
    case = await request.api.read(read_case, found.case_id) if task is None and found.phase is not None else None
    watched = case if case is not None and case.closed is None else None
    return request.render(
        "guarantee.html",
        status=status,
        form=form,
        guarantee=found,
        stands_for=stands_for,
        task=task,
        watched=watched,
    )


@router.get("/cases/{case_id}/guarantor")
async def show_guarantor(request: SignedIn, case_id: UUID) -> Response:
    """Where another guarantor is named, for a place that is free or in the place of somebody."""
    case = await request.api.read(read_case, case_id)
    if not _may(case, "name_guarantor"):
        return request.redirect(f"/cases/{case_id}")
    return _guarantor_page(request, case, empty(request.language))


@router.post("/cases/{case_id}/guarantor")
async def ask_another(request: SignedIn, case_id: UUID) -> Response:
    """Ask whether a colleague may be asked, or name them."""
    form = await request.form()
    case = await request.api.read(read_case, case_id)
    if case.application is None or not case.application.guarantors or not case.is_own:
        return request.redirect(f"/cases/{case_id}")
    if form.text("to") == "check":
        yes = await Question(case.variant, case.organisation_id).ask(request, form, _COLLEAGUE)
        return _guarantor_page(request, case, form, may_be_asked=yes)
    national_id = read_national_id(form, _COLLEAGUE)
    if form.is_good:
        try:
            named = checked(GuarantorIn, national_id=national_id, replaces=form.text("replaces") or None)
            await request.api.perform(name_guarantor, form.key, case_id, named)
            return request.redirect(f"/cases/{case_id}", done="guarantor_named")
        except Refusal as refused:
            if isinstance(refused, TooMany):
                form.errors[GENERAL] = refusal_words(request, refused)
            form.refuse(refused)
    return _guarantor_page(request, case, form)


def _may(case: CaseDetail, action: str) -> bool:
    return any(allowed.action == action for allowed in case.allowed_actions)


def _guarantor_page(request: PageRequest, case: CaseDetail, form: Form, may_be_asked: str | None = None) -> Response:
    return request.render(
        "name_guarantor.html",
        status=HTTPStatus.OK if form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY,
        case=case,
        form=form,
        live=[each for each in case.guarantees if each.ended is None],
        has_free_place=case.application is not None and case.application.free_places > 0,
        may_be_asked=may_be_asked,
    )
