"""Asks the registry whose number it is, and sends the code to join only after a yes; by the relay."""

from __future__ import annotations

from collections.abc import Callable

from activities.mobile_owner import ask_owner
from activities.transition import ActivityContext
from gateways.mobile_owner import MobileOwners
from messages.joining import CheckJoining
from messages.notice import SendCode
from storage import joining
from storage.database import SERVICE, transaction
from storage.outbox import enqueue


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
        is_matched = await ask_owner(self._owners, *asked)
        if is_matched is None:
            return
        async with transaction(engine, SERVICE) as connection:
            if await joining.record_match(connection, message.code_id, is_matched=is_matched):
                await enqueue(connection, SendCode(message.code_id))
        self._nudge()
