"""Signing in and out, and who acts with a token (G1). Each is written to the audit trail (H2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.codes import step_up_with_code, step_up_with_totp, why_wrong
from commands.account.credentials import matching_step, password_matches
from commands.command import Command, Context
from commands.refusals import refuses
from domain.access import Actor
from domain.account import (
    NO_BINDING,
    STAFF_TRIES_EVERYWHERE,
    STAFF_TRIES_PER_ADDRESS,
    STAFF_TRIES_PER_DEVICE,
    STAFF_TRIES_PER_NAME,
    STAFF_WRONG_TOTP,
    TOTP_DRIFT,
    TRIES_PER_ADDRESS,
    TRIES_PER_DEVICE,
    BadCode,
    BadUsername,
    Capacity,
    CodeNotAccepted,
    CodePurpose,
    SignInRefused,
    parse_code,
    parse_username,
)
from domain.address import Uses, from_network
from domain.errors import TooMany, Unauthenticated
from storage import account, audit
from storage.account import Credential, NewSession
from storage.audit import account_stream
from storage.database import SERVICE, transaction
from storage.escrow.jobs import wake_awaited as wake_jobs
from storage.normal_payment import wake_awaited
from storage.people import read_person
from storage.rows.people import Person

_LONGEST_TOKEN: Final = 100
# No user name can look like this.
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class SignIn:
    """What came of signing in: a session, whose it is, and the token by which the device is known from now on."""

    session: NewSession
    person: Person
    device: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """Who wants in: as what, on whose account (None: nobody's), by which challenge or user name, from where."""

    capacity: Capacity
    person_id: UUID | None
    tried: str
    origin: str
    device: str = field(repr=False)

    async def begin(self, connection: AsyncConnection, person_id: UUID) -> SignIn:
        """Let them in."""
        person = await read_person(connection, person_id)
        if person is None:
            raise Unauthenticated
        session = await account.begin_session(connection, person_id, self.capacity)
        if self.capacity == "member":
            # Their number is shown to be theirs: somebody may have waited for that.
            await wake_awaited(connection, person_id)
            await wake_jobs(connection, person_id)
        if self.capacity == "staff":
            # A TOTP code was given for it a moment ago, and the next one is half a minute away.
            await account.strengthen_session(connection, session.id, self.capacity)
        entry = audit.AuditEntry(
            "sign_in",
            f"{self.capacity}:{person_id}",
            str(person_id),
            after={"session": str(session.id), "capacity": self.capacity},
            origin=self.origin,
        )
        await audit.append(connection, account_stream(person_id), entry)
        device = await account.keep_device(connection, self.device, self.capacity, person_id)
        return SignIn(session, person, device)

    async def note_failure(self, context: Context) -> None:
        """Count a failure."""
        async with transaction(context.engine, SERVICE) as connection:
            await self.note_failure_in(connection, context)

    async def note_failure_in(self, connection: AsyncConnection, context: Context) -> None:
        """Count a failure, as the last thing in a transaction."""
        await account.note_failure(connection, context.seals, self.tried, self.capacity, self.person_id, self.origin)


@refuses(BadCode, CodeNotAccepted)
async def sign_in(context: Context, *, challenge_id: UUID, code: str, origin: str, device: str = "") -> SignIn:
    """Begin a member's session with the code that was sent."""
    typed = parse_code(code)
    async with transaction(context.engine, SERVICE) as connection:
        whose = await account.whose_code(connection, challenge_id)
        known = await account.knows_device(connection, device, "member", whose)
        uses = ((TRIES_PER_DEVICE, f"{whose}/{device}"),) if known else from_network(TRIES_PER_ADDRESS, origin)
        wait = await account.count_uses(connection, context.seals, uses)
        tried = None if wait else await account.pay_try(connection, challenge_id, CodePurpose.SIGN_IN)
    if wait is not None:
        raise TooMany(retry_after=wait)
    refused = why_wrong(context.seals, tried, challenge_id, typed, NO_BINDING)
    person_id = None if tried is None else tried.person_id
    entry = SignInAttempt("member", person_id, str(challenge_id), origin, device)
    if refused is not None or person_id is None:
        await entry.note_failure(context)
        raise refused or CodeNotAccepted(field="code")
    try:
        async with transaction(context.engine, SERVICE) as connection:
            await account.lock_person(connection, person_id)
            await account.use_code(connection, challenge_id)
            await account.confirm_mobile(connection, person_id)
            return await entry.begin(connection, person_id)
    except CodeNotAccepted:
        await entry.note_failure(context)
        raise


@refuses(BadCode, SignInRefused)
async def sign_in_staff(
    context: Context, *, username: str, password: str, totp: str, origin: str, device: str = ""
) -> SignIn:
    """Begin a session of staff. A wrong name, password and code take the same time and answer.

    Right ones are never refused because others were wrong: past their limits strangers are slowed down, and those who
    show the token of a ``device`` on which they signed in before have limits and a thread for hashing apart from them.
    Only wrong codes beside the right password end what that password is worth for a day, on devices that are not known.
    """
    name, typed = _name_or_nobody(username), parse_code(totp, field="totp")
    async with transaction(context.engine, SERVICE) as connection:
        found = await account.read_credential(connection, context.seals, username=name)
        person_id = None if found is None else found.person_id
        known = await account.knows_device(connection, device, "staff", person_id)
        uses = ((STAFF_TRIES_PER_DEVICE, f"{name}/{device}"),) if known else _strangers_uses(name, origin)
        wait = await account.count_uses(connection, context.seals, uses)
    if wait is not None:
        raise TooMany(retry_after=wait)
    # No connection is held while this takes its time.
    right = await password_matches(password, None if found is None else found.password_hash, known=known)
    step = matching_step(found.totp_secret if found else None, typed, found.step if found else TOTP_DRIFT)
    credential = found if found is not None and right and not found.disabled else None
    entry = SignInAttempt("staff", person_id, name, origin, device)
    signed_in = await _try_totp(context, entry, credential, step, known=known)
    if signed_in is None:
        raise SignInRefused
    return signed_in


def _strangers_uses(name: str, origin: str) -> Uses:
    """What a try on a user name counts for, from a device that is not known."""
    by_network = (*from_network(STAFF_TRIES_PER_ADDRESS, origin), *from_network(STAFF_TRIES_PER_NAME, origin, name))
    return (*by_network, (STAFF_TRIES_EVERYWHERE, name))


async def authenticate(context: Context, token: str) -> Actor:
    """Who acts with this token, with the roles in force at this moment.

    Raises:
        Unauthenticated: the token is unknown, ended, too old, or was idle for too long.
    """
    if len(token) > _LONGEST_TOKEN:
        raise Unauthenticated
    actor = await account.read_live_session(context.engine, token)
    if actor is None:
        raise Unauthenticated
    return actor


async def sign_out(context: Context, actor: Actor, origin: str) -> None:
    """End the session; doing it twice changes nothing."""
    async with transaction(context.engine, SERVICE) as connection:
        await account.end_session(connection, actor.person_id, actor.session_id)
        entry = audit.AuditEntry("sign_out", f"{actor.capacity}:{actor.person_id}", str(actor.person_id), origin=origin)
        await audit.append(connection, account_stream(actor.person_id), entry)


@refuses(step_up_with_code, step_up_with_totp)
async def step_up(command: Command, *, code_id: UUID | None, code: str, totp: str) -> datetime:
    """Confirm the session with a fresh code; returns until when that counts (G1).

    Members give ``code_id`` and ``code``, staff ``totp``.
    """
    if code_id is not None:
        await step_up_with_code(command, code_id, code)
    else:
        await step_up_with_totp(command, totp)
    await command.audit(account_stream(command.actor.person_id), subject=str(command.actor.person_id))
    return await account.strengthen_session(command.connection, command.actor.session_id, command.actor.capacity)


async def _try_totp(
    context: Context, entry: SignInAttempt, credential: Credential | None, step: int | None, *, known: bool
) -> SignIn | None:
    """Let in whose password was right, if the TOTP code was too; else count the failure, and None.

    The code is paid for before it counts, so that guesses sent at once are counted too. Two at once with one code
    cannot both get in: a step is used up.

    Args:
        context: what commands work with.
        entry: who wants in.
        credential: whose password was right; None for nobody's, which is the same work.
        step: the TOTP step whose code was typed.
        known: whether the device is known: guesses elsewhere are none of its.
    """
    tried = f"nobody/{account.failure_shard(context.seals, entry.tried)}"
    if credential is not None:
        tried = f"{credential.person_id}/{credential.password_hash}/{entry.device if known else ''}"
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_use(connection, context.seals, STAFF_WRONG_TOTP, tried)
        if credential is not None and step is not None and wait is None:  # noqa: SIM102 - only these are known then
            if await account.use_totp_step(connection, credential, step):
                await account.give_back(connection, context.seals, STAFF_WRONG_TOTP, tried)
                return await entry.begin(connection, credential.person_id)
        await entry.note_failure_in(connection, context)
    return None


def _name_or_nobody(username: str) -> str:
    """A name that nobody can have is looked up all the same, as another that nobody has."""
    try:
        return parse_username(username)
    except BadUsername:
        return _NOBODY
