"""What jobs, safe payments and disputes look like, and what each side may do now (E1 to E8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self
from uuid import UUID

from pydantic import Field

from api.case_view import Action
from api.dependencies import Reading
from api.values import Amount, Day, Moment, Out, Reason, Words
from domain.catalogue import words
from domain.escrow.clause import ARBITRATION_CLAUSES
from domain.escrow.rules import MoveCause
from domain.escrow.terms import Timing
from domain.identity import mask_mobile
from messages.case import CaseKind
from messages.escrow import JobSide
from storage.database import with_service_rights
from storage.escrow import jobs
from storage.escrow.overview import EscrowState, EscrowSums
from storage.people import names_of
from storage.rows.escrow import EscrowMove, Job, RefundAsk

PREFIX = "/v1/escrow"


class ClauseOut(Out):
    """The arbitration clause that both sides accept with a job (E1)."""

    version: int = Field(examples=[1])
    text: Words

    @classmethod
    def of(cls, version: int) -> Self:
        """The text of a version."""
        return cls(version=version, text=Words.of(ARBITRATION_CLAUSES[version]))


class SideOut(Out):
    """A side of a job."""

    side: str = Field(examples=["contractor"])
    words: Words
    name: str | None = Field(
        description="Once both have accepted; before that the side that was asked sees the other's",
        examples=["علی کریمی"],
    )
    mobile: str | None = Field(
        description="Masked: for who began the job, until the other side has accepted", examples=["0912***4567"]
    )
    is_me: bool


class RatesOut(Out):
    """What is charged of money that goes to the contractor (E3), in parts of ten thousand."""

    fee: int = Field(description="Of what goes to the contractor", examples=[300])
    vat: int = Field(description="Of the fee, besides it", examples=[1000])


class SumsOut(Out):
    """What became of funded money (E8): funded = released + fees + refunded + held, always."""

    funded: Amount
    released: Amount = Field(description="What reached the contractor, without the fee")
    fees: Amount = Field(description="Amanat's fees, VAT included")
    refunded: Amount = Field(description="What left to go back to the employer")
    held: Amount = Field(description="What is held in trust")
    on_its_way: Amount = Field(description="What of `held` was decided to leave")
    frozen: Amount = Field(description="What of `held` a dispute freezes")
    available: Amount = Field(description="What of `held` nothing is decided about")

    @classmethod
    def of(cls, sums: EscrowSums) -> Self:
        """Sums of one or several safe payments."""
        return cls.of_row(sums, frozen=sums.held - sums.on_its_way - sums.available)


class MoveOut(Out):
    """Money that was decided to leave, and by what."""

    id: UUID
    cause: Reason
    to_contractor: Amount = Field(description="With the fee in it")
    fee: Amount = Field(description="Without VAT")
    vat: Amount
    to_employer: Amount
    decided: Moment = Field(validation_alias="decided_at")
    booked: Moment | None = Field(validation_alias="booked_at", description="Null while it is on its way")
    refund_id: UUID | None = Field(description="The case by which the employer's part goes back")

    @classmethod
    def of(cls, move: EscrowMove) -> Self:
        """A move."""
        return cls.of_row(move, cause=Reason.of(MoveCause, move.cause))


class RefundAskOut(Out):
    """What the employer asked to get back (E6)."""

    amount: Amount
    reason: str = Field(examples=["بخش دوم کار انجام نشد"])
    asked: Moment = Field(validation_alias="asked_at")
    answered: Moment | None = Field(validation_alias="answered_at")
    agreed: Amount | None = Field(description="Null until answered, and where something else overtook it")

    @classmethod
    def of(cls, ask: RefundAsk) -> Self:
        """A request."""
        return cls.model_validate(ask)


class EscrowLine(Out):
    """A safe payment of a job: how much, where it stands, what became of the money, and what the caller may do."""

    case_id: UUID
    number: str = Field(description="Of the case", examples=["735208198"])
    title: str = Field(examples=["طرح اولیه"])
    amount: Amount
    timing: Reason
    due_on: Day | None = Field(description="Of one that both agreed on")
    proposed_by: str = Field(examples=["employer"])
    proposed: Moment
    accepted: Moment | None
    funded: Moment | None
    phase: str = Field(examples=["held"])
    phase_words: Words
    is_open: bool
    version: int = Field(description="Of the case")
    sums: SumsOut
    task_id: UUID | None = Field(description="The open task of the caller's to accept or decline it")
    actions: list[Action]

    @classmethod
    def of(cls, state: EscrowState, side: JobSide | None, task_id: UUID | None = None) -> Self:
        """A safe payment in the eyes of a side, or of somebody who only looks."""
        row, one = state.row, state.escrow
        return cls.of_row(
            one,
            number=row.number,
            timing=Reason.of(Timing, one.timing),
            proposed=one.proposed_at,
            accepted=one.accepted_at,
            funded=one.funded_at,
            phase=row.phase,
            phase_words=Words.of(words.phase(CaseKind.ESCROW, row.phase)),
            is_open=row.is_open,
            version=row.version,
            sums=SumsOut.of(state.sums),
            task_id=task_id,
            actions=[] if side is None else allowed(state, side),
        )


async def sides_of(read: Reading, given: Sequence[Job]) -> Mapping[UUID, list[SideOut]]:
    """The sides of some jobs that the caller sees, as far as the caller may know who they are."""
    people = {person for job in given for person in job.people}
    # The other sides' names are other people's rows.
    async with with_service_rights(read.connection, read.actor):
        names = await names_of(read.connection, people)
    return {job.id: [_side(read, job, side, names) for side in JobSide] for job in given}


def _side(read: Reading, job: Job, side: JobSide, names: Mapping[UUID, str]) -> SideOut:
    mine = job.side_of(read.actor.person_id) if read.actor.capacity == "member" else None
    person = job.person_of(side)
    began = mine is job.begun_by and side is job.other_side
    is_hidden = began and job.accepted_at is None
    mobile = jobs.open_mobile(read.seals, job) if is_hidden else None
    return SideOut(
        side=side,
        words=Words.of(words.who(side)),
        name=None if person is None or is_hidden else names.get(person),
        mobile=None if mobile is None else mask_mobile(mobile),
        is_me=side is mine,
    )


def allowed(state: EscrowState, side: JobSide) -> list[Action]:
    """What a side may do with a safe payment now, besides answering whether it accepts."""
    return [_deed(state, name, path) for name, path in _deeds(state, side)] if state.row.is_open else []


def _deed(state: EscrowState, name: str, path: str) -> Action:
    return Action(action=name, method="POST", href=f"{PREFIX}/payments/{state.escrow.case_id}{path}")


def _deeds(state: EscrowState, side: JobSide) -> list[tuple[str, str]]:
    escrow = state.escrow
    if escrow.funded_at is None:
        if state.has_ended or not (escrow.accepted_at is not None or escrow.proposed_by == side):
            return []
        withdraw = ("withdraw_escrow", "/withdrawal")
        is_to_pay = escrow.accepted_at is not None and side is JobSide.EMPLOYER
        return [("fund_escrow", "/payment"), withdraw] if is_to_pay else [withdraw]
    if state.open_dispute is not None:
        return _in_dispute(state, side)
    if state.sums.available <= 0:
        return []
    is_asked = state.open_ask is not None
    if side is JobSide.EMPLOYER:
        own = [("release_escrow", "/release"), *([] if is_asked else [("ask_refund", "/refund-requests")])]
    else:
        own = [("declare_work", "/work"), *([("answer_refund", "/refund-answer")] if is_asked else [])]
    return [*own, ("open_dispute", "/dispute")]


def _in_dispute(state: EscrowState, side: JobSide) -> list[tuple[str, str]]:
    dispute, last = state.open_dispute, state.rulings[-1] if state.rulings else None
    if dispute is None:
        return []
    if last is not None and last.objected_at is None:
        return [("object_to_ruling", "/objection")] if last.round == 1 and last.final_at is None else []
    deeds = [("file_statement", "/statements")] if dispute.evidence_closed_at is None else []
    deeds.append(("offer_split", "/split-offers"))
    if any(offer.answered_at is None and offer.offered_by == side.other for offer in state.offers):
        deeds.append(("answer_split", "/split-answer"))
    if last is None and dispute.opened_by == side:
        deeds.append(("withdraw_dispute", "/dispute-withdrawal"))
    return deeds
