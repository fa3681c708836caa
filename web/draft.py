"""Forms of several steps that keep a draft: an address for every step, and going back or reloading loses nothing.

A capability says which steps its form has (``DraftWizard``), and has two routes for ``{path}/{draft_id}/{step}`` that
call ``show_step`` and ``take_step``. What was typed is kept as it was typed with every sending of a step, whether it is
right or not; the last step sends the whole, once for each draft (H1), and forgets the draft.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from uuid import UUID

from starlette.responses import Response

from api.client import checked
from api.draft import (
    DraftFields,
    DraftIn,
    DraftItem,
    DraftOut,
    create_draft,
    delete_draft,
    list_drafts,
    read_draft,
    replace_draft,
)
from api.values import MomentOut
from domain.draft import DraftForm, is_secret
from domain.errors import KeyReused, NotFound, PreconditionFailed, Refusal, StepUpRequired
from web.forms import GENERAL, Form
from web.language import noop as _
from web.page_request import PageRequest

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "draft_deleted": _("The draft is deleted."),
    "draft_gone": _("This draft is no longer there: it was sent or deleted, or its seven days are over."),
}
# What a button of a step says, besides the name of another step to go to; with the number of a row after it.
ON, ADD, REMOVE = "on", "add", "remove"
SEEN: Final = "seen"
# In the address of a step that was judged faulty: it is judged once more there, and says what is to be mended.
FAULTS: Final = "faults"
Fields = Mapping[str, Sequence[str]]
# How often what another window keeps at the same moment is read again.
_LOOKS: Final = 3
_ROW_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Rows:
    """Equal lines of a step, from ``least`` to ``most``: the fields are ``{name}.{number}.{column}``, from 0 on."""

    name: str
    columns: tuple[str, ...]
    most: int
    least: int = 1

    def numbers(self, names: Mapping[str, object]) -> list[int]:
        """Which rows there are, in their order."""
        found = (name.split(".") for name in names if name.startswith(f"{self.name}."))
        return sorted({int(part[1]) for part in found if part[1].isascii() and part[1].isdigit()})

    def without(self, fields: Fields, gone: int | None) -> dict[str, list[str]]:
        """The rows of a step numbered anew, one of them left out if it is named."""
        kept: dict[str, list[str]] = {}
        left = [number for number in self.numbers(fields) if number != gone]
        for number, before in enumerate(left):
            for column in self.columns:
                kept[f"{self.name}.{number}.{column}"] = list(fields.get(f"{self.name}.{before}.{column}", [""]))
        return kept

    def one_more(self, fields: Fields) -> dict[str, list[str]]:
        """The fields of another row, empty; none where there are as many as there may be."""
        number = max(len(self.numbers(fields)), self.least)
        return {} if number >= self.most else {f"{self.name}.{number}.{column}": [""] for column in self.columns}


@dataclass(frozen=True, slots=True)
class Step:
    """A step and what is typed there; a field's name stands for those that begin with it and a dot, too.

    Raises:
        ValueError: a field is one whose text is kept nowhere.
    """

    name: str
    fields: tuple[str, ...] = ()
    rows: Rows | None = None

    def __post_init__(self) -> None:
        """Refuse what a draft never keeps."""
        columns = () if self.rows is None else self.rows.columns
        if self.name in {ON, ADD, REMOVE} or any(is_secret(name) for name in (*self.fields, *columns)):
            raise ValueError(f"the step {self.name} cannot be kept in a draft")

    def holds(self, name: str) -> bool:
        """Whether a field is one of this step's."""
        mine = self.fields if self.rows is None else (*self.fields, self.rows.name)
        return any(name == one or name.startswith(f"{one}.") for one in mine)


