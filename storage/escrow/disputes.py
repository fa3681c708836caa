"""Disputes: what each side says and offers, what arbitrators rule, and how one ends (E5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.escrow.rules import MOST_OFFERS, MOST_STATEMENTS, Shares
from domain.money import Money
from domain.vault import WhyErased
from messages.escrow import JobSide
from storage.rows.escrow import (
    DisputeStatement,
    EscrowDispute,
    Ruling,
    SplitOffer,
    escrow_disputes,
    escrow_rulings,
    escrow_split_offers,
    escrow_statements,
)
from storage.rows.table import columns, find_one, read_all
from storage.sealing import Seals
from storage.vault import end_secrets

_DISPUTE: Final = columns(escrow_disputes, EscrowDispute)
_STATEMENT: Final = columns(escrow_statements, DisputeStatement)
_OFFER: Final = columns(escrow_split_offers, SplitOffer)
_RULING: Final = columns(escrow_rulings, Ruling)
_d, _s, _o, _r = escrow_disputes.c, escrow_statements.c, escrow_split_offers.c, escrow_rulings.c


def new_dispute() -> UUID:
    """The id of a dispute, by which its hold has its key."""
    return uuid4()


async def add_dispute(
    connection: AsyncConnection,
    dispute_id: UUID,
    case_id: UUID,
    *,
    opened_by: str,
    about: Literal["work", "amount"],
    frozen: Money,
    hold_id: UUID,
) -> None:
    """Store that somebody asks for arbitration on what is frozen.

    Raises:
        sqlalchemy.exc.IntegrityError: there is one already.
    """
    values = {
        "id": dispute_id,
        "case_id": case_id,
        "opened_by": opened_by,
        "about": about,
        "frozen": frozen.amount,
        "hold_id": hold_id,
    }
    await connection.execute(sa.insert(escrow_disputes).values(values))


async def last_dispute(connection: AsyncConnection, case_id: UUID) -> EscrowDispute | None:
    """The newest dispute of a safe payment, under way or over."""
    # Ids of disputes are random: the newest is told by when it was opened, and one that is open is the newest.
    query = sa.select(*_DISPUTE).where(_d.case_id == case_id).order_by(_d.ended_at.desc().nulls_first()).limit(1)
    return await find_one(connection, EscrowDispute, query)


async def takes_evidence(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether both sides may still file statements and evidence."""
    found = await last_dispute(connection, case_id)
    return found is not None and found.ended_at is None and found.evidence_closed_at is None


async def close_evidence(connection: AsyncConnection, dispute_id: UUID) -> None:
    """The time to file is over: from now on each side reads what the other said, and sees what it filed."""
    # By the clock: the transaction may have waited for one that began later and filed something.
    await connection.execute(
        sa.update(escrow_disputes)
        .where(_d.id == dispute_id, _d.evidence_closed_at.is_(None))
        .values(evidence_closed_at=sa.func.clock_timestamp())
    )


async def end_dispute(
    connection: AsyncConnection, dispute_id: UUID, ended_as: Literal["withdrawn", "split", "ruled"]
) -> None:
    """It is over, and what was entrusted to the arbitrator is erased."""
    values = {"ended_at": sa.func.now(), "ended_as": ended_as}
    ending = sa.update(escrow_disputes).where(_d.id == dispute_id).values(values).returning(_d.case_id)
    case_id: UUID = (await connection.execute(ending)).scalar_one()
    await end_secrets(connection, WhyErased.NOT_NEEDED, case_id=case_id)


async def add_statement(
    connection: AsyncConnection, seals: Seals, dispute_id: UUID, *, side: JobSide, author_id: UUID, text: str
) -> bool:
    """Store what a side says; False if it has said as much as one may."""
    said = sa.select(sa.func.count()).where(_s.dispute_id == dispute_id, _s.side == side)
    if int(await connection.scalar(said) or 0) >= MOST_STATEMENTS:
        return False
    statement_id = uuid4()
    values = {
        "id": statement_id,
        "dispute_id": dispute_id,
        "side": side,
        "author_id": author_id,
        "text_sealed": seals.cipher.seal_text(text, _seal_of("statement", statement_id)),
    }
    await connection.execute(sa.insert(escrow_statements).values(values))
    return True


async def statements_of(connection: AsyncConnection, dispute_id: UUID) -> list[DisputeStatement]:
    """What the sides said, as far as the acting person sees it, the first first."""
    query = sa.select(*_STATEMENT).where(_s.dispute_id == dispute_id).order_by(_s.filed_at, _s.id)
    return await read_all(connection, DisputeStatement, query.limit(2 * MOST_STATEMENTS))


