"""Asks the registry whose number it is, and sends the code to join only after a yes; by the relay."""

from __future__ import annotations

import logging
from collections.abc import Callable

from activities.transition import ActivityContext
from gateways.mobile_owner import MobileOwners, OwnerUnknown
from messages.joining import CheckJoining
from messages.notice import SendCode
from storage import joining
from storage.database import SERVICE, transaction
from storage.outbox import enqueue

_log = logging.getLogger("amanat.joining")


class JoiningCheck:
    """Asks outside any transaction; ``nudge`` tells the relay that a code may go out."""

    def __init__(self, context: ActivityContext, owners: MobileOwners, nudge: Callable[[], None]) -> None:
        self._context = context
        self._owners = owners
        self._nudge = nudge

    async def check(self, message: CheckJoining) -> None:
        """Ask once per joining; without an answer nobody gets a code.

        Raises:
            OwnerUnknown: it may be answered later; the code's own end bounds the inquiries.
        """
        engine = self._context.engine
        async with transaction(engine, SERVICE) as connection:
            asked = await joining.read_unanswered(connection, self._context.seals, message.code_id)
        if asked is None:
            return
        try:
            is_matched = await self._owners.owns(*asked)
        except OwnerUnknown as unknown:
            if unknown.retryable:
                raise
            # A key is wrong or missing: nobody can join until an operator corrects it.
            _log.error("owner_not_asked", extra={"reason": unknown.reason})
            return
        async with transaction(engine, SERVICE) as connection:
            if await joining.record_match(connection, message.code_id, is_matched=is_matched):
                await enqueue(connection, SendCode(message.code_id))
        self._nudge()
