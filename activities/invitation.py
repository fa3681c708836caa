"""Sends invitations, by the relay at least once each, and forgets those that are over."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from activities.transition import ActivityContext
from domain.invitation import inviter_in_sms
from domain.notice import compose
from gateways.sms import SendFailed, SmsGateway
from messages.invitation import SendInvitation, Sms
from storage import invitation
from storage.database import SERVICE, transaction

_log = logging.getLogger("amanat.invitations")


class InvitationSender:
    """Renders and sends; what fails for good is logged and forgotten with its time."""

    def __init__(self, context: ActivityContext, sms: SmsGateway, links: Mapping[str, str]) -> None:
        self._context = context
        self._sms = sms
        self._link = links["app_link"].rstrip("/")

    async def send(self, message: SendInvitation) -> None:
        """Send one, unless that is done.

        Raises:
            SendFailed: it may work later.
        """
        async with transaction(self._context.engine, SERVICE) as connection:
            unsent = await invitation.read_unsent(connection, self._context.seals, message.invitation_id)
        if unsent is None:
            return
        values = {
            "inviter": inviter_in_sms(unsent.first_name, unsent.last_name),
            "app_link": self._link,
            "code": unsent.token,
        }
        try:
            await self._sms.send(unsent.mobile, Sms.RECEIVED, values, compose(Sms.RECEIVED, values))
        except SendFailed as failure:
            if failure.retryable:
                raise
            _log.error("invitation_not_sent", extra={"reason": failure.reason})
        async with transaction(self._context.engine, SERVICE) as connection:
            await invitation.mark_invitation_sent(connection, message.invitation_id)


async def forget_invitations(context: ActivityContext, limit: int) -> int:
    """Delete the numbers of people who did not come; returns how many."""
    async with transaction(context.engine, SERVICE) as connection:
        return await invitation.forget_expired(connection, limit)
