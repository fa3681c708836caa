"""Guarantees: who was asked to stand for whose credit, what they answered, and for how many they stand (A4 to A6)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.guarantor import Worker, notice_of_end
from domain.ledger import CREDIT_AVAILABLE
from domain.programme import Programme
from messages.guarantor import Sms, TaskKind
from storage.locks import About, lock
from storage.programme import programme_of
from storage.rows.cases import case_people, cases
from storage.rows.guarantor import Guarantee, guarantees
from storage.rows.ledger import accounts
from storage.rows.onboarding import Application, credit_lines
from storage.rows.organisation import Employment, organisations, regions
from storage.rows.people import persons
from storage.rows.table import as_row, columns, find_one, read_all
from storage.rows.tasks import tasks

PART = Part.GUARANTOR


_COLUMNS = columns(guarantees, Guarantee)
_this_case = sa.bindparam("this_case", type_=sa.Uuid)
_LIVE = (
    sa.select(*_COLUMNS)
    .where(guarantees.c.case_id == _this_case, guarantees.c.ended_at.is_(None))
    .order_by(guarantees.c.id)
    .limit(20)
)
_NAMED = (
    sa.select(*_COLUMNS).where(guarantees.c.credit_case_id == _this_case).order_by(guarantees.c.id.desc()).limit(50)
)
_COUNT = sa.select(sa.func.count(guarantees.c.applicant_id.distinct())).where(
    guarantees.c.person_id == sa.bindparam("this_person", type_=sa.Uuid),
    guarantees.c.status == "accepted",
    guarantees.c.applicant_id != sa.bindparam("apart_from", type_=sa.Uuid),
)
_before = guarantees.alias("before")
_STOOD_BEFORE = sa.select(_before.c.id).where(
    _before.c.id == guarantees.c.replaces_id,
    _before.c.person_id == guarantees.c.person_id,
    _before.c.accepted_at.is_not(None),
)
_END_PARTS = (
    sa.update(case_people)
    .where(
        case_people.c.case_id == _this_case,
        case_people.c.part == PART,
        case_people.c.until.is_(None),
        sa.not_(
            sa.exists().where(
                guarantees.c.person_id == case_people.c.person_id,
                guarantees.c.ended_at.is_(None),
                sa.or_(guarantees.c.case_id == _this_case, guarantees.c.credit_case_id == _this_case),
            )
        ),
    )
    .values(until=sa.func.now())
)


async def add_guarantee(
    connection: AsyncConnection,
    application: Application,
    *,
    person_id: UUID,
    employment_id: UUID,
    case_id: UUID | None = None,
    replaces: UUID | None = None,
) -> UUID:
    """Name a guarantor for an application's present terms; returns the guarantee's id.

    Args:
        connection: a transaction of the applicant's.
        application: which credit.
        person_id: the guarantor.
        employment_id: where they work.
        case_id: the case in which they are asked, if it is not the application's own.
        replaces: the guarantee whose place this one is to take.

    Raises:
        sqlalchemy.exc.IntegrityError: the person is a guarantor in the case already.
    """
    row = await connection.execute(
        sa.insert(guarantees)
        .values(
            case_id=case_id or application.case_id,
            credit_case_id=application.case_id,
            applicant_id=application.person_id,
            person_id=person_id,
            employment_id=employment_id,
            monthly=application.monthly,
            instalments=application.instalments,
            replaces_id=replaces,
        )
        .returning(guarantees.c.id)
    )
    guarantee_id: UUID = row.scalar_one()
    return guarantee_id


async def read_guarantee(connection: AsyncConnection, guarantee_id: UUID | None) -> Guarantee | None:
    """The guarantee, or None if it is missing or hidden."""
    return await find_one(connection, Guarantee, sa.select(*_COLUMNS).where(guarantees.c.id == guarantee_id))


async def guarantees_in(connection: AsyncConnection, case_id: UUID) -> list[Guarantee]:
    """Who is asked, or stands, in a case that the transaction has locked; in the order they were named."""
    return await read_all(connection, Guarantee, _LIVE, {"this_case": case_id})


async def guarantees_for(connection: AsyncConnection, credit_case_id: UUID) -> list[Guarantee]:
    """Everybody who was ever named for a credit, newest first; at most 50."""
    return await read_all(connection, Guarantee, _NAMED, {"this_case": credit_case_id})


async def mark_asked(connection: AsyncConnection, guarantee: Guarantee) -> None:
    """The guarantor is asked: they take part in the case from now on."""
    await _change(connection, guarantees.c.id == guarantee.id, status="asked")
    await add_part(connection, guarantee.case_id, guarantee.person_id)


async def add_part(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> None:
    """Make a person take part in a case as its guarantor, until their part ends."""
    part = insert(case_people).values(case_id=case_id, person_id=person_id, part=PART)
    await connection.execute(
        part.on_conflict_do_update(index_elements=["case_id", "person_id", "part"], set_={"until": None})
    )


async def bar(connection: AsyncConnection, case_id: UUID, people: Collection[UUID]) -> None:
    """These take no part in a case, and may not decide it either: they have a share in what it is about."""
    if people:
        parts = [{"case_id": case_id, "person_id": person, "part": "concerned"} for person in people]
        query = insert(case_people).values(until=sa.func.now()).on_conflict_do_nothing()
        await connection.execute(query, parts)


async def guarantee_each_other(connection: AsyncConnection, one: UUID, other: UUID) -> bool:
    """Whether one of two people stands for the other, or is asked to."""
    pair = (one, other)
    return bool(
        await connection.scalar(
            sa.select(
                sa.exists().where(
                    guarantees.c.ended_at.is_(None),
                    guarantees.c.person_id.in_(pair),
                    guarantees.c.applicant_id.in_(pair),
                )
            )
        )
    )


async def is_asked_again(connection: AsyncConnection, guarantee: Guarantee) -> bool:
    """Whether the same guarantor had accepted less before (A7)."""
    if guarantee.replaces_id is None:
        return False
    before = await read_guarantee(connection, guarantee.replaces_id)
    return before is not None and before.person_id == guarantee.person_id and before.accepted_at is not None


async def accept(connection: AsyncConnection, guarantee_id: UUID, *, mandate_version: int) -> bool:
    """The guarantor stands, for exactly the terms of the guarantee; False if it ended meanwhile."""
    return await _change(
        connection,
        guarantees.c.id == guarantee_id,
        status="accepted",
        accepted_at=sa.func.now(),
        mandate_version=mandate_version,
    )


async def end_guarantee(connection: AsyncConnection, guarantee_id: UUID, status: str) -> bool:
    """A guarantor refused, stayed silent, was replaced, or is released; their slot is free.

    False if it has ended otherwise meanwhile: a renewal releases the guarantors of the former line.
    """
    return await _change(connection, guarantees.c.id == guarantee_id, status=status, ended_at=sa.func.now())


async def release_all(connection: AsyncConnection, case_id: UUID) -> dict[Sms, list[UUID]]:
    """Release everybody who was named, is asked, or stands, in a case or for its credit (A11).

    Returns:
        Recipients by notice; a person who was never asked gets none.
    """
    rows = await connection.execute(
        sa.update(guarantees)
        .where(
            sa.or_(guarantees.c.case_id == case_id, guarantees.c.credit_case_id == case_id),
            guarantees.c.ended_at.is_(None),
        )
        .values(status="released", ended_at=sa.func.now())
        .returning(guarantees.c.person_id, sa.literal_column("old.status"), sa.exists(_STOOD_BEFORE))
    )
    told: dict[Sms, list[UUID]] = {}
    for person_id, was, stood_before in rows:
        # A guarantor of a lower amount who was not asked anew yet still believes that they stand (A7).
        notice = notice_of_end("accepted" if was == "named" and stood_before else was)
        if notice is not None:
            told.setdefault(notice, []).append(person_id)
    return told


async def _change(connection: AsyncConnection, condition: sa.ColumnElement[bool], **values: object) -> bool:
    changed = await connection.execute(
        sa.update(guarantees).where(condition, guarantees.c.ended_at.is_(None)).values(values)
    )
    return changed.rowcount == 1


async def end_parts(connection: AsyncConnection, case_id: UUID) -> None:
    """End the part of those whose guarantee in a case has ended."""
    await connection.execute(_END_PARTS, {"this_case": case_id})


async def lock_slots(connection: AsyncConnection, person_id: UUID) -> None:
    """Serialise whatever makes one person a guarantor until the transaction ends."""
    await lock(connection, About.PLACES_OF_GUARANTOR, person_id)


async def count_guaranteed(connection: AsyncConnection, person_id: UUID, *, apart_from: UUID) -> int:
    """For how many other persons somebody stands (A4); each until their guarantee has ended.

    Args:
        connection: a transaction that called ``lock_slots`` where the answer is acted on.
        person_id: the guarantor.
        apart_from: the applicant who is not counted.
    """
    return int(await connection.scalar(_COUNT, {"this_person": person_id, "apart_from": apart_from}) or 0)


async def credits_run_out(connection: AsyncConnection, today: date, limit: int) -> list[UUID]:
    """Credits whose term has ended, on which nothing is used or held, and for which somebody still stands.

    Returns:
        The ids of their cases, at most ``limit``.
    """
    unused = sa.exists().where(
        accounts.c.code == sa.func.concat(f"{CREDIT_AVAILABLE.name}:", credit_lines.c.id),
        accounts.c.balance == credit_lines.c.monthly * credit_lines.c.instalments,
        accounts.c.held == 0,
    )
    query = (
        sa.select(credit_lines.c.case_id)
        .join(guarantees, guarantees.c.credit_case_id == credit_lines.c.case_id)
        .where(
            guarantees.c.status == "accepted",
            credit_lines.c.closed_at.is_(None),
            credit_lines.c.ends_on < today,
            unused,
        )
        .distinct()
        .limit(limit)
    )
    return list(await connection.scalars(query))


async def programme_behind(connection: AsyncConnection, guarantee: Guarantee) -> Programme:
    """The programme as the credit's case froze it."""
    policy_id = await connection.scalar(sa.select(cases.c.policy_id).where(cases.c.id == guarantee.credit_case_id))
    return await programme_of(connection, cast(UUID, policy_id))


