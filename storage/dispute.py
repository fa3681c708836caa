"""Disputed mobiles: an organisation's list has another number than the person signs in with (A1, G2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.identity import NationalId
from messages.case import RESUMED, CaseSignal
from messages.mobile_change import FactKind as ForwardedFact
from messages.personnel import Change
from messages.personnel import FactKind as ProposedFact
from storage.mobile_change import IS_FORWARDED
from storage.organisation import IS_DISPUTED
from storage.rows.cases import case_people, cases, facts
from storage.rows.guarantor import guarantees
from storage.rows.mobile_change import mobile_changes
from storage.rows.onboarding import applications
from storage.rows.organisation import employments, organisations
from storage.rows.outbox import outbox
from storage.rows.people import persons
from storage.rows.personnel import personnel_changes
from storage.rows.table import columns, read_all
from storage.sealing import Seals

_MOST_EMPLOYERS: Final = 50
_REJECTIONS: Final = (ForwardedFact.REJECTED, ProposedFact.CHANGE_REJECTED)


class ListSays(StrEnum):
    """Which number an organisation's list has for a person, in the eyes of the person who judges a change of it."""

    PRESENT = "present"
    PROPOSED = "proposed"
    ANOTHER = "another"


@dataclass(frozen=True, slots=True)
class ListedMobile:
    """What one organisation's list says of a person's number, and since when."""

    organisation_id: UUID
    organisation_name: str
    says: ListSays
    since: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """A disputed mobile of an employment, as its HR sees it.

    ``since``: the list has its number. ``is_open``: a change is under way. ``rejected_because``: why support rejected
    the newest one, if it did.
    """

    employment_id: UUID
    since: datetime
    is_open: bool
    rejected_because: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DisputedEmployee:
    """Somebody in an application whose mobile is disputed at the employer that it rests on."""

    part: Part
    name: str = field(repr=False)
    national_id: NationalId = field(repr=False)
    since: datetime


def _wake() -> sa.Insert:
    """What ``storage.outbox.enqueue`` writes of a CaseSignal, for each open case in which the people take part."""
    concerned = (
        sa.select(cases.c.kind, cases.c.id)
        .join(case_people, case_people.c.case_id == cases.c.id)
        .where(
            case_people.c.person_id == sa.func.any(sa.bindparam("people", type_=ARRAY(sa.Uuid))),
            case_people.c.until.is_(None),
            cases.c.closed_at.is_(None),
            cases.c.id.is_distinct_from(sa.bindparam("apart_from", type_=sa.Uuid)),
        )
        .distinct()
        .subquery()
    )
    pairs = {"kind": concerned.c.kind, "case_id": concerned.c.id, "name": sa.literal_column(f"'{RESUMED}'")}
    payload = sa.func.jsonb_build_object(
        *(part for name, value in pairs.items() for part in (sa.literal_column(f"'{name}'"), value))
    )
    rows = sa.select(sa.literal_column(f"'{CaseSignal.__name__}'"), payload)
    return sa.insert(outbox).inline().from_select(["message", "payload"], rows)


_WAKE: Final = _wake()


async def wake_concerned(
    connection: AsyncConnection, people: Collection[UUID], *, apart_from: UUID | None = None
) -> None:
    """Let the open cases of people whose numbers or lists have changed look again; each reads what stands now."""
    if people:
        await connection.execute(_WAKE, {"people": list(people), "apart_from": apart_from})


async def agreed_mobile(connection: AsyncConnection, employment_id: UUID) -> bytes | None:
    """The number that the person and their employer's list both have, as its blind index; None while they differ."""
    query = (
        sa.select(employments.c.mobile_index)
        .join(persons, persons.c.id == employments.c.person_id)
        .where(employments.c.id == employment_id, employments.c.mobile_index == persons.c.mobile_index)
    )
    agreed: bytes | None = await connection.scalar(query)
    return agreed


