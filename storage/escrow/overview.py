"""How safe payments stand, to the last rial (E8), and what is open in each: what lists and pages are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Actor
from domain.escrow.rules import MOST_PAYMENTS
from domain.ledger import escrow_account
from messages.escrow import FactKind
from storage.database import with_service_rights
from storage.escrow.payments import EscrowRow, moves_of
from storage.ledger.reading import balances
from storage.normal_payment import NormalPaymentRow
from storage.rows.cases import cases, facts
from storage.rows.escrow import (
    Escrow,
    EscrowDispute,
    EscrowMove,
    RefundAsk,
    Ruling,
    SplitOffer,
    escrow_disputes,
    escrow_refund_asks,
    escrow_rulings,
    escrow_split_offers,
)
from storage.rows.normal_payment import NormalPayment, normal_payments
from storage.rows.table import as_row, columns, read_all

_d, _a, _o, _r, _n = (
    each.c for each in (escrow_disputes, escrow_refund_asks, escrow_split_offers, escrow_rulings, normal_payments)
)
_DISPUTE: Final = columns(escrow_disputes, EscrowDispute)
_NORMAL: Final = columns(normal_payments, NormalPayment)
# With these a person has ended it, though the process may not have heard yet.
_ENDINGS: Final = (FactKind.ESCROW_DECLINED, FactKind.ESCROW_WITHDRAWN)
# Of one payment at a time; both sides may make twenty each.
_MOST_OFFERS: Final = 40


@dataclass(frozen=True, slots=True)
class EscrowSums:
    """What became of funded money, in rial.

    ``released`` is what reached the contractor, net; ``fees`` Amanat's with VAT; ``refunded`` what left to go back to
    the employer; ``held`` what the ledger holds. Of that, nothing is decided about ``available``; ``on_its_way`` was
    decided to leave; the rest is frozen by a dispute.
    """

    funded: int = 0
    released: int = 0
    fees: int = 0
    refunded: int = 0
    held: int = 0
    on_its_way: int = 0
    available: int = 0

    def __add__(self, other: Self) -> Self:
        """Both together."""
        return type(self)(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, and nothing too much (E8)."""
        return self.funded == self.released + self.fees + self.refunded + self.held


@dataclass(frozen=True, slots=True)
class EscrowState:
    """A safe payment with all that pages say of it, and by which they offer what may be done.

    ``has_ended``: a person has ended it before it was paid, though its process may not have heard. ``dispute`` is the
    newest one, under way or over, ``offers`` and ``rulings`` are of that; ``ask`` is the newest request for a refund.
    """

    row: EscrowRow
    has_ended: bool
    sums: EscrowSums
    moves: Sequence[EscrowMove]
    ask: RefundAsk | None
    dispute: EscrowDispute | None
    offers: Sequence[SplitOffer]
    rulings: Sequence[Ruling]

    @property
    def escrow(self) -> Escrow:
        """The safe payment itself."""
        return self.row.escrow

    @property
    def open_dispute(self) -> EscrowDispute | None:
        """The dispute that is under way."""
        return self.dispute if self.dispute is not None and self.dispute.ended_at is None else None

    @property
    def open_ask(self) -> RefundAsk | None:
        """The request for a refund that waits for its answer."""
        return self.ask if self.ask is not None and self.ask.answered_at is None else None


async def states_of(connection: AsyncConnection, actor: Actor, rows: Sequence[EscrowRow]) -> list[EscrowState]:
    """Safe payments as somebody who sees them finds them, in the given order.

    Args:
        connection: theirs.
        actor: who looks; held money is neither side's account, so its balance is read with the service's rights.
        rows: at most those of one job.
    """
    ids = [row.escrow.case_id for row in rows]
    moves = await moves_of(connection, ids)
    async with with_service_rights(connection, actor):
        sums = await sums_of(connection, [row.escrow for row in rows], moves)
    disputes, asks = await _disputes(connection, ids), await _asks(connection, ids)
    ended = await _ended(connection, ids)
    of_disputes = [one.id for one in disputes.values()]
    offers, rulings = await _offers(connection, of_disputes), await _rulings(connection, of_disputes)

    def state(row: EscrowRow) -> EscrowState:
        case_id = row.escrow.case_id
        dispute = disputes.get(case_id)
        about = None if dispute is None else dispute.id
        return EscrowState(
            row,
            case_id in ended,
            sums[case_id],
            [move for move in moves if move.case_id == case_id],
            asks.get(case_id),
            dispute,
            [offer for offer in offers if offer.dispute_id == about],
            [ruling for ruling in rulings if ruling.dispute_id == about],
        )

    return [state(row) for row in rows]


