"""Guarantors' answers at one moment with other things: the last slot, the end of the wait, another name (A4 to A6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain import errors
from domain import guarantor as rules
from storage.database import SERVICE, transaction
from storage.guarantor import release_all
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    accept_guarantee,
    answer_guarantee,
    consent,
    name,
    refuse_guarantee,
    task_of,
    withdraw,
)
from tests.commands.test_guarantor import filled, slots

RACERS = 20
ROUNDS = 6


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def test_of_twenty_acceptances_that_race_for_the_last_slot_one_wins_and_each_loser_is_told(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    guarantor = tavana.guarantor
    cases = [await tavana.asked(guarantor, applicant=await tavana.colleague()) for _ in range(RACERS)]
    assert await slots(superuser, guarantor) == 0
    await filled(tavana, guarantor, 2)
    prepared = [
        (await task_of(tavana.context, case_id, guarantor), await consent(tavana.context, case_id, guarantor))
        for case_id in cases
    ]

    results = await asyncio.gather(
        *(answer_guarantee(tavana.context, task.id, guarantor, given) for task, given in prepared),
        return_exceptions=True,
    )

    assert results.count(None) == 1
    assert [type(result) for result in results if result is not None] == [rules.GuarantorCapacityFull] * (RACERS - 1)
    assert await slots(superuser, guarantor) == 3
    assert await superuser.value("SELECT count(*) FROM tasks WHERE kind = 'answer_guarantee' AND status = 'open'") == (
        RACERS - 1
    )
    with pytest.raises(rules.GuarantorMayNotBeAsked):
        await tavana.apply(guarantor)


async def test_acceptance_and_expiry_at_one_moment_leave_one_winner_and_a_consistent_case(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for round_ in range(ROUNDS):
        guarantor, applicant = await tavana.colleague(), await tavana.colleague()
        case_id = await tavana.asked(guarantor, applicant=applicant)
        task = await task_of(tavana.context, case_id, guarantor)
        given = await consent(tavana.context, case_id, guarantor)
        racing: Sequence[Any] = (
            answer_guarantee(tavana.context, task.id, guarantor, given),
            tavana.take("lapse_onboarding", case_id, task.due_at),
        )

        results = await asyncio.gather(*(racing if round_ % 2 else racing[::-1]), return_exceptions=True)
        accepted = not any(isinstance(result, errors.TaskNotOpen) for result in results)
        await tavana.go_on(case_id)

        assert not [result for result in results if isinstance(result, BaseException)] or not accepted
        found = await superuser.rows(
            "SELECT t.status, g.status, c.phase FROM tasks t JOIN guarantees g USING (case_id)"
            " JOIN cases c ON c.id = t.case_id WHERE t.id = %s",
            task.id,
        )
        assert found == (
            [("done", "accepted", "awaiting_review")]
            if accepted
            else [("expired", "expired", "awaiting_another_guarantor")]
        )
        assert await slots(superuser, guarantor) == int(accepted)


@pytest.mark.parametrize("deed", [accept_guarantee, refuse_guarantee])
async def test_an_answer_to_what_another_transaction_is_just_releasing_is_told_that_it_is_too_late(
    tavana: TavanaScenario,
    superuser: Superuser,
    deed: Callable[[TavanaScenario, UUID, Someone], Coroutine[Any, Any, None]],
) -> None:
    """A renewal releases the guarantors of the former line without holding the case in which one of them is asked."""
    case_id = await tavana.asked()
    async with transaction(tavana.context.engine, SERVICE) as connection:
        await release_all(connection, case_id)
        answering = asyncio.create_task(deed(tavana, case_id, tavana.guarantor))

        async def blocked() -> bool:
            return bool(await superuser.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))

        await eventually(blocked, "the answer to wait for the row")

    with pytest.raises(errors.TaskNotOpen):
        await answering
    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]


async def test_acceptance_and_replacement_at_one_moment_leave_one_guarantor(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for round_ in range(ROUNDS):
        former, applicant, other = [await tavana.colleague() for _ in range(3)]
        mine = replace(tavana, applicant=applicant)
        case_id = await tavana.asked(former, applicant=applicant)
        task = await task_of(tavana.context, case_id, former)
        given = await consent(tavana.context, case_id, former)
        racing: Sequence[Any] = (
            answer_guarantee(tavana.context, task.id, former, given),
            name(mine, case_id, other, instead_of=former),
        )

        results = await asyncio.gather(*(racing if round_ % 2 else racing[::-1]), return_exceptions=True)
        await tavana.go_on(case_id)

        assert all(isinstance(result, errors.TaskNotOpen) for result in results if result is not None)
        assert await superuser.rows(
            "SELECT person_id, status FROM guarantees WHERE case_id = %s AND ended_at IS NULL", case_id
        ) == [(other.id, "asked")]
        assert await superuser.rows(
            "SELECT person_id, kind FROM tasks WHERE case_id = %s AND status = 'open'", case_id
        ) == [(other.id, "answer_guarantee")]
        assert await slots(superuser, former) == 0


async def test_acceptance_and_withdrawal_at_one_moment_leave_no_slot_taken(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for round_ in range(ROUNDS):
        guarantor, applicant = [await tavana.colleague() for _ in range(2)]
        case_id = await tavana.asked(guarantor, applicant=applicant)
        task = await task_of(tavana.context, case_id, guarantor)
        racing: Sequence[Any] = (
            answer_guarantee(tavana.context, task.id, guarantor, await consent(tavana.context, case_id, guarantor)),
            withdraw(MinipayOffice(tavana.context, applicant, tavana.finance), case_id),
        )

        results = await asyncio.gather(*(racing if round_ % 2 else racing[::-1]), return_exceptions=True)
        await tavana.go_on(case_id)

        assert all(isinstance(result, errors.TaskNotOpen) for result in results if result is not None)
        assert await superuser.rows(
            "SELECT c.outcome, g.status FROM cases c JOIN guarantees g ON g.case_id = c.id WHERE c.id = %s", case_id
        ) == [("withdrawn", "released")]
