"""Fresh codes: asking for one, and checking one wherever a step needs it (G1, A2)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commands.account.credentials import matching_step
from commands.command import Command, Context
from commands.refusals import refuses
from domain.access import Actor
from domain.account import (
    CODE_LIFE,
    CODES_APART,
    CODES_PER_ADDRESS,
    CODES_PER_DAY,
    CODES_PER_DAY_THERE,
    CODES_PER_DEVICE,
    CODES_PER_NUMBER,
    CODES_PER_NUMBER_THERE,
    CODES_PER_PERSON,
    NO_BINDING,
    STEP_UP_TRIES,
    TOTP_SECONDS,
    BadCode,
    CodeNotAccepted,
    CodePurpose,
    MobileUnreadable,
    NationalIdUnreadable,
    code_hash,
    parse_code,
    step_up_binding,
)
from domain.address import Uses, from_network
from domain.errors import CodeRequired, Forbidden, TooMany
from domain.identity import BadMobile, BadNationalId, Mobile, NationalId, parse_mobile, parse_national_id
from messages.notice import SendCode
from storage import account
from storage.database import SERVICE, transaction
from storage.outbox import enqueue
from storage.people import find_person
from storage.sealing import Seals


@refuses(NationalIdUnreadable, MobileUnreadable)
async def request_sign_in_code(
    context: Context, *, national_id: str, mobile: str, origin: str, device: str = ""
) -> UUID:
    """Send a member a code, if national id and mobile both match one person (A1); returns the challenge.

    Known or unknown, it is the same work and the same answer. A refused request leaves the codes sent before as they
    are. With the token of a ``device`` on which the person signed in before it counts apart from those of strangers.
    """
    identity, number = read_identity(national_id), read_mobile(mobile)
    pair = f"{identity}/{number}"
    async with transaction(context.engine, SERVICE) as connection:
        person = await find_person(connection, context.seals, identity, number)
        person_id = None if person is None else person.id
        uses = code_uses(pair, origin)
        if await account.knows_device(connection, device, "member", person_id):
            uses = ((CODES_APART, f"{pair}/{device}"), (CODES_PER_DEVICE, f"{pair}/{device}"))
        wait = await account.count_uses(connection, context.seals, uses)
        if wait is None:
            challenge = await account.create_code(connection, context.seals, CodePurpose.SIGN_IN, person_id, NO_BINDING)
            await enqueue(connection, SendCode(challenge))
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    context.nudge()
    return challenge


@refuses()
async def request_code(
    command: Command, purpose: CodePurpose, binding: bytes, told: Mapping[str, str] | None = None
) -> UUID:
    """Send the signed-in member a code for one thing; returns its id.

    Args:
        command: the command that asks.
        purpose: step-up or accepting a mandate.
        binding: a hash of exactly what is confirmed, see ``domain.account``.
        told: what of it the SMS names.
    """
    if command.actor.capacity != "member":
        raise Forbidden
    person_id, seals = command.actor.person_id, command.seals
    # A refused request sends nothing, so its count may be rolled back with it.
    limits = ((CODES_APART, f"{person_id}/{purpose}"), (CODES_PER_PERSON, str(person_id)))
    wait = await account.count_uses(command.connection, seals, limits)
    if wait is not None:
        raise TooMany(retry_after=wait)
    code_id = await account.create_code(command.connection, seals, purpose, person_id, binding, told=told)
    await enqueue(command.connection, SendCode(code_id))
    return code_id


@refuses(BadCode, CodeNotAccepted)
async def check_code(
    engine: AsyncEngine,
    seals: Seals,
    *,
    code_id: UUID,
    person_id: UUID,
    purpose: CodePurpose,
    binding: bytes,
    code: str,
    field: str = "code",
) -> None:
    """Find out whether a code is right for exactly this; a try is paid for in a transaction of its own.

    Inside a command ``engine`` is the context's ``side``, so that no command waits for a connection while it holds one.
    Follow it with ``use_code`` in the transaction of what the code confirms.
    """
    typed = parse_code(code, field=field)
    async with transaction(engine, SERVICE) as connection:
        tried = await account.pay_try(connection, code_id, purpose, person_id)
    refused = why_wrong(seals, tried, code_id, typed, binding, field=field)
    if refused is not None:
        raise refused


def why_wrong(
    seals: Seals, tried: account.TriedCode | None, code_id: UUID, code: str, binding: bytes, *, field: str = "code"
) -> CodeNotAccepted | None:
    """What is answered to a code that is not right; None to one that is. Compares in constant time, whatever it is.

    The tries that are left are told of every code of which one could be paid, also of those that belong to nobody.
    """
    given = code_hash(seals.pepper, code_id, code, binding)
    same = hmac.compare_digest(given, bytes(len(given)) if tried is None else tried.code_hash)
    if tried is None or (same and not tried.is_open):
        return CodeNotAccepted(field=field)
    return None if same else CodeNotAccepted(field=field, tries_left=tried.tries_left)


@refuses(check_code)
async def step_up_with_code(command: Command, code_id: UUID, code: str) -> None:
    """Check and use up a member's step-up code."""
    await check_code(
        command.context.side,
        command.seals,
        code_id=code_id,
        person_id=command.actor.person_id,
        purpose=CodePurpose.STEP_UP,
        binding=step_up_binding(command.actor.session_id),
        code=code,
    )
    await account.use_code(command.connection, code_id)


