"""A member's password, which is optional: set, removed, used to sign in, and renewed when it is forgotten (G1)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.codes import is_right, read_identity, read_mobile
from commands.account.credentials import hash_password, password_matches
from commands.account.sessions import SignIn, account_stream, begin_as_member, note_failed_code
from commands.command import Command, Context
from commands.profile import require_fresh_member
from commands.refusals import refuses
from domain.account import (
    CODES_APART,
    CODES_PER_ADDRESS,
    CODES_PER_NUMBER,
    NO_BINDING,
    TRIES_PER_ADDRESS,
    BadCode,
    CodeNotAccepted,
    CodePurpose,
    MobileUnreadable,
    NationalIdUnreadable,
    parse_code,
)
from domain.errors import NotFound, StepUpRequired, TooMany
from domain.profile import (
    PASSWORD_TRIES_EVERYWHERE,
    PASSWORD_TRIES_PER_ADDRESS,
    PASSWORD_TRIES_PER_PERSON,
    BadEmail,
    MemberPasswordWeak,
    PasswordRefused,
    parse_email,
    require_good_password,
)
from messages.notice import SendCode
from messages.profile import Sms
from storage import account, audit, profile
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.outbox import enqueue
from storage.people import read_contacts
from storage.rows.profile import Profile


@refuses(MemberPasswordWeak, StepUpRequired)
async def set_password(command: Command, password: str) -> None:
    """Set a password, or another one: the other sessions end, and the owner is told by SMS."""
    require_fresh_member(command)
    actor, connection = command.actor, command.connection
    national_id, mobile = await read_contacts(connection, command.seals, actor.person_id)
    require_good_password(password, national_id, mobile or "")
    await profile.set_password(connection, actor.person_id, await hash_password(password))
    ended = await account.end_other_sessions(connection, actor.person_id, actor.session_id)
    await notify(connection, [actor.person_id], Sms.PASSWORD_SET)
    who = str(actor.person_id)
    await command.audit(account_stream(actor.person_id), subject=who, after={"sessions_ended": ended})


@refuses(StepUpRequired, NotFound)
async def remove_password(command: Command) -> None:
    """Go back to signing in by SMS only; the owner is told."""
    require_fresh_member(command)
    who = command.actor.person_id
    if (await profile.read_profile(command.connection, who)).password_hash is None:
        raise NotFound
    await profile.set_password(command.connection, who, None)
    await notify(command.connection, [who], Sms.PASSWORD_REMOVED)
    await command.audit(account_stream(who), subject=str(who))


@refuses(NationalIdUnreadable, PasswordRefused)
async def sign_in_with_password(context: Context, *, national_id: str, password: str, origin: str) -> SignIn:
    """Begin a member's session. An unknown person, one without a password and a wrong one take the same time."""
    identity = read_identity(national_id)
    limits = (
        (PASSWORD_TRIES_PER_ADDRESS, origin),
        (PASSWORD_TRIES_PER_PERSON, f"{identity}/{origin}"),
        (PASSWORD_TRIES_EVERYWHERE, identity),
    )
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, limits)
        found = None if wait else await profile.find_profile(connection, context.seals, identity)
    if wait is not None:
        raise TooMany(retry_after=wait)
    # No connection is held while this takes its time.
    if await password_matches(password, None if found is None else found.password_hash) and found is not None:
        async with transaction(context.engine, SERVICE) as connection:
            if await _is_still(connection, found):
                return await begin_as_member(connection, found.person_id, origin)
    await note_failed_code(context, origin)
    raise PasswordRefused


async def _is_still(connection: AsyncConnection, found: Profile) -> bool:
    """Whether nobody has changed the password meanwhile; nor can they until this transaction ends."""
    await account.lock_person(connection, found.person_id)
    return (await profile.read_profile(connection, found.person_id)).password_hash == found.password_hash


@refuses(NationalIdUnreadable, MobileUnreadable, BadEmail)
async def request_renewal(
    context: Context, *, national_id: str, mobile: str | None, email: str | None, origin: str
) -> UUID:
    """Send a code by which a forgotten password is replaced, to the member's number or confirmed address.

    Known or unknown, it is the same work and the same answer. Returns the challenge.
    """
    identity = read_identity(national_id)
    number = None if mobile is None else read_mobile(mobile)
    address = None if email is None else parse_email(email)
    pair = f"{CodePurpose.RENEW_PASSWORD}/{identity}/{number or address}"
    limits = ((CODES_PER_ADDRESS, origin), (CODES_APART, pair), (CODES_PER_NUMBER, pair))
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, limits)
        if wait is None:
            found = await profile.find_profile(connection, context.seals, identity, mobile=number, email=address)
            challenge = await account.create_code(
                connection,
                context.seals,
                CodePurpose.RENEW_PASSWORD,
                None if found is None else found.person_id,
                NO_BINDING,
                channel="sms" if address is None else "mail",
                sent_to=None if found is None or address is None else found.email_sealed,
            )
            await enqueue(connection, SendCode(challenge))
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    context.nudge()
    return challenge


@refuses(BadCode, CodeNotAccepted, MemberPasswordWeak)
async def renew_password(context: Context, *, challenge_id: UUID, code: str, password: str, origin: str) -> None:
    """Replace a forgotten password with the code that was sent: all sessions end, and the owner is told by SMS."""
    typed = parse_code(code)
    require_good_password(password)
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_use(connection, context.seals, TRIES_PER_ADDRESS, origin)
        tried = None if wait else await account.pay_try(connection, challenge_id, CodePurpose.RENEW_PASSWORD)
    if wait is not None:
        raise TooMany(retry_after=wait)
    if not is_right(context.seals, tried, challenge_id, typed, NO_BINDING) or tried is None or tried.person_id is None:
        await note_failed_code(context, origin)
        raise CodeNotAccepted(field="code")
    password_hash = await hash_password(password)
    async with transaction(context.engine, SERVICE) as connection:
        await _replace(context, connection, tried.person_id, challenge_id, password, password_hash, origin)
    context.nudge()


async def _replace(
    context: Context,
    connection: AsyncConnection,
    person_id: UUID,
    challenge_id: UUID,
    password: str,
    password_hash: str,
    origin: str,
) -> None:
    await account.lock_person(connection, person_id)
    national_id, mobile = await read_contacts(connection, context.seals, person_id)
    require_good_password(password, national_id, mobile or "")
    await account.use_code(connection, challenge_id)
    await profile.set_password(connection, person_id, password_hash)
    ended = await account.end_sessions(connection, person_id, "member")
    await notify(connection, [person_id], Sms.PASSWORD_SET)
    who = str(person_id)
    entry = audit.AuditEntry("renew_password", f"member:{who}", who, after={"sessions_ended": ended}, origin=origin)
    await audit.append(connection, account_stream(person_id), entry)
