"""Signing in and out, and who acts with a token (G1). Each is written to the audit trail (H2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.codes import is_right, step_up_with_code, step_up_with_totp
from commands.account.credentials import matching_step, password_matches
from commands.command import Command, Context
from commands.refusals import refuses
from domain.access import Actor
from domain.account import (
    NO_BINDING,
    STAFF_TRIES_EVERYWHERE,
    STAFF_TRIES_PER_ADDRESS,
    STAFF_TRIES_PER_NAME,
    TOTP_DRIFT,
    TRIES_PER_ADDRESS,
    BadCode,
    BadUsername,
    Capacity,
    CodeNotAccepted,
    CodePurpose,
    SignInRefused,
    parse_code,
    parse_username,
)
from domain.errors import TooMany, Unauthenticated
from storage import account, audit
from storage.account import Credential, NewSession
from storage.audit import account_stream
from storage.database import SERVICE, transaction
from storage.people import read_person
from storage.rows.people import Person

# Failures that belong to nobody known.
NOBODYS_STREAM: Final = "sign-in"
_LONGEST_TOKEN: Final = 100
# No user name can look like this.
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class SignIn:
    """What came of signing in: a session, and whose it is."""

    session: NewSession
    person: Person


@refuses(BadCode, CodeNotAccepted)
async def sign_in(context: Context, *, challenge_id: UUID, code: str, origin: str) -> SignIn:
    """Begin a member's session with the code that was sent."""
    typed = parse_code(code)
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_use(connection, context.seals, TRIES_PER_ADDRESS, origin)
        tried = None if wait else await account.pay_try(connection, challenge_id, CodePurpose.SIGN_IN)
    if wait is not None:
        raise TooMany(retry_after=wait)
    right = is_right(context.seals, tried, challenge_id, typed, NO_BINDING)
    person_id = None if tried is None else tried.person_id
    if not right or person_id is None:
        await _note_failure(context, "member", person_id, origin)
        raise CodeNotAccepted(field="code")
    try:
        async with transaction(context.engine, SERVICE) as connection:
            await account.lock_person(connection, person_id)
            await account.use_code(connection, challenge_id)
            await account.confirm_mobile(connection, person_id)
            return await _begin(connection, person_id, "member", origin)
    except CodeNotAccepted:
        await _note_failure(context, "member", person_id, origin)
        raise


@refuses(BadCode, SignInRefused)
async def sign_in_staff(context: Context, *, username: str, password: str, totp: str, origin: str) -> SignIn:
    """Begin a session of staff. A wrong name, password and code take the same time and answer."""
    name, typed = _name_or_nobody(username), parse_code(totp, field="totp")
    limits = (
        (STAFF_TRIES_PER_ADDRESS, origin),
        (STAFF_TRIES_PER_NAME, f"{name}/{origin}"),
        (STAFF_TRIES_EVERYWHERE, name),
    )
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, limits)
        found = None if wait else await account.read_credential(connection, context.seals, username=name)
    if wait is not None:
        raise TooMany(retry_after=wait)
    # No connection is held while this takes its time.
    right = await password_matches(password, None if found is None else found.password_hash)
    step = matching_step(found.totp_secret if found else None, typed, found.step if found else TOTP_DRIFT)
    if found is not None and step is not None and right and not found.disabled:
        signed_in = await _begin_staff(context, found, step, origin)
        if signed_in is not None:
            return signed_in
    await _note_failure(context, "staff", None if found is None else found.person_id, origin)
    raise SignInRefused


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
    return await account.strengthen_session(command.connection, command.actor.session_id)


async def _begin_staff(context: Context, credential: Credential, step: int, origin: str) -> SignIn | None:
    """None if the TOTP step was used before: two at once with one code cannot both get in."""
    async with transaction(context.engine, SERVICE) as connection:
        if not await account.use_totp_step(connection, credential, step):
            return None
        return await _begin(connection, credential.person_id, "staff", origin)


async def _begin(connection: AsyncConnection, person_id: UUID, capacity: Capacity, origin: str) -> SignIn:
    person = await read_person(connection, person_id)
    if person is None:
        raise Unauthenticated
    session = await account.begin_session(connection, person_id, capacity)
    entry = audit.AuditEntry(
        "sign_in",
        f"{capacity}:{person_id}",
        str(person_id),
        after={"session": str(session.id), "capacity": capacity},
        origin=origin,
    )
    await audit.append(connection, account_stream(person_id), entry)
    return SignIn(session, person)


async def _note_failure(context: Context, capacity: Capacity, person_id: UUID | None, origin: str) -> None:
    stream = NOBODYS_STREAM if person_id is None else account_stream(person_id)
    entry = audit.AuditEntry("sign_in_failed", capacity, str(person_id or ""), origin=origin)
    async with transaction(context.engine, SERVICE) as connection:
        await audit.append(connection, stream, entry)


def _name_or_nobody(username: str) -> str:
    """A name that nobody can have is looked up all the same, as another that nobody has."""
    try:
        return parse_username(username)
    except BadUsername:
        return _NOBODY
