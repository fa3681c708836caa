"""A member's password at one moment with another one: no session of the old one outlives it, and nobody is failed."""

from __future__ import annotations

import asyncio

import pytest

from commands.account import NewCredentials, authenticate, change_staff_credentials, sign_in_staff
from commands.account.credentials import password_matches
from commands.account.sessions import SignInAttempt
from commands.command import Command, Context
from commands.password import _is_still, remove_password, renew_password, set_password
from commands.profile import end_other_sessions
from domain.access import Actor
from domain.account import CodeNotAccepted
from domain.errors import Unauthenticated
from storage import profile
from storage.database import SERVICE, transaction
from tests.account_people import OPERATOR, Member, add_employee, add_member, sent_code, totp, value
from tests.arrange import eventually
from tests.books import Superuser
from tests.commands.account_steps import ORIGIN, do
from tests.commands.test_own_mobile import ask, confirm, typed
from tests.commands.test_password import BETTER, GOOD, actor, member, renew, renewal, sign_in
from tests.commands.test_profile import signed_in
from tests.races import counting

__all__ = ["actor", "member"]

_ADVISORY = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
)
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


async def test_six_commands_at_once_that_end_sessions_dead_lock_nowhere(
    context: Context, member: Member, actor: Actor
) -> None:
    async def change(number: int) -> None:
        await do(context, actor, lambda command: set_password(command, f"{GOOD}-{number}"))

    async def end_others() -> None:
        await do(context, actor, end_other_sessions)

    with counting("command:test_operation") as counted:
        async with asyncio.timeout(20):
            await asyncio.gather(*(change(number) for number in range(6)), *(end_others() for _ in range(6)))

    assert (counted.again, counted.given_up) == ({}, {})
    await authenticate(context, (await sign_in(context, member, await _right_one(context, member))).session.token)


async def _right_one(context: Context, member: Member) -> str:
    """The password of the six that came last."""
    async with transaction(context.engine, SERVICE) as connection:
        stored = (await profile.read_profile(connection, member.person_id)).password_hash
    (found,) = [each for each in (f"{GOOD}-{number}" for number in range(6)) if await password_matches(each, stored)]
    return found


async def test_a_password_is_hashed_while_no_lock_is_held(context: Context, member: Member, actor: Actor) -> None:
    async def held() -> object:
        return await value(context, _ADVISORY)

    async def work(command: Command) -> None:
        if command.first is None:
            assert await held() == 2
        assert await command.alone_after(held) == 0

    await do(context, actor, work)


async def test_codes_to_renew_a_password_are_worthless_once_it_is_set_or_removed(
    context: Context, member: Member, actor: Actor
) -> None:
    for change in (lambda command: set_password(command, f"{GOOD}-2"), remove_password):
        challenge = await renewal(context, member)
        code = await sent_code(context, challenge)
        await do(context, actor, change)
        with pytest.raises(CodeNotAccepted):
            await renew(context, challenge, code)


async def test_a_password_that_is_set_while_it_is_renewed_is_one_or_the_other(
    context: Context, member: Member, superuser: Superuser
) -> None:
    for number in range(3):
        mine = await authenticate(context, (await signed_in(context, member, superuser)).session.token)
        await do(context, mine, lambda command: set_password(command, GOOD))
        challenge = await renewal(context, member)
        code = await sent_code(context, challenge)
        other = f"{GOOD}-{number}"
        setting = do(context, mine, lambda command, other=other: set_password(command, other))  # type: ignore[misc]
        ended = await asyncio.gather(setting, renew(context, challenge, code), return_exceptions=True)

        assert set(map(type, ended)) <= {type(None), Unauthenticated, CodeNotAccepted}
        assert type(None) in map(type, ended)
        await sign_in(context, member, BETTER if ended[1] is None else other)


async def test_two_confirmations_of_another_number_at_once_dead_lock_nowhere(
    context: Context, superuser: Superuser
) -> None:
    mine = await authenticate(
        context, (await signed_in(context, await add_member(context, 9), superuser)).session.token
    )
    codes = await typed(context, await ask(context, mine))
    with counting("command:test_operation") as counted:
        ended = await asyncio.gather(*(confirm(context, mine, codes) for _ in range(2)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in ended) == ["NoneType", "Unauthenticated"]
    assert counted.again == {}


async def test_staff_who_change_their_password_twice_at_once_dead_lock_nowhere(context: Context) -> None:
    boss = await add_employee(context, "boss", OPERATOR)
    code = await totp(context, boss.totp_secret, later=-1)
    begun = await sign_in_staff(context, username="boss", password=boss.password, totp=code, origin=ORIGIN)
    mine = await authenticate(context, begun.session.token)
    now, wish = await totp(context, boss.totp_secret, later=1), NewCredentials("چنار پیر میان دشت", None, None)

    async def change() -> None:
        await do(
            context,
            mine,
            lambda command: change_staff_credentials(command, password=boss.password, totp=now, new=wish),
        )

    with counting("command:test_operation") as counted:
        ended = await asyncio.gather(change(), change(), return_exceptions=True)

    assert sorted(type(one).__name__ for one in ended) == ["CredentialsNotAccepted", "NoneType"]
    assert counted.again == {}