async def has_deciding_employer(connection: AsyncConnection, person_id: UUID) -> bool:
    """Whether the office of an employer decides on the person's number: its list has it, or had it until a dispute."""
    decides = (
        sa.exists()
        .where(employments.c.person_id == person_id, employments.c.state != "left")
        .where(sa.or_(sa.not_(IS_DISPUTED), employments.c.mobile_agreed_at.is_not(None), IS_FORWARDED))
    )
    return bool(await connection.scalar(sa.select(decides)))


async def listed_mobiles(connection: AsyncConnection, person_id: UUID, proposed: bytes) -> list[ListedMobile]:
    """What each employer's list says of a person's number, beside the one that is proposed; at most 50."""
    says = sa.case(
        (employments.c.mobile_index == proposed, ListSays.PROPOSED),
        (employments.c.mobile_index == persons.c.mobile_index, ListSays.PRESENT),
        else_=ListSays.ANOTHER,
    )
    query = (
        sa.select(
            *columns(
                employments,
                ListedMobile,
                organisation_name=organisations.c.name,
                says=says,
                since=employments.c.mobile_listed_at,
            )
        )
        .join(organisations, organisations.c.id == employments.c.organisation_id)
        .join(persons, persons.c.id == employments.c.person_id)
        .where(employments.c.person_id == person_id, employments.c.state != "left")
        .order_by(employments.c.id)
        .limit(_MOST_EMPLOYERS)
    )
    return await read_all(connection, ListedMobile, query)


async def disputed_parts(connection: AsyncConnection, seals: Seals, case_id: UUID) -> list[DisputedEmployee]:
    """Applicant and guarantors of an application whose mobiles are disputed, in a transaction that may see them."""
    parts = sa.union_all(
        sa.select(applications.c.employment_id, sa.literal_column(f"'{Part.APPLICANT}'").label("part")).where(
            applications.c.case_id == case_id
        ),
        sa.select(guarantees.c.employment_id, sa.literal_column(f"'{Part.GUARANTOR}'")).where(
            guarantees.c.case_id == case_id, guarantees.c.ended_at.is_(None)
        ),
    ).subquery()
    query = (
        sa.select(
            parts.c.part,
            sa.func.btrim(sa.func.concat_ws(" ", persons.c.first_name, persons.c.last_name)),
            persons.c.national_id_sealed,
            employments.c.mobile_listed_at,
        )
        .join(employments, employments.c.id == parts.c.employment_id)
        .join(persons, persons.c.id == employments.c.person_id)
        .where(IS_DISPUTED)
        .order_by(parts.c.part, employments.c.id)
        .limit(20)
    )
    return [
        DisputedEmployee(Part(part), name, NationalId(seals.cipher.open_text(sealed, "person.national_id")), since)
        for part, name, sealed, since in await connection.execute(query)
    ]


async def disputes_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Dispute]:
    """Those of some employments whose mobile is disputed, by their ids."""
    proposed, forwarded = personnel_changes.c, mobile_changes.c
    changes = sa.union_all(
        sa.select(proposed.employment_id, proposed.case_id).where(
            proposed.employment_id.in_(ids), proposed.what == sa.literal_column(f"'{Change.MOBILE}'")
        ),
        sa.select(forwarded.employment_id, forwarded.case_id).where(forwarded.employment_id.in_(ids)),
    ).subquery()
    rejection = (
        sa.select(facts.c.payload["reason"].astext)
        .where(facts.c.case_id == cases.c.id, facts.c.kind.in_(_REJECTIONS))
        .order_by(facts.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    newest = (
        sa.select(changes.c.employment_id, cases.c.closed_at.is_(None).label("is_open"), rejection.label("reason"))
        .join(cases, cases.c.id == changes.c.case_id)
        .ext(distinct_on(changes.c.employment_id))
        .order_by(changes.c.employment_id, cases.c.id.desc())
        .subquery()
    )
    query = (
        sa.select(
            employments.c.id,
            employments.c.mobile_listed_at,
            sa.func.coalesce(newest.c.is_open, sa.false()),
            newest.c.reason,
        )
        .outerjoin(newest, newest.c.employment_id == employments.c.id)
        .where(employments.c.id.in_(ids), IS_DISPUTED)
    )
    return {row[0]: Dispute(*row) for row in await connection.execute(query)}
