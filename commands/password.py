"""A member's password, which is optional: set, removed, used to sign in, and renewed when it is forgotten (G1)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.codes import code_uses, read_identity, read_mobile, why_wrong
from commands.account.credentials import hash_password, password_matches
from commands.account.sessions import SignIn, SignInAttempt
from commands.command import Command, Context
from commands.profile import require_fresh_member
from commands.refusals import refuses
from domain.account import (
    NO_BINDING,
    TRIES_PER_ADDRESS,
    BadCode,
    CodeNotAccepted,
    CodePurpose,
    MobileUnreadable,
    NationalIdUnreadable,
    parse_code,
)
from domain.address import Uses, from_network
from domain.errors import NotFound, StepUpRequired, TooMany
from domain.password import MEMBER_PASSWORD_LENGTHS, WeakPassword, parse_password
from domain.profile import (
    PASSWORD_TRIES_EVERYWHERE,
    PASSWORD_TRIES_PER_ADDRESS,
    PASSWORD_TRIES_PER_DEVICE,
    PASSWORD_TRIES_PER_PERSON,
    BadEmail,
    PasswordRefused,
    parse_email,
)
from messages.notice import MailCode, SendCode
from messages.profile import Sms
from storage import account, audit, profile
from storage.audit import account_stream
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.outbox import enqueue
from storage.people import read_contacts
from storage.rows.profile import Profile


@refuses(WeakPassword, StepUpRequired)
async def set_password(command: Command, password: str) -> None:
    """Set a password, or another one: other sessions end, codes to renew it are worthless; the owner is told by SMS."""
    require_fresh_member(command)
    actor, connection = command.actor, command.connection
    await _require_good(command.context, connection, actor.person_id, password)
    password_hash = await command.alone_after(lambda: hash_password(password))
    await profile.set_password(connection, actor.person_id, password_hash)
    await account.cancel_codes(connection, actor.person_id, CodePurpose.RENEW_PASSWORD)
    ended = await account.end_sessions(connection, actor.person_id, apart_from=actor.session_id)
    await notify(connection, [actor.person_id], Sms.PASSWORD_SET)
    who = str(actor.person_id)
    await command.audit(account_stream(actor.person_id), subject=who, after={"sessions_ended": ended})


@refuses(WeakPassword)
async def _require_good(context: Context, connection: AsyncConnection, person_id: UUID, password: str) -> None:
    national_id, mobile = await read_contacts(connection, context.seals, person_id)
    own = (national_id, (mobile or "").removeprefix("+98"))
    parse_password(password, lengths=MEMBER_PASSWORD_LENGTHS, apart_from=[number for number in own if number])


@refuses(StepUpRequired, NotFound)
async def remove_password(command: Command) -> None:
    """Go back to signing in by SMS only: codes to renew it are worthless; the owner is told."""
    require_fresh_member(command)
    who = command.actor.person_id
    if (await profile.read_profile(command.connection, who)).password_hash is None:
        raise NotFound
    await profile.set_password(command.connection, who, None)
    await account.cancel_codes(command.connection, who, CodePurpose.RENEW_PASSWORD)
    await notify(command.connection, [who], Sms.PASSWORD_REMOVED)
    await command.audit(account_stream(who), subject=str(who))


@refuses(NationalIdUnreadable, PasswordRefused)
async def sign_in_with_password(
    context: Context, *, national_id: str, password: str, origin: str, device: str = ""
) -> SignIn:
    """Begin a member's session. An unknown person, one without a password and a wrong one take the same time.

    With the token of a ``device`` on which they signed in before it counts apart from strangers' tries.
    """
    identity = read_identity(national_id)
    async with transaction(context.engine, SERVICE) as connection:
        found = await profile.find_profile(connection, context.seals, identity)
        person_id = None if found is None else found.person_id
        known = await account.knows_device(connection, device, "member", person_id)
        uses = ((PASSWORD_TRIES_PER_DEVICE, f"{identity}/{device}"),) if known else _strangers_uses(identity, origin)
        wait = await account.count_uses(connection, context.seals, uses)
    if wait is not None:
        raise TooMany(retry_after=wait)
    # No connection is held while this takes its time.
    entry = SignInAttempt("member", person_id, identity, origin, device)
    right = await password_matches(password, None if found is None else found.password_hash, known=known)
    if right and found is not None:
        async with transaction(context.engine, SERVICE) as connection:
            if await _is_still(connection, found):
                return await entry.begin(connection, found.person_id)
    await entry.note_failure(context)
    raise PasswordRefused


def _strangers_uses(identity: str, origin: str) -> Uses:
    by_network = (*from_network(PASSWORD_TRIES_PER_ADDRESS, origin),)
    by_network += from_network(PASSWORD_TRIES_PER_PERSON, origin, identity)
    return (*by_network, (PASSWORD_TRIES_EVERYWHERE, identity))


async def _is_still(connection: AsyncConnection, found: Profile) -> bool:
    """Whether nobody has changed the password meanwhile; nor can they until this transaction ends."""
    await account.lock_person(connection, found.person_id)
    now = await profile.read_profile(connection, found.person_id, keep=True)
    return now.password_hash == found.password_hash


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
    # By e-mail all that is typed counts together: an address has many spellings, and one of them is the person's.
    limits = code_uses(f"{identity}/{number or 'mail'}", origin)
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
            await enqueue(connection, SendCode(challenge) if address is None else MailCode(challenge))
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    context.nudge()
    return challenge


@refuses(BadCode, CodeNotAccepted, WeakPassword)
async def renew_password(context: Context, *, challenge_id: UUID, code: str, password: str, origin: str) -> None:
    """Replace a forgotten password with the code that was sent: all sessions end, and the owner is told by SMS."""
    typed = parse_code(code)
    parse_password(password, lengths=MEMBER_PASSWORD_LENGTHS, apart_from=())
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, from_network(TRIES_PER_ADDRESS, origin))
        tried = None if wait else await account.pay_try(connection, challenge_id, CodePurpose.RENEW_PASSWORD)
    if wait is not None:
        raise TooMany(retry_after=wait)
    refused = why_wrong(context.seals, tried, challenge_id, typed, NO_BINDING)
    if refused is not None or tried is None or tried.person_id is None:
        person_id = None if tried is None else tried.person_id
        await SignInAttempt("member", person_id, str(challenge_id), origin, "").note_failure(context)
        raise refused or CodeNotAccepted(field="code")
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
    # Before the profile, as commands take them.
    await account.lock_rights(connection, person_id)
    await _require_good(context, connection, person_id, password)
    await account.use_code(connection, challenge_id)
    await account.cancel_codes(connection, person_id, CodePurpose.RENEW_PASSWORD)
    await profile.set_password(connection, person_id, password_hash)
    ended = await account.end_sessions(connection, person_id, "member")
    await notify(connection, [person_id], Sms.PASSWORD_SET)
    who = str(person_id)
    entry = audit.AuditEntry("renew_password", f"member:{who}", who, after={"sessions_ended": ended}, origin=origin)
    await audit.append(connection, account_stream(person_id), entry)
