"""For which organisation an officer of HR works on a page, and what waits for HR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api.organisation import OrganisationOut, list_organisations, read_organisation
from api.task import list_tasks
from web.answers import TaskForm
from web.page_request import PageRequest

_MOST_ORGANISATIONS: Final = 25
_MOST_COUNTED: Final = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """The organisation that a page is about, if any, and the user's others; ``is_theirs``: they are its HR."""

    organisation: OrganisationOut | None
    others: Sequence[OrganisationOut]
    is_theirs: bool


async def choose(request: PageRequest, organisation_id: UUID | None) -> Chosen:
    """The organisation that was asked for, or else the first of the user's own.

    Raises:
        Refusal: it is not theirs to see.
    """
    own: list[OrganisationOut] = []
    if request.user.has("hr_officer"):
        own = (await request.api.read(list_organisations, mine=True, after=None, limit=_MOST_ORGANISATIONS)).items
    if organisation_id is None:
        return Chosen(own[0] if own else None, own[1:], is_theirs=bool(own))
    found = next((one for one in own if one.id == organisation_id), None)
    return Chosen(
        found or await request.api.read(read_organisation, organisation_id),
        [one for one in own if one.id != organisation_id],
        is_theirs=str(organisation_id) in request.user.scopes("hr_officer", "organisation"),
    )


async def count_waiting(request: PageRequest, form: TaskForm) -> str:
    """How many tasks of a kind wait for the user, written with a plus where there are more than are counted."""
    found = await request.api.read(list_tasks, after=None, kind=form.kind, limit=_MOST_COUNTED)
    return request.language.number(len(found.items)) + ("+" if found.next else "")
