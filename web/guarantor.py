"""Guarantees: what a member stands for and was asked to stand for, and their answer in person (A5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from web.client import Refused
from web.forms import GENERAL, Form, empty
from web.visit import SignedIn, Visit

router = APIRouter()


@router.get("/guarantees")
async def show_guarantees(visit: SignedIn, cursor: str | None = None) -> Response:
    """What the member stands for and was asked to stand for, newest first."""
    found = await visit.api.get("/v1/guarantees", cursor=cursor)
    return visit.page("guarantees.html", guarantees=found["items"], stands_for=found["stands_for"], next=found["next"])


@router.get("/guarantees/{guarantee_id}")
async def show_guarantee(visit: SignedIn, guarantee_id: UUID) -> Response:
    """What the member would stand for or stands for, and, while it is asked, the answer."""
    return await _page(visit, guarantee_id, empty(visit.language))


@router.post("/guarantees/{guarantee_id}/code")
async def ask_for_code(visit: SignedIn, guarantee_id: UUID) -> Response:
    """Send the code with which this mandate is accepted."""
    form = await visit.form()
    found = await _find(visit, guarantee_id)
    subject = {"guarantee_id": str(guarantee_id), "mandate_version": found["mandate_version"]}
    wish = {"purpose": "accept_guarantee", "subject": subject}
    try:
        sent = await visit.api.post("/v1/codes", wish, key=form.key)
    except Refused as refused:
        form.refuse(refused)
        return await _page(visit, guarantee_id, form, status=422)
    return visit.go(f"/guarantees/{guarantee_id}/acceptance?code_id={sent['code_id']}")


@router.get("/guarantees/{guarantee_id}/acceptance")
async def show_acceptance(visit: SignedIn, guarantee_id: UUID, code_id: UUID) -> Response:
    """The second look: the terms once more, and the field for the code."""
    found = await _find(visit, guarantee_id)
    if found["task_id"] is None:
        return visit.go(f"/guarantees/{guarantee_id}")
    task = await visit.api.get(f"/v1/tasks/{found['task_id']}")
    values = {"mandate__code_id": code_id, "mandate__version": found["mandate_version"], "version": task["version"]}
    return visit.page("guarantee_code.html", form=empty(visit.language, **values), guarantee=found, due=task["due"])


@router.post("/guarantees/{guarantee_id}/acceptance")
async def accept(visit: SignedIn, guarantee_id: UUID) -> Response:
    """Stand, with the code that came."""
    form = await visit.form()
    code = form.required("mandate.code")
    found = await _find(visit, guarantee_id)
    version = form.version("mandate.version")
    mandate = {"version": version, "code_id": form.text("mandate.code_id"), "code": code}
    if form.is_good and await _answer(visit, form, found, {"decision": "accept", "mandate": mandate}):
        return visit.go(f"/guarantees/{guarantee_id}", done="guarantee_accepted")
    if found["task_id"] is None:
        return await _page(visit, guarantee_id, form, status=422)
    task = await visit.api.get(f"/v1/tasks/{found['task_id']}")
    return visit.again("guarantee_code.html", form, guarantee=found, due=task["due"])


@router.post("/guarantees/{guarantee_id}/refusal")
async def refuse(visit: SignedIn, guarantee_id: UUID) -> Response:
    """Do not stand."""
    form = await visit.form()
    found = await _find(visit, guarantee_id)
    if await _answer(visit, form, found, {"decision": "refuse"}):
        return visit.go(f"/guarantees/{guarantee_id}", done="guarantee_refused")
    return await _page(visit, guarantee_id, form, status=422)


async def _answer(visit: Visit, form: Form, found: Any, decision: dict[str, Any]) -> bool:
    """Decide the task; a second sending of the same form finds it answered, and gets the same answer by its key."""
    task_id = form.text("task_id") or found["task_id"] or ""
    try:
        await visit.api.post(
            f"/v1/tasks/{UUID(task_id)}/decision",
            {"kind": "answer_guarantee", **decision},
            key=form.key,
            if_match=form.version(),
        )
    except ValueError:
        form.errors[GENERAL] = visit.language.say("Nothing is waiting for your answer here any more.")
    except Refused as refused:
        form.refuse(refused)
    return form.is_good


async def _page(visit: Visit, guarantee_id: UUID, form: Form, *, status: int = 200) -> Response:
    found = await _find(visit, guarantee_id)
    stands_for = (await visit.api.get("/v1/guarantees", limit=1))["stands_for"]
    task = None if found["task_id"] is None else await visit.api.get(f"/v1/tasks/{found['task_id']}")
    is_moving = task is None and found["phase"] is not None and await _is_moving(visit, found["case_id"])
    return visit.page(
        "guarantee.html",
        status=status,
        form=form,
        guarantee=found,
        stands_for=stands_for,
        task=task,
        is_moving=is_moving,
    )


async def _is_moving(visit: Visit, case_id: str) -> bool:
    case = await visit.api.get(f"/v1/cases/{case_id}")
    return bool(case["is_moving"])


async def _find(visit: Visit, guarantee_id: UUID) -> Any:
    return await visit.api.get(f"/v1/guarantees/{guarantee_id}")