def open_statement(seals: Seals, statement: DisputeStatement) -> str:
    """What was said, in clear."""
    return seals.cipher.open_text(statement.text_sealed, _seal_of("statement", statement.id))


async def add_offer(connection: AsyncConnection, dispute_id: UUID, side: JobSide, shares: Shares) -> UUID | None:
    """Store how a side would divide it, in place of its former offer; None if it made as many as one may."""
    made = sa.select(sa.func.count()).where(_o.dispute_id == dispute_id, _o.offered_by == side)
    if int(await connection.scalar(made) or 0) >= MOST_OFFERS:
        return None
    open_one = sa.and_(_o.dispute_id == dispute_id, _o.offered_by == side, _o.answered_at.is_(None))
    replaced = {"answered_at": sa.func.now(), "answer": "replaced"}
    await connection.execute(sa.update(escrow_split_offers).where(open_one).values(replaced))
    values = {
        "dispute_id": dispute_id,
        "offered_by": side,
        "to_contractor": shares.to_contractor.amount,
        "to_employer": shares.to_employer.amount,
    }
    added = sa.insert(escrow_split_offers).values(values).returning(_o.id)
    offer_id: UUID = (await connection.execute(added)).scalar_one()
    return offer_id


async def offers_of(connection: AsyncConnection, dispute_id: UUID) -> list[SplitOffer]:
    """What was offered, the first first."""
    query = sa.select(*_OFFER).where(_o.dispute_id == dispute_id).order_by(_o.id).limit(2 * MOST_OFFERS)
    return await read_all(connection, SplitOffer, query)


async def answer_offer(connection: AsyncConnection, offer_id: UUID, answer: Literal["accepted", "declined"]) -> None:
    """The other side has answered.

    Raises:
        sqlalchemy.exc.IntegrityError: another offer of the dispute was accepted.
    """
    values = {"answered_at": sa.func.now(), "answer": answer}
    await connection.execute(sa.update(escrow_split_offers).where(_o.id == offer_id).values(values))


@dataclass(frozen=True, slots=True)
class NewRuling:
    """What an arbitrator rules, by which fact, for which reasons."""

    dispute_id: UUID
    round: int
    arbitrator_id: UUID
    fact_id: UUID
    shares: Shares
    reasons: str = field(repr=False)


async def add_ruling(connection: AsyncConnection, seals: Seals, ruling: NewRuling) -> UUID:
    """Store a ruling, which overtakes what was offered; returns its id.

    Raises:
        sqlalchemy.exc.IntegrityError: the round is ruled, or by the same arbitrator as the first.
    """
    ruling_id = uuid4()
    values = {
        "id": ruling_id,
        "dispute_id": ruling.dispute_id,
        "round": ruling.round,
        "arbitrator_id": ruling.arbitrator_id,
        "fact_id": ruling.fact_id,
        "to_contractor": ruling.shares.to_contractor.amount,
        "to_employer": ruling.shares.to_employer.amount,
        "reasons_sealed": seals.cipher.seal_text(ruling.reasons, _seal_of("ruling", ruling_id)),
    }
    await connection.execute(sa.insert(escrow_rulings).values(values))
    standing = sa.and_(_o.dispute_id == ruling.dispute_id, _o.answered_at.is_(None))
    overtaken = {"answered_at": sa.func.now(), "answer": "overtaken"}
    await connection.execute(sa.update(escrow_split_offers).where(standing).values(overtaken))
    return ruling_id


async def rulings_of(connection: AsyncConnection, dispute_id: UUID) -> list[Ruling]:
    """The rulings of a dispute, the first first: two at most."""
    query = sa.select(*_RULING).where(_r.dispute_id == dispute_id).order_by(_r.round).limit(2)
    return await read_all(connection, Ruling, query)


def open_reasons(seals: Seals, ruling: Ruling) -> str:
    """The reasons of a ruling, in clear."""
    return seals.cipher.open_text(ruling.reasons_sealed, _seal_of("ruling", ruling.id))


async def object_to(connection: AsyncConnection, ruling_id: UUID, side: JobSide) -> None:
    """A side objects: another arbitrator rules."""
    values = {"objected_at": sa.func.now(), "objected_by": side}
    await connection.execute(sa.update(escrow_rulings).where(_r.id == ruling_id).values(values))


async def make_final(connection: AsyncConnection, ruling_id: UUID) -> None:
    """Nobody may object any more."""
    await connection.execute(sa.update(escrow_rulings).where(_r.id == ruling_id).values(final_at=sa.func.now()))


def _seal_of(what: str, row_id: UUID) -> str:
    return f"escrow.{what}:{row_id}"
