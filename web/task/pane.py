"""The decision pane: the facts of a task beside its buttons, and after a decision the next task (A7, A12, A13)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answering import Decision
from api.case import read_case
from api.case_detail import CaseDetail
from api.inbox import TaskOut
from api.task import decide_task, read_task
from domain.access import Role
from domain.errors import PreconditionFailed, Refusal, StepUpRequired
from web.attachment import files_pane
from web.capabilities import TASK_FORMS, TASK_PAGES, case_parts
from web.case import timeline_of
from web.correspondence import talk_of
from web.forms import Form, empty
from web.page_request import PageRequest, SignedIn
from web.task.filter import Filter
from web.task.inbox import act, inbox_page
from web.task.kinds import change_words, decision, reason_words, refusal_reasons, return_reasons
from web.vault import secrets_pane

router = APIRouter()

_STAFF: Final = frozenset(role.value for role in Role)
# What a summary's form writes itself; all else that was typed goes with it unseen.
_OF_THE_SUMMARY: Final = frozenset({"key", "version", "within", "decision", "confirmed", "to", "totp"})


@router.get("/tasks/{task_id}")
async def show_task(request: SignedIn, task_id: UUID) -> Response:
    """A task: to staff with its decision; members are led to where they answer theirs."""
    if request.user.is_member:
        return await _lead_member(request, task_id)
    return await _pane(request, task_id, Filter.of(request.http.query_params))


async def _lead_member(request: PageRequest, task_id: UUID) -> Response:
    task = await request.api.read(read_task, task_id)
    page = TASK_PAGES.get(task.kind)
    if page is None or (page.while_open and task.status != "open"):
        return request.redirect(f"/cases/{task.case_id}")
    return request.redirect(page.address.format(case_id=task.case_id, subject_id=task.subject_id))


async def _pane(
    request: PageRequest, task_id: UUID, within: Filter, form: Form | None = None, *, refused: str = ""
) -> Response:
    """The pane with fresh facts.

    Args:
        request: of the page.
        task_id: which task.
        within: the filter under which it was opened.
        form: of what was refused, with what was typed into it.
        refused: the code of the API's refusal.
    """
    shown = await _shown(request, task_id, within)
    case: CaseDetail | None = shown["case"]
    events, _ = ([], True) if case is None else await timeline_of(request, case.id)
    values: dict[str, Any] = {
        **shown,
        "here": within.at(f"/tasks/{task_id}"),
        "events": events,
        "refused": refused,
        "staff": _STAFF,
        "refusal_reasons": refusal_reasons(request.language),
        "return_reasons": return_reasons(request.language),
        "reason_words": reason_words,
    }
    asked = _prefilled(request, case)
    if form is None:
        return request.render("task.html", form=asked, **values)
    # The other forms of the pane stand as before.
    form.values = {**asked.values, **form.values}
    status = HTTPStatus.OK if form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY
    return request.render("task.html", status=status, form=form, **values)


async def _shown(request: PageRequest, task_id: UUID, within: Filter) -> dict[str, Any]:
    """A task with its case, as they stand now: what its pane and its summary are about."""
    task = await request.api.read(read_task, task_id)
    # None where it is no longer the user's to see: forwarded, or their own.
    case = await request.read_or_none(read_case, task.case_id)
    task_form = TASK_FORMS.get(task.kind)
    return {
        "task": task,
        "case": case,
        "within": within,
        "change_words": change_words,
        "decides": _decides(task, case),
        "task_form": task_form,
        "pane": None if case is None else await files_pane(request, case.id, case.kind),
        "talk": None if case is None else await talk_of(request, case.id, case.kind),
        "entrusted": None if case is None else await secrets_pane(request, case.id, case.kind),
        **({} if case is None else await case_parts(case.kind).read(request, case)),
        **({} if case is None or task_form is None else await task_form.read(request, case)),
    }


def _decides(task: TaskOut, case: CaseDetail | None) -> bool:
    """Whether the API lets the user decide now."""
    offered = [] if case is None else case.allowed_actions
    return any(action.href == f"/v1/tasks/{task.id}/decision" for action in offered)


def _prefilled(request: PageRequest, case: CaseDetail | None) -> Form:
    """A form as it is first seen: a certificate states what was asked for unless HR says otherwise (A12)."""
    asked = None if case is None else case.application
    if asked is None:
        return empty(request.language)
    monthly = request.language.typed_toman(asked.monthly.amount)
    instalments = request.language.digits(asked.instalments)
    return empty(request.language, monthly_amount__amount=monthly, instalments=instalments)


@router.get("/tasks/{task_id}/decision")
async def show_summary(request: SignedIn, task_id: UUID) -> Response:
    """What a decision that says all by its name would do, before the press that confirms it."""
    if request.user.is_member:
        return request.redirect(f"/tasks/{task_id}")
    form = Form(request.language, dict(request.http.query_params))
    within = Filter.within(form.text("within"))
    task = await request.api.read(read_task, task_id)
    try:
        decided = decision(task.kind, form)
    except Refusal:
        return request.redirect(within.at(f"/tasks/{task_id}"))
    return await _summary(request, task_id, within, form, decided)


async def _summary(
    request: PageRequest, task_id: UUID, within: Filter, form: Form, decided: Decision | None
) -> Response:
    """Who and how much a decision is about and what follows from it; the pane, where it cannot be decided now."""
    shown = await _shown(request, task_id, within)
    task: TaskOut = shown["task"]
    template = "" if decided is None else TASK_FORMS[task.kind].summaries.get(type(decided), "")
    if not template or task.status != "open" or not shown["decides"]:
        return await _pane(request, task_id, within)
    if form.version() != task.version:
        form.refuse(PreconditionFailed())
        return await _pane(request, task_id, within, form, refused=PreconditionFailed.code)
    kept = [(name, value) for name, values in form.lists.items() if name not in _OF_THE_SUMMARY for value in values]
    status = HTTPStatus.OK if form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY
    return request.render(template, status=status, **shown, form=form, decided=decided, kept=kept)


@router.post("/tasks/{task_id}/decision")
async def decide(request: SignedIn, task_id: UUID) -> Response:
    """Send a decision, of which a summary was confirmed if it has one; then the next task under the filter opens."""
    form = await request.form()
    within, code = Filter.within(form.text("within")), ""
    task = await request.api.read(read_task, task_id)
    if form.text("to") == "back":
        return await _pane(request, task_id, within, form)
    decided, is_confirmed = None, form.text("confirmed") == "yes"
    try:
        decided = decision(task.kind, form)
        if decided is not None and not is_confirmed and type(decided) in TASK_FORMS[task.kind].summaries:
            return await _summary(request, task_id, within, form, decided)
        if decided is not None:
            # By the version of the facts that were looked at, not by the one that is newest now.
            await request.api.perform(decide_task, form.key, task_id, decided, form.version(), form.fresh_code())
            return await _after(request, task_id, within)
    except StepUpRequired:
        return request.confirm_first(within.at(f"/tasks/{task_id}"))
    except Refusal as refused:
        form.refuse(refused)
        code = refused.code
    if is_confirmed and (form.keeps_key or "totp" in form.errors):
        return await _summary(request, task_id, within, form, decided)
    return await _pane(request, task_id, within, form, refused=code)


async def _after(request: PageRequest, task_id: UUID, within: Filter) -> Response:
    """Go on to the next task; the decision stands, so nothing here may fail because of an odd filter."""
    try:
        found = await within.next_task(request, task_id)
    except Refusal:
        return request.redirect("/inbox", done="decided")
    if found is not None:
        return request.redirect(within.at(f"/tasks/{found}"), done="decided")
    return request.redirect(within.at("/inbox"), done="decided" if within.query else "decided_last")


@router.post("/tasks/{task_id}/claim")
async def claim(request: SignedIn, task_id: UUID) -> Response:
    """Take a task."""
    return await _work(request, "claim", task_id, done="claimed")


@router.post("/tasks/{task_id}/release")
async def release(request: SignedIn, task_id: UUID) -> Response:
    """Give a task back."""
    return await _work(request, "release", task_id, done="released")


async def _work(request: PageRequest, action: str, task_id: UUID, *, done: str) -> Response:
    """Claim or release a task, and stay where the button was: in the inbox or in the pane."""
    if request.user.is_member:
        return request.redirect("/")
    form = await request.form()
    within, is_pane = Filter.within(form.text("within")), form.text("from") == "pane"
    try:
        await act(request, action, task_id, form.key)
    except Refusal as refused:
        form.refuse(refused)
        if is_pane:
            return await _pane(request, task_id, within, form, refused=refused.code)
        return await inbox_page(request, within, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return request.redirect(within.at(f"/tasks/{task_id}" if is_pane else "/inbox"), done=done)
