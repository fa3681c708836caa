"""The bank's answers to a batch of pay-outs: sent by one officer, their rejections confirmed by another (E3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answering import Decision, TaskDecisions
from api.dependencies import CallerDep, FreshCode, KeyDep, ReadingDep, headers_of, require, restored
from api.operation import Operation
from api.upload import BINARY, content_within
from api.values import Amount, AmountIn, Limit, Moment, NumberCursor, Out, Page, Reason
from commands import payout_answer as commands
from commands.command import Command
from commands.payout_answer import SeenRejections, send_answer
from commands.refusals import refuses
from commands.upload import Upload
from domain import errors
from domain.access import READS_EVERYTHING, Role
from domain.payout import ANSWER_LIMIT, MOST_LINES, AnswerError, LineRefusal
from domain.personnel.file import XLSX
from messages.payout import TaskKind
from storage import payout
from storage.rows.payout import PayoutAnswer
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1/payouts", tags=["payouts"], route_class=Operation)

OFFICE: Final = [Depends(require(Role.SETTLEMENT_OFFICER))]
READERS: Final = [Depends(require(Role.SETTLEMENT_OFFICER, *READS_EVERYTHING))]
NOTE: Final = Field(max_length=1_000, examples=["بانک تلفنی تأیید کرد"])
CSV: Final = "text/csv"


class ConfirmRejections(Decision):
    """Another officer than its sender confirms what a file calls rejected; with a code of its own (G1)."""

    kind: Literal["confirm_rejections"]
    decision: Literal["confirm"]
    lines: int = Field(strict=True, ge=1, le=MOST_LINES, examples=[2])
    amount: AmountIn
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the bank's file", examples=["0" * 64])

    @refuses(commands.confirm_rejections)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm."""
        await commands.confirm_rejections(command, task, SeenRejections(self.lines, self.amount.amount, self.sha256))


class RefuseRejections(Decision):
    """Another officer refuses what a file calls rejected; its lines stay with the bank."""

    kind: Literal["confirm_rejections"]
    decision: Literal["reject"]
    reason: str = NOTE

    @refuses(commands.refuse_rejections)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse."""
        await commands.refuse_rejections(command, task, self.reason)


DECISIONS = (TaskDecisions(TaskKind.CONFIRM_REJECTIONS, (ConfirmRejections, RefuseRejections)),)


class PayoutRejectionsOut(Out):
    """What a file of the bank calls rejected and waits for another officer."""

    answer_id: UUID
    lines: int = Field(examples=[2])
    amount: Amount
    sha256: str = Field(description="Of the bank's file", examples=["0" * 64])


async def read_rejections(connection: AsyncConnection, payout_id: UUID) -> PayoutRejectionsOut | None:
    """What waits of a batch; None if nothing does."""
    answer = await payout.unread_answer(connection, payout_id)
    if answer is None or answer.read_at is None or answer.is_confirmed:
        return None
    lines, amount = await payout.rejected_by(connection, answer.id)
    return PayoutRejectionsOut(answer_id=answer.id, lines=lines, amount=amount, sha256=answer.sha256.hex())


class PayoutAnswerOut(Out):
    """A file of the bank: how far it is read and what followed."""

    id: UUID
    received: Moment = Field(validation_alias="received_at")
    rows_read: int = Field(examples=[214])
    paid: int = Field(examples=[210])
    rejected: int = Field(description="Settled once another officer has confirmed them", examples=[2])
    repeated: int = Field(description="Rows that say what is known", examples=[0])
    refused: int = Field(description="Rows from which nothing followed", examples=[2])
    read: Moment | None = Field(validation_alias="read_at", description="Null while it is read")
    ended: Moment | None = Field(
        validation_alias="ended_at", description="Null while it is read or waits for another officer"
    )
    is_confirmed: bool | None = Field(description="What another officer said of the rejected ones; null until then")
    error: Reason | None = Field(description="Why it could not be read as a whole")

    @classmethod
    def of(cls, answer: PayoutAnswer) -> PayoutAnswerOut:
        """A file as it stands."""
        return cls.of_row(answer, error=None if answer.error is None else Reason.of(AnswerError, answer.error))


class PayoutAnswers(Out):
    """The bank's files, newest first; at most 50."""

    items: list[PayoutAnswerOut]


class AnswerReceived(Out):
    """The file is kept and is read in the background."""

    answer_id: UUID


class PayoutRefusalOut(Out):
    """A row of the bank's file from which nothing followed."""

    row: int = Field(description="1 is the first after the heading", examples=[17])
    line_key: str = Field(examples=["01a228ed-1446-77c5-8a19-2652ecf62db2"])
    why: Reason


@router.get("/{payout_id}/answers", dependencies=READERS)
async def list_payout_answers(read: ReadingDep, payout_id: UUID) -> PayoutAnswers | None:
    """The bank's files for a batch with what followed from each."""
    if await payout.read_payout(read.connection, payout_id) is None:
        return None
    found = await payout.answers_of(read.connection, payout_id)
    return PayoutAnswers(items=[PayoutAnswerOut.of(one) for one in found])


@router.post(
    "/{payout_id}/answers",
    status_code=202,
    dependencies=OFFICE,
    # Twice the bound that this operation keeps itself, while the content comes in.
    max_body_size=2 * ANSWER_LIMIT,
    openapi_extra={"requestBody": {"required": True, "content": {CSV: BINARY, XLSX: BINARY}}},
)
@refuses(send_answer, errors.DoneBefore)
async def send_payout_answer(
    caller: CallerDep,
    payout_id: UUID,
    key: KeyDep,
    content: Annotated[AsyncIterator[bytes], Depends(content_within(ANSWER_LIMIT))],
    totp: FreshCode,
) -> AnswerReceived:
    """Send the bank's answer to a batch as the body, CSV or XLSX, at most 10 MB; it is applied in the background."""
    upload = Upload(caller.actor, payout_id, key, caller.origin, content, totp)
    answer = await send_answer(
        caller.context, upload, lambda added: AnswerReceived(answer_id=added).model_dump_json().encode()
    )
    caller.response.headers.update(headers_of(answer))
    return restored(AnswerReceived, answer.body, replayed=answer.replayed)


@router.get("/{payout_id}/answers/{answer_id}/refusals", dependencies=READERS)
async def list_payout_refusals(
    read: ReadingDep, payout_id: UUID, answer_id: UUID, after: NumberCursor, limit: Limit = 50
) -> Page[PayoutRefusalOut]:
    """The rows of the bank's file from which nothing followed, each with why."""
    after = min(max(after, 0), 2 * MOST_LINES)
    found = await payout.list_refusals(read.connection, payout_id, answer_id, after=after, limit=limit + 1)
    return Page.of(
        found,
        limit,
        lambda one: (one.number,),
        lambda one: PayoutRefusalOut(row=one.number, line_key=one.line_key, why=Reason.of(LineRefusal, one.code)),
    )
