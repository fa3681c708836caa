"""For which organisation an officer of HR works on a page, and what waits for HR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from web.visit import Visit

_MOST_ORGANISATIONS: Final = 25
_MOST_COUNTED: Final = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """The organisation that a page is about, if any, and the visitor's others; ``is_theirs``: they are its HR."""

    organisation: Mapping[str, Any] | None
    others: Sequence[Mapping[str, Any]]
    is_theirs: bool


async def choose(visit: Visit, organisation_id: UUID | None) -> Chosen:
    """The organisation that was asked for, or else the first of the visitor's own.

    Raises:
        Refused: it is not theirs to see.
    """
    own: list[Mapping[str, Any]] = []
    if visit.person.has("hr_officer"):
        own = (await visit.api.get("/v1/organisations", mine=True, limit=_MOST_ORGANISATIONS))["items"]
    if organisation_id is None:
        return Chosen(own[0] if own else None, own[1:], is_theirs=bool(own))
    asked = str(organisation_id)
    found = next((one for one in own if one["id"] == asked), None)
    is_theirs = asked in visit.person.scopes("hr_officer", "organisation")
    return Chosen(
        found or await visit.api.get(f"/v1/organisations/{asked}"),
        [one for one in own if one["id"] != asked],
        is_theirs,
    )


async def count_waiting(visit: Visit, kind: str) -> str:
    """How many tasks of a kind wait for the visitor, written with a plus where there are more than are counted."""
    found = await visit.api.get("/v1/tasks", kind=kind, limit=_MOST_COUNTED)
    return visit.language.number(len(found["items"])) + ("+" if found["next"] else "")
