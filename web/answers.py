"""How staff answer a kind of task on a page; each capability has its own, and what several share stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from web.forms import Form

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answering:
    """A kind of task: the template of its forms, and what each decision says to the API beside its name."""

    kind: str
    template: str
    decisions: Mapping[str, Callable[[Form], Body]]


def nothing_more(_form: Form) -> Body:
    """The decision's name says all."""
    return {}


def chosen_reason(form: Form) -> Body:
    """A reason from those that the form offers."""
    return {"reason": form.chosen("reason")}


def written_reason(form: Form) -> Body:
    """A reason in the officer's words."""
    return {"reason": form.required("reason")}
