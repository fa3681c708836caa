"""For which organisation an officer of HR works on a page, and what waits for HR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api.organisation import OrganisationOut, list_organisations, read_organisation
from api.task import list_tasks
from web.answers import Answering
from web.visit import Visit

_MOST_ORGANISATIONS: Final = 25
_MOST_COUNTED: Final = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """The organisation that a page is about, if any, and the visitor's others; ``is_theirs``: they are its HR."""

    organisation: OrganisationOut | None
    others: Sequence[OrganisationOut]
    is_theirs: bool


async def choose(visit: Visit, organisation_id: UUID | None) -> Chosen:
    """The organisation that was asked for, or else the first of the visitor's own.

    Raises:
        Refusal: it is not theirs to see.
    """
    own: list[OrganisationOut] = []
    if visit.person.has("hr_officer"):
        own = (await visit.api.read(list_organisations, mine=True, after=None, limit=_MOST_ORGANISATIONS)).items
    if organisation_id is None:
        return Chosen(own[0] if own else None, own[1:], is_theirs=bool(own))
    found = next((one for one in own if one.id == organisation_id), None)
    return Chosen(
        found or await visit.api.read(read_organisation, organisation_id),
        [one for one in own if one.id != organisation_id],
        is_theirs=str(organisation_id) in visit.person.scopes("hr_officer", "organisation"),
    )


async def count_waiting(visit: Visit, answering: Answering) -> str:
    """How many tasks of a kind wait for the visitor, written with a plus where there are more than are counted."""
    found = await visit.api.read(list_tasks, after=None, kind=answering.kind, limit=_MOST_COUNTED)
    return visit.language.number(len(found.items)) + ("+" if found.next else "")
