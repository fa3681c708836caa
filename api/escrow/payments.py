"""A safe payment: funded, declared done, released, asked back (E2, E3, E6)."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.case_view import CaseRow, case_row
from api.dependencies import CommandDep, require
from api.escrow.disputes import MaybeCoded, PartIn
from api.escrow.shown import PREFIX
from api.operation import Operation
from api.payment import AttemptIn
from api.values import AmountIn, CodeText, Input
from commands.escrow import job as job_commands
from commands.escrow import money as commands
from commands.escrow.party import SmsCode
from commands.refusals import refuses

router = APIRouter(prefix=f"{PREFIX}/payments/{{case_id}}", tags=["escrow"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class WorkIn(Input):
    """What the contractor says of the work that is done; files go with it as files of the case."""

    note: str = Field(
        default="", max_length=1_000, description="At most 500 characters", examples=["فایل‌ها پیوست است."]
    )


class ReleaseIn(Input):
    """How much is released, and the code that came for exactly that."""

    amount: AmountIn
    code_id: UUID
    code: CodeText


class RefundRequestIn(Input):
    """How much the employer wants back, and why."""

    amount: AmountIn
    reason: str = Field(max_length=1_000, description="3 to 500 characters", examples=["بخش دوم کار انجام نشد"])


class RefundAnswerIn(MaybeCoded):
    """How much of what was asked may go back; 0 for nothing, which takes no code."""

    amount: PartIn


@router.post("/payment", status_code=201, dependencies=_MEMBER)
@refuses(job_commands.fund_escrow)
async def fund_escrow(command: CommandDep, case_id: UUID, choice: AttemptIn) -> CaseRow:
    """Begin to pay what both have accepted; answers with the payment's own case (E2)."""
    return await case_row(command, await job_commands.fund_escrow(command, case_id, choice.gateway))


@router.post("/withdrawal", dependencies=_MEMBER)
@refuses(job_commands.withdraw_escrow)
async def withdraw_escrow(command: CommandDep, case_id: UUID) -> CaseRow:
    """Withdraw a safe payment that was not paid: either side once both accepted it, before that who proposed it."""
    await job_commands.withdraw_escrow(command, case_id)
    return await case_row(command, case_id)


@router.post("/work", dependencies=_MEMBER)
@refuses(commands.declare_work)
async def declare_work(command: CommandDep, case_id: UUID, body: WorkIn) -> CaseRow:
    """Declare the work done: the employer is asked to look at it (E3)."""
    await commands.declare_work(command, case_id, body.note)
    return await case_row(command, case_id)


@router.post("/release", dependencies=_MEMBER)
@refuses(commands.release_escrow)
async def release_escrow(command: CommandDep, case_id: UUID, body: ReleaseIn) -> CaseRow:
    """Release all or a part of what is held to the contractor; the rest stays held (E3)."""
    await commands.release_escrow(command, case_id, body.amount.money(), SmsCode(body.code_id, body.code))
    return await case_row(command, case_id)


@router.post("/refund-requests", status_code=201, dependencies=_MEMBER)
@refuses(commands.ask_refund)
async def ask_refund(command: CommandDep, case_id: UUID, body: RefundRequestIn) -> CaseRow:
    """Ask the contractor to let an amount go back (E6)."""
    await commands.ask_refund(command, case_id, body.amount.money(), body.reason)
    return await case_row(command, case_id)


@router.post("/refund-answer", dependencies=_MEMBER)
@refuses(commands.answer_refund)
async def answer_refund(command: CommandDep, case_id: UUID, body: RefundAnswerIn) -> CaseRow:
    """Agree to a refund of all or a part of what was asked, or to none (E6)."""
    await commands.answer_refund(command, case_id, body.amount.money(), body.given())
    return await case_row(command, case_id)
