"""Several decisions of one kind with one code: each shown with what it is about, then what came of each (G1, A7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import read_case
from api.client import checked
from api.inbox import TaskOut
from api.task import TOGETHER_MAX, DecisionIn, DecisionOut, DecisionsIn, decide_tasks, read_task
from api.values import Reason
from domain.errors import Refusal
from web.answers import Together
from web.capabilities import TASK_FORMS, case_parts
from web.forms import Form, empty
from web.page_request import PageRequest, SignedIn
from web.task.filter import Filter

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task that may be decided with others, as it stands now; ``values`` are its template's."""

    task: TaskOut
    template: str
    values: dict[str, Any]
    findings: Sequence[Reason]

    @property
    def seen(self) -> str:
        """Which task was looked at in which version."""
        return f"{self.task.id}/{self.task.version}"

    @property
    def may_be_decided(self) -> bool:
        """Whether nothing is known to stand against it."""
        is_free = self.task.claimed_by is None or self.task.claimed_by_me
        return self.task.status == "open" and is_free and self.values["case"] is not None and not self.findings


@router.get("/inbox/together")
async def show_together(request: SignedIn) -> Response:
    """What was ticked in the inbox, to be looked at as a whole before one code confirms it."""
    if request.user.is_member:
        return request.redirect("/")
    query = request.http.query_params
    within = Filter.within(query.get("within", ""))
    rows = await _rows(request, ids_of(query.getlist("task")))
    if not rows:
        return request.redirect(within.at("/inbox"))
    return _page(request, rows, within, empty(request.language), [row.seen for row in rows])


def _page(
    request: PageRequest, rows: Sequence[ShownTask], within: Filter, form: Form, ticked: Sequence[str]
) -> Response:
    values: dict[str, Any] = {"rows": rows, "within": within, "ticked": ticked, "outcomes": None}
    if form.errors:
        return request.render_again("together.html", form, **values)
    return request.render("together.html", form=form, **values)


@router.post("/inbox/together")
async def decide_together(request: SignedIn) -> Response:
    """Decide what is ticked with one code, each by itself; sent again it goes on, and does nothing twice."""
    if request.user.is_member:
        return request.redirect("/")
    form = await request.form()
    within, seen = Filter.within(form.text("within")), form.all("seen")[:TOGETHER_MAX]
    shown = ids_of([one.partition("/")[0] for one in form.all("shown") or seen])
    try:
        if seen:
            done = await request.api.call(
                decide_tasks, _decisions(form.text("kind"), seen), form.key, form.fresh_code()
            )
            return await _outcome(request, within, done.items)
        form.errors["seen"] = request.language.translate("Tick what is to be approved.")
    except Refusal as refused:
        form.refuse(refused)
    return _page(request, await _rows(request, shown), within, form, seen)


def _decisions(kind: str, seen: Sequence[str]) -> DecisionsIn:
    """The decisions as the API takes them.

    Raises:
        InvalidFields: somebody changed the form.
    """
    together = TASK_FORMS[kind].together if kind in TASK_FORMS else None
    decided: Any = None
    if together is not None:
        kind, name = together.decision.name()
        decided = checked(together.decision, kind=kind, decision=name)
    parts = [one.partition("/") for one in seen]
    items = [{"task_id": task_id, "version": version, "decision": decided} for task_id, _, version in parts]
    return checked(DecisionsIn, items=[checked(DecisionIn, **item) for item in items])


async def _outcome(request: PageRequest, within: Filter, items: Sequence[DecisionOut]) -> Response:
    outcomes = [(await request.read_or_none(read_task, item.task_id), item) for item in items]
    form = empty(request.language)
    return request.render("together.html", form=form, rows=[], within=within, ticked=[], outcomes=outcomes)


async def _rows(request: PageRequest, ids: Sequence[UUID]) -> list[ShownTask]:
    """Those of the tasks that may be decided together, all of the first one's kind."""
    rows: list[ShownTask] = []
    for task_id in ids:
        task = await request.read_or_none(read_task, task_id)
        together = None if task is None or task.kind not in TASK_FORMS else TASK_FORMS[task.kind].together
        if task is None or together is None or (rows and rows[0].task.kind != task.kind):
            continue
        rows.append(await _row(request, task, together))
    return rows


async def _row(request: PageRequest, task: TaskOut, together: Together) -> ShownTask:
    case = await request.read_or_none(read_case, task.case_id)
    values: dict[str, Any] = {"case": case}
    if case is not None:
        values |= await case_parts(case.kind).read(request, case)
    return ShownTask(task, together.template, values, together.findings(values))


def ids_of(texts: Sequence[str]) -> list[UUID]:
    """The ids in what a form or an address says, each once, at most a page of them; what is none is left out."""
    found = dict[UUID, None]()
    for text in texts[:TOGETHER_MAX]:
        try:
            found[UUID(text)] = None
        except ValueError:
            continue
    return list(found)
