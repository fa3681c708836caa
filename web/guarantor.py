"""Guarantees: what a member stands for and was asked to stand for, and their answer in person (A5)."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.account.codes import request_code
from api.answering import Decision
from api.case import read_case
from api.client import checked
from api.guarantor import (
    AcceptGuarantee,
    GuaranteeCodeRequest,
    GuaranteeOut,
    GuaranteeSubject,
    RefuseGuarantee,
    list_guarantees,
    read_guarantee,
)
from api.task import decide_task, read_task
from api.values import IdCursor
from domain.errors import Refusal
from web.forms import GENERAL, Form, empty
from web.visit import SignedIn, Visit

router = APIRouter()


@router.get("/guarantees")
async def show_guarantees(visit: SignedIn, before: IdCursor) -> Response:
    """What the member stands for and was asked to stand for, newest first."""
    found = await visit.api.read(list_guarantees, before)
    return visit.page("guarantees.html", guarantees=found.items, stands_for=found.stands_for, next=found.next)


@router.get("/guarantees/{guarantee_id}")
async def show_guarantee(visit: SignedIn, guarantee_id: UUID) -> Response:
    """What the member would stand for or stands for, and, while it is asked, the answer."""
    return await _page(visit, guarantee_id, empty(visit.language))


@router.post("/guarantees/{guarantee_id}/code")
async def ask_for_code(visit: SignedIn, guarantee_id: UUID) -> Response:
    """Send the code with which this mandate is accepted."""
    form = await visit.form()
    found = await visit.api.read(read_guarantee, guarantee_id)
    subject = GuaranteeSubject(guarantee_id=guarantee_id, mandate_version=found.mandate_version)
    wish = GuaranteeCodeRequest(purpose="accept_guarantee", subject=subject)
    try:
        sent = await visit.api.perform(request_code, form.key, wish)
    except Refusal as refused:
        form.refuse(refused)
        return await _page(visit, guarantee_id, form, status=422)
    return visit.go(f"/guarantees/{guarantee_id}/acceptance?code_id={sent.code_id}")


@router.get("/guarantees/{guarantee_id}/acceptance")
async def show_acceptance(visit: SignedIn, guarantee_id: UUID, code_id: UUID) -> Response:
    """The second look: the terms once more, and the field for the code."""
    found = await visit.api.read(read_guarantee, guarantee_id)
    if found.task_id is None:
        return visit.go(f"/guarantees/{guarantee_id}")
    task = await visit.api.read(read_task, found.task_id)
    values = {"mandate__code_id": code_id, "mandate__version": found.mandate_version, "version": task.version}
    return visit.page("guarantee_code.html", form=empty(visit.language, **values), guarantee=found, due=task.due)


@router.post("/guarantees/{guarantee_id}/acceptance")
async def accept(visit: SignedIn, guarantee_id: UUID) -> Response:
    """Stand, with the code that came."""
    form = await visit.form()
    code = form.required("mandate.code")
    found = await visit.api.read(read_guarantee, guarantee_id)
    if form.is_good and await _answer(visit, form, found, lambda: _acceptance(form, code)):
        return visit.go(f"/guarantees/{guarantee_id}", done="guarantee_accepted")
    if found.task_id is None:
        return await _page(visit, guarantee_id, form, status=422)
    task = await visit.api.read(read_task, found.task_id)
    return visit.again("guarantee_code.html", form, guarantee=found, due=task.due)


def _acceptance(form: Form, code: str) -> AcceptGuarantee:
    version, code_id = form.version("mandate.version"), form.text("mandate.code_id")
    mandate = {"version": version, "code_id": code_id, "code": code}
    return checked(AcceptGuarantee, kind="answer_guarantee", decision="accept", mandate=mandate)


@router.post("/guarantees/{guarantee_id}/refusal")
async def refuse(visit: SignedIn, guarantee_id: UUID) -> Response:
    """Do not stand."""
    form = await visit.form()
    found = await visit.api.read(read_guarantee, guarantee_id)
    refusal = RefuseGuarantee(kind="answer_guarantee", decision="refuse")
    if await _answer(visit, form, found, lambda: refusal):
        return visit.go(f"/guarantees/{guarantee_id}", done="guarantee_refused")
    return await _page(visit, guarantee_id, form, status=422)


async def _answer(visit: Visit, form: Form, found: GuaranteeOut, decision: Callable[[], Decision]) -> bool:
    """Decide the task; a second sending of the same form finds it answered, and gets the same answer by its key."""
    try:
        task_id = UUID(form.text("task_id") or str(found.task_id))
        await visit.api.perform(decide_task, form.key, task_id, decision(), form.version())
    except ValueError:
        form.errors[GENERAL] = visit.language.translate("Nothing is waiting for your answer here any more.")
    except Refusal as refused:
        form.refuse(refused)
    return form.is_good


async def _page(visit: Visit, guarantee_id: UUID, form: Form, *, status: int = 200) -> Response:
    found = await visit.api.read(read_guarantee, guarantee_id)
    stands_for = (await visit.api.read(list_guarantees, None, limit=1)).stands_for
    task = None if found.task_id is None else await visit.api.read(read_task, found.task_id)
    is_moving = task is None and found.phase is not None and (await visit.api.read(read_case, found.case_id)).is_moving
    return visit.page(
        "guarantee.html",
        status=status,
        form=form,
        guarantee=found,
        stands_for=stands_for,
        task=task,
        is_moving=is_moving,
    )
