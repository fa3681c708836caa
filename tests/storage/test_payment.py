"""Payments in Postgres: what a member's list costs (E2)."""

from __future__ import annotations

import sqlalchemy as sa

from commands.command import Context
from storage.database import Acting, transaction
from tests.arrange import Arrange
from tests.books import Superuser

_MANY = """INSERT INTO payments (case_id, person_id, amount, fee, unit, own_card, pay_until)
    SELECT uuidv7(), CASE WHEN made <= 2000 THEN %s::uuid ELSE gen_random_uuid() END, 5, 0, 'IRR', false, now()
    FROM generate_series(1, 20000) AS made"""


async def test_the_list_of_who_paid_much_long_ago_does_not_go_through_what_others_paid_since(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.person("member")
    # Neither cases nor other people are needed for how Postgres finds the rows.
    await superuser.run("SET session_replication_role = replica")
    await superuser.run(_MANY, member.id)
    await superuser.run("ANALYZE payments")
    listed = "EXPLAIN SELECT * FROM payments WHERE person_id = :person ORDER BY case_id DESC LIMIT 26"
    async with transaction(context.engine, Acting.of(await arrange.actor(member))) as connection:
        plan = "\n".join((await connection.execute(sa.text(listed), {"person": member.id})).scalars())
    assert "payments_in_list" in plan, plan
