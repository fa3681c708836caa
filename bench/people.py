"""People and an organisation for a measurement, made through storage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from bench.scratch import Scratch
from cli.personnel_generator import national_id
from domain.access import Actor, Grant, Role, ScopeKind
from storage import organisation
from storage.database import SERVICE, transaction
from storage.people import add_person
from storage.tables import employments

_FIRST_ID = 100_000_000
_NET_PAY = 400_000_000


def numbered_id(number: int) -> str:
    """A valid national id, the same for the same number."""
    return national_id(f"{_FIRST_ID + number:09d}")


async def add_organisation(scratch: Scratch) -> UUID:
    """An organisation with a contract in force."""
    async with transaction(scratch.context.engine, SERVICE) as connection:
        organisation_id = await organisation.add_organisation(
            connection, code="bench", name="سازمان سنجش", monthly_cap=None
        )
        ends_on = datetime.now(UTC).date() + timedelta(days=365)
        await organisation.add_contract(
            connection, organisation_id, number="1", starts_on=date(2020, 1, 1), ends_on=ends_on
        )
    return organisation_id


async def add_officer(scratch: Scratch, organisation_id: UUID) -> Actor:
    """An hr_officer of the organisation."""
    async with transaction(scratch.context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection, scratch.context.seals, national_id=numbered_id(0), mobile=None, first_name="", last_name=""
        )
    grant = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id))
    return Actor(person_id, "staff", uuid4(), (grant,))


async def add_members(scratch: Scratch, organisation_id: UUID, count: int) -> list[Actor]:
    """Members who work there."""
    members = []
    async with transaction(scratch.context.engine, SERVICE) as connection:
        for number in range(1, count + 1):
            person_id = await add_person(
                connection,
                scratch.context.seals,
                national_id=numbered_id(number),
                mobile=f"+98912{number:07d}",
                first_name="",
                last_name="",
            )
            members.append(Actor(person_id, "member", uuid4()))
        await connection.execute(
            sa.insert(employments),
            [
                {
                    "organisation_id": organisation_id,
                    "person_id": member.person_id,
                    "region_code": "1101",
                    "hire_date": date(2015, 4, 4),
                    "net_pay": _NET_PAY,
                    "sheba_index": b"-",
                    "sheba_sealed": b"-",
                }
                for member in members
            ],
        )
    return members
