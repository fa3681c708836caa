"""What a job's page and a new payment of it cost, however many jobs there are (E1, E8)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import SERVICE, transaction
from storage.escrow import jobs, payments
from tests.books import Superuser

# Neither people nor payments are needed for how Postgres finds the rows.
_FILL = (
    "SET session_replication_role = replica",
    """INSERT INTO escrow_jobs (begun_by, employer_id, contractor_id, title, description, price, unit, clause_version,
            answer_until)
        SELECT 'employer', gen_random_uuid(), gen_random_uuid(), 'job', '', 100, 'IRR', 1, now()
        FROM generate_series(1, 2000)""",
    """INSERT INTO escrows (case_id, job_id, timing, proposed_by, title, amount, due_on, fee_rate, vat_rate,
            answer_until)
        SELECT uuidv7(), id, 'agreed', 'employer', 'one', 40, now(), 300, 1000, now() FROM escrow_jobs""",
    """INSERT INTO cases (id, kind, phase, policy_id)
        SELECT case_id, 'escrow', 'held', (SELECT id FROM policies WHERE name = 'escrow') FROM escrows""",
    """INSERT INTO escrow_moves (id, case_id, cause, fact_id, to_contractor, fee, vat, to_employer, hold_id)
        SELECT gen_random_uuid(), case_id, 'refund', gen_random_uuid(), 0, 0, 0, 10, gen_random_uuid()
        FROM escrows, generate_series(1, 2)""",
    "ANALYZE escrow_jobs, escrows, cases, escrow_moves",
)
_MUCH_READ = sa.text(
    "SELECT relname FROM pg_stat_xact_user_tables WHERE relname IN ('escrow_jobs', 'escrows', 'cases', 'escrow_moves')"
    " AND coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) > 50"
)


async def test_a_job_is_read_and_gets_another_payment_without_going_through_those_of_others(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    for statement in _FILL:
        await superuser.run(statement)
    ((job_id, employer_id),) = await superuser.rows("SELECT id, employer_id FROM escrow_jobs ORDER BY id DESC LIMIT 1")
    async with transaction(engine, SERVICE) as connection:
        listed = await jobs.list_jobs(connection, employer_id, before=None, limit=26)
        rows = await payments.payments_of(connection, [job_id])
        moves = await payments.moves_of(connection, [row.escrow.case_id for row in rows])
        left, count = await payments.promised(connection, job_id)
        much_read = list(await connection.scalars(_MUCH_READ))

    assert (len(listed), len(rows), len(moves), left.amount, count) == (1, 1, 2, 20, 1)
    assert much_read == []
