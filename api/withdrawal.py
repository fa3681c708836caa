"""Withdrawals from the member's balance to a sheba of their own (E3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.answering import CodeRequest
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.paper import PaperOut
from api.values import Amount, AmountIn, CodeText, IdCursor, Input, Limit, Moment, Out, Page, Words
from commands import paper
from commands import withdrawal as commands
from commands.command import Command
from commands.refusals import refuses
from domain.catalogue import words
from messages.withdrawal import WithdrawalState
from storage import withdrawal
from storage.withdrawal import WithdrawalRow

router = APIRouter(prefix="/v1/withdrawals", tags=["balance"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class WithdrawalSubject(Input):
    """How much."""

    amount: AmountIn


class WithdrawalIn(WithdrawalSubject):
    """How much, and the code that came for it."""

    code_id: UUID
    code: CodeText


class WithdrawalCodeRequest(CodeRequest):
    """Asks for a code that withdraws exactly so much, to the sheba in use."""

    purpose: Literal["withdraw"]
    subject: WithdrawalSubject

    async def confirmed(self, command: Command) -> tuple[bytes, Mapping[str, str]]:
        """The amount, the sheba and what is charged; the SMS names the first two. Refused as withdrawing would be."""
        amount = self.subject.amount.money()
        to = await commands.destination(command, amount)
        return to.binding(amount), to.told(amount)


CODES = (WithdrawalCodeRequest,)


class WithdrawalTermsOut(Out):
    """What is asked of a withdrawal at this moment; it is frozen when one is asked for."""

    least: Amount
    fee: Amount = Field(description="Taken from the balance besides the amount once it is paid, without VAT")
    vat: Amount = Field(description="On the fee, besides it")
    charged: Amount = Field(description="Fee and VAT together")


class WithdrawalOut(Out):
    """A withdrawal of the caller's."""

    id: UUID
    amount: Amount
    fee: Amount = Field(description="Besides the amount, without VAT")
    vat: Amount = Field(description="On the fee, besides it")
    total: Amount = Field(description="What it takes from the balance in all: amount, fee and VAT")
    sheba: str = Field(description="To which it goes, masked", examples=["IR**017***1234"])
    state: WithdrawalState
    state_words: Words
    may_take_back: bool
    has_receipt: bool = Field(description="Whether the bank has paid it, so that a receipt can be had")
    has_invoice: bool = Field(description="Whether a fee was charged, so that its invoice can be had")
    asked: Moment
    settled: Moment | None
    returned: Moment | None = Field(description="When the bank gave it back, if it did")
    reference: str | None = Field(description="Of the bank, once it is paid", examples=["140408120012345"])
    reason: str | None = Field(description="The bank's, if it rejected it or gave it back", examples=["حساب بسته است"])

    @classmethod
    def of(cls, row: WithdrawalRow) -> WithdrawalOut:
        """One of the caller's own."""
        one, state = row.withdrawal, row.state
        return cls(
            id=one.id,
            amount=one.amount,
            fee=one.fee,
            vat=one.vat,
            total=one.amount + one.charged.total.amount,
            sheba=one.sheba_masked,
            state=state,
            state_words=Words.of(words.term(WithdrawalState, state)),
            may_take_back=state is WithdrawalState.WAITING,
            has_receipt=state is WithdrawalState.PAID,
            has_invoice=state in {WithdrawalState.PAID, WithdrawalState.RETURNED} and one.fee > 0,
            asked=one.asked_at,
            settled=one.settled_at,
            returned=one.returned_at,
            reference=one.reference,
            reason=one.reason,
        )


class WithdrawalDone(Out):
    """It is done."""

    withdrawal_id: UUID


@router.get("", dependencies=_MEMBER)
async def list_withdrawals(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[WithdrawalOut]:
    """The member's withdrawals, newest first."""
    found = await withdrawal.list_withdrawals(read.connection, read.actor.person_id, before=before, limit=limit + 1)
    return Page.of(found, limit, lambda row: (row.withdrawal.id,), WithdrawalOut.of)


@router.get("/terms", dependencies=_MEMBER)
async def read_withdrawal_terms(read: ReadingDep) -> WithdrawalTermsOut:
    """What a withdrawal costs at this moment, and the least that can be withdrawn."""
    terms = await withdrawal.terms_in_force(read.connection)
    fee = terms.charged
    amounts = {"fee": fee.net.amount, "vat": fee.vat.amount, "charged": fee.total.amount}
    return WithdrawalTermsOut(least=terms.least.amount, **amounts)


@router.post("", status_code=201, dependencies=_MEMBER)
@refuses(commands.withdraw)
async def withdraw(command: CommandDep, body: WithdrawalIn) -> WithdrawalDone:
    """Withdraw from the balance to the member's own sheba in use, with a code for exactly that; it is held at once."""
    asked = await commands.withdraw(command, body.amount.money(), code_id=body.code_id, code=body.code)
    return WithdrawalDone(withdrawal_id=asked)


@router.post("/{withdrawal_id}/taking-back", dependencies=_MEMBER)
@refuses(commands.take_back_withdrawal)
async def take_back_withdrawal(command: CommandDep, withdrawal_id: UUID) -> WithdrawalDone:
    """Take back a withdrawal that still waits; the money is available again within seconds."""
    await commands.take_back_withdrawal(command, withdrawal_id)
    return WithdrawalDone(withdrawal_id=withdrawal_id)


@router.post("/{withdrawal_id}/receipt", status_code=201, dependencies=_MEMBER)
@refuses(paper.issue_payout_receipt)
async def issue_payout_receipt(command: CommandDep, withdrawal_id: UUID) -> PaperOut:
    """Issue the receipt of a withdrawal that the bank has paid; one that was issued stays as it is."""
    return PaperOut.of(await paper.issue_payout_receipt(command, withdrawal_id))


@router.post("/{withdrawal_id}/invoice", status_code=201, dependencies=_MEMBER)
@refuses(paper.issue_withdrawal_invoice)
async def issue_withdrawal_invoice(command: CommandDep, withdrawal_id: UUID) -> PaperOut:
    """Print the invoice of a withdrawal's fee and its VAT; one that was printed stays as it is."""
    return PaperOut.of(await paper.issue_withdrawal_invoice(command, withdrawal_id))
