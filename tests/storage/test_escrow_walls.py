"""The walls around safe payments: strangers see nothing, and no member writes what decides about money (E5)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from domain.escrow.rules import Shares
from domain.money import Money
from gateways.local_bank import LocalBank
from messages.attachment import Purpose
from messages.escrow import JobSide
from storage.attachment import list_attachments
from storage.database import SERVICE, Acting, transaction
from storage.escrow import disputes
from tests.arrange import Arrange
from tests.attachment_steps import attach
from tests.escrow_process import AMOUNT, EscrowProcess

SEEN = ("escrow_jobs", "escrows", "escrow_disputes", "escrow_moves", "escrow_statements", "escrow_split_offers")
# Row-level security hides every row from such an update.
CHANGES = (
    "escrow_jobs SET accepted_at = now()",
    "escrows SET funded_at = now()",
    "escrow_disputes SET evidence_closed_at = now()",
    "escrow_moves SET booked_at = now()",
    "escrow_split_offers SET answer = 'accepted', answered_at = now()",
)
NEW = {
    "escrow_statements": "(id, dispute_id, side, author_id, text_sealed)"
    " SELECT gen_random_uuid(), id, 'contractor', :me, 'x' FROM escrow_disputes",
    "escrow_split_offers": "(dispute_id, offered_by, to_contractor, to_employer)"
    " SELECT id, 'contractor', 0, frozen FROM escrow_disputes",
    "escrow_rulings": "(id, dispute_id, round, arbitrator_id, fact_id, to_contractor, to_employer, reasons_sealed)"
    " SELECT gen_random_uuid(), d.id, 1, :me, f.id, 0, d.frozen, 'x' FROM escrow_disputes d, facts f LIMIT 1",
    "escrow_moves": "(id, case_id, cause, fact_id, to_contractor, fee, vat, to_employer, hold_id)"
    " SELECT gen_random_uuid(), case_id, 'refund', id, 0, 0, 0, 1, gen_random_uuid() FROM facts LIMIT 1",
    "escrow_refund_asks": "(case_id, amount, reason) SELECT case_id, 1, 'دلیل' FROM escrows",
}


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """An employer and a contractor."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


async def count(engine: AsyncEngine, acting: Acting, table: str) -> int:
    """How many rows somebody sees."""
    async with transaction(engine, acting) as connection:
        return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - our own names


async def test_a_side_sees_its_own_statement_a_stranger_nothing_and_no_member_writes_about_the_money(
    engine: AsyncEngine, arrange: Arrange, escrow: EscrowProcess
) -> None:
    case_id = await escrow.held()
    await escrow.release(case_id, 1_000_000)
    await escrow.go_on(case_id)
    await escrow.dispute(case_id)
    await escrow.state(case_id, JobSide.CONTRACTOR)
    await escrow.offer(case_id, JobSide.CONTRACTOR, Shares(Money(AMOUNT - 1_000_000), Money(0)))
    employer, stranger = Acting("member", escrow.employer.id), Acting("member", (await arrange.person("member")).id)

    assert [await count(engine, SERVICE, table) for table in SEEN] == [1, 1, 1, 1, 2, 1]
    assert [await count(engine, employer, table) for table in SEEN] == [1] * len(SEEN)
    assert [await count(engine, stranger, table) for table in SEEN] == [0] * len(SEEN)
    async with transaction(engine, employer) as connection:
        for change in CHANGES:
            assert (await connection.execute(sa.text(f"UPDATE {change}"))).rowcount == 0, change
    for table, row in NEW.items():
        with pytest.raises(DBAPIError, match="row-level security"):
            async with transaction(engine, employer) as connection:
                await connection.execute(sa.text(f"INSERT INTO {table} {row}"), {"me": escrow.employer.id})


async def test_evidence_of_the_last_moment_is_disclosed_though_the_transaction_that_ends_the_time_began_before(
    engine: AsyncEngine, context: Context, escrow: EscrowProcess
) -> None:
    case_id = await escrow.disputed()
    found = await escrow.dispute_of(case_id)
    assert found is not None
    async with transaction(engine, SERVICE) as connection:
        await connection.execute(sa.select(sa.func.now()))
        await attach(context, escrow.employer, case_id, purpose=Purpose.DISPUTE_EVIDENCE)
        await disputes.close_evidence(connection, found.id)
    async with transaction(engine, Acting("member", escrow.contractor.id)) as connection:
        assert len(await list_attachments(connection, case_id)) == 1
