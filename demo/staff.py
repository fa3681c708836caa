"""The demo's staff: two operators made at the console, everybody else proposed by one and confirmed by the other.

Each follows the link that came to their own mobile, and sets password and key there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from api.account.sessions import StaffSignIn, sign_in_staff
from api.account.setup import StaffLink, StaffSetUp, open_staff_link, set_up_staff
from api.staff_change import ConfirmStaffChange, NewStaff, RoleWish, propose_staff
from commands.account import add_operator, console_administration, read_newcomer
from demo.actors import Officer, wait_for
from demo.authenticator import Authenticator
from demo.personnel_generator import national_id
from demo.remote import Refused, RemoteClient
from demo.sign_in import newest_code
from domain.access import Grant
from domain.account import TOTP_SECONDS
from domain.staff_change import ConsoleClosed
from gateways.local_sign_ins import read_local_sign_ins, write_local_sign_ins
from stack.connect import connected
from stack.places import CliError, Places
from storage.database import SERVICE, transaction


@dataclass(frozen=True, slots=True)
class PlayedRole:
    """Whom somebody plays, in both languages, and the host name under ``.localhost`` where they are signed in."""

    en: str
    fa: str
    host: str


OPERATORS = (
    PlayedRole("operator", "میز عملیات", "operator-1"),
    PlayedRole("second operator", "میز عملیات، همکار دوم", "operator-2"),
)

_CONFIRM = ConfirmStaffChange(kind="confirm_staff_change", decision="confirm")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a member of staff has set and signs in with."""

    username: str
    password: str = field(repr=False)
    authenticator: Authenticator

    def kept(self, part: PlayedRole) -> dict[str, str]:
        """As the page of sign-ins keeps them."""
        return {
            "en": part.en,
            "fa": part.fa,
            "host": part.host,
            "username": self.username,
            "password": self.password,
            "totp_secret": self.authenticator.secret,
        }


@dataclass(frozen=True, slots=True)
class Operators:
    """Two who make the staff together."""

    credentials: Mapping[str, Credentials]
    first: Officer
    second: Officer

    async def hire(self, visitor: RemoteClient, username: str, *grants: Grant) -> Credentials:
        """One proposes, the other confirms, and whom it concerns follows the link."""
        number = _new_mobile()
        wish = NewStaff(
            national_id=_new_national_id(),
            mobile=number,
            first_name="همکار",
            last_name="نمونه",
            username=username,
            roles=[RoleWish(role=grant.role, scope_kind=grant.scope_kind, scope=grant.scope) for grant in grants],
        )
        case = await self.first.client.call(propose_staff, wish)
        await self.second.decide(case.id, _CONFIRM)
        return await _set_up(visitor, number)


async def sign_in(client: RemoteClient, credentials: Credentials) -> Officer:
    """Sign a member of staff in with password and TOTP; waits for the next code where this one was used before."""

    async def look() -> Officer | None:
        body = StaffSignIn(
            username=credentials.username, password=credentials.password, totp=await credentials.authenticator.code()
        )
        try:
            session = await client.call(sign_in_staff, body)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
            return None
        return Officer(RemoteClient(client.http, session.token or ""), credentials.authenticator)

    return await wait_for(look, f"{credentials.username} to sign in", seconds=2 * TOTP_SECONDS)


async def operators(visitor: RemoteClient, places: Places, run: str) -> Operators:
    """Those of an earlier run on this stack, or two that are made at the console.

    Raises:
        CliError: there are others already, whose credentials nobody here knows.
    """
    kept = {person["en"]: person for person in read_local_sign_ins(places.messages)}
    names = [part.en for part in OPERATORS]
    if not set(names) <= set(kept):
        numbers = {en: _new_mobile() for en in names}
        for place, number in enumerate(numbers.values(), 1):
            await _at_the_console(f"operator{place}-{run}", number)
        made = await asyncio.gather(*(_set_up(visitor, number) for number in numbers.values()))
        shown = [one.kept(part) for part, one in zip(OPERATORS, made, strict=True)]
        write_local_sign_ins(places.messages, shown)
        known = dict(zip(names, made, strict=True))
    else:
        known = {en: _kept(kept[en]) for en in names}
    first, second = await asyncio.gather(*(sign_in(visitor, one) for one in known.values()))
    return Operators(known, first, second)


def _kept(person: Mapping[str, str]) -> Credentials:
    return Credentials(person["username"], person["password"], Authenticator(person["totp_secret"]))


async def _at_the_console(username: str, number: str) -> None:
    """As ``./amanat staff add`` does."""
    newcomer = await read_newcomer(
        national_id=_new_national_id(), mobile=number, first_name="همکار", last_name="میز عملیات", username=username
    )
    try:
        async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
            await add_operator(console_administration(connection, assembly.context.seals), newcomer)
    except ConsoleClosed:
        raise CliError("this stack has operators of its own; play the demo on another, or with --reset") from None


async def _set_up(visitor: RemoteClient, number: str) -> Credentials:
    """Follow the link, and set password and key."""
    token = await newest_code(visitor, number, 0)
    key = await visitor.call(open_staff_link, StaffLink(token=token))
    made = Credentials(key.username, secrets.token_hex(8), Authenticator(key.totp_secret))
    totp = await made.authenticator.code()
    body = StaffSetUp(token=token, password=made.password, totp_key=key.totp_key, totp=totp)
    await visitor.call(set_up_staff, body)
    return made


def _new_mobile() -> str:
    return f"+98990{secrets.randbelow(10**7):07}"


def _new_national_id() -> str:
    return national_id(f"{secrets.randbelow(10**9 - 10**6) + 10**6:09}")
