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
    """The organisation that a page is about, if any, and the user's others; ``is_theirs``: they are its HR.

    ``regions``: they are so for these regions alone.
    """

    organisation: OrganisationOut | None
    others: Sequence[OrganisationOut]
    is_theirs: bool
    regions: Sequence[str] = ()


async def choose(request: PageRequest, organisation_id: UUID | None, *, in_regions: bool = False) -> Chosen:
    """The organisation that was asked for, or else the first of the user's own.

    Args:
        request: for a page.
        organisation_id: which, if one was asked for.
        in_regions: whether the page is for HR of a region too, of organisations with people there.

    Raises:
        Refusal: it is not theirs to see.
    """
    whole = request.user.scopes("hr_officer", "organisation")
    regions = request.user.scopes("hr_officer", "region") if in_regions else []
    own: list[OrganisationOut] = []
    if whole or regions:
        listed = (await request.api.read(list_organisations, mine=True, after=None, limit=_MOST_ORGANISATIONS)).items
        own = [one for one in listed if regions or str(one.id) in whole]
    found = next((one for one in own if organisation_id in {None, one.id}), None)
    is_theirs = found is not None or str(organisation_id) in whole
    if found is None and organisation_id is not None:
        found = await request.api.read(read_organisation, organisation_id)
    return Chosen(
        found,
        [one for one in own if found is None or one.id != found.id],
        is_theirs,
        [] if found is None or not is_theirs or str(found.id) in whole else regions,
    )


async def count_waiting(request: PageRequest, form: TaskForm) -> str:
    """How many tasks of a kind wait for the user, written with a plus where there are more than are counted."""
    found = await request.api.read(list_tasks, after=None, kind=form.kind, limit=_MOST_COUNTED)
    return request.language.number(len(found.items)) + ("+" if found.next else "")
