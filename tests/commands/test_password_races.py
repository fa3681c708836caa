"""A member's password at one moment with another one: no session of the old one outlives it, and nobody is failed."""

from __future__ import annotations

import asyncio

import pytest

from commands.account import authenticate
from commands.account.sessions import SignInAttempt
from commands.command import Context
from commands.password import _is_still, renew_password
from domain.access import Actor
from domain.errors import Unauthenticated
from storage import profile
from storage.database import SERVICE, transaction
from tests.account_people import Member, sent_code
from tests.arrange import eventually
from tests.books import Superuser
from tests.commands.account_steps import ORIGIN
from tests.commands.test_password import BETTER, actor, member, renewal, sign_in

__all__ = ["actor", "member"]

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_a_session_that_begins_with_the_old_password_ends_when_it_is_renewed_meanwhile(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    challenge = await renewal(context, member)
    code = await sent_code(context, challenge)
    async with transaction(context.engine, SERVICE) as connection:
        found = await profile.find_profile(connection, context.seals, member.national_id)
        assert found is not None
        assert await _is_still(connection, found)
        renewing = asyncio.create_task(
            renew_password(context, challenge_id=challenge, code=code, password=BETTER, origin=ORIGIN)
        )

        async def waits() -> bool:
            assert not renewing.done()
            return bool(await superuser.value(_WAITING))

        await eventually(waits, "the renewal to wait")
        entry = SignInAttempt("member", member.person_id, member.national_id, ORIGIN, "")
        thief = await entry.begin(connection, member.person_id)
    await renewing

    with pytest.raises(Unauthenticated):
        await authenticate(context, thief.session.token)
    await sign_in(context, member, BETTER)
