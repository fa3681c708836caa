"""Arbitration changes hands: colleagues are asked at once, and both sides hear of it (E5)."""

from __future__ import annotations

from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.account import staff
from commands.command import Context
from domain.held_task import ClaimConflict
from gateways.local_bank import LocalBank
from messages.case import RESUMED
from messages.escrow import TaskKind
from storage.database import SERVICE, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task
from tests.escrow_process import EscrowProcess

CLAIMED, ASKED = "awaiting_ruling", "awaiting_arbitrator"


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """Two members, two arbitrators and an operator."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


async def _claimed(escrow: EscrowProcess, case_id: UUID, number: int) -> None:
    await escrow.claim(case_id, number)
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == CLAIMED


async def _told(superuser: Superuser, template: str) -> list[UUID]:
    rows = await superuser.rows("SELECT person_id FROM notices WHERE template = %s ORDER BY id", template)
    return [person_id for (person_id,) in rows]


async def test_who_finds_that_they_know_a_side_gives_it_back_and_who_is_silent_loses_it(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await _claimed(escrow, case_id, 0)
    await escrow.recuse(await open_task(escrow.context, case_id, TaskKind.RULE_DISPUTE))
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == ASKED
    one, other = (each.id for each in escrow.arbitrators)
    assert sorted(await _told(superuser, "task_rule_dispute")) == sorted([one, other, other])
    with pytest.raises(ClaimConflict):
        await escrow.claim(case_id, 0)
    assert await _told(superuser, "escrow_arbitrator_replaced") == []

    await _claimed(escrow, case_id, 1)
    await escrow.pass_wait(case_id)
    assert await escrow.phase(case_id) == ASKED
    sides = {escrow.employer.id, escrow.contractor.id}
    assert set(await _told(superuser, "escrow_arbitrator_replaced")) == sides
    assert sorted(await escrow.kinds(case_id)) == ["find_arbitrator", "rule_dispute"]


async def test_colleagues_are_asked_as_soon_as_an_arbitrator_is_none_any_more(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await _claimed(escrow, case_id, 0)
    one, other = (each.id for each in escrow.arbitrators)
    grant_id = await superuser.value("SELECT id FROM role_grants WHERE person_id = %s", one)
    newest = "SELECT payload ->> 'name' FROM outbox WHERE case_id = %s ORDER BY id DESC LIMIT 1"
    async with transaction(escrow.context.engine, SERVICE) as connection:
        await staff.revoke_role(staff.console_administration(connection, escrow.context.seals), one, grant_id)
    assert await superuser.value(newest, case_id) == RESUMED
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == ASKED
    assert (await _told(superuser, "task_rule_dispute"))[-1] == other
    sides = {escrow.employer.id, escrow.contractor.id}
    assert set(await _told(superuser, "escrow_arbitrator_replaced")) == sides

    await _claimed(escrow, case_id, 1)
    async with transaction(escrow.context.engine, SERVICE) as connection:
        await staff.disable_staff(staff.console_administration(connection, escrow.context.seals), other)
    assert await superuser.value(newest, case_id) == RESUMED
    await escrow.go_on(case_id)
    assert sorted(await escrow.kinds(case_id)) == ["find_arbitrator", "rule_dispute"]


async def test_a_dispute_right_after_one_was_taken_back_asks_both_sides_at_once(escrow: EscrowProcess) -> None:
    case_id = await escrow.disputed()
    await escrow.take_back(case_id)
    await escrow.take("unfreeze", case_id)
    await escrow.dispute(case_id)
    await escrow.go_on(case_id)
    assert await escrow.kinds(case_id) == ["file_statement"]


async def test_the_sides_hear_of_no_arbitration_where_only_dormant_money_is_looked_at(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE role = 'arbitrator'")
    case_id = await escrow.held()
    for _ in range(3):
        await escrow.pass_wait(case_id)
    assert sorted(await escrow.kinds(case_id)) == ["find_arbitrator", "review_dormant_escrow"]
    assert await _told(superuser, "escrow_arbitrator_missing") == []
