"""Becoming a member with national id, name and mobile; and accepting terms (docs/rules.md, Who may do what)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.codes import code_uses, read_identity, read_mobile, why_wrong
from commands.account.sessions import SignIn, SignInAttempt
from commands.command import Command, Context
from commands.refusals import refuses
from domain.account import (
    NO_BINDING,
    TRIES_PER_ADDRESS,
    BadCode,
    BadName,
    CodeNotAccepted,
    CodePurpose,
    MobileUnreadable,
    NationalIdUnreadable,
    parse_code,
    parse_name,
)
from domain.address import Uses, from_network
from domain.errors import Forbidden, TooMany
from domain.joining import (
    INQUIRIES,
    INQUIRIES_PER_ADDRESS,
    JOININGS_PER_IDENTITY,
    JOININGS_PER_IDENTITY_THERE,
    JOININGS_PER_NUMBER,
    JOININGS_PER_NUMBER_THERE,
    TermsOutdated,
)
from messages.joining import CheckJoining
from storage import account, audit, joining, personnel
from storage.audit import account_stream
from storage.database import SERVICE, transaction
from storage.dispute import wake_concerned
from storage.invitation import use_invitation
from storage.joining import Joined, Wish
from storage.outbox import enqueue
from storage.people import seal_number
from storage.policies import in_force

# What a list proposes is decided by this policy.
_LISTS: Final = "personnel"


@dataclass(frozen=True, slots=True)
class JoiningForm:
    """What somebody typed who wants to join; ``invitation`` is the token of the link that they followed, if any."""

    national_id: str = field(repr=False)
    mobile: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    terms_version: int
    invitation: str | None = field(default=None, repr=False)


@refuses(NationalIdUnreadable, MobileUnreadable, BadName, TermsOutdated)
async def request_joining(context: Context, form: JoiningForm, *, origin: str) -> UUID:
    """Begin to join; returns the challenge. Whoever is known already gets the same answer after the same work.

    Whether a code is sent is found out afterwards: only if the registry says that the number is theirs.
    """
    wish = Wish(
        read_identity(form.national_id),
        read_mobile(form.mobile),
        parse_name(form.first_name, field="first_name"),
        parse_name(form.last_name, field="last_name"),
        form.terms_version,
        None if form.invitation is None else account.hash_token(form.invitation),
    )
    limits = _uses(wish, origin)
    async with transaction(context.engine, SERVICE) as connection:
        if (await joining.terms_in_force(connection)).version != wish.terms_version:
            raise TermsOutdated(field="terms_version")
        wait = await account.count_uses(connection, context.seals, limits)
        if wait is None:
            challenge = await _ask(connection, context, wish)
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    context.nudge()
    return challenge


def _uses(wish: Wish, origin: str) -> Uses:
    """What somebody who wants to join counts for, the network's own limits first."""
    return (
        *from_network(INQUIRIES_PER_ADDRESS, origin),
        *from_network(JOININGS_PER_IDENTITY_THERE, origin, wish.national_id),
        *from_network(JOININGS_PER_NUMBER_THERE, origin, wish.mobile),
        *code_uses(f"{wish.national_id}/{wish.mobile}", origin),
        (JOININGS_PER_IDENTITY, wish.national_id),
        (JOININGS_PER_NUMBER, wish.mobile),
        (INQUIRIES, ""),
    )


async def _ask(connection: AsyncConnection, context: Context, wish: Wish) -> UUID:
    seals, number = context.seals, seal_number(context.seals, wish.mobile)
    challenge = await account.create_code(connection, seals, CodePurpose.JOIN, None, NO_BINDING, sent_to=number.sealed)
    await joining.add_joining(connection, seals, challenge, wish, number)
    await enqueue(connection, CheckJoining(challenge))
    return challenge


@refuses(BadCode, CodeNotAccepted)
async def join(context: Context, *, challenge_id: UUID, code: str, origin: str, device: str = "") -> SignIn:
    """Become a member with the code that was sent, or be the one that one is already; begins a session."""
    typed, entry = parse_code(code), SignInAttempt("member", None, str(challenge_id), origin, device)
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, from_network(TRIES_PER_ADDRESS, origin))
        tried = None if wait else await account.pay_try(connection, challenge_id, CodePurpose.JOIN)
    if wait is not None:
        raise TooMany(retry_after=wait)
    refused = why_wrong(context.seals, tried, challenge_id, typed, NO_BINDING)
    if refused is None:
        async with transaction(context.engine, SERVICE) as connection:
            signed_in = await _enter(connection, challenge_id, entry)
        if signed_in is not None:
            context.nudge()
            return signed_in
    await entry.note_failure(context)
    raise refused or CodeNotAccepted(field="code")


async def _enter(connection: AsyncConnection, challenge_id: UUID, entry: SignInAttempt) -> SignIn | None:
    """None if another was first with the code, or the person has proved another number meanwhile."""
    asked = await joining.take_joining(connection, challenge_id)
    joined = None if asked is None else await joining.become_member(connection, asked)
    if asked is None or joined is None:
        return None
    await account.use_code(connection, challenge_id)
    await account.confirm_mobile(connection, joined.person_id)
    await joining.accept_terms(connection, joined.person_id, asked.terms_version)
    await _dispute(connection, joined)
    if asked.invitation_hash is not None:
        await use_invitation(connection, asked.invitation_hash, asked.mobile_index, joined.person_id)
    after = {"is_new": joined.is_new, "terms_version": asked.terms_version, "other_number": joined.replaced is not None}
    who = str(joined.person_id)
    noted = audit.AuditEntry("join", f"member:{who}", who, after=after, origin=entry.origin)
    await audit.append(connection, account_stream(joined.person_id), noted)
    return await entry.begin(connection, joined.person_id)


async def _dispute(connection: AsyncConnection, joined: Joined) -> None:
    """Lists that have another number: their employments do not count, and two people decide on the number (A1)."""
    replaced = joined.replaced
    policy = None if replaced is None else await in_force(connection, _LISTS)
    if replaced is None or policy is None:
        return
    await personnel.propose_listed(
        connection, joined.person_id, index=replaced.index, sealed=replaced.sealed, policy_id=policy.id
    )
    await wake_concerned(connection, [joined.person_id])


@refuses(TermsOutdated)
async def accept_terms(command: Command, version: int) -> None:
    """Accept the terms in force; twice is once."""
    if command.actor.capacity != "member":
        raise Forbidden
    if (await joining.terms_in_force(command.connection)).version != version:
        raise TermsOutdated(field="version")
    who = command.actor.person_id
    await joining.accept_terms(command.connection, who, version)
    await command.audit(account_stream(who), subject=str(who), after={"terms_version": version})
