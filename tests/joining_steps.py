"""Steps of the tests of joining: through the real command, the real check, and the code as it was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from activities.joining import JoiningCheck
from activities.transition import ActivityContext
from commands.account import SignIn
from commands.command import Context
from commands.joining import JoiningForm, join, request_joining
from gateways.mobile_owner import LocalMobileOwners, MobileOwners
from messages.joining import CheckJoining
from storage.account import take_unsent_code
from storage.database import SERVICE, transaction
from storage.rows.outbox import outbox
from tests.arrange import next_national_id

ORIGIN = "origin-of-the-tests"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who wants to join, with what they type."""

    national_id: str = field(default_factory=next_national_id)
    mobile: str = "+989351110001"
    first_name: str = "نگار"
    last_name: str = "صالحی"
    invitation: str | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """Where people join."""

    context: Context
    activity_context: ActivityContext
    owners: MobileOwners = field(default_factory=LocalMobileOwners)

    async def ask(self, who: Newcomer, *, origin: str = ORIGIN, terms: int = 1) -> UUID:
        """Ask to join; returns the challenge."""
        form = JoiningForm(who.national_id, who.mobile, who.first_name, who.last_name, terms, who.invitation)
        return await request_joining(self.context, form, origin=origin)

    async def check(self, challenge: UUID) -> bool:
        """Have the registry asked; whether a code is to be sent then."""
        await JoiningCheck(self.activity_context, self.owners, lambda: None).check(CheckJoining(challenge))
        sending = sa.select(outbox.c.id).where(
            outbox.c.message == "SendCode", outbox.c.payload["code_id"].astext == str(challenge)
        )
        async with transaction(self.context.engine, SERVICE) as connection:
            return bool(await connection.scalar(sa.select(sending.exists())))

    async def code(self, challenge: UUID) -> str:
        """The code, which exists whether or not it is sent."""
        async with transaction(self.context.engine, SERVICE) as connection:
            unsent = await take_unsent_code(connection, self.context.seals, challenge)
        assert unsent is not None
        return unsent.code

    async def enter(self, challenge: UUID) -> SignIn:
        """Type the code."""
        return await join(self.context, challenge_id=challenge, code=await self.code(challenge), origin=ORIGIN)

    async def join(self, who: Newcomer) -> SignIn:
        """All of it."""
        challenge = await self.ask(who)
        assert await self.check(challenge)
        return await self.enter(challenge)
