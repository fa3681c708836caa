"""The walls around words on cases: each member sees their own thread, and writes there alone as themselves (G7)."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from storage.correspondence import text_of
from storage.database import SERVICE, Acting, transaction
from storage.sealing import SealBroken
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario
from tests.correspondence_steps import write

ADD = (
    "INSERT INTO correspondence (case_id, member_id, author_id, capacity, part, text_sealed)"
    " VALUES (:case, :member, :author, :capacity, :part, 'x')"
)


async def seen(engine: AsyncEngine, by: Acting) -> int:
    """How many rows somebody sees."""
    async with transaction(engine, by) as connection:
        return int(await connection.scalar(sa.text("SELECT count(*) FROM correspondence")) or 0)


async def test_each_member_sees_their_own_thread_while_they_take_part_and_forges_none(
    context: Context, arrange: Arrange, activity_context: ActivityContext, engine: AsyncEngine, superuser: Superuser
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.backed()
    applicant, guarantor = tavana.applicant.id, tavana.guarantor.id
    first = await write(context, tavana.applicant, case_id)
    second = await write(context, tavana.finance, case_id, to=tavana.guarantor)

    sides = [Acting("member", one) for one in (applicant, guarantor, UUID(int=7))]
    assert [await seen(engine, one) for one in (*sides, Acting("staff", UUID(int=7)))] == [1, 1, 0, 2]
    for author, member, capacity, part in (
        (guarantor, applicant, "staff", "finance_officer"),
        (guarantor, guarantor, "member", "applicant"),
        (applicant, applicant, "member", "applicant"),
        (tavana.finance.id, guarantor, "staff", "finance_officer"),
    ):
        values = {"case": case_id, "author": author, "member": member, "capacity": capacity, "part": part}
        with pytest.raises(DBAPIError, match="row-level security"):
            async with transaction(engine, sides[1]) as connection:
                await connection.execute(sa.text(ADD), values)
    # Nobody answers themselves as staff either.
    same = {"case": case_id, "author": applicant, "member": applicant, "capacity": "staff", "part": "x"}
    with pytest.raises(DBAPIError, match="check constraint"):
        async with transaction(engine, SERVICE) as connection:
            await connection.execute(sa.text(ADD), same)
    # What one row says cannot be moved to another.
    object.__setattr__(first, "text_sealed", second.text_sealed)
    with pytest.raises(SealBroken):
        text_of(context.seals, first)

    await superuser.run("UPDATE case_people SET until = now() WHERE person_id = %s", guarantor)
    assert await seen(engine, sides[1]) == 0
