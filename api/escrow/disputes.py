"""Arbitration on a safe payment: what each side files and offers, what arbitrators rule (E5)."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.case_view import CaseRow, case_row
from api.dependencies import CommandDep, require
from api.escrow.shown import PREFIX
from api.operation import Operation
from api.values import MAX_RIAL, Amount, CodeText, Input, Moment, MomentOut, Out, Reason, Words
from commands.escrow import dispute as commands
from commands.escrow.party import SmsCode
from commands.refusals import refuses
from domain.catalogue import words
from domain.escrow.rules import Shares
from domain.escrow.terms import DisputeAbout, DisputeEnd, OfferAnswer
from domain.money import Money, Unit
from storage.escrow.disputes import open_reasons, open_statement
from storage.rows.escrow import DisputeStatement, Ruling, SplitOffer
from storage.sealing import Seals

router = APIRouter(prefix=f"{PREFIX}/payments/{{case_id}}", tags=["escrow"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class PartIn(Input):
    """A part of an amount, in rial; may be nothing."""

    amount: int = Field(strict=True, ge=0, le=MAX_RIAL, examples=[10_000_000])
    unit: Literal["IRR"] = "IRR"

    def money(self) -> Money:
        """As money."""
        return Money(self.amount, Unit.IRR)


class SharesIn(Input):
    """How what is frozen is divided; the two are together exactly that."""

    to_contractor: PartIn
    to_employer: PartIn

    def shares(self) -> Shares:
        """As the rules know them."""
        return Shares(self.to_contractor.money(), self.to_employer.money())


class DisputeIn(Input):
    """What the two sides disagree about, and what the caller says of it first."""

    about: Literal["work", "amount"]
    text: str = Field(
        max_length=5_000, description="10 to 4,000 characters", examples=["کار در روز توافق‌شده تحویل نشد."]
    )


class DisputeStatementIn(Input):
    """What a side says."""

    text: str = Field(max_length=5_000, description="10 to 4,000 characters", examples=["همهٔ صفحه‌ها تحویل شده است."])


class SplitOfferIn(SharesIn):
    """How a side would divide it, and the code that came for exactly that."""

    code_id: UUID
    code: CodeText


class MaybeCoded(Input):
    """What takes a code only where money goes by it."""

    code_id: UUID | None = None
    code: CodeText | None = None

    def given(self) -> SmsCode | None:
        """The code, if one came."""
        return None if self.code_id is None or self.code is None else SmsCode(self.code_id, self.code)


class SplitAnswerIn(MaybeCoded):
    """Whether the other side's offer is accepted; that takes a code for exactly that offer."""

    offer_id: UUID
    accept: bool


class StatementOut(Out):
    """What a side said."""

    id: UUID
    side: str = Field(examples=["employer"])
    side_words: Words
    text: str = Field(examples=["کار در روز توافق‌شده تحویل نشد."])
    filed: Moment = Field(validation_alias="filed_at")

    @classmethod
    def of(cls, one: DisputeStatement, seals: Seals) -> Self:
        """A statement that the caller sees."""
        return cls.of_row(one, side_words=Words.of(words.who(one.side)), text=open_statement(seals, one))


class SplitOfferOut(Out):
    """How a side would divide what is frozen."""

    id: UUID
    offered_by: str = Field(examples=["contractor"])
    side_words: Words
    to_contractor: Amount
    to_employer: Amount
    offered: Moment = Field(validation_alias="offered_at")
    answered: Moment | None = Field(validation_alias="answered_at")
    answer: Reason | None = Field(description="Null while it stands")

    @classmethod
    def of(cls, one: SplitOffer) -> Self:
        """An offer."""
        answer = None if one.answer is None else Reason.of(OfferAnswer, one.answer)
        return cls.of_row(one, side_words=Words.of(words.who(one.offered_by)), answer=answer)


