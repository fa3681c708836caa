"""Normal payments: asked for, waited for by a number, accepted, and listed (E7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.identity import Mobile
from domain.money import Money
from domain.normal_payment import NormalPaymentPolicy
from messages.case import RESUMED, CaseKind, CaseSignal
from storage.outbox import enqueue
from storage.people import Number
from storage.policies import by_id
from storage.rows.cases import case_people, cases
from storage.rows.normal_payment import NormalPayment, normal_payments
from storage.rows.people import persons
from storage.rows.table import as_row, columns, find_one
from storage.sealing import Seals

_COLUMNS = columns(normal_payments, NormalPayment)
_n = normal_payments.c
# Of one number; more wait for the next sign-in.
_MOST_WOKEN = 50


@dataclass(frozen=True, slots=True)
class NormalPaymentRow:
    """A normal payment in a list, with where its case stands."""

    payment: NormalPayment
    number: str
    phase: str
    opened_at: datetime


async def add_normal_payment(
    connection: AsyncConnection,
    case_id: UUID,
    *,
    payer_id: UUID,
    number: Number | None,
    amount: Money,
    what_for: str,
    policy: NormalPaymentPolicy,
    job_id: UUID | None = None,
) -> None:
    """Store what a case of this kind is to pay, and by which number its payee is found, if by one."""
    values = {
        "case_id": case_id,
        "payer_id": payer_id,
        "mobile_index": None if number is None else number.index,
        "mobile_sealed": None if number is None else number.sealed,
        "amount": amount.amount,
        "unit": amount.unit,
        "what_for": what_for,
        "terms_version": policy.terms_version,
        "answer_until": sa.func.now() + policy.accept_expire,
        "job_id": job_id,
    }
    await connection.execute(sa.insert(normal_payments).values(values))


async def policy_of(connection: AsyncConnection, policy_id: UUID) -> NormalPaymentPolicy:
    """The policy as a case froze it."""
    return NormalPaymentPolicy.from_policy((await by_id(connection, policy_id)).value)


async def read_normal_payment(connection: AsyncConnection, case_id: UUID) -> NormalPayment | None:
    """What a case pays, or None if it is missing or hidden."""
    return await find_one(connection, NormalPayment, sa.select(*_COLUMNS).where(_n.case_id == case_id))


def open_mobile(seals: Seals, payment: NormalPayment) -> Mobile | None:
    """The payee's number in clear, for who shows it masked; None once it was forgotten."""
    sealed = payment.mobile_sealed
    return None if sealed is None else Mobile(seals.cipher.open_text(sealed, "person.mobile"))


async def set_payee(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> None:
    """It is this member's from now on to answer: they take part in the case."""
    await connection.execute(sa.update(normal_payments).where(_n.case_id == case_id).values(payee_id=person_id))
    part = insert(case_people).values(case_id=case_id, person_id=person_id, part=Part.PAYEE)
    await connection.execute(part.on_conflict_do_nothing())


async def mark_accepted(connection: AsyncConnection, case_id: UUID) -> None:
    """The payee has accepted: each side knows the other by name now."""
    values = {"accepted_at": sa.func.now(), "mobile_index": None, "mobile_sealed": None}
    await connection.execute(sa.update(normal_payments).where(_n.case_id == case_id).values(values))


async def forget_number(connection: AsyncConnection, case_id: UUID) -> None:
    """Nobody is waited for any more: the number may be that of somebody who never heard of it."""
    values = {"mobile_index": None, "mobile_sealed": None}
    await connection.execute(sa.update(normal_payments).where(_n.case_id == case_id).values(values))


async def wake_awaited(connection: AsyncConnection, person_id: UUID) -> None:
    """Somebody has shown that their number is theirs: the payments that wait for it ask them now."""
    query = (
        sa.select(_n.case_id)
        .join(persons, persons.c.mobile_index == _n.mobile_index)
        .where(persons.c.id == person_id, _n.payee_id.is_(None), _n.payer_id != person_id)
        .order_by(_n.case_id)
        .limit(_MOST_WOKEN)
    )
    woken = [CaseSignal(CaseKind.NORMAL_PAYMENT, case_id, RESUMED) for case_id in await connection.scalars(query)]
    await enqueue(connection, *woken)


async def list_normal_payments(
    connection: AsyncConnection, person_id: UUID, *, before: UUID | None, limit: int
) -> list[NormalPaymentRow]:
    """What somebody pays or is paid, the newest first."""
    sides = [
        sa.select(_n.case_id)
        .where(side == person_id, *(() if before is None else (_n.case_id < before,)))
        .order_by(_n.case_id.desc())
        .limit(limit)
        .subquery()
        for side in (_n.payer_id, _n.payee_id)
    ]
    found = sa.union_all(*(sa.select(side.c.case_id) for side in sides)).scalar_subquery()
    query = (
        sa.select(*_COLUMNS, cases.c.number, cases.c.phase, cases.c.opened_at)
        .join(cases, cases.c.id == _n.case_id)
        .where(_n.case_id.in_(found))
        .order_by(_n.case_id.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    size = len(_COLUMNS)
    return [NormalPaymentRow(as_row(NormalPayment, row[:size]), *row[size:]) for row in rows]
