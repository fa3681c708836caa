"""The transitions of a safe payment: each taken twice acts once, and every rial goes where it was decided (E1 to E8)."""

from __future__ import annotations

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.escrow.rules import Shares
from domain.money import Money
from gateways.local_bank import LocalBank
from messages.case import OVER
from messages.escrow import Side
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.escrow_process import AMOUNT, EscrowProcess

NET = AMOUNT - AMOUNT * 300 // 10_000 - AMOUNT * 300 // 10_000 // 10


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """Two members, two arbitrators and an operator."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


async def test_what_is_released_is_the_contractors_less_the_fee(escrow: EscrowProcess, context: Context) -> None:
    case_id = await escrow.held()
    assert await escrow.phase(case_id) == "held"
    assert await escrow.money(case_id) == (AMOUNT, AMOUNT)
    await escrow.declare(case_id)
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == "delivered"
    await escrow.release(case_id, AMOUNT)
    assert await escrow.money(case_id) == (AMOUNT, 0)
    assert (await escrow.go_on(case_id)).step == OVER
    assert await escrow.phase(case_id) == "released"
    assert await escrow.balance() == NET
    await assert_books_clean(context.engine)


async def test_x(escrow: EscrowProcess, context: Context, superuser: Superuser) -> None:
    case_id = await escrow.disputed()
    await escrow.state(case_id, Side.CONTRACTOR)
    await escrow.go_on(case_id)
    print(await escrow.phase(case_id), await escrow.kinds(case_id))
    found = await escrow.pass_wait(case_id)
    print(found, await escrow.phase(case_id), await escrow.kinds(case_id))
    await escrow.claim(case_id)
    print(await escrow.go_on(case_id), await escrow.phase(case_id))
    await escrow.rule(case_id, 30_000_000)
    print(await escrow.go_on(case_id), await escrow.phase(case_id))
    await escrow.object_to(case_id, Side.CONTRACTOR)
    print(await escrow.go_on(case_id), await escrow.phase(case_id))
    await escrow.offer(case_id, Side.CONTRACTOR, Shares(Money(1), Money(AMOUNT - 1)))
    await escrow.claim(case_id, 1)
    print(await escrow.go_on(case_id), await escrow.phase(case_id))
    await escrow.rule(case_id, 10_000_000, 1)
    print(await escrow.go_on(case_id), await escrow.phase(case_id))
    await escrow.finish_refunds(case_id)
    print(await escrow.go_on(case_id), await escrow.phase(case_id))
    print(
        await escrow.balance(), await superuser.rows("select code from timeline where case_id=%s order by id", case_id)
    )
    await assert_books_clean(context.engine)
    assert 0