@dataclass(frozen=True, slots=True)
class DraftWizard:
    """A form of several steps.

    Args:
        form: whose drafts they are.
        path: of its pages; a step's is ``{path}/{draft_id}/{step}``.
        home: the page of the list of drafts, to which those come whose draft is gone.
        steps: in their order; the last one sends.
        judge: leaves an error in ``draft.form`` at each field of ``draft.step`` that is to be mended.
        show: the page of ``draft.step``, with the status that ``draft.status`` says.
        send: sends the whole to the API with ``draft.key``, and answers with the page after that; raises Refusal.
    """

    form: DraftForm
    path: str
    home: str
    steps: tuple[Step, ...]
    judge: Callable[[PageRequest, Draft], Awaitable[None]]
    show: Callable[[PageRequest, Draft], Awaitable[Response]]
    send: Callable[[PageRequest, Draft], Awaitable[Response]]

    def step(self, name: str) -> Step | None:
        """The step of a name."""
        return next((step for step in self.steps if step.name == name), None)

    def address(self, draft_id: UUID, step: str = "") -> str:
        """Where a step of a draft is; the first one if none is named."""
        return f"{self.path}/{draft_id}/{step or self.steps[0].name}"


@dataclass(slots=True)
class Draft:
    """A draft at a step of its wizard; ``form`` is everything that is kept, with what was just typed in its place.

    ``kept`` is what stands in the draft, ``version`` of which number.
    """

    wizard: DraftWizard
    id: UUID
    step: Step
    form: Form
    kept: Fields
    version: int
    kept_until: MomentOut
    _places: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Number the steps."""
        self._places = {step.name: place for place, step in enumerate(self.wizard.steps)}

    @property
    def key(self) -> str:
        """The Idempotency-Key of what the draft becomes: one draft is sent once, however often."""
        return f"draft-{self.id}"

    @property
    def action(self) -> str:
        """Where the form of the step is, and is sent."""
        return self.wizard.address(self.id, self.step.name)

    @property
    def status(self) -> int:
        """Of the step's page."""
        return HTTPStatus.OK if self.form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY

    @property
    def place(self) -> int:
        """Of the step, from 0 on."""
        return self._places[self.step.name]

    @property
    def is_last(self) -> bool:
        """Whether this step sends."""
        return self.place == len(self.wizard.steps) - 1

    @property
    def before(self) -> str:
        """The name of the step before; empty at the first."""
        return self.wizard.steps[self.place - 1].name if self.place else ""

    @property
    def seen(self) -> str:
        """What the step's page says that it was made from, so that two windows do not write over each other unseen."""
        return _digest(self._of_step(self.kept))

    @property
    def rows(self) -> list[str]:
        """The rows of the step as their fields' names begin, at least as many as there have to be."""
        rows = self.step.rows
        count = 0 if rows is None else max(len(rows.numbers(self.form.values)), rows.least)
        return [f"{rows.name}.{number}" for number in range(count)] if rows else []

    @property
    def may_add(self) -> bool:
        """Whether there may be another row."""
        return self.step.rows is not None and len(self.rows) < self.step.rows.most

    @property
    def may_remove(self) -> bool:
        """Whether there may be a row less."""
        return self.step.rows is not None and len(self.rows) > self.step.rows.least

    def rows_of(self, name: str) -> list[str]:
        """The rows of a name in any step, as their fields' names begin: for the step that shows everything."""
        for step in self.wizard.steps:
            if step.rows is not None and step.rows.name == name:
                return [f"{name}.{number}" for number in step.rows.numbers(self.form.values)]
        return []

    def take(self, found: DraftOut) -> None:
        """Go on from what stands in the draft now."""
        self.kept, self.version, self.kept_until = found.fields, found.version, found.kept_until

    def type_over(self, sent: Form, typed: Fields) -> None:
        """Show what was typed in this step in place of what is kept; what no step keeps, a code, stands beside."""
        steps = self.wizard.steps
        beside = {name: texts for name, texts in sent.lists.items() if not any(step.holds(name) for step in steps)}
        self.form = _form_of(sent, {**beside, **self._of_others(self.kept), **typed})

    def whole(self, typed: Fields) -> Fields:
        """What is to be kept, once something was typed in this step."""
        return {**self._of_others(self.kept), **typed}

    def holds(self, typed: Fields) -> bool:
        """Whether exactly this is kept of the step."""
        return self._of_step(self.kept) == typed

    def _of_step(self, fields: Fields) -> Fields:
        return {name: texts for name, texts in fields.items() if self.step.holds(name)}

    def _of_others(self, fields: Fields) -> Fields:
        return {name: texts for name, texts in fields.items() if not self.step.holds(name)}