async def sums_of(
    connection: AsyncConnection, escrows: Collection[Escrow], moves: Collection[EscrowMove]
) -> dict[UUID, EscrowSums]:
    """How some safe payments stand, by case.

    Args:
        connection: with the rights of the service or of staff.
        escrows: which.
        moves: all that left, or is on its way out of, them.
    """
    codes = {one.case_id: escrow_account(one.case_id).code for one in escrows if one.funded_at is not None}
    found = await balances(connection, codes.values()) if codes else {}
    sums = {one.case_id: EscrowSums() for one in escrows}
    for one in escrows:
        if one.case_id in codes:
            balance = found[codes[one.case_id]]
            sums[one.case_id] = EscrowSums(one.amount, held=balance.posted, available=balance.available)
    for move in moves:
        sums[move.case_id] += _of_move(move)
    return sums


def _of_move(move: EscrowMove) -> EscrowSums:
    if move.booked_at is None:
        return EscrowSums(on_its_way=move.to_contractor + move.to_employer)
    fees = move.fee + move.vat
    return EscrowSums(released=move.to_contractor - fees, fees=fees, refunded=move.to_employer)


async def _disputes(connection: AsyncConnection, case_ids: Collection[UUID]) -> dict[UUID, EscrowDispute]:
    """The newest of each: one that is under way, else the one that ended last."""
    query = (
        sa.select(*_DISPUTE)
        .ext(distinct_on(_d.case_id))
        .where(_d.case_id.in_(case_ids))
        .order_by(_d.case_id, _d.ended_at.desc().nulls_first())
        .limit(max(len(case_ids), 1))
    )
    return {one.case_id: one for one in await read_all(connection, EscrowDispute, query)}


async def _asks(connection: AsyncConnection, case_ids: Collection[UUID]) -> dict[UUID, RefundAsk]:
    query = (
        sa.select(*columns(escrow_refund_asks, RefundAsk))
        .ext(distinct_on(_a.case_id))
        .where(_a.case_id.in_(case_ids))
        .order_by(_a.case_id, _a.id.desc())
        .limit(max(len(case_ids), 1))
    )
    return {one.case_id: one for one in await read_all(connection, RefundAsk, query)}


async def _ended(connection: AsyncConnection, case_ids: Collection[UUID]) -> set[UUID]:
    query = sa.select(facts.c.case_id).where(facts.c.case_id.in_(case_ids), facts.c.kind.in_(_ENDINGS))
    return set(await connection.scalars(query.limit(len(_ENDINGS) * max(len(case_ids), 1))))


async def _offers(connection: AsyncConnection, dispute_ids: Collection[UUID]) -> list[SplitOffer]:
    query = sa.select(*columns(escrow_split_offers, SplitOffer)).where(_o.dispute_id.in_(dispute_ids)).order_by(_o.id)
    return await read_all(connection, SplitOffer, query.limit(_MOST_OFFERS * max(len(dispute_ids), 1)))


async def _rulings(connection: AsyncConnection, dispute_ids: Collection[UUID]) -> list[Ruling]:
    query = sa.select(*columns(escrow_rulings, Ruling)).where(_r.dispute_id.in_(dispute_ids)).order_by(_r.round)
    return await read_all(connection, Ruling, query.limit(2 * max(len(dispute_ids), 1)))


async def normal_payments_of(connection: AsyncConnection, job_id: UUID) -> list[NormalPaymentRow]:
    """What is paid for a job outside its safe payments (E7), the first one first; at most as many as of those."""
    query = (
        sa.select(*_NORMAL, cases.c.number, cases.c.phase, cases.c.opened_at)
        .join(cases, cases.c.id == _n.case_id)
        .where(_n.job_id == job_id)
        .order_by(_n.case_id)
        .limit(MOST_PAYMENTS)
    )
    size = len(_NORMAL)
    rows = await connection.execute(query)
    return [NormalPaymentRow(as_row(NormalPayment, row[:size]), *row[size:]) for row in rows]