class RulingOut(Out):
    """What an arbitrator ruled; nobody is told who that was."""

    id: UUID
    round: int = Field(description="2 for the ruling after an objection, which is final", examples=[1])
    to_contractor: Amount
    to_employer: Amount
    reasons: str = Field(examples=["بر پایهٔ مدارک، دو سوم کار انجام شده است."])
    ruled: Moment = Field(validation_alias="ruled_at")
    object_until: Moment | None = Field(description="Until when either side may object; null where none may any more")
    objected: Moment | None = Field(validation_alias="objected_at")
    objected_by: str | None = Field(description="Which side objected", examples=["employer"])
    final: Moment | None = Field(validation_alias="final_at")

    @classmethod
    def of(cls, one: Ruling, seals: Seals, object_until: MomentOut | None) -> Self:
        """A ruling."""
        return cls.of_row(one, reasons=open_reasons(seals, one), object_until=object_until)


class DisputeOut(Out):
    """The newest arbitration on a safe payment, under way or over."""

    id: UUID
    about: Reason
    opened_by: str = Field(description="A side, or `arbitrator` where nothing happened for long", examples=["employer"])
    opened_by_words: Words
    frozen: Amount
    opened: Moment = Field(validation_alias="opened_at")
    evidence_until: Moment = Field(description="Until when both sides file statements and evidence, or could")
    takes_evidence: bool = Field(description="Whether they still may")
    ended: Moment | None = Field(validation_alias="ended_at")
    ended_as: Reason | None
    statements: list[StatementOut] = Field(
        description="Each side sees its own, and the other's once the time to file is over; the arbitrator all"
    )
    offers: list[SplitOfferOut]
    rulings: list[RulingOut] = Field(description="The first one, and after an objection the second")


def about_words(about: str) -> Reason:
    """What a dispute is about."""
    return Reason.of(DisputeAbout, about)


def end_words(ended_as: str | None) -> Reason | None:
    """How a dispute ended, if it did."""
    return None if ended_as is None else Reason.of(DisputeEnd, ended_as)


@router.post("/dispute", status_code=201, dependencies=_MEMBER)
@refuses(commands.open_dispute)
async def open_dispute(command: CommandDep, case_id: UUID, body: DisputeIn) -> CaseRow:
    """Ask for arbitration while money is held; what is not on its way is frozen at once (E5)."""
    await commands.open_dispute(command, case_id, body.about, body.text)
    return await case_row(command, case_id)


@router.post("/dispute-withdrawal", dependencies=_MEMBER)
@refuses(commands.withdraw_dispute)
async def withdraw_dispute(command: CommandDep, case_id: UUID) -> CaseRow:
    """Take back an asked arbitration, while nobody has ruled; what was frozen is held as before (E6a)."""
    await commands.withdraw_dispute(command, case_id)
    return await case_row(command, case_id)


@router.post("/statements", status_code=201, dependencies=_MEMBER)
@refuses(commands.file_statement)
async def file_statement(command: CommandDep, case_id: UUID, body: DisputeStatementIn) -> CaseRow:
    """File a statement, until the time for it is over; the other side reads it then."""
    await commands.file_statement(command, case_id, body.text)
    return await case_row(command, case_id)


@router.post("/split-offers", status_code=201, dependencies=_MEMBER)
@refuses(commands.offer_split)
async def offer_split(command: CommandDep, case_id: UUID, body: SplitOfferIn) -> CaseRow:
    """Offer to divide what is frozen; a newer offer takes the place of the caller's former one."""
    await commands.offer_split(command, case_id, body.shares(), SmsCode(body.code_id, body.code))
    return await case_row(command, case_id)


@router.post("/split-answer", dependencies=_MEMBER)
@refuses(commands.answer_split)
async def answer_split(command: CommandDep, case_id: UUID, body: SplitAnswerIn) -> CaseRow:
    """Accept the other side's offer, which ends the arbitration, or decline it."""
    await commands.answer_split(command, case_id, body.offer_id, body.accept, body.given())
    return await case_row(command, case_id)


@router.post("/objection", dependencies=_MEMBER)
@refuses(commands.object_to_ruling)
async def object_to_ruling(command: CommandDep, case_id: UUID) -> CaseRow:
    """Object to the first ruling in time: another arbitrator rules, finally."""
    await commands.object_to_ruling(command, case_id)
    return await case_row(command, case_id)