def _form_of(like: Form, fields: Fields) -> Form:
    lists = {name: list(texts) for name, texts in fields.items()}
    values = {name: texts[-1] for name, texts in lists.items() if texts}
    return Form(like.language, values, lists, path=like.path, key=like.key, keeps_key=like.keeps_key)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


async def drafts_of(request: PageRequest, wizard: DraftWizard) -> list[DraftItem]:
    """The member's drafts of a form, the one changed last first: for ``draft_parts.html``'s ``listing``."""
    return (await request.api.read(list_drafts, wizard.form)).items


async def begin(request: PageRequest, wizard: DraftWizard, form: Form) -> Response:
    """Keep a new draft with what a form has of its fields, and go to its first step. Raises Refusal."""
    given = {
        name: texts for name, texts in form.lists.items() if any(step.holds(name) for step in wizard.steps) and texts
    }
    fields = {name: texts for name, texts in given.items() if not is_secret(name)}
    made = await request.api.perform(create_draft, form.key, checked(DraftIn, form=wizard.form, fields=fields))
    return request.redirect(wizard.address(made.id))


async def discard(request: PageRequest, wizard: DraftWizard, draft_id: UUID) -> Response:
    """Delete a draft; one that is gone is as good."""
    form = await request.form()
    with contextlib.suppress(NotFound):
        await request.api.perform(delete_draft, form.key, draft_id)
    return request.redirect(wizard.home, done="draft_deleted")


async def show_step(request: PageRequest, wizard: DraftWizard, draft_id: UUID, step: str) -> Response:
    """The page of a step with what is kept. Raises NotFound for a step that there is not."""
    draft = await open_step(request, wizard, draft_id, step)
    if draft is None:
        return request.redirect(wizard.home, done="draft_gone")
    if FAULTS in request.http.query_params:
        await wizard.judge(request, draft)
    return await wizard.show(request, draft)


async def open_step(request: PageRequest, wizard: DraftWizard, draft_id: UUID, name: str) -> Draft | None:
    """A draft at a step; None if it is gone, another's, or of another form."""
    step = wizard.step(name)
    if step is None:
        raise NotFound
    found = await request.read_or_none(read_draft, draft_id)
    if found is None or found.form is not wizard.form:
        return None
    form = _form_of(Form(request.language), found.fields)
    return Draft(wizard, draft_id, step, form, found.fields, found.version, found.kept_until)


async def take_step(request: PageRequest, wizard: DraftWizard, draft_id: UUID, step: str) -> Response:
    """Keep what was typed in a step, and go where its button leads: on, to a step before, or to another row.

    Whoever goes on is shown what is to be mended; at the last step the whole is judged and sent.
    """
    sent = await request.form()
    draft = await open_step(request, wizard, draft_id, step)
    if draft is None:
        return request.redirect(wizard.home, done="draft_gone")
    to, _, row = sent.text("to").partition(" ")
    typed = _typed(draft.step, sent, to, row)
    draft.type_over(sent, typed)
    await _keep(request, draft, typed, sent.text(SEEN))
    return await _onward(request, draft, to) if draft.form.is_good else await wizard.show(request, draft)


