"""Safe payments: proposed, accepted, funded, and what was decided to leave the held money (E1 to E6, E8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Part
from domain.errors import NotFound
from domain.escrow.policy import EscrowPolicy, fee_of
from domain.escrow.rules import MOST_MOVES, MOST_PAYMENTS, MoveCause, PaymentWish, Shares
from domain.ledger import escrow_account
from domain.money import Money
from messages.escrow import JobSide, Phase
from storage import ledger
from storage.policies import by_id
from storage.rows.cases import case_people, cases
from storage.rows.escrow import Escrow, EscrowMove, RefundAsk, escrow_moves, escrow_refund_asks, escrows
from storage.rows.table import as_row, columns, find_one, read_all, read_one

_ESCROW: Final = columns(escrows, Escrow)
_MOVE: Final = columns(escrow_moves, EscrowMove)
_ASK: Final = columns(escrow_refund_asks, RefundAsk)
_e, _m, _a = escrows.c, escrow_moves.c, escrow_refund_asks.c
# Of one payment: after so many parts only the whole rest leaves.
_MOST_MOVES: Final = MOST_MOVES + 1
# More are booked by the next step.
_BOOKED_AT_ONCE: Final = 20
# How a proposal may end without ever being payable.
_NEVER: Final = (Phase.DECLINED, Phase.WITHDRAWN, Phase.LAPSED)


@dataclass(frozen=True, slots=True)
class EscrowRow:
    """A safe payment of a job with where its case stands."""

    escrow: Escrow
    number: str
    phase: str
    is_open: bool
    version: int
    next_actor: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What is charged, in parts of ten thousand, as it is shown to both sides."""

    fee: int
    vat: int


async def policy_of(connection: AsyncConnection, policy_id: UUID) -> EscrowPolicy:
    """The policy as a case froze it."""
    return EscrowPolicy.from_policy((await by_id(connection, policy_id)).value)


async def add_escrow(
    connection: AsyncConnection,
    case_id: UUID,
    job_id: UUID,
    *,
    proposed_by: JobSide,
    wish: PaymentWish,
    rates: Rates,
    answer_within: timedelta,
    is_accepted: bool,
) -> None:
    """Store a safe payment; one that is immediate needs no answer of the other side."""
    values = {
        "case_id": case_id,
        "job_id": job_id,
        "timing": wish.timing,
        "proposed_by": proposed_by,
        "title": wish.title,
        "amount": wish.amount.amount,
        "due_on": wish.due_on,
        "fee_rate": rates.fee,
        "vat_rate": rates.vat,
        "answer_until": sa.func.now() + answer_within,
        "accepted_at": sa.func.now() if is_accepted else None,
    }
    await connection.execute(sa.insert(escrows).values(values))


async def take_part(connection: AsyncConnection, case_id: UUID, person_id: UUID, side: JobSide) -> None:
    """A side that is known takes part in a payment of its job."""
    part = insert(case_people).values(case_id=case_id, person_id=person_id, part=Part(side))
    await connection.execute(part.on_conflict_do_nothing())


async def read_escrow(connection: AsyncConnection, case_id: UUID) -> Escrow | None:
    """The safe payment of a case, or None if it is missing or hidden."""
    return await find_one(connection, Escrow, sa.select(*_ESCROW).where(_e.case_id == case_id))


async def payments_of(connection: AsyncConnection, job_ids: Collection[UUID]) -> list[EscrowRow]:
    """The safe payments of some jobs, the first one first."""
    c = cases.c
    query = (
        sa.select(*_ESCROW, c.number, c.phase, c.closed_at.is_(None), c.version, c.next_actor, c.due_at)
        .join(cases, c.id == _e.case_id)
        .where(_e.job_id.in_(job_ids))
        .order_by(_e.case_id)
        .limit(MOST_PAYMENTS * max(len(job_ids), 1))
    )
    size = len(_ESCROW)
    return [EscrowRow(as_row(Escrow, row[:size]), *row[size:]) for row in await connection.execute(query)]


async def promised(connection: AsyncConnection, job_id: UUID) -> tuple[Money, int]:
    """What the payments of a job that may still reach the contractor are together, and how many payments it has."""
    back = sa.select(sa.func.sum(_m.to_employer)).where(_m.case_id == _e.case_id).scalar_subquery()
    live = sa.func.coalesce(cases.c.outcome, "").not_in(_NEVER)
    left = sa.func.sum(sa.case((live, _e.amount - sa.func.coalesce(back, 0)), else_=0))
    query = (
        sa.select(sa.func.coalesce(left, 0), sa.func.count())
        .select_from(escrows)
        .join(cases, cases.c.id == _e.case_id)
        .where(_e.job_id == job_id)
    )
    amount, count = (await connection.execute(query)).one()
    return Money(int(amount)), int(count)


async def mark_accepted(connection: AsyncConnection, case_id: UUID) -> None:
    """Both agree on amount and day."""
    await connection.execute(sa.update(escrows).where(_e.case_id == case_id).values(accepted_at=sa.func.now()))


async def mark_funded(connection: AsyncConnection, case_id: UUID, payment_id: UUID) -> None:
    """The employer's money is held from now on."""
    values = {"payment_id": payment_id, "funded_at": sa.func.now(), "stirred_at": sa.func.now()}
    await connection.execute(sa.update(escrows).where(_e.case_id == case_id).values(values))


async def stir(connection: AsyncConnection, case_id: UUID, *, declared: bool = False) -> None:
    """Somebody did something about the held money: dormancy counts from now on anew."""
    values = {"stirred_at": sa.func.now(), "dormant_times": 0} | ({"declared_at": sa.func.now()} if declared else {})
    await connection.execute(sa.update(escrows).where(_e.case_id == case_id).values(values))


