"""Withdrawals from the member's balance to a sheba of their own (E3)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.account.sessions import CodeText
from api.answering import CodeRequest
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import Amount, AmountIn, IdCursor, Input, Limit, Moment, Out, Page, Words
from commands import withdrawal as commands
from commands.command import Command
from commands.refusals import refuses
from domain.account import withdrawal_binding
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

    async def binding(self, command: Command) -> bytes:
        """The amount and the sheba; refused as withdrawing would be."""
        amount = self.subject.amount.money()
        return withdrawal_binding(amount.amount, await commands.sheba_to_pay(command, amount))


CODES = (WithdrawalCodeRequest,)


class WithdrawalOut(Out):
    """A withdrawal of the caller's."""

    id: UUID
    amount: Amount
    sheba: str = Field(description="To which it goes, masked", examples=["IR**017***1234"])
    state: WithdrawalState
    state_words: Words
    may_take_back: bool
    asked: Moment
    settled: Moment | None
    reference: str | None = Field(description="Of the bank, once it is paid", examples=["140408120012345"])
    reason: str | None = Field(description="The bank's, if it rejected it", examples=["حساب بسته است"])

    @classmethod
    def of(cls, row: WithdrawalRow) -> WithdrawalOut:
        """One of the caller's own."""
        one, state = row.withdrawal, row.state
        return cls(
            id=one.id,
            amount=one.amount,
            sheba=one.sheba_masked,
            state=state,
            state_words=Words.of(words.term(WithdrawalState, state)),
            may_take_back=state is WithdrawalState.WAITING,
            asked=one.asked_at,
            settled=one.settled_at,
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