async def _onward(request: PageRequest, draft: Draft, to: str) -> Response:
    """Where the button of a step that is kept leads."""
    wizard = draft.wizard
    if to in {ADD, REMOVE}:
        return request.redirect(f"{draft.action}#{_last_row(draft)}" if to == ADD else draft.action)
    if wizard.step(to) is not None:
        return request.redirect(wizard.address(draft.id, to))
    if draft.is_last:
        return await _send(request, draft)
    await wizard.judge(request, draft)
    if not draft.form.is_good:
        return _to_faults(request, draft)
    return request.redirect(wizard.address(draft.id, wizard.steps[draft.place + 1].name))


def _to_faults(request: PageRequest, draft: Draft) -> Response:
    """Where a step says what is to be mended: a page that is read, so that coming back to it sends nothing again."""
    return request.redirect(f"{draft.action}?{FAULTS}=1")


def _typed(step: Step, sent: Form, to: str, row: str) -> dict[str, list[str]]:
    """What is to be kept of a step's form, with the row that was asked for or without the one that is to go."""
    typed = {name: texts for name, texts in sent.lists.items() if step.holds(name) and not is_secret(name)}
    if step.rows is None:
        return typed
    gone = int(row) if to == REMOVE and row.isascii() and row.isdigit() and len(row) <= _ROW_DIGITS else None
    others = {name: texts for name, texts in typed.items() if not name.startswith(f"{step.rows.name}.")}
    rows = step.rows.without(typed, gone)
    return others | rows | (step.rows.one_more(rows) if to == ADD else {})


def _last_row(draft: Draft) -> str:
    """Where the last row's first field is on the page."""
    assert draft.step.rows is not None
    return f"{draft.rows[-1]}.{draft.step.rows.columns[0]}".replace(".", "-")


async def _keep(request: PageRequest, draft: Draft, typed: Fields, seen: str) -> None:
    """Keep what was typed in a step; what another window has kept of the same step since stays, and it is said so."""
    try:
        for _look in range(_LOOKS):
            if draft.holds(typed):
                return
            if seen != draft.seen:
                draft.form.errors[GENERAL] = request.language.translate(
                    "This step was changed after you opened this page, perhaps in another window. What you have"
                    " written stands here and is not kept yet: look at it, and send it once more to keep it."
                )
                return
            fields = draft.whole(typed)
            body = checked(DraftFields, fields=fields)
            key = f"draft-{_digest([str(draft.id), draft.version, fields])}"
            try:
                await request.api.perform(replace_draft, key, draft.id, body, draft.version)
            except PreconditionFailed:
                draft.take(await request.api.read(read_draft, draft.id))
            else:
                draft.kept = fields  # What the page shows, if it asks to mend something, was made from this.
                return
        raise PreconditionFailed
    except Refusal as refused:
        draft.form.refuse(refused)


async def _send(request: PageRequest, draft: Draft) -> Response:
    """Judge all steps, send the whole and forget the draft; a refusal is shown at the step where it can be mended."""
    wizard, last = draft.wizard, draft.step
    for step in wizard.steps:
        draft.step = step
        await wizard.judge(request, draft)
        if not draft.form.is_good:
            return _to_faults(request, draft)
    draft.step = last
    try:
        response = await wizard.send(request, draft)
    except StepUpRequired:
        return request.confirm_first(draft.action)
    except Refusal as refused:
        draft.form.refuse(refused)
        if isinstance(refused, KeyReused):
            draft.form.errors[GENERAL] = request.language.translate(
                "This draft was sent before, and is not sent again with other values. Please begin anew."
            )
        draft.step = _step_to_mend(draft)
        return await wizard.show(request, draft)
    # It is done; a draft that stays for want of a database is over in seven days, and sends nothing new.
    with contextlib.suppress(Refusal):
        await request.api.perform(delete_draft, f"{draft.key}-end", draft.id)
    return response


def _step_to_mend(draft: Draft) -> Step:
    """The first step that holds a field with an error, or this one."""
    at_fault = [step for step in draft.wizard.steps if any(step.holds(name) for name in draft.form.errors)]
    return at_fault[0] if at_fault else draft.step