async def count_dormant(connection: AsyncConnection, case_id: UUID) -> None:
    """Both were reminded of money with which nothing happens."""
    values = {"stirred_at": sa.func.now(), "dormant_times": _e.dormant_times + 1}
    await connection.execute(sa.update(escrows).where(_e.case_id == case_id).values(values))


async def held(connection: AsyncConnection, case_id: UUID) -> tuple[Money, Money]:
    """What is held of a safe payment, and what of it nothing is decided about yet; nothing before it was funded."""
    try:
        found = await ledger.balance(connection, escrow_account(case_id).code)
    except NotFound:
        return Money(0), Money(0)
    return Money(found.posted), Money(found.available)


def new_move() -> UUID:
    """The id of a move, by which its hold has its key."""
    return uuid4()


async def add_move(  # noqa: PLR0913 - a move is these values
    connection: AsyncConnection,
    escrow: Escrow,
    *,
    move_id: UUID,
    cause: MoveCause,
    hold_id: UUID,
    to_contractor: Money,
    to_employer: Money,
    fact_id: UUID | None = None,
    dispute_id: UUID | None = None,
) -> None:
    """Store what was decided to leave; the fee is of the contractor's part alone.

    Raises:
        sqlalchemy.exc.IntegrityError: the dispute is settled already.
    """
    fee = fee_of(to_contractor, fee_rate=escrow.fee_rate, vat_rate=escrow.vat_rate)
    values = {
        "id": move_id,
        "case_id": escrow.case_id,
        "cause": cause,
        "fact_id": fact_id,
        "dispute_id": dispute_id,
        "to_contractor": to_contractor.amount,
        "fee": fee.net.amount,
        "vat": fee.vat.amount,
        "to_employer": to_employer.amount,
        "hold_id": hold_id,
    }
    await connection.execute(sa.insert(escrow_moves).values(values))


async def moves_of(connection: AsyncConnection, case_ids: Collection[UUID]) -> list[EscrowMove]:
    """What left, or is on its way out of, some safe payments, the first one first."""
    query = sa.select(*_MOVE).where(_m.case_id.in_(case_ids)).order_by(_m.decided_at, _m.id)
    return await read_all(connection, EscrowMove, query.limit(_MOST_MOVES * max(len(case_ids), 1)))


async def unbooked_of(connection: AsyncConnection, case_id: UUID) -> list[EscrowMove]:
    """What was decided to leave and the ledger does not know yet, the first one first."""
    query = sa.select(*_MOVE).where(_m.case_id == case_id, _m.booked_at.is_(None)).order_by(_m.decided_at, _m.id)
    return await read_all(connection, EscrowMove, query.limit(_BOOKED_AT_ONCE))


async def divided(connection: AsyncConnection, case_id: UUID) -> Shares:
    """How much of a safe payment went, or was decided to go, to each side."""
    query = sa.select(*(sa.func.coalesce(sa.func.sum(part), 0) for part in (_m.to_contractor, _m.to_employer))).where(
        _m.case_id == case_id
    )
    to_contractor, to_employer = (await connection.execute(query)).one()
    return Shares(Money(int(to_contractor)), Money(int(to_employer)))


async def speaks(connection: AsyncConnection, escrow: Escrow) -> bool:
    """Whether this one of the payments that were proposed together tells people of all, so that they hear it once.

    It is the first of those that nobody has accepted, declined or withdrawn.
    """
    other, case = escrows.alias(), cases.alias()
    silent = sa.or_(case.c.closed_at.is_(None), case.c.outcome == Phase.LAPSED)
    earlier = (
        sa.select(other.c.case_id)
        .join(case, case.c.id == other.c.case_id)
        .where(
            other.c.job_id == escrow.job_id,
            other.c.proposed_at == escrow.proposed_at,
            other.c.case_id < escrow.case_id,
            other.c.accepted_at.is_(None),
            silent,
        )
    )
    return not await connection.scalar(sa.select(earlier.exists()))


async def mark_booked(connection: AsyncConnection, move_id: UUID, refund_id: UUID | None) -> None:
    """The ledger has it; the employer's part goes back by a payment."""
    values = {"booked_at": sa.func.now(), "refund_id": refund_id}
    await connection.execute(sa.update(escrow_moves).where(_m.id == move_id).values(values))


async def add_ask(connection: AsyncConnection, case_id: UUID, amount: Money, reason: str) -> RefundAsk:
    """Store that the employer asks for money back.

    Raises:
        sqlalchemy.exc.IntegrityError: one is asked for already.
    """
    values = {"case_id": case_id, "amount": amount.amount, "reason": reason}
    return await read_one(connection, RefundAsk, sa.insert(escrow_refund_asks).values(values).returning(*_ASK))


async def last_ask(connection: AsyncConnection, case_id: UUID) -> RefundAsk | None:
    """The newest request for money back."""
    query = sa.select(*_ASK).where(_a.case_id == case_id).order_by(_a.id.desc()).limit(1)
    return await find_one(connection, RefundAsk, query)


async def answer_ask(connection: AsyncConnection, ask_id: UUID, agreed: Money | None) -> None:
    """The contractor agreed to so much, perhaps to nothing; None: it was overtaken by a dispute or a release."""
    values = {"answered_at": sa.func.now(), "agreed": None if agreed is None else agreed.amount}
    await connection.execute(sa.update(escrow_refund_asks).where(_a.id == ask_id).values(values))
