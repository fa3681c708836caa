"""Joining at the same moment as somebody else, as a file, or twice: one person, and one who owns the number."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.account import SignIn, authenticate
from commands.command import Context
from commands.joining import join
from commands.profile import end_other_sessions
from domain.account import CodeNotAccepted
from domain.errors import Unauthenticated
from storage.account import live_sessions
from storage.database import SERVICE, transaction
from tests.account_people import add_member
from tests.arrange import Arrange, next_national_id
from tests.books import Superuser
from tests.commands.account_steps import do
from tests.commands.test_profile import signed_in
from tests.joining_steps import ORIGIN, Joining, Newcomer
from tests.length import length
from tests.personnel_steps import Line, PersonnelOffice

ROUNDS = length(4, 40)


@pytest.fixture
def joining(context: Context, activity_context: ActivityContext) -> Joining:
    """Where people join."""
    return Joining(context, activity_context)


async def ready(joining: Joining, superuser: Superuser, *newcomers: Newcomer) -> list[tuple[UUID, str]]:
    """Each with a code that has come."""
    found = []
    for who in newcomers:
        await superuser.run("DELETE FROM rate_windows")
        challenge = await joining.ask(who)
        assert await joining.check(challenge)
        found.append((challenge, await joining.code(challenge)))
    return found


async def test_two_who_join_with_one_national_id_and_two_numbers_are_one_person_with_one_of_them(
    joining: Joining, context: Context, superuser: Superuser
) -> None:
    for _ in range(ROUNDS):
        national_id = next_national_id()
        two = [Newcomer(national_id, f"+98935111000{number}") for number in (1, 2)]
        typed = await ready(joining, superuser, *two)
        tries = [join(context, challenge_id=one, code=code, origin=ORIGIN) for one, code in typed]
        ended = await asyncio.gather(*tries, return_exceptions=True)

        assert {type(one) for one in ended} == {SignIn, CodeNotAccepted}
        index = context.seals.index.of("national_id", national_id)
        assert await superuser.value("SELECT count(*) FROM persons WHERE national_id_index = %s", index) == 1


async def test_one_code_that_is_typed_twice_at_once_counts_once(
    joining: Joining, context: Context, superuser: Superuser
) -> None:
    for number in range(ROUNDS):
        ((challenge, code),) = await ready(joining, superuser, Newcomer(mobile=f"+98935111001{number % 10}"))
        tries = [join(context, challenge_id=challenge, code=code, origin=ORIGIN) for _ in range(2)]
        ended = await asyncio.gather(*tries, return_exceptions=True)

        assert len([one for one in ended if isinstance(one, SignIn)]) == 1, ended


async def test_a_file_with_another_number_at_the_same_moment_opens_one_change(
    joining: Joining, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    office = await PersonnelOffice.open(activity_context, arrange)
    for number in range(ROUNDS):
        who = Newcomer(mobile=f"+98935111002{number % 10}")
        line = Line(who.national_id)
        ((challenge, code),) = await ready(joining, superuser, who)
        sent = await office.send([line])
        await asyncio.gather(
            office.run(sent),
            join(context, challenge_id=challenge, code=code, origin=ORIGIN),
        )

        found = await office.person(line)
        assert found.mobile_index != found.job_mobile_index
        assert len(await office.changes()) == number + 1


async def test_two_sessions_that_end_each_other_leave_one(context: Context, superuser: Superuser) -> None:
    member = await add_member(context)
    both = [await authenticate(context, (await signed_in(context, member, superuser)).session.token) for _ in range(2)]

    async def end(place: int) -> None:
        await do(context, both[place], end_other_sessions)

    ended = await asyncio.gather(end(0), end(1), return_exceptions=True)

    assert sorted(type(one).__name__ for one in ended) == ["NoneType", Unauthenticated.__name__]
    async with transaction(context.engine, SERVICE) as connection:
        assert len(await live_sessions(connection, member.person_id)) == 1
