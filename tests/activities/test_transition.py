"""How every transition runs when its transaction loses a race: again, but not for long."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from activities.transition import ActivityContext, Transition, run_transition
from commands.command import Context
from messages.case import WAIT, NextStep, StepInput
from messages.onboarding import FactKind
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import MinipayOffice, apply
from tests.conftest import Database
from tests.races import DEAD_LOCK, SERIALISATION, Deadlock, counting, fail_serialization, read_rows


@pytest.fixture
async def case_id(context: Context, arrange: Arrange) -> UUID:
    """A case to move on."""
    employer = await arrange.organisation()
    return await apply(MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer)))


async def test_a_transition_that_lost_a_dead_lock_is_taken_once_all_the_same(
    activity_context: ActivityContext, case_id: UUID, database: Database, superuser: Superuser
) -> None:
    async with Deadlock.over_two_rows(database, activity_context.engine) as deadlock:
        untouched = await superuser.effects()

        async def body(step: Transition) -> NextStep:
            await step.add_event(FactKind.APPLICATION_SUBMITTED)
            await deadlock.enter(step.connection)
            return NextStep(WAIT, remind_in=deadlock.tries)

        async def assess(_: Transition) -> NextStep:
            return NextStep("assessed")

        with counting("transition:quarrel") as counted:
            results = [
                await run_transition(activity_context, "quarrel", StepInput(case_id), body, assess=assess)
                for _ in range(2)
            ]

    assert results == [NextStep(WAIT, remind_in=2), NextStep("assessed", rounds={"quarrel": 1})]
    effects = await superuser.effects()
    assert {name: n - untouched[name] for name, n in effects.items() if n > untouched[name]} == {
        "transitions": 1,
        "timeline": 1,
    }
    assert await read_rows(superuser) == [11, 11]
    assert (counted.again, counted.given_up) == ({DEAD_LOCK: 1}, {})
    await assert_books_clean(activity_context.engine)


@pytest.mark.parametrize(("losses", "is_taken"), [(2, True), (3, False)])
async def test_a_transition_that_loses_again_and_again_is_left_to_the_engine(
    activity_context: ActivityContext, case_id: UUID, superuser: Superuser, losses: int, is_taken: bool
) -> None:
    await fail_serialization(superuser, "transitions", "INSERT", times=losses)
    before = await superuser.value("SELECT count(*) FROM transitions")
    tries = 0

    async def body(_: Transition) -> NextStep:
        nonlocal tries
        tries += 1
        return NextStep(WAIT, remind_in=tries)

    async def taking() -> NextStep:
        return await run_transition(activity_context, "stumble", StepInput(case_id), body)

    with counting("transition:stumble") as counted:
        if is_taken:
            assert (await taking()).remind_in == 3
        else:
            with pytest.raises(DBAPIError):
                await taking()

    assert tries == 3
    assert (counted.again, counted.given_up) == ({SERIALISATION: 2}, {} if is_taken else {SERIALISATION: 1})
    assert await superuser.value("SELECT count(*) FROM transitions") == before + is_taken
