"""The inbox of staff: what waits for their roles, and claiming and releasing, one by one or several at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode
from uuid import NAMESPACE_OID, UUID, uuid5

from fastapi import APIRouter
from starlette.responses import Response

from api.inbox import TaskOut
from api.task import claim_task, release_task
from api.values import DueAfter, DueCursor, Page
from domain.errors import DoneBefore, Refusal
from web.capabilities import TASK_FORMS
from web.forms import Form, empty
from web.page_request import PageRequest, SignedIn
from web.task.filter import Filter
from web.task.kinds import kind_words, reason_words
from web.task.together import ids_of

router = APIRouter()

_ROWS: Final = 50
# What is done to several tasks at once without a look at each: it moves no money and can be taken back.
_TOGETHER: Final = "together"
_IN_BULK: Final = {"claim": claim_task, "release": release_task}


@dataclass(slots=True)
class Bulk:
    """What came of doing something to several tasks."""

    action: str
    done: int = 0
    refused: list[tuple[UUID, str]] = field(default_factory=list)


@router.get("/inbox")
async def show_inbox(request: SignedIn, after: DueCursor) -> Response:
    """Open tasks, most urgent first."""
    if request.user.is_member:
        return request.redirect("/")
    return await inbox_page(request, Filter.of(request.http.query_params), after=after)


async def inbox_page(request: PageRequest, wanted: Filter, *, after: DueAfter = None, **values: Any) -> Response:
    """The inbox under a filter; ``values`` are the template's: ``form`` of a refused action, ``bulk``, ``status``."""
    chosen = empty(request.language, kind=wanted.kind, region_code=request.language.digits(wanted.region_code))
    page = Page[TaskOut](items=[])
    if wanted.is_region:
        page = await wanted.find(request, after, limit=_ROWS)
    else:
        chosen.errors["region_code"] = request.language.translate("A region code has four digits, for example 1101.")
    here = wanted.at("/inbox")
    return request.render(
        "inbox.html",
        **({"bulk": None, "here": here, "path": here, "form": Form(request.language)} | values),
        tasks=page.items,
        next=page.next,
        is_first=after is None,
        filter=wanted,
        kinds=[(kind, request.language.words(kind_words(kind))) for kind in TASK_FORMS],
        chosen=chosen,
        reason_words=reason_words,
        may_together={kind for kind, task_form in TASK_FORMS.items() if task_form.together},
    )


@router.get("/inbox/bulk")
async def leave_bulk(request: SignedIn) -> Response:
    """Whoever comes back to the address of a bulk action finds the inbox."""
    return request.redirect("/inbox")


@router.post("/inbox/bulk")
async def act_in_bulk(request: SignedIn) -> Response:
    """Claim or release what was ticked, and say how many worked and which not."""
    if request.user.is_member:
        return request.redirect("/")
    form = await request.form()
    wanted, action, ids = Filter.within(form.text("within")), form.text("action"), ids_of(form.all("task"))
    if action not in {*_IN_BULK, _TOGETHER}:
        return request.redirect(wanted.at("/inbox"))
    if not ids:
        form.errors["task"] = request.language.translate("Tick the tasks first.")
        return await inbox_page(request, wanted, form=form, status=422)
    if action == _TOGETHER:
        ticked = [("task", str(task_id)) for task_id in ids]
        return request.redirect(f"/inbox/together?{urlencode([*ticked, ('within', wanted.query)])}")
    bulk = Bulk(action)
    for task_id in ids:
        try:
            await act(request, action, task_id, form.key)
            bulk.done += 1
        except DoneBefore:
            bulk.done += 1
        except Refusal as refused:
            bulk.refused.append((task_id, refused.sentence(request.language.code)))
    return await inbox_page(request, wanted, bulk=bulk)


async def act(request: PageRequest, action: str, task_id: UUID, key: str) -> None:
    """Claim or release one task, once however often the form is sent: its key stands for all its tasks (H1).

    Raises:
        Refusal: the API refused.
    """
    each = str(uuid5(NAMESPACE_OID, f"{key} {action} {task_id}"))
    await request.api.perform(_IN_BULK[action], each, task_id)
