"""Disputed mobiles as those see them who can mend them, or are held up by them (A1, G2)."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.case_view import CaseView, Section
from api.onboarding import SECTION as APPLICATION
from api.values import Moment, Out
from domain.access import Part
from domain.identity import mask_national_id
from storage import dispute
from storage.database import with_service_rights
from storage.dispute import Dispute, ListSays


class DisputedPart(Out):
    """Somebody in a case whose employer's list has another mobile than they sign in with: what rests on it pauses."""

    part: Part = Field(examples=["applicant"])
    name: str | None = Field(description="For those who judge the case", examples=["مریم رضایی"])
    national_id_masked: str | None = Field(description="For those who judge the case", examples=["049****899"])
    since: Moment = Field(description="Since when the list has its number")


class ListedMobileOut(Out):
    """What one employer's list says of the person's mobile."""

    organisation_id: UUID
    organisation_name: str
    says: ListSays = Field(description="Which number it has: the present, the proposed, or another one")
    since: Moment


class EmploymentDispute(Out):
    """The list has another mobile for the employee than they sign in with: nothing new rests on the employment."""

    since: Moment = Field(description="Since when the list has its number")
    is_open: bool = Field(description="Whether a change of mobile waits for support")
    rejected_because: str | None = Field(
        description="Why support rejected the newest change, if it did", examples=["شماره از آنِ این شخص نیست"]
    )

    @classmethod
    def of(cls, found: Dispute | None) -> Self | None:
        """A dispute, if there is one."""
        return None if found is None else cls.of_row(found)


class DisputeSection(Out):
    """Of an application."""

    mobile_disputed: list[DisputedPart] = Field(
        default_factory=list,
        description="Whose mobile is disputed, so that the application pauses; the applicant first",
    )


async def _read(view: CaseView) -> DisputeSection:
    """Whose mobile is disputed in an open application; names for those who judge it."""
    case, judges = view.visibility.case, view.visibility.judges
    if not case.is_open:
        return DisputeSection()
    # A guarantor's employment is somebody else's row; of it the applicant learns the part alone.
    async with with_service_rights(view.connection, view.visibility.actor):
        found = await dispute.disputed_parts(view.connection, view.seals, case.id)
    disputed = [
        DisputedPart(
            part=one.part,
            name=one.name if judges else None,
            national_id_masked=mask_national_id(one.national_id) if judges else None,
            since=one.since,
        )
        for one in found
    ]
    return DisputeSection(mobile_disputed=disputed)


# Shown with the application that pauses.
SECTION = Section(APPLICATION.kind, DisputeSection, _read)


async def listed_mobiles(connection: AsyncConnection, person_id: UUID, proposed: bytes) -> list[ListedMobileOut]:
    """What each employer's list says of a number."""
    return [ListedMobileOut.of_row(one) for one in await dispute.listed_mobiles(connection, person_id, proposed)]
