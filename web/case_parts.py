"""What a capability adds to home and to the page of a case, and where its tasks are answered; each has its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.case_detail import CaseDetail
from web.page_request import PageRequest


async def _nothing(_request: PageRequest, _case: CaseDetail) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class CaseParts:
    """What the pages of the cases of a kind show beside what every case has.

    Args:
        kind: of the cases.
        read: values for the templates.
        now: the template of what stands first while it is nobody's turn.
        wide: the template of what takes the whole width, before the timeline and the facts.
    """

    kind: str
    read: Callable[[PageRequest, CaseDetail], Awaitable[dict[str, Any]]] = _nothing
    now: str = ""
    wide: str = ""


@dataclass(frozen=True, slots=True)
class HomePart:
    """What home shows a member of a capability: its template, and the values that are read for it, as ``part``."""

    template: str
    read: Callable[[PageRequest], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class CaseAction:
    """Something that the API allows in a case, as the page offers it.

    Args:
        name: of the action.
        template: of its button.
        first_in: the phases in which it is the first thing to do; None for all.
    """

    name: str
    template: str
    first_in: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Where a member answers a kind of task; ``{case_id}`` and ``{subject_id}`` stand in the address.

    ``while_open``: an answered one leads to its case.
    """

    kind: str
    address: str
    while_open: bool = False
