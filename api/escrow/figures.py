"""Figures of safe payments for the operations desk."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import ReadingDep, require
from api.escrow.shown import PREFIX
from api.operation import Operation
from api.values import Amount, Moment, Out, Words
from domain.access import Role
from domain.catalogue import words
from messages.case import CaseKind
from storage.database import postgres_now
from storage.escrow import figures
from storage.escrow.figures import Ended, OpenIn

router = APIRouter(prefix=PREFIX, tags=["escrow"], route_class=Operation)
_HOUR = 3_600


class OpenEscrows(Out):
    """Safe payments that stand in a phase."""

    phase: str = Field(examples=["held"])
    phase_words: Words
    count: int = Field(examples=[12])
    amount: Amount = Field(description="What they are about, together")
    oldest: Moment = Field(description="When the oldest of them was proposed")
    oldest_days: int = Field(description="How many days ago", examples=[17])

    @classmethod
    def of(cls, one: OpenIn, now: datetime) -> Self:
        """Those of a phase."""
        return cls.of_row(
            one,
            phase_words=Words.of(words.phase(CaseKind.ESCROW, one.phase)),
            oldest=one.oldest_at,
            oldest_days=max((now - one.oldest_at).days, 0),
        )


class EndedEscrows(Out):
    """Where the money of safe payments went that were funded and ended within a year, the fee in it."""

    count: int = Field(examples=[240])
    released: Amount = Field(description="To the contractors, by the employers")
    refunded: Amount = Field(description="To the employers, as the contractors agreed")
    split: Amount = Field(description="Divided by agreement or ruling")

    @classmethod
    def of(cls, ended: Ended) -> Self:
        """Of a year."""
        return cls.model_validate(ended)


class EscrowFigures(Out):
    """What is open, how the others ended, and how long rulings take."""

    open: list[OpenEscrows] = Field(description="By phase; none where nothing stands")
    ended: EndedEscrows
    rulings: int = Field(description="First rulings within a year", examples=[14])
    median_hours: int | None = Field(
        description="Within how many hours of the request half of them came; null without one", examples=[190]
    )


@router.get("/figures", dependencies=[Depends(require(Role.OPERATOR, Role.AUDITOR))])
async def read_escrow_figures(read: ReadingDep) -> EscrowFigures:
    """Figures of safe payments: open by phase with the age of the oldest, how they ended, the time to a ruling."""
    now, rulings = await postgres_now(read.connection), await figures.first_rulings(read.connection)
    return EscrowFigures(
        open=[OpenEscrows.of(one, now) for one in await figures.open_by_phase(read.connection)],
        ended=EndedEscrows.of(await figures.ended_by_way(read.connection)),
        rulings=rulings.count,
        median_hours=None if rulings.median is None else int(rulings.median.total_seconds() // _HOUR),
    )
