"""What a difference says may be true no longer when it is decided, or as two comparisons run at once (E2)."""

from __future__ import annotations

import pytest

from activities.transition import ActivityContext
from commands import clearing as commands
from commands.command import Context
from domain.clearing import Explanation
from domain.errors import OwnCase
from gateways.local_bank import LocalBank
from messages.clearing import TaskKind
from tests.arrange import Arrange
from tests.books import Superuser
from tests.clearing_steps import Day

SETTLE, CONFIRM = TaskKind.SETTLE_DIFFERENCE, TaskKind.CONFIRM_BOOKING


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


async def test_nobody_decides_about_a_payment_in_which_they_take_part(day: Day) -> None:
    attempt = await day.given_up()
    case_id = await day.compared()
    take_part = "INSERT INTO case_people (case_id, person_id, part) VALUES (%s, %s, 'payer')"
    await day.superuser.run(take_part, attempt.payment_id, day.first.id)
    effects = await day.superuser.effects()
    for decision in (
        (commands.explain_difference, Explanation.FAULT_OF_GATEWAY, "نامه"),
        (commands.propose_booking, "به شبا برگشت"),
    ):
        with pytest.raises(OwnCase):
            await day.decide(day.first, case_id, SETTLE, *decision)
    assert await day.superuser.effects() == effects

    await day.decide(day.second, case_id, SETTLE, commands.propose_booking, "x", paid_back="PAYA-1")
    with pytest.raises(OwnCase):
        await day.decide(day.first, case_id, CONFIRM, commands.confirm_booking)
