"""What a safe payment's case shows: the job, its sides, the money, and the arbitration on it (E1 to E6)."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from api.case_view import Action, CaseView, Section
from api.escrow.disputes import DisputeOut, RulingOut, SplitOfferOut, StatementOut, about_words, end_words
from api.escrow.shown import (
    ClauseOut,
    MoveOut,
    RatesOut,
    RefundAskOut,
    SideOut,
    SumsOut,
    allowed,
    sides_of,
)
from api.values import Amount, Day, Moment, MomentOut, Out, Reason, Words
from domain.access import Part
from domain.catalogue import words
from domain.escrow.policy import EscrowPolicy
from domain.escrow.terms import Timing
from messages.case import CaseKind
from messages.escrow import FactKind, JobSide
from storage.cases import last_fact
from storage.escrow import disputes, jobs, payments
from storage.escrow.overview import EscrowState, states_of
from storage.escrow.payments import EscrowRow
from storage.payment import running_for
from storage.rows.escrow import Escrow, Job, Ruling


class EscrowOut(Out):
    """A safe payment in the eyes of one of its sides, of the arbitrator who holds it, or of an operator or auditor."""

    job_id: UUID
    job_title: str = Field(examples=["طراحی سایت فروشگاه"])
    job_description: str = Field(examples=["ده صفحه با پنل مدیریت"])
    job_price: Amount
    clause: ClauseOut
    clause_accepted: bool = Field(description="Whether both have accepted the job with its clause")
    my_side: str | None = Field(description="Null for who only looks, and for the arbitrator", examples=["employer"])
    sides: list[SideOut]
    title: str = Field(examples=["طرح اولیه"])
    amount: Amount
    timing: Reason
    due_on: Day | None
    proposed_by: str = Field(examples=["employer"])
    proposed_by_words: Words
    answer_until: Moment = Field(description="Until when the other side may accept it")
    accepted: Moment | None
    funded: Moment | None
    declared: Moment | None = Field(description="When the contractor last declared the work done")
    work_note: str | None = Field(description="What the contractor said of it", examples=["فایل‌ها پیوست است."])
    rates: RatesOut = Field(description="As both saw them")
    sums: SumsOut
    moves: list[MoveOut] = Field(description="What was decided to leave, oldest first")
    refund: RefundAskOut | None = Field(description="The refund that was last asked for")
    dispute: DisputeOut | None
    payment_id: UUID | None = Field(description="The payment that is under way, for the employer; null if none is")


class EscrowSection(Out):
    """What a case shows of its safe payment."""

    escrow: EscrowOut | None = Field(
        default=None,
        description="Of a safe payment, to its two sides, to the arbitrator who holds it, operators and auditors",
    )


async def _found(view: CaseView) -> tuple[Job, EscrowState] | None:
    """The safe payment, if it is for them: staff see none in which they take part themselves."""
    visibility, case = view.visibility, view.visibility.case
    if visibility.actor.capacity == "staff" and visibility.is_own:
        return None
    escrow = await payments.read_escrow(view.connection, case.id)
    job = None if escrow is None else await jobs.read_job(view.connection, escrow.job_id)
    if escrow is None or job is None:
        return None
    row = EscrowRow(escrow, case.number, case.phase, case.is_open, case.version)
    (state,) = await states_of(view.connection, visibility.actor, [row])
    return job, state


async def _read(view: CaseView) -> EscrowSection:
    found = await _found(view)
    if found is None:
        return EscrowSection()
    job, state = found
    escrow, side = state.escrow, _side(view, job)
    note = await _work_note(view, escrow)
    shown = EscrowOut.of_row(
        escrow,
        job_title=job.title,
        job_description=job.description,
        job_price=job.price,
        clause=ClauseOut.of(job.clause_version),
        clause_accepted=job.accepted_at is not None,
        my_side=side,
        sides=(await sides_of(view.reading, [job]))[job.id],
        timing=Reason.of(Timing, escrow.timing),
        proposed_by_words=Words.of(words.who(escrow.proposed_by)),
        accepted=escrow.accepted_at,
        funded=escrow.funded_at,
        declared=escrow.declared_at,
        work_note=note,
        rates=RatesOut(fee=escrow.fee_rate, vat=escrow.vat_rate),
        sums=SumsOut.of(state.sums),
        moves=[MoveOut.of(move) for move in state.moves],
        refund=None if state.ask is None else RefundAskOut.of(state.ask),
        dispute=await _dispute(view, state),
        payment_id=await running_for(view.connection, escrow.case_id) if side is JobSide.EMPLOYER else None,
    )
    return EscrowSection(escrow=shown)


def _side(view: CaseView, job: Job) -> JobSide | None:
    actor = view.visibility.actor
    return job.side_of(actor.person_id) if actor.capacity == "member" else None


async def _work_note(view: CaseView, escrow: Escrow) -> str | None:
    if escrow.declared_at is None:
        return None
    fact = await last_fact(view.connection, escrow.case_id, FactKind.ESCROW_WORK_DECLARED)
    return None if fact is None else str(fact.payload.get("note") or "") or None


async def _dispute(view: CaseView, state: EscrowState) -> DisputeOut | None:
    one = state.dispute
    if one is None:
        return None
    policy = await payments.policy_of(view.connection, view.visibility.case.policy_id)
    closed, until = one.evidence_closed_at, one.opened_at + policy.evidence.expire
    # Row-level security shows a side its own until the time to file is over.
    statements = await disputes.statements_of(view.connection, one.id)
    return DisputeOut.of_row(
        one,
        about=about_words(one.about),
        opened_by_words=Words.of(words.who(one.opened_by)),
        evidence_until=closed or until,
        takes_evidence=one.ended_at is None and closed is None,
        ended_as=end_words(one.ended_as),
        statements=[StatementOut.of(said, view.seals) for said in statements],
        offers=[SplitOfferOut.of(offer) for offer in state.offers],
        rulings=[RulingOut.of(each, view.seals, _object_until(each, policy)) for each in state.rulings],
    )


def _object_until(ruling: Ruling, policy: EscrowPolicy) -> MomentOut | None:
    is_over = ruling.round > 1 or ruling.objected_at is not None or ruling.final_at is not None
    return None if is_over else MomentOut.of(ruling.ruled_at + policy.objection)


async def _allowed(view: CaseView, _: EscrowSection) -> list[Action]:
    found = await _found(view)
    side = None if found is None else _side(view, found[0])
    return [] if found is None or side is None else allowed(found[1], side)


SECTION = Section(
    CaseKind.ESCROW,
    EscrowSection,
    _read,
    _allowed,
    members=frozenset({Part.EMPLOYER, Part.CONTRACTOR}),
    # Whether somebody is asked would tell who proposed it whether the number is a member's.
    is_asked=False,
)
