"""People for the tests of accounts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from uuid import UUID, uuid4

import pyotp
import sqlalchemy as sa

from commands.account.credentials import hash_password, new_totp_secret
from commands.command import Context, Envelope
from domain.access import Actor, Grant, Role, ScopeKind
from domain.account import TOTP_SECONDS
from storage import account
from storage.account import take_unsent_code
from storage.database import SERVICE, transaction
from storage.people import add_person

OPERATOR = Grant(Role.OPERATOR, ScopeKind.PLATFORM)
AUDITOR = Grant(Role.AUDITOR, ScopeKind.PLATFORM)


@dataclass(frozen=True, slots=True)
class Member:
    """A member and what they type to sign in."""

    person_id: UUID
    national_id: str
    mobile: str


def national_id(number: int) -> str:
    """A valid national id, another for each number."""
    digits = f"{number + 100_000_000:09}"
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
    return f"{digits}{rest if rest < 2 else 11 - rest}"


def mobile(number: int) -> str:
    """A valid mobile, another for each number."""
    return f"+98912{number:07}"


async def add_member(context: Context, number: int = 1) -> Member:
    """A person of the personnel list."""
    member = Member(UUID(int=0), national_id(number), mobile(number))
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection,
            context.seals,
            national_id=member.national_id,
            mobile=member.mobile,
            first_name="مریم",
            last_name="رضایی",
        )
    return dataclasses.replace(member, person_id=person_id)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A member of staff and what they sign in with."""

    person_id: UUID
    username: str
    mobile: str
    password: str
    totp_secret: str


async def add_employee(context: Context, username: str, *grants: Grant, number: int = 500) -> Credentials:
    """A member of staff whose account is set up."""
    made = Credentials(UUID(int=0), username, mobile(number), f"سرو بلند کنار رود {number}", new_totp_secret())
    password_hash = await hash_password(made.password)
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await add_person(
            connection,
            context.seals,
            national_id=national_id(number),
            mobile=made.mobile,
            first_name="علی",
            last_name="کریمی",
        )
        assert await account.add_credential(connection, person_id, username)
        await account.set_credential(
            connection, context.seals, person_id, password_hash=password_hash, totp_secret=made.totp_secret, step=0
        )
        for grant in grants:
            assert await account.add_grant(connection, person_id, grant, "test")
    return dataclasses.replace(made, person_id=person_id)


async def sent_code(context: Context, code_id: UUID) -> str:
    """The code as its person gets it."""
    async with transaction(context.engine, SERVICE) as connection:
        unsent = await take_unsent_code(connection, context.seals, code_id)
    assert unsent is not None
    return unsent.code


async def totp(context: Context, secret: str, *, later: int = 0) -> str:
    """The TOTP code of Postgres's present step, or of one ``later``."""
    now = await value(context, "SELECT extract(epoch FROM now())::float8")
    assert isinstance(now, float)
    return pyotp.TOTP(secret).generate_otp(int(now // TOTP_SECONDS) + later)


async def value(context: Context, statement: str, **parameters: object) -> object:
    """What one SQL statement finds, or changes."""
    async with transaction(context.engine, SERVICE) as connection:
        found = await connection.execute(sa.text(statement), parameters)
        return found.scalar() if found.returns_rows else None


async def audited(context: Context, stream: str) -> list[str]:
    """The actions in an audit stream, in order."""
    async with transaction(context.engine, SERVICE) as connection:
        rows = await connection.scalars(
            sa.text("SELECT content::jsonb ->> 'action' FROM audit WHERE stream = :stream ORDER BY seq"),
            {"stream": stream},
        )
        return list(rows)


def envelope(actor: Actor, operation: str = "test_operation") -> Envelope:
    """A request of an actor under a key of its own."""
    return Envelope(actor, operation, f"key-{uuid4()}", b"content", "origin")