def as_worker(employment: Employment) -> Worker:
    """An employment as the rules about guarantors look at it."""
    return Worker(
        employment.organisation_id,
        employment.region_code,
        employment.served_since,
        employment.net_pay,
        is_employed=employment.counts,
    )


@dataclass(frozen=True, slots=True)
class GuaranteeRequest:
    """A guarantee as its guarantor sees it: for whom, where they work, and where the case stands (A5).

    ``task_id`` is the open task with which they answer.
    """

    guarantee: Guarantee
    applicant_name: str
    organisation_name: str
    region_name: str
    programme: str
    policy_id: UUID
    kind: str
    phase: str
    task_id: UUID | None


async def requests_to(
    connection: AsyncConnection, person_id: UUID, *, before: UUID | None, limit: int
) -> list[GuaranteeRequest]:
    """The guarantees that a person was asked for, newest first, in a transaction that may see the applicants."""
    query = _requests(person_id).order_by(guarantees.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(guarantees.c.id < before)
    return [_request(row) for row in await connection.execute(query)]


async def request_to(connection: AsyncConnection, person_id: UUID, guarantee_id: UUID) -> GuaranteeRequest | None:
    """One of the person's guarantees, or None; like ``requests_to``, in a transaction that may see the applicant."""
    query = _requests(person_id).where(guarantees.c.id == guarantee_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _request(row)


def _requests(person_id: UUID) -> sa.Select[Any]:
    name = sa.func.concat_ws(" ", persons.c.first_name, persons.c.last_name)
    credit = cases.alias("credit")
    asked = sa.and_(
        tasks.c.case_id == guarantees.c.case_id,
        tasks.c.person_id == guarantees.c.person_id,
        tasks.c.kind == TaskKind.ANSWER_GUARANTEE,
        tasks.c.status == "open",
        guarantees.c.status == "asked",
    )
    return (
        sa.select(
            *_COLUMNS, name, organisations.c.name, regions.c.name, credit.c.variant, credit.c.policy_id,
            credit.c.kind, credit.c.phase, tasks.c.id,
        )
        .join(credit, credit.c.id == guarantees.c.credit_case_id)
        .join(persons, persons.c.id == guarantees.c.applicant_id)
        .join(organisations, organisations.c.id == credit.c.organisation_id)
        .join(regions, regions.c.code == credit.c.region_code)
        .outerjoin(tasks, asked)
        .where(guarantees.c.person_id == person_id)
    )  # fmt: skip


def _request(row: sa.Row[Any]) -> GuaranteeRequest:
    count = len(_COLUMNS)
    return GuaranteeRequest(as_row(Guarantee, row[:count]), *row[count:])
