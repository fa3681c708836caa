"""How every transition runs when its transaction loses a race: again, but not for long."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from activities.transition import Desk, Transition, take
from commands.command import Context
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import Office, apply
from tests.conftest import Database
from tests.races import DEAD_LOCK, SERIALISATION, Quarrel, counting, purses, stumble


@dataclass(frozen=True, slots=True)
class Told:
    """A result."""

    tries: int


@pytest.fixture
async def case_id(context: Context, arrange: Arrange) -> UUID:
    """A case to move on."""
    employer = await arrange.organisation()
    return await apply(Office(context, await arrange.member(employer), await arrange.hr_officer(employer)))


async def test_a_transition_that_lost_a_dead_lock_is_taken_once_all_the_same(
    desk: Desk, case_id: UUID, database: Database, superuser: Superuser
) -> None:
    untouched = await superuser.effects()

    async with Quarrel.about_purses(database, desk.engine) as quarrel:

        async def body(at: Transition) -> Told:
            await at.tell("application_submitted")
            await quarrel.enter(at.connection)
            return Told(quarrel.tries)

        with counting("transition:quarrel") as counted:
            results = [
                await take(desk, case_id=case_id, step="quarrel", round_=0, result=Told, body=body) for _ in range(2)
            ]

    assert results == [Told(2), Told(2)]
    effects = await superuser.effects()
    assert {name: n - untouched[name] for name, n in effects.items() if n > untouched[name]} == {
        "transitions": 1,
        "timeline": 1,
    }
    assert await purses(superuser) == [11, 11]
    assert (counted.again, counted.given_up) == ({DEAD_LOCK: 1}, {})
    await assert_books_clean(desk.engine)


@pytest.mark.parametrize(("losses", "is_taken"), [(2, True), (3, False)])
async def test_a_transition_that_loses_again_and_again_is_left_to_the_engine(
    desk: Desk, case_id: UUID, superuser: Superuser, losses: int, is_taken: bool
) -> None:
    await stumble(superuser, "transitions", "INSERT", times=losses)
    before = await superuser.value("SELECT count(*) FROM transitions")
    tries = 0

    async def body(_: Transition) -> Told:
        nonlocal tries
        tries += 1
        return Told(tries)

    async def taking() -> Told:
        return await take(desk, case_id=case_id, step="stumble", round_=0, result=Told, body=body)

    with counting("transition:stumble") as counted:
        if is_taken:
            assert await taking() == Told(3)
        else:
            with pytest.raises(DBAPIError):
                await taking()

    assert tries == 3
    assert (counted.again, counted.given_up) == ({SERIALISATION: 2}, {} if is_taken else {SERIALISATION: 1})
    assert await superuser.value("SELECT count(*) FROM transitions") == before + is_taken
