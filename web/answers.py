"""How staff answer a kind of task on a page; each capability has its own, and what several share stands here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.answering import Decision
from api.case_detail import CaseDetail
from api.client import checked
from api.values import Reason
from domain.errors import InvalidInput
from web.forms import Form
from web.language import noop as _
from web.page_request import PageRequest

Body = dict[str, Any]

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "claimed": _("The task is yours now."),
    "released": _("The task is free again."),
    "decided": _("Your decision was recorded."),
    "decided_last": _("Your decision was recorded. Nothing else waits for you."),
}


@dataclass(frozen=True, slots=True)
class Together:
    """How several tasks of a kind are decided with one code.

    Args:
        decision: on all of them; its name says all.
        template: of what each is about.
        findings: what stands against it, in the values of the template.
    """

    decision: type[Decision]
    template: str
    findings: Callable[[Mapping[str, Any]], Sequence[Reason]]


async def _nothing_besides(_request: PageRequest, _case: CaseDetail) -> Body:
    return {}


@dataclass(frozen=True, slots=True)
class TaskForm:
    """A kind of task: the template of its forms, and the decisions, each with what it says beside its name.

    ``summaries`` are the templates of what the decisions would do that are confirmed by a second press: those that
    move money or terms. ``read`` are values for the templates of the task's own pages alone: of what is noted each time
    that it is looked at.
    """

    template: str
    decisions: Mapping[type[Decision], Callable[[Form], Body]]
    together: Together | None = None
    summaries: Mapping[type[Decision], str] = field(default_factory=dict)
    read: Callable[[PageRequest, CaseDetail], Awaitable[Body]] = _nothing_besides

    @property
    def kind(self) -> str:
        """Of the tasks."""
        return next(iter(self.decisions)).name()[0]

    def decision(self, chosen: str, form: Form) -> Decision | None:
        """The decision of a name as the form says it; None if something in the form is wrong.

        Raises:
            InvalidInput: there is no such decision, or a value is out of its range.
        """
        for made, read in self.decisions.items():
            kind, name = made.name()
            if name == chosen:
                said = read(form)
                return checked(made, kind=kind, decision=name, **said) if form.is_good else None
        raise InvalidInput


def nothing_more(_form: Form) -> Body:
    """The decision's name says all."""
    return {}


def chosen_reason(form: Form) -> Body:
    """A reason from those that the form offers."""
    return {"reason": form.chosen("reason")}


def written_reason(form: Form) -> Body:
    """A reason in the officer's words."""
    return {"reason": form.required("reason")}
