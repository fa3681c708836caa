"""Who has an interest in a case and must not decide about it (E5); for the transactions of staff and the machine."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.bank_account import BankAccountState
from domain.held_task import HeldTask
from storage.people import people_in
from storage.rows.bank_account import bank_accounts
from storage.rows.cases import case_people, facts
from storage.rows.organisation import employments
from storage.rows.tasks import tasks

_people = sa.bindparam("people", type_=ARRAY(sa.Uuid))
_others = sa.bindparam("others", type_=ARRAY(sa.Uuid))
_this_case = sa.bindparam("this_case", type_=sa.Uuid)


def _numbers(name: str, those: sa.BindParameter[Any]) -> sa.CTE:
    """Accounts and cards of some people by blind index: what a bank called theirs, and where they are or were paid."""
    own = sa.select(bank_accounts.c.person_id, bank_accounts.c.number_index.label("number")).where(
        bank_accounts.c.person_id == sa.func.any(those), bank_accounts.c.state == BankAccountState.CONFIRMED
    )
    paid = sa.select(employments.c.person_id, employments.c.sheba_index).where(
        employments.c.person_id == sa.func.any(those)
    )
    return own.union(paid).cte(name)


_theirs, _of_others = _numbers("theirs", _people), _numbers("of_others", _others)
_mine, _also = case_people.alias("mine"), case_people.alias("also")
_LINKED: Final = sa.union(
    sa.select(_mine.c.person_id)
    .join(_also, _also.c.case_id == _mine.c.case_id)
    .where(_mine.c.person_id == sa.func.any(_people), _also.c.person_id == sa.func.any(_others)),
    sa.select(_theirs.c.person_id).join(_of_others, _of_others.c.number == _theirs.c.number),
)
_ACTED: Final = sa.union(
    sa.select(facts.c.actor_id).where(
        facts.c.case_id == _this_case, facts.c.capacity == "staff", facts.c.actor_id == sa.func.any(_people)
    ),
    sa.select(tasks.c.decided_by).where(
        tasks.c.case_id == _this_case, tasks.c.role.is_not(None), tasks.c.decided_by == sa.func.any(_people)
    ),
)


_theirs_too = case_people.alias("theirs_too")
_DECIDED_ABOUT: Final = (
    sa.select(_theirs_too.c.person_id)
    .join(tasks, tasks.c.case_id == _theirs_too.c.case_id)
    .where(
        _theirs_too.c.person_id == sa.func.any(_people),
        tasks.c.kind == sa.bindparam("this_kind"),
        sa.or_(
            tasks.c.decided_by == sa.func.any(_others),
            sa.and_(tasks.c.status == "open", tasks.c.claimed_by == sa.func.any(_others)),
        ),
    )
    .distinct()
)


async def linked_to(connection: AsyncConnection, people: Collection[UUID], others: Collection[UUID]) -> set[UUID]:
    """Which people are linked to one of some others, or are one of them.

    Linked are who take or took part in one case together, as payer and payee or as guarantor, and who have or had a
    sheba or card in common, or are paid to one.
    """
    apart = set(people) - set(others)
    if not apart or not others:
        return set(people) & set(others)
    given = {"people": list(apart), "others": list(others)}
    return (set(people) & set(others)) | set(await connection.scalars(_LINKED, given))


async def acted_in(connection: AsyncConnection, case_id: UUID, people: Collection[UUID]) -> set[UUID]:
    """Which people did something in a case as staff: claimed or decided a task of it, too."""
    if not people:
        return set()
    return set(await connection.scalars(_ACTED, {"this_case": case_id, "people": list(people)}))


async def barred_from(
    connection: AsyncConnection, case_id: UUID, people: Collection[UUID], held: HeldTask
) -> set[UUID]:
    """Which people may not take a task of a kind in a case: at most three statements more than who takes part in it."""
    others = await people_in(connection, case_id)
    barred = await linked_to(connection, people, others)
    if held.by_another:
        barred |= await acted_in(connection, case_id, people)
    if held.not_each_other:
        given = {"people": list(people), "others": list(others), "this_kind": held.kind}
        barred |= set(await connection.scalars(_DECIDED_ABOUT, given))
    return barred
