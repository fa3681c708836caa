"""People and an organisation for a measurement, made through storage."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from commands.command import Context
from demo.personnel_generator import national_id
from domain.access import Actor, Grant, Role, ScopeKind
from storage import account, organisation
from storage.database import SERVICE, transaction
from storage.people import add_person
from storage.rows.organisation import employments

_FIRST_ID = 100_000_000
_STAFF = itertools.count(500_000_000)
_NET_PAY = 400_000_000
_REGION = "1101"


def numbered_id(number: int) -> str:
    """A valid national id, the same for the same number."""
    return national_id(f"{_FIRST_ID + number:09d}")


async def add_organisation(context: Context) -> UUID:
    """An organisation with a contract in force."""
    async with transaction(context.engine, SERVICE) as connection:
        organisation_id = await organisation.add_organisation(
            connection, code="bench", name="سازمان سنجش", monthly_cap=None
        )
        ends_on = datetime.now(UTC).date() + timedelta(days=365)
        await organisation.add_contract(
            connection, organisation_id, number="1", starts_on=date(2020, 1, 1), ends_on=ends_on
        )
    return organisation_id


async def add_officer(context: Context, organisation_id: UUID) -> Actor:
    """An hr_officer of the organisation."""
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection, context.seals, national_id=numbered_id(0), mobile=None, first_name="", last_name=""
        )
    grant = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id))
    return Actor(person_id, "staff", uuid4(), (grant,))


async def add_members(context: Context, organisation_id: UUID, count: int) -> list[Actor]:
    """Members who work there."""
    members = []
    async with transaction(context.engine, SERVICE) as connection:
        for number in range(1, count + 1):
            person_id = await add_person(
                connection,
                context.seals,
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
                    "region_code": _REGION,
                    "hire_date": date(2015, 4, 4),
                    "net_pay": _NET_PAY,
                    "sheba_index": b"-",
                    "sheba_sealed": b"-",
                }
                for member in members
            ],
        )
    return members


@dataclass(frozen=True, slots=True)
class Pair:
    """An applicant and the colleague who stands for them."""

    applicant: Actor
    guarantor: Actor
    guarantor_national_id: str


async def add_pairs(context: Context, organisation_id: UUID, count: int) -> list[Pair]:
    """Applicants, each with a guarantor of their own."""
    members = await add_members(context, organisation_id, 2 * count)
    return [Pair(members[number], members[number + count], numbered_id(number + count + 1)) for number in range(count)]


async def add_finance_officer(context: Context) -> Actor:
    """The finance_officer of the members' region."""
    return await add_staff(context, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, _REGION))


async def add_staff(context: Context, grant: Grant) -> Actor:
    """Somebody with a role."""
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection, context.seals, national_id=_staff_id(), mobile=None, first_name="", last_name=""
        )
        await account.add_grant(connection, person_id, grant, "bench")
    return Actor(person_id, "staff", uuid4(), (grant,))


def _staff_id() -> str:
    """A national id that no member has."""
    return national_id(f"{next(_STAFF):09d}")
