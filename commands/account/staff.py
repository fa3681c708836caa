"""Staff and their roles: added, granted, taken back by an operator or at the console; all of it audited (H2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.credentials import hash_password, new_password, new_totp_secret, provisioning_uri
from commands.account.sessions import account_stream
from commands.command import Command
from commands.refusals import refuses
from domain.access import Grant, Role
from domain.account import (
    AlreadyStaff,
    BadName,
    BadScope,
    BadUsername,
    MobileDiffers,
    MobileUnreadable,
    NationalIdUnreadable,
    OwnRole,
    RoleHeld,
    UsernameTaken,
    parse_name,
    parse_username,
)
from domain.errors import NotFound
from domain.identity import BadMobile, BadNationalId, parse_mobile, parse_national_id
from storage import account, audit
from storage.people import add_person, find_person
from storage.sealing import Seals

_OF_GRANTS = (OwnRole, BadScope, RoleHeld)


@dataclass(frozen=True, slots=True)
class StaffAdministration:
    """Who administers staff, in which transaction. ``person_id`` is None at the console."""

    connection: AsyncConnection
    seals: Seals
    actor: str
    person_id: UUID | None = None
    origin: str | None = None

    async def audit(self, action: str, person_id: UUID, **after: object) -> None:
        """Write the audit line."""
        entry = audit.AuditEntry(action, self.actor, str(person_id), after=after or None, origin=self.origin)
        await audit.append(self.connection, account_stream(person_id), entry)


@dataclass(frozen=True, slots=True)
class StaffWish:
    """Whom to add; texts as they were typed."""

    national_id: str = field(repr=False)
    mobile: str | None = field(repr=False)
    first_name: str
    last_name: str
    username: str
    grants: Sequence[Grant] = ()


@dataclass(frozen=True, slots=True)
class FirstCredentials:
    """What a member of staff signs in with; shown once, stored only hashed and sealed."""

    person_id: UUID
    username: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)

    @property
    def totp_uri(self) -> str:
        """What an authenticator app reads."""
        return provisioning_uri(self.username, self.totp_secret)


def operator_administration(command: Command) -> StaffAdministration:
    """The office of a signed-in operator.

    Raises:
        Forbidden: they are none.
        StepUpRequired: the session was not confirmed lately.
    """
    command.require_role(Role.OPERATOR)
    command.require_strong()
    actor = command.actor
    origin = command.envelope.origin or None
    return StaffAdministration(command.connection, command.seals, f"staff:{actor.person_id}", actor.person_id, origin)


def console_administration(connection: AsyncConnection, seals: Seals) -> StaffAdministration:
    """Administration by a person with a shell on the machine."""
    return StaffAdministration(connection, seals, "console")


@refuses(
    *_OF_GRANTS,
    NationalIdUnreadable,
    MobileUnreadable,
    BadName,
    BadUsername,
    MobileDiffers,
    AlreadyStaff,
    UsernameTaken,
)
async def add_staff(administration: StaffAdministration, wish: StaffWish) -> FirstCredentials:
    """Add a member of staff, who may be known as a person already; their name then stays as it is."""
    username = parse_username(wish.username)
    person_id = await _person_of(administration, wish)
    if person_id == administration.person_id:
        raise OwnRole
    if await account.is_staff(administration.connection, person_id):
        raise AlreadyStaff(field="national_id")
    password, secret = new_password(), new_totp_secret()
    added = await account.add_credential(
        administration.connection, administration.seals, person_id, username, await hash_password(password), secret
    )
    if not added:
        raise UsernameTaken(field="username")
    await administration.audit("add_staff", person_id, username=username)
    for grant in wish.grants:
        await grant_role(administration, person_id, grant)
    return FirstCredentials(person_id, username, password, secret)


@refuses(*_OF_GRANTS)
async def grant_role(administration: StaffAdministration, person_id: UUID, grant: Grant) -> UUID:
    """Give a member of staff a role in a scope; returns the grant's id. It counts from their next request on."""
    await _require_other_staff(administration, person_id)
    if not await account.scope_exists(administration.connection, grant):
        raise BadScope(field="scope")
    grant_id = await account.add_grant(administration.connection, person_id, grant, administration.actor)
    if grant_id is None:
        raise RoleHeld
    await administration.audit("grant_role", person_id, grant=str(grant_id), **_told(grant))
    return grant_id


@refuses(OwnRole)
async def revoke_role(administration: StaffAdministration, person_id: UUID, grant_id: UUID) -> None:
    """Take a role back, at once."""
    await _require_other_staff(administration, person_id)
    grant = await account.revoke_grant(administration.connection, person_id, grant_id)
    if grant is None:
        raise NotFound
    await administration.audit("revoke_role", person_id, grant=str(grant_id), **_told(grant))


@refuses(BadUsername)
async def reset_staff(administration: StaffAdministration, username: str) -> FirstCredentials:
    """Give new credentials in place of lost ones, and let in again who was shut out; their sessions end."""
    name = parse_username(username)
    person_id = await _staff_named(administration, name)
    password, secret = new_password(), new_totp_secret()
    await account.change_credential(
        administration.connection, administration.seals, person_id, await hash_password(password), secret
    )
    ended = await account.end_sessions(administration.connection, person_id, "staff")
    await administration.audit("reset_staff", person_id, sessions_ended=ended)
    return FirstCredentials(person_id, name, password, secret)


@refuses(BadUsername)
async def disable_staff(administration: StaffAdministration, username: str) -> None:
    """Shut a member of staff out, at once."""
    person_id = await _staff_named(administration, parse_username(username))
    await account.disable_credential(administration.connection, person_id)
    ended = await account.end_sessions(administration.connection, person_id, "staff")
    await administration.audit("disable_staff", person_id, sessions_ended=ended)


async def _person_of(administration: StaffAdministration, wish: StaffWish) -> UUID:
    try:
        national_id = parse_national_id(wish.national_id)
    except BadNationalId:
        raise NationalIdUnreadable(field="national_id") from None
    try:
        mobile = None if wish.mobile is None else parse_mobile(wish.mobile)
    except BadMobile:
        raise MobileUnreadable(field="mobile") from None
    person_id = await add_person(
        administration.connection,
        administration.seals,
        national_id=national_id,
        mobile=mobile,
        first_name=parse_name(wish.first_name, field="first_name"),
        last_name=parse_name(wish.last_name, field="last_name"),
    )
    if (
        mobile is not None
        and await find_person(administration.connection, administration.seals, national_id, mobile) is None
    ):
        raise MobileDiffers(field="mobile")
    return person_id


async def _require_other_staff(administration: StaffAdministration, person_id: UUID) -> None:
    if person_id == administration.person_id:
        raise OwnRole
    if not await account.is_staff(administration.connection, person_id):
        raise NotFound


async def _staff_named(administration: StaffAdministration, username: str) -> UUID:
    person_id = await account.find_staff(administration.connection, username)
    if person_id is None:
        raise NotFound
    return person_id


def _told(grant: Grant) -> dict[str, str]:
    return {"role": grant.role, "scope_kind": grant.scope_kind, "scope": grant.scope}
