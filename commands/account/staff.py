"""Staff: what one operator does alone, taking away above all, and what the console may (G1, H2).

Adding staff, granting and resetting take two operators: ``commands/staff_change.py``.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.command import Command
from commands.refusals import refuses
from domain.access import Grant, Role, ScopeKind
from domain.account import (
    LINKS_PER_PERSON,
    AccountDisabled,
    BadName,
    BadScope,
    BadUsername,
    CodePurpose,
    MobileUnreadable,
    NationalIdUnreadable,
    OwnRole,
    parse_grant,
    parse_name,
    parse_username,
)
from domain.errors import NotFound, TooMany
from domain.identity import BadMobile, BadNationalId, parse_mobile, parse_national_id
from domain.staff_change import AccountSetUp, ConsoleClosed, StaffAction, StaffObstacle, StaffPolicy
from messages.staff_change import Sms
from storage import account, audit
from storage.audit import account_stream
from storage.notices import notify
from storage.organisation import find_organisation
from storage.outbox import enqueue
from storage.policies import in_force
from storage.sealing import Seals
from storage.staff_change import Newcomer, StaffDraft, apply_draft, find_obstacle, lock_staff, send_link
from storage.tasks import cases_held_by

OPERATOR: Final = Grant(Role.OPERATOR, ScopeKind.PLATFORM)
# So many operators are enough: below that, nobody could be confirmed.
_ENOUGH: Final = 2
_OBSTACLES: Final = tuple(obstacle.refusal for obstacle in StaffObstacle)
_ORGANISATION_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")


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


@refuses(NationalIdUnreadable, MobileUnreadable, BadName, BadUsername)
async def read_newcomer(*, national_id: str, mobile: str, first_name: str, last_name: str, username: str) -> Newcomer:
    """Somebody to be added, from texts as they were typed."""
    try:
        identity = parse_national_id(national_id)
    except BadNationalId:
        raise NationalIdUnreadable(field="national_id") from None
    try:
        number = parse_mobile(mobile)
    except BadMobile:
        raise MobileUnreadable(field="mobile") from None
    first, last = parse_name(first_name, field="first_name"), parse_name(last_name, field="last_name")
    return Newcomer(identity, number, first, last, parse_username(username))


@refuses(BadScope)
async def read_grant(connection: AsyncConnection, role: Role, kind: ScopeKind, scope: str, *, field: str) -> Grant:
    """A role in a scope that it can have; an organisation is named by its id or its code."""
    with contextlib.suppress(BadScope):
        return parse_grant(role, kind, scope, field=field)
    if kind is not ScopeKind.ORGANISATION or not _ORGANISATION_CODE.fullmatch(scope.strip()):
        raise BadScope(field=field)
    found = await find_organisation(connection, scope.strip())
    return parse_grant(role, kind, "" if found is None else str(found.id), field=field)


async def staff_policy(connection: AsyncConnection) -> tuple[UUID, StaffPolicy]:
    """The policy in force, with its id.

    Raises:
        NotFound: there is none.
    """
    policy = await in_force(connection, StaffPolicy.POLICY)
    if policy is None:
        raise NotFound
    return policy.id, StaffPolicy.from_policy(policy.value)


@refuses(OwnRole)
async def revoke_role(administration: StaffAdministration, person_id: UUID, grant_id: UUID) -> None:
    """Take a role back, at once."""
    await _require_other_staff(administration, person_id)
    grant = await account.revoke_grant(administration.connection, person_id, grant_id)
    if grant is None:
        raise NotFound
    told = {"role": grant.role, "scope_kind": grant.scope_kind, "scope": grant.scope}
    await notify(administration.connection, [person_id], Sms.RIGHTS_TAKEN)
    await _wake_held(administration.connection, person_id)
    await administration.audit("revoke_role", person_id, grant=str(grant_id), **told)


async def _wake_held(connection: AsyncConnection, person_id: UUID) -> None:
    """The processes of what they hold alone look whether they still may, and ask colleagues (E5)."""
    await enqueue(connection, *await cases_held_by(connection, person_id))


@refuses(OwnRole)
async def disable_staff(administration: StaffAdministration, person_id: UUID) -> None:
    """Shut a member of staff out, at once; a link that was sent to them opens nothing any more."""
    await _require_other_staff(administration, person_id)
    connection = administration.connection
    await account.disable_credential(connection, person_id)
    await account.cancel_codes(connection, person_id, CodePurpose.STAFF_LINK)
    ended = await account.end_sessions(connection, person_id, "staff")
    await notify(connection, [person_id], Sms.RIGHTS_TAKEN)
    await _wake_held(connection, person_id)
    await administration.audit("disable_staff", person_id, sessions_ended=ended)


@refuses(AccountSetUp, AccountDisabled)
async def resend_staff_link(administration: StaffAdministration, person_id: UUID) -> None:
    """Send another link to somebody whose account waits to be set up; it goes to their own mobile."""
    connection, seals = administration.connection, administration.seals
    credential = await account.read_credential(connection, seals, person_id=person_id)
    if credential is None:
        raise NotFound
    if credential.disabled:
        raise AccountDisabled
    if credential.password_hash is not None:
        raise AccountSetUp
    wait = await account.count_use(connection, seals, LINKS_PER_PERSON, str(person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    _, policy = await staff_policy(connection)
    await send_link(connection, seals, person_id, policy.link_life)
    await administration.audit("resend_staff_link", person_id)


@refuses(ConsoleClosed, *_OBSTACLES)
async def add_operator(administration: StaffAdministration, newcomer: Newcomer) -> UUID:
    """Make an operator at the console, while fewer than two can sign in: the first ones, and the way back in."""
    return await _at_the_console(administration, StaffDraft(StaffAction.ADD, newcomer=newcomer, grants=(OPERATOR,)))


@refuses(ConsoleClosed, *_OBSTACLES)
async def reset_operator(administration: StaffAdministration, person_id: UUID) -> UUID:
    """Reset an operator at the console, while fewer than two can sign in."""
    connection = administration.connection
    member = await account.read_staff(connection, person_id)
    if member is None or all(held.grant != OPERATOR for held in member.grants):
        raise NotFound
    return await _at_the_console(administration, StaffDraft(StaffAction.RESET, person_id=person_id))


async def _at_the_console(administration: StaffAdministration, draft: StaffDraft) -> UUID:
    connection, seals = administration.connection, administration.seals
    await lock_staff(connection)
    if await account.count_operators(connection) >= _ENOUGH:
        raise ConsoleClosed
    _, policy = await staff_policy(connection)
    obstacle = await find_obstacle(connection, seals, draft, policy)
    if obstacle is not None:
        raise obstacle.refusal
    # Those who are shut out too: the one who shut them out may be at the console.
    told = await account.operators_told(connection)
    person_id = await apply_draft(connection, seals, draft, by=administration.actor, link_life=policy.link_life)
    await notify(connection, told, Sms.CONSOLE_ACTED)
    await administration.audit(f"{draft.action}_operator", person_id)
    return person_id


async def _require_other_staff(administration: StaffAdministration, person_id: UUID) -> None:
    if person_id == administration.person_id:
        raise OwnRole
    if not await account.is_staff(administration.connection, person_id):
        raise NotFound
