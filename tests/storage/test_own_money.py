"""Members see their payments, withdrawals, cards and shebas, and their own connections change nothing of them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from storage.database import Acting, transaction
from tests.arrange import Arrange
from tests.books import Superuser
from tests.payment_steps import PaymentScenario

# What is seen by its member and written by the machine and staff alone.
ONLY_SEEN = {
    "payments": "INSERT INTO payments (case_id, person_id, amount, fee, unit, own_card, pay_until)"
    " SELECT gen_random_uuid(), person_id, amount, fee, unit, own_card, pay_until FROM payments",
    "payment_items": "UPDATE payment_items SET state = 'taken', decided_at = now()",
    "payment_attempts": "UPDATE payment_attempts SET state = 'paid', reference = 'x', paid_amount = 1, paid_at = now()",
    "payment_returns": "UPDATE payment_returns SET returned_at = now(), reference = 'x'",
    "bank_accounts": "UPDATE bank_accounts SET state = 'confirmed', answered_at = now(), is_default = true",
    "withdrawals": "INSERT INTO withdrawals (person_id, amount, unit, sheba_sealed, sheba_masked, hold_id)"
    " SELECT person_id, amount, unit, sheba_sealed, sheba_masked, gen_random_uuid() FROM withdrawals",
    "payouts": "UPDATE payouts SET amount = 1",
}


@pytest.fixture
async def paying(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> PaymentScenario:
    """Nothing is paid yet."""
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


@pytest.mark.parametrize("table", ONLY_SEEN)
async def test_a_member_s_own_connection_changes_nothing_of_their_money(
    engine: AsyncEngine, paying: PaymentScenario, superuser: Superuser, table: str
) -> None:
    case_id = await paying.at_bank((await paying.purpose(), 500_000))
    await superuser.run(
        "INSERT INTO payment_returns (payment_id, attempt_id, amount, reason)"
        " SELECT payment_id, id, 1, 'not_taken' FROM payment_attempts WHERE payment_id = %s",
        case_id,
    )
    await superuser.run(
        "INSERT INTO bank_accounts (person_id, kind, number_index, number_sealed, last_four)"
        " VALUES (%s, 'sheba', 'x', 'x', '1234')",
        paying.payer.id,
    )
    # A line of theirs in a batch.
    await superuser.run(
        "INSERT INTO payouts (case_id, made_by, most_lines) VALUES (%s, %s, 1)", case_id, paying.officer.id
    )
    await superuser.run(
        "INSERT INTO withdrawals (person_id, amount, unit, sheba_sealed, sheba_masked, hold_id, state, payout_id, line)"
        " VALUES (%s, 1, 'IRR', 'x', 'x', gen_random_uuid(), 'cut', %s, 1)",
        paying.payer.id,
        case_id,
    )
    payer, everything = Acting("member", paying.payer.id), f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - our names
    before = await superuser.rows(everything)
    async with transaction(engine, payer) as connection:
        seen = await connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our names
    assert seen == len(before) == 1

    try:
        async with transaction(engine, payer) as connection:
            changed = await connection.execute(sa.text(ONLY_SEEN[table]))
        assert changed.rowcount == 0
    except ProgrammingError as refused:
        assert "row-level security" in str(refused)  # noqa: PT017 - either is a wall

    assert await superuser.rows(everything) == before
