"""Arranges people and organisations for tests through the real storage and commands; nothing is faked."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyotp
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from api.account.codes import request_code
from api.answering import CodeRequest
from commands.account import authenticate
from commands.command import Context
from demo.remote import RemoteClient
from domain.access import Actor, Grant, Role, ScopeKind
from domain.account import TOTP_SECONDS
from storage import organisation
from storage.account import add_credential, begin_session, set_credential, strengthen_session
from storage.database import SERVICE, transaction
from storage.people import add_person
from storage.rows.account import role_grants
from storage.rows.organisation import employments
from storage.rows.people import persons

# Apart from those of ``account_people``.
_SERIAL = itertools.count(200_000_000)
_MOBILES = itertools.count(9_120_000_000)
_DEFAULT_PAY = 400_000_000
_SHEBA = "IR490546091390996030824628"
_HIRED = date(2015, 4, 4)


# The authenticator app of all staff that tests make here. Between any two deeds of theirs so much time passes that the
# next code has come; staff added by an operator or at the console use their codes up.
_TOTP_SECRET = pyotp.random_base32()
TIME_PASSES = """
    CREATE SCHEMA IF NOT EXISTS tests;
    CREATE OR REPLACE FUNCTION tests.time_passes() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.totp_last_step := 0; RETURN NEW; END';
    CREATE OR REPLACE TRIGGER time_passes BEFORE UPDATE OF totp_last_step ON staff_credentials
        FOR EACH ROW WHEN (starts_with(NEW.username, 'arranged-')) EXECUTE FUNCTION tests.time_passes();
"""
# Cases that only stand for what is paid for have no process: what a payment says to them counts as sent.
STANDS_STILL = "stands_still"
NO_PROCESS = f"""
    CREATE OR REPLACE FUNCTION tests.no_process() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF EXISTS (SELECT FROM public.cases WHERE id = (NEW.payload ->> 'case_id')::uuid AND variant = '{STANDS_STILL}')
        THEN NEW.sent_at := now(); END IF; RETURN NEW; END $$;
    CREATE OR REPLACE TRIGGER no_process BEFORE INSERT ON outbox FOR EACH ROW
        WHEN (NEW.message = 'CaseSignal' AND starts_with(NEW.payload ->> 'name', 'payment_'))
        EXECUTE FUNCTION tests.no_process();
