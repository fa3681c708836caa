"""Inviting somebody by their number. Nobody learns whether they are a member already, nor whether they join."""

from __future__ import annotations

from commands.account.codes import read_mobile
from commands.command import Command
from commands.refusals import refuses
from domain.account import MobileUnreadable
from domain.errors import Forbidden, TooMany
from domain.invitation import INVITATIONS_PER_MEMBER, INVITATIONS_PER_NUMBER, INVITATIONS_PER_PAIR
from messages.invitation import SendInvitation
from storage import account
from storage.audit import account_stream
from storage.invitation import add_invitation
from storage.outbox import enqueue


@refuses(MobileUnreadable)
async def invite(command: Command, mobile: str) -> None:
    """Have a link sent to a number by SMS, with the inviter's name and no words of theirs."""
    if command.actor.capacity != "member":
        raise Forbidden
    inviter, number = command.actor.person_id, read_mobile(mobile)
    # A refused invitation sends nothing, so its count may be rolled back with it.
    limits = (
        (INVITATIONS_PER_MEMBER, str(inviter)),
        (INVITATIONS_PER_PAIR, f"{inviter}/{number}"),
        (INVITATIONS_PER_NUMBER, number),
    )
    wait = await account.count_uses(command.connection, command.seals, limits)
    if wait is not None:
        raise TooMany(retry_after=wait)
    invitation_id = await add_invitation(command.connection, command.seals, inviter, number)
    await enqueue(command.connection, SendInvitation(invitation_id))
    await command.audit(account_stream(inviter), subject=str(invitation_id))
