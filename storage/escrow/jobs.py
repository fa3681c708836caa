"""Jobs: begun, answered by who has the number, and listed (E1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.identity import Mobile
from domain.money import Money, Unit
from messages.case import RESUMED, CaseKind, CaseSignal
from messages.escrow import JobSide
from storage.outbox import enqueue
from storage.people import Number, find_holder
from storage.rows.cases import case_people, cases
from storage.rows.escrow import Job, escrow_jobs, escrows
from storage.rows.people import persons
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_COLUMNS: Final = columns(escrow_jobs, Job)
_j = escrow_jobs.c
# Of one number; more wait for the next sign-in.
_MOST_WOKEN: Final = 100


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as a member begins it: which side they are, and by which number the other side is found."""

    begun_by: JobSide
    person_id: UUID
    number: Number = field(repr=False)
    title: str = field(repr=False)
    description: str = field(repr=False)
    price: Money
    clause_version: int
    answer_within: timedelta


async def add_job(connection: AsyncConnection, job: NewJob) -> Job:
    """Store a job."""
    values = {
        "begun_by": job.begun_by,
        f"{job.begun_by}_id": job.person_id,
        "mobile_index": job.number.index,
        "mobile_sealed": job.number.sealed,
        "title": job.title,
        "description": job.description,
        "price": job.price.amount,
        "unit": Unit.IRR,
        "clause_version": job.clause_version,
        "answer_until": sa.func.now() + job.answer_within,
    }
    return await read_one(connection, Job, sa.insert(escrow_jobs).values(values).returning(*_COLUMNS))


async def read_job(connection: AsyncConnection, job_id: UUID, *, lock: bool = False) -> Job | None:
    """The job, or None if it is missing or hidden."""
    query = sa.select(*_COLUMNS).where(_j.id == job_id)
    return await find_one(connection, Job, query.with_for_update() if lock else query)


def open_mobile(seals: Seals, job: Job) -> Mobile | None:
    """The other side's number in clear, for who shows it masked; None once it was forgotten."""
    return None if job.mobile_sealed is None else Mobile(seals.cipher.open_text(job.mobile_sealed, "person.mobile"))


async def find_other_side(connection: AsyncConnection, job: Job) -> UUID | None:
    """Who is on the side that was asked: known already, or who showed last of all that the number is theirs."""
    known, begun_by = job.person_of(job.other_side), job.person_of(job.begun_by)
    if known is not None or job.mobile_index is None or begun_by is None:
        return known
    return await find_holder(connection, job.mobile_index, apart_from=begun_by)


async def set_other_side(connection: AsyncConnection, job: Job, case_id: UUID, person_id: UUID) -> None:
    """It is this member's from now on to answer: they take part in this case of the job.

    Each case adds them for itself: to write about a case that another transaction has locked would wait for it.
    """
    side = job.other_side
    if job.person_of(side) is None:
        await connection.execute(sa.update(escrow_jobs).where(_j.id == job.id).values({f"{side}_id": person_id}))
    part = insert(case_people).values(case_id=case_id, person_id=person_id, part=Part(side))
    await connection.execute(part.on_conflict_do_nothing())


async def mark_job_accepted(connection: AsyncConnection, job_id: UUID) -> None:
    """Both have accepted the clause: payments may be made, and each side knows the other by name."""
    values = {"accepted_at": sa.func.now(), "mobile_index": None, "mobile_sealed": None}
    await connection.execute(sa.update(escrow_jobs).where(_j.id == job_id, _j.accepted_at.is_(None)).values(values))


async def forget_number(connection: AsyncConnection, job_id: UUID) -> None:
    """No payment of the job waits for the number any more: it may be that of somebody who never heard of it."""
    # Another payment may be proposed at this moment: that is seen once its transaction is over.
    await read_job(connection, job_id, lock=True)
    waits = sa.exists().where(escrows.c.job_id == job_id, escrows.c.case_id == cases.c.id, cases.c.closed_at.is_(None))
    values = {"mobile_index": None, "mobile_sealed": None}
    await connection.execute(sa.update(escrow_jobs).where(_j.id == job_id, sa.not_(waits)).values(values))


async def wake_awaited(connection: AsyncConnection, person_id: UUID) -> None:
    """Somebody has shown that their number is theirs: the payments that wait for it ask them now."""
    query = (
        sa.select(escrows.c.case_id)
        .join(escrow_jobs, _j.id == escrows.c.job_id)
        .join(persons, persons.c.mobile_index == _j.mobile_index)
        .join(cases, cases.c.id == escrows.c.case_id)
        .where(persons.c.id == person_id, cases.c.closed_at.is_(None), escrows.c.accepted_at.is_(None))
        .order_by(escrows.c.case_id)
        .limit(_MOST_WOKEN)
    )
    await enqueue(connection, *[CaseSignal(CaseKind.ESCROW, one, RESUMED) for one in await connection.scalars(query)])


async def list_jobs(connection: AsyncConnection, person_id: UUID, *, before: UUID | None, limit: int) -> list[Job]:
    """Somebody's jobs on either side, the newest first."""
    sides = [
        sa.select(_j.id)
        .where(side == person_id, *(() if before is None else (_j.id < before,)))
        .order_by(_j.id.desc())
        .limit(limit)
        .subquery()
        for side in (_j.employer_id, _j.contractor_id)
    ]
    found = sa.union_all(*(sa.select(side.c.id) for side in sides)).scalar_subquery()
    query = sa.select(*_COLUMNS).where(_j.id.in_(found)).order_by(_j.id.desc()).limit(limit)
    return await read_all(connection, Job, query)
