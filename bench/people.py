"""People and an organisation for a measurement, made through storage; codes come from there too."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx2
import pyotp
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answering import CodeRequest
from api.guarantor import GuaranteeCodeRequest
from api.onboarding import MandateCodeRequest
from commands.command import Context
from demo.actors import Member, Officer, ReadCode
from demo.authenticator import Authenticator
from demo.personnel_generator import national_id
from demo.remote import RemoteClient
from domain.access import Actor, Grant, Role, ScopeKind
from domain.account import CodePurpose, guarantee_binding, mandate_binding
from storage import account, organisation
from storage.database import SERVICE, transaction
from storage.guarantor import read_guarantee
from storage.people import add_person
from storage.rows.organisation import employments

_NO_HASH = "-"
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


async def add_officer(context: Context, organisation_id: UUID, secret: str) -> Actor:
    """An hr_officer of the organisation with an authenticator app of a secret."""
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection, context.seals, national_id=numbered_id(0), mobile=None, first_name="", last_name=""
        )
        grant = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id))
        await give_authenticator(connection, context, person_id, secret)
        return await _as_staff(connection, person_id, grant)


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
            session = await account.begin_session(connection, person_id, "member")
            members.append(Actor(person_id, "member", session.id))
        await connection.execute(
            sa.insert(employments),
            [
                {
                    "organisation_id": organisation_id,
                    "person_id": member.person_id,
                    "region_code": _REGION,
                    "hire_date": date(2015, 4, 4),
                    "net_pay": _NET_PAY,
                    "mobile_index": context.seals.index.of("mobile", f"+98912{number:07d}"),
                    "sheba_index": b"-",
                    "sheba_sealed": b"-",
                }
                for number, member in enumerate(members, 1)
            ],
        )
    return members


@dataclass(frozen=True, slots=True)
class Pair:
    """An applicant and the colleague who stands for them."""

    applicant: Member
    guarantor: Member
    guarantor_national_id: str


async def add_pairs(context: Context, http: httpx2.AsyncClient, organisation_id: UUID, count: int) -> list[Pair]:
    """Applicants, each with a guarantor of their own, all signed in."""
    people = [actor.person_id for actor in await add_members(context, organisation_id, 2 * count)]
    async with transaction(context.engine, SERVICE) as connection:
        tokens = [(await account.begin_session(connection, person_id, "member")).token for person_id in people]
    members = [
        Member(RemoteClient(http, token), code_reader(context, person_id))
        for token, person_id in zip(tokens, people, strict=True)
    ]
    return [Pair(members[number], members[number + count], numbered_id(number + count + 1)) for number in range(count)]


def code_reader(context: Context, person_id: UUID) -> ReadCode:
    """A fresh code as somebody would read it from the SMS, without the pause between two codes."""

    async def read_code(_: RemoteClient, wish: CodeRequest) -> tuple[UUID, str]:
        return await fresh_code(context, person_id, wish)

    return read_code


async def fresh_code(context: Context, person_id: UUID, wish: CodeRequest) -> tuple[UUID, str]:
    """A code for what somebody accepts."""
    async with transaction(context.engine, SERVICE) as connection:
        binding = await _binding(connection, wish)
        code_id = await account.create_code(connection, context.seals, CodePurpose(wish.purpose), person_id, binding)
        unsent = await account.take_unsent_code(connection, context.seals, code_id)
    if unsent is None:
        raise LookupError("the code that was just made is gone")
    return code_id, unsent.code


async def _binding(connection: AsyncConnection, wish: CodeRequest) -> bytes:
    match wish:
        case MandateCodeRequest(subject=wanted):
            monthly = wanted.monthly_amount.amount
            return mandate_binding(wanted.programme, monthly, wanted.instalments, wanted.mandate_version)
        case GuaranteeCodeRequest(subject=subject):
            asked = await read_guarantee(connection, subject.guarantee_id)
            if asked is not None:
                return guarantee_binding(asked.id, asked.monthly, asked.instalments, subject.mandate_version)
    raise LookupError(wish.purpose)


async def add_finance_officer(context: Context) -> Actor:
    """The finance_officer of the members' region."""
    return await add_staff(context, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, _REGION))


async def add_reviewer(context: Context, http: httpx2.AsyncClient) -> Officer:
    """The same, signed in."""
    officer, secret = await add_finance_officer(context), pyotp.random_base32()
    async with transaction(context.engine, SERVICE) as connection:
        session = await account.begin_session(connection, officer.person_id, "staff")
        await give_authenticator(connection, context, officer.person_id, secret)
    return Officer(RemoteClient(http, session.token), Authenticator(secret))


async def give_authenticator(connection: AsyncConnection, context: Context, person_id: UUID, secret: str) -> None:
    """Credentials with an authenticator app of a secret, and no password that anybody could sign in with."""
    await account.add_credential(connection, person_id, f"bench-{person_id.hex}")
    await account.set_credential(
        connection, context.seals, person_id, password_hash=_NO_HASH, totp_secret=secret, step=0
    )


async def add_staff(context: Context, grant: Grant) -> Actor:
    """Somebody with a role."""
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection, context.seals, national_id=_staff_id(), mobile=None, first_name="", last_name=""
        )
        return await _as_staff(connection, person_id, grant)


async def _as_staff(connection: AsyncConnection, person_id: UUID, grant: Grant) -> Actor:
    await account.add_grant(connection, person_id, grant, "bench")
    session = await account.begin_session(connection, person_id, "staff")
    return Actor(person_id, "staff", session.id, (grant,))


def _staff_id() -> str:
    """A national id that no member has."""
    return national_id(f"{next(_STAFF):09d}")