@dataclass(frozen=True, slots=True)
class RightTotp:
    """A TOTP code that was found right and may not have been used yet."""

    credential: account.Credential
    step: int


@refuses(BadCode, CodeNotAccepted)
async def check_totp(context: Context, actor: Actor, totp: str) -> RightTotp:
    """Find out whether a TOTP code is its person's; wrong ones count against the limit, whatever comes of the rest.

    Follow it with ``use_totp`` in the transaction of what the code confirms.
    """
    if actor.capacity != "staff":
        raise Forbidden
    typed, person_id, seals = parse_code(totp, field="totp"), actor.person_id, context.seals
    async with transaction(context.side, SERVICE) as connection:
        # The count is a lock as well: of many tries at once each is counted before the next is compared.
        left, wait = await account.count_try(connection, seals, STEP_UP_TRIES, str(person_id))
        credential = None if wait else await account.read_credential(connection, seals, person_id=person_id)
        step = None if credential is None else matching_step(credential.totp_secret, typed, credential.step)
        if step is not None:
            await account.give_back(connection, seals, STEP_UP_TRIES, str(person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    if credential is None or step is None:
        # After the last one there is a time to wait for, which the next refusal says.
        raise CodeNotAccepted(field="totp", tries_left=left or None)
    return RightTotp(credential, step)


@refuses(CodeNotAccepted)
async def use_totp(command: Command, right: RightTotp) -> None:
    """Use up a right code in the transaction of what it confirms; one caller wins, and what came slowly is too late."""
    too_old = timedelta(seconds=command.now.timestamp() - right.step * TOTP_SECONDS) > CODE_LIFE
    if too_old or not await account.use_totp_step(command.connection, right.credential, right.step):
        raise CodeNotAccepted(field="totp")


@refuses(check_totp)
async def step_up_with_totp(command: Command, totp: str) -> None:
    """Check and use up a TOTP code of staff."""
    await use_totp(command, await check_totp(command.context, command.actor, totp))


@refuses(CodeRequired, check_totp)
async def require_code(command: Command) -> None:
    """Refuse what moves pay, terms or money without a code of its own, and use the code up with it (G1).

    It is bound to the content by coming in the same request; what was confirmed with others at once has a while.
    """
    if command.confirmed_until is not None:
        if command.confirmed_until < command.now:
            raise CodeRequired(field="totp")
    elif command.totp:
        await step_up_with_totp(command, command.totp)
    else:
        raise CodeRequired(field="totp")


def code_uses(pair: str, origin: str) -> Uses:
    """What a code that anybody may ask for counts for: all that one number gets is bounded together.

    The network's own limits come first: what they refuse is no use of what all have together.

    Args:
        pair: national id and number, or whose e-mail.
        origin: where the asker comes from.
    """
    return (
        *from_network(CODES_PER_ADDRESS, origin),
        (CODES_APART, f"{pair}/{origin}"),
        *from_network(CODES_PER_NUMBER_THERE, origin, pair),
        *from_network(CODES_PER_DAY_THERE, origin, pair),
        (CODES_PER_NUMBER, pair),
        (CODES_PER_DAY, pair),
    )


def read_identity(text: str) -> NationalId:
    """A national id as it was typed. Raises NationalIdUnreadable."""
    try:
        return parse_national_id(text)
    except BadNationalId:
        raise NationalIdUnreadable(field="national_id") from None


def read_mobile(text: str) -> Mobile:
    """A mobile as it was typed. Raises MobileUnreadable."""
    try:
        return parse_mobile(text)
    except BadMobile:
        raise MobileUnreadable(field="mobile") from None