"""


def fresh_totp() -> str:
    """The code of the step to come: it counts for a minute at least."""
    return pyotp.TOTP(_TOTP_SECRET).at(time.time() + TOTP_SECONDS)


def next_national_id() -> str:
    """A valid national id that no other test uses."""
    body = f"{next(_SERIAL):09d}"
    rest = sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
    return body + str(rest if rest < 2 else 11 - rest)


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of a test with a live session."""

    id: UUID
    national_id: str
    mobile: str
    token: str
    is_staff: bool = False

    @property
    def totp(self) -> str | None:
        """A code of their authenticator app, if they are staff, that counts as long as one can."""
        return fresh_totp() if self.is_staff else None

    def headers(self, key: str | None = None) -> dict[str, str]:
        """Authorisation, an Idempotency-Key that is new unless given, and a fresh code of staff."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4())}
        return headers | ({"TOTP": self.totp} if self.totp else {})


@dataclass(frozen=True, slots=True)
class Arrange:
    """Makes what a test starts from."""

    context: Context

    async def organisation(self, *, in_force: bool = True, monthly_cap: int | None = None) -> UUID:
        """An organisation, with a contract in force unless said otherwise."""
        today = datetime.now(UTC).date()
        ends_on = today + timedelta(days=365 if in_force else -1)
        async with transaction(self.context.engine, SERVICE) as connection:
            organisation_id = await organisation.add_organisation(
                connection, code=f"org-{uuid4().hex[:12]}", name="سازمان آزمون", monthly_cap=monthly_cap
            )
            await organisation.add_contract(
                connection, organisation_id, number="1", starts_on=date(2020, 1, 1), ends_on=ends_on
            )
        return organisation_id

    async def person(self, capacity: str) -> Someone:
        """A person with a session in a capacity."""
        national_id, mobile = next_national_id(), f"+98{next(_MOBILES)}"
        async with transaction(self.context.engine, SERVICE) as connection:
            person_id = await add_person(
                connection,
                self.context.seals,
                national_id=national_id,
                mobile=mobile,
                first_name="مریم",
                last_name="آزمون",
            )
            session = await begin_session(connection, person_id, "staff" if capacity == "staff" else "member")
        return Someone(person_id, national_id, mobile, session.token)

    async def employ(
        self,
        person_id: UUID,
        organisation_id: UUID,
        *,
        net_pay: int = _DEFAULT_PAY,
        region: str = "1101",
        hired: date = _HIRED,
    ) -> UUID:
        """Put a person on an organisation's personnel list; returns the employment's id."""
        async with transaction(self.context.engine, SERVICE) as connection:
            row = await connection.execute(
                sa.insert(employments)
                .values(
                    organisation_id=organisation_id,
                    person_id=person_id,
                    region_code=region,
                    hire_date=hired,
                    net_pay=net_pay,
                    mobile_index=sa.select(persons.c.mobile_index).where(persons.c.id == person_id).scalar_subquery(),
                    sheba_index=b"x",
                    sheba_sealed=self.context.seals.cipher.seal_text(_SHEBA, "employment.sheba"),
                )
                .returning(employments.c.id)
            )
            employment_id: UUID = row.scalar_one()
            return employment_id

    async def member(
        self, organisation_id: UUID, *, net_pay: int = _DEFAULT_PAY, region: str = "1101", hired: date = _HIRED
    ) -> Someone:
        """A signed-in member who works there."""
        someone = await self.person("member")
        await self.employ(someone.id, organisation_id, net_pay=net_pay, region=region, hired=hired)
        return someone

    async def colleagues(self, count: int, organisation_id: UUID | None = None, **job: Any) -> list[Someone]:
        """Signed-in members who work in one place and may stand for one another."""
        employer = organisation_id or await self.organisation()
        return [await self.member(employer, **job) for _ in range(count)]

    async def as_staff(self, someone: Someone, *grants: Grant) -> Someone:
        """The same person, signed in as staff with these roles besides."""
        return replace(someone, token=await self._token(someone.id, *grants), is_staff=True)

    async def acting(self, person_id: UUID, *grants: Grant, is_fresh: bool = True) -> Actor:
        """A person signed in as staff with these roles besides; ``is_fresh``: with a fresh step-up."""
        return await authenticate(self.context, await self._token(person_id, *grants, is_fresh=is_fresh))

    async def _token(self, person_id: UUID, *grants: Grant, is_fresh: bool = True) -> str:
        async with transaction(self.context.engine, SERVICE) as connection:
            for grant in grants:
                await self.grant(connection, person_id, grant)
            name = f"arranged-{person_id.hex[-20:]}"
            if await add_credential(connection, person_id, name):
                await set_credential(
                    connection, self.context.seals, person_id, password_hash="-", totp_secret=_TOTP_SECRET, step=0
                )
            session = await begin_session(connection, person_id, "staff")
            if is_fresh:
                await strengthen_session(connection, session.id, "staff")
        return session.token

    async def staff(self, *grants: Grant) -> Someone:
        """A signed-in staff member with roles and a fresh step-up."""
        return await self.as_staff(await self.person("staff"), *grants)

    async def actor(self, someone: Someone) -> Actor:
        """Somebody as a command knows them."""
        return await authenticate(self.context, someone.token)

    @staticmethod
    async def grant(connection: Any, person_id: UUID, grant: Grant) -> None:
        """Give a role, if it is not held."""
        await connection.execute(
            insert(role_grants)
            .values(
                person_id=person_id,
                role=grant.role,
                scope_kind=grant.scope_kind,
                scope=grant.scope,
                granted_by="test",
            )
            .on_conflict_do_nothing()
        )

    async def hr_officer(self, organisation_id: UUID) -> Someone:
        """HR of an organisation."""
        return await self.staff(Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id)))

    async def finance_officer(self, region: str = "1101") -> Someone:
        """Finance of a region."""
        return await self.staff(Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region))

    async def platform(self, role: Role) -> Someone:
        """Staff with a role over the whole platform."""
        return await self.staff(Grant(role, ScopeKind.PLATFORM))


def newest_code(directory: Path, mobile: str) -> str:
    """The newest one-time code sent to a number by the local gateway."""
    codes = [
        (path.stat().st_mtime_ns, message["values"]["code"])
        for path in directory.glob("**/*.json")
        if "code" in (message := json.loads(path.read_text("utf-8"))).get("values", {}) and message["mobile"] == mobile
    ]
    return str(max(codes)[1])


def sent_to(directory: Path, mobile: str) -> list[str]:
    """Templates of the messages that went to a number."""
    found = [json.loads(path.read_text("utf-8")) for path in directory.glob("**/*.json")]
    return [message["template"] for message in found if message.get("mobile") == mobile]


async def fresh_code(client: RemoteClient, who: Someone, directory: Path, wish: CodeRequest) -> tuple[UUID, str]:
    """Ask for a code and wait for its SMS; a code that asks too soon after another is refused."""
    template = f"code_{wish.purpose}"
    earlier = sent_to(directory, who.mobile).count(template)
    asked = await client.call(request_code, wish)

    async def sent() -> bool:
        return sent_to(directory, who.mobile).count(template) > earlier

    await eventually(sent, "the code to be sent")
    return asked.code_id, newest_code(directory, who.mobile)


async def eventually(look: Callable[[], Awaitable[Any]], what: str, *, seconds: float = 30.0) -> Any:
    """Wait until something is there; fails with what was waited for."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        found = await look()
        if found:
            return found
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.02)
