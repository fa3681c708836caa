"""Jobs, their safe payments, and what is decided about the held money."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from domain.escrow.rules import MoveCause
from domain.fee import Fee
from domain.money import Money, Unit
from messages.escrow import JobSide
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Job:
    """What two members agreed on: ``price`` rial. The side that did not begin it is None until the number is theirs."""

    id: UUID
    begun_by: JobSide
    employer_id: UUID | None
    contractor_id: UUID | None
    mobile_index: bytes | None = field(repr=False)
    mobile_sealed: bytes | None = field(repr=False)
    title: str = field(repr=False)
    description: str = field(repr=False)
    price: int
    unit: Unit
    clause_version: int
    begun_at: datetime
    answer_until: datetime
    accepted_at: datetime | None

    def person_of(self, side: JobSide) -> UUID | None:
        """Who is on a side."""
        return self.employer_id if side is JobSide.EMPLOYER else self.contractor_id

    def side_of(self, person_id: UUID) -> JobSide | None:
        """On which side somebody is."""
        return next((side for side in JobSide if self.person_of(side) == person_id), None)

    @property
    def other_side(self) -> JobSide:
        """The side that was asked."""
        return self.begun_by.other

    @property
    def people(self) -> list[UUID]:
        """Who is known of both sides."""
        return [person for person in (self.employer_id, self.contractor_id) if person is not None]


@dataclass(frozen=True, slots=True)
class Escrow:
    """A safe payment of a job: ``amount`` rial; rates are parts of ten thousand."""

    case_id: UUID
    job_id: UUID
    timing: Literal["agreed", "immediate"]
    proposed_by: JobSide
    title: str = field(repr=False)
    amount: int
    due_on: date | None
    fee_rate: int
    vat_rate: int
    proposed_at: datetime
    answer_until: datetime
    accepted_at: datetime | None
    payment_id: UUID | None
    funded_at: datetime | None
    stirred_at: datetime | None
    dormant_times: int
    declared_at: datetime | None

    @property
    def money(self) -> Money:
        """What is paid into it."""
        return Money(self.amount)


@dataclass(frozen=True, slots=True)
class EscrowMove:
    """What was decided to leave the held money; ``to_contractor`` with the fee and its VAT in it."""

    id: UUID
    case_id: UUID
    cause: MoveCause
    fact_id: UUID | None
    dispute_id: UUID | None
    to_contractor: int
    fee: int
    vat: int
    to_employer: int
    hold_id: UUID
    decided_at: datetime
    booked_at: datetime | None
    refund_id: UUID | None

    def charged(self, vat_rate: int) -> Fee:
        """The fee in it, with its VAT at the rate of its payment."""
        return Fee(Money(self.fee), Money(self.vat), vat_rate)


@dataclass(frozen=True, slots=True)
class EscrowDispute:
    """Arbitration on one safe payment; ``frozen`` rial are held by ``hold_id``."""

    id: UUID
    case_id: UUID
    opened_by: str
    about: Literal["work", "amount"]
    frozen: int
    hold_id: UUID
    opened_at: datetime
    evidence_closed_at: datetime | None
    ended_at: datetime | None
    ended_as: str | None


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """What the employer asked to get back; ``agreed`` is None until answered, and where it was overtaken."""

    id: UUID
    case_id: UUID
    amount: int
    reason: str = field(repr=False)
    asked_at: datetime
    answered_at: datetime | None
    agreed: int | None


@dataclass(frozen=True, slots=True)
class DisputeStatement:
    """What a side said in a dispute, sealed."""

    id: UUID
    dispute_id: UUID
    side: JobSide
    author_id: UUID
    text_sealed: bytes = field(repr=False)
    filed_at: datetime


@dataclass(frozen=True, slots=True)
class SplitOffer:
    """How a side would divide what is frozen, in rial."""

    id: UUID
    dispute_id: UUID
    offered_by: JobSide
    to_contractor: int
    to_employer: int
    offered_at: datetime
    answered_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an arbitrator ruled, in rial, with sealed reasons; the second of a dispute is final."""

    id: UUID
    dispute_id: UUID
    round: int
    arbitrator_id: UUID
    fact_id: UUID
    to_contractor: int
    to_employer: int
    reasons_sealed: bytes = field(repr=False)
    ruled_at: datetime
    objected_at: datetime | None
    objected_by: JobSide | None
    final_at: datetime | None


escrow_jobs = table("escrow_jobs", Job)
escrows = table("escrows", Escrow)
escrow_moves = table("escrow_moves", EscrowMove)
escrow_disputes = table("escrow_disputes", EscrowDispute)
escrow_refund_asks = table("escrow_refund_asks", RefundAsk)
escrow_statements = table("escrow_statements", DisputeStatement)
escrow_split_offers = table("escrow_split_offers", SplitOffer)
escrow_rulings = table("escrow_rulings", Ruling)
