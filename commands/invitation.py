"""Inviting somebody by their number, and opening an invitation.

Nobody learns whether they are a member already, nor whether they join.
"""

from __future__ import annotations

from uuid import UUID

from commands.account.codes import read_mobile
from commands.command import Command, Context
from commands.refusals import refuses
from domain.account import TRIES_PER_ADDRESS, MobileUnreadable
from domain.address import from_network
from domain.errors import Forbidden, NotFound, TooMany
from domain.identity import Mobile, parse_mobile
from domain.invitation import INVITATIONS_PER_MEMBER, INVITATIONS_PER_NUMBER, INVITATIONS_PER_PAIR
from messages.invitation import SendInvitation
from storage import account
from storage.audit import account_stream
from storage.database import SERVICE, as_service, transaction
from storage.invitation import OpenInvitation, add_invitation, find_open
from storage.outbox import enqueue
from storage.people import find_holder, read_contacts


@refuses(MobileUnreadable)
async def invite(command: Command, mobile: str) -> None:
    """Have a link sent to a number by SMS, with the inviter's name and no words of theirs."""
    if command.actor.capacity != "member":
        raise Forbidden
    inviter, number = command.actor.person_id, read_mobile(mobile)
    # A refused invitation sends nothing, so its count may be rolled back with it.
    wait = await count_invitation(command, number)
    if wait is not None:
        raise TooMany(retry_after=wait)
    invitation_id = await send_invitation(command, number)
    await command.audit(account_stream(inviter), subject=str(invitation_id))


async def count_invitation(command: Command, number: Mobile) -> int | None:
    """Count an invitation of a number by this member; the seconds until one is allowed again, None if it is now."""
    inviter = command.actor.person_id
    limits = (
        (INVITATIONS_PER_MEMBER, str(inviter)),
        (INVITATIONS_PER_PAIR, f"{inviter}/{number}"),
        (INVITATIONS_PER_NUMBER, number),
    )
    return await account.count_uses(command.connection, command.seals, limits)


async def send_invitation(command: Command, number: Mobile) -> UUID:
    """Have a link sent to a number that was counted; returns the invitation's id."""
    invitation_id = await add_invitation(command.connection, command.seals, command.actor.person_id, number)
    await enqueue(command.connection, SendInvitation(invitation_id))
    return invitation_id


async def invite_stranger(command: Command, number: Mobile, index: bytes) -> None:
    """Invite who is no member; it counts as an invitation for every number, else its limit told who is one."""
    wait = await count_invitation(command, number)
    async with as_service(command.connection, command.acting):
        holder = await find_holder(command.connection, index, apart_from=command.actor.person_id)
    if holder is None and wait is None:
        await send_invitation(command, number)


async def is_own_number(command: Command, number: Mobile) -> bool:
    """Whether a number is the acting member's own."""
    _, own = await read_contacts(command.connection, command.seals, command.actor.person_id)
    return own is not None and parse_mobile(own) == number


@refuses(NotFound)
async def open_invitation(context: Context, *, token: str, origin: str) -> OpenInvitation:
    """The invitation of a token, if it can still be used; each look counts as a try of this network."""
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, from_network(TRIES_PER_ADDRESS, origin))
        found = None if wait else await find_open(connection, token)
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    if found is None:
        raise NotFound
    return found
