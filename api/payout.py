"""Batches of withdrawals for the bank: made by one officer, confirmed by another, answered and settled (E3)."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import Field

from api.answering import Decision, TaskDecisions
from api.case_view import CaseRow, CaseView, Section, case_row
from api.dependencies import CallerDep, CommandDep, FreshCode, ReadingDep
from api.download import MadeFile
from api.operation import Operation
from api.payout_answer import CSV, NOTE, OFFICE, READERS, PayoutRejectionsOut, read_rejections
from api.upload import BINARY
from api.values import Amount, AmountIn, IdCursor, Input, Limit, Moment, NumberCursor, Out, Page, Words
from commands import payout as commands
from commands.command import Command
from commands.payout import ByHand, SeenPayout
from commands.refusals import refuses
from domain.catalogue import words
from domain.payout import MOST_LINES, LineResult
from domain.personnel.file import XLSX
from messages.case import CaseKind
from messages.payout import Phase, TaskKind
from messages.withdrawal import WithdrawalState
from storage import payout, withdrawal
from storage.payout import PayoutLine, PayoutRow
from storage.rows.payout import Payout
from storage.rows.tasks import Task
from storage.withdrawal import WithdrawalRow

router = APIRouter(prefix="/v1/payouts", tags=["payouts"], route_class=Operation)


class FileForm(StrEnum):
    """The forms of the bank's file."""

    CSV = "csv"
    XLSX = "xlsx"


class ConfirmPayout(Decision):
    """Another officer than its maker confirms the batch that they saw; with a code of its own (G1)."""

    kind: Literal["confirm_payout"]
    decision: Literal["confirm"]
    lines: int = Field(strict=True, ge=1, le=MOST_LINES, examples=[214])
    amount: AmountIn
    csv_sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["0" * 64])
    xlsx_sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["0" * 64])

    @refuses(commands.confirm_payout)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm."""
        seen = SeenPayout(self.lines, self.amount.amount, self.csv_sha256, self.xlsx_sha256)
        await commands.confirm_payout(command, task, seen)


class RejectPayout(Decision):
    """Another officer rejects the batch; its lines wait for another one."""

    kind: Literal["confirm_payout"]
    decision: Literal["reject"]
    reason: str = NOTE

    @refuses(commands.reject_payout)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject."""
        await commands.reject_payout(command, task, self.reason)


class HandOverPayout(Decision):
    """The file was handed to the bank."""

    kind: Literal["hand_over_payout"]
    decision: Literal["handed_over"]

    @refuses(commands.hand_over_payout)
    async def decide(self, command: Command, task: Task) -> None:
        """Record it."""
        await commands.hand_over_payout(command, task)


class ConfirmSettlement(Decision):
    """Another officer confirms what was recorded of a line; with a code of its own (G1)."""

    kind: Literal["confirm_settlement"]
    decision: Literal["confirm"]

    @refuses(commands.confirm_settlement)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm."""
        await commands.confirm_settlement(command, task)


class RejectSettlement(Decision):
    """Another officer rejects what was recorded of a line."""

    kind: Literal["confirm_settlement"]
    decision: Literal["reject"]
    reason: str = NOTE

    @refuses(commands.reject_settlement)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject."""
        await commands.reject_settlement(command, task, self.reason)


DECISIONS = (
    TaskDecisions(TaskKind.CONFIRM_PAYOUT, (ConfirmPayout, RejectPayout)),
    TaskDecisions(TaskKind.HAND_OVER_PAYOUT, (HandOverPayout,)),
    TaskDecisions(TaskKind.CONFIRM_SETTLEMENT, (ConfirmSettlement, RejectSettlement)),
)


class PayoutIn(Input):
    """Up to how many lines and how much; without bounds all that waits, as far as the policy lets one batch go."""

    most_lines: int | None = Field(default=None, strict=True, ge=1, le=MOST_LINES, examples=[500])
    most_amount: AmountIn | None = None


class LineCount(Out):
    """How many lines stand so, and how much they are."""

    state: WithdrawalState
    words: Words
    lines: int = Field(examples=[214])
    amount: Amount


class PayoutOut(Out):
    """A batch: what is in it, its file's hashes, and where its lines stand."""

    id: UUID = Field(description="Also the id of its case")
    number: str = Field(description="Of the case", examples=["735208198"])
    phase: Phase
    phase_words: Words
    made: Moment
    made_by_me: bool
    lines: int = Field(description="Cut so far", examples=[214])
    amount: Amount
    csv_sha256: str | None = Field(examples=["0" * 64])
    xlsx_sha256: str | None = Field(examples=["0" * 64])
    confirmed: Moment | None
    handed_over: Moment | None
    counts: list[LineCount]

    @classmethod
    def of(cls, row: PayoutRow, me: UUID) -> PayoutOut:
        """A batch as it stands."""
        one = row.payout
        return cls(
            id=one.case_id,
            number=row.number,
            phase=Phase(row.phase),
            phase_words=Words.of(words.phase(CaseKind.PAYOUT, row.phase)),
            made=one.made_at,
            made_by_me=one.made_by == me,
            lines=one.lines,
            amount=one.amount,
            csv_sha256=None if one.csv_sha256 is None else one.csv_sha256.hex(),
            xlsx_sha256=None if one.xlsx_sha256 is None else one.xlsx_sha256.hex(),
            confirmed=one.confirmed_at,
            handed_over=one.handed_at,
            counts=[_count(one, state, *found) for state, found in sorted(row.counts.items())],
        )


def _count(batch: Payout, state: str, lines: int, amount: int) -> LineCount:
    cut = WithdrawalState.IN_BATCH if batch.handed_at is None else WithdrawalState.SENT
    shown = cut if state == "cut" else WithdrawalState(state)
    return LineCount(state=shown, words=Words.of(words.term(WithdrawalState, shown)), lines=lines, amount=amount)


class PayoutSettlementOut(Out):
    """What was recorded of a line by hand and waits for another officer."""

    line: int = Field(examples=[17])
    sheba: str = Field(description="Masked", examples=["IR**017***1234"])
    amount: Amount
    result: LineResult
    result_words: Words
    reference: str | None = Field(description="Of the bank, unless it rejected it", examples=["140408120012"])
    note: str = Field(examples=["بانک تلفنی تأیید کرد"])


class PayoutSection(Out):
    """What a case shows of its batch."""

    payout: PayoutOut | None = Field(default=None, description="Of a batch for the bank, to staff")
    payout_settlement: PayoutSettlementOut | None = Field(
        default=None, description="Of a batch for the bank: what was recorded by hand and is not confirmed"
    )
    payout_rejections: PayoutRejectionsOut | None = Field(
        default=None, description="Of a batch for the bank: what its file calls rejected and is not confirmed"
    )


async def _read(view: CaseView) -> PayoutSection:
    actor, case_id = view.visibility.actor, view.visibility.case.id
    found = await payout.list_payouts(view.connection, case_id=case_id)
    if actor.capacity != "staff" or not found:
        return PayoutSection()
    shown = PayoutSection(
        payout=PayoutOut.of(found[0], actor.person_id),
        payout_rejections=await read_rejections(view.connection, case_id),
    )
    recorded = await payout.open_settlement(view.connection, case_id)
    line = None if recorded is None else await withdrawal.read_withdrawal(view.connection, recorded.withdrawal_id)
    if recorded is not None and line is not None:
        shown.payout_settlement = PayoutSettlementOut(
            line=line.line or 0,
            sheba=line.sheba_masked,
            amount=line.amount,
            result=recorded.result,
            result_words=Words.of(words.term(LineResult, recorded.result)),
            reference=recorded.reference,
            note=recorded.note,
        )
    return shown


SECTION = Section(CaseKind.PAYOUT, PayoutSection, _read, members=frozenset())


class PayoutDesk(Page[PayoutOut]):
    """Batches, newest first, and what waits for one."""

    waiting_lines: int = Field(examples=[214])
    waiting_amount: Amount


class PayoutLineOut(Out):
    """A line of a batch."""

    id: UUID = Field(description="The key by which the bank's file names it")
    line: int = Field(examples=[1])
    name: str = Field(examples=["مریم رضایی"])
    sheba: str = Field(description="Masked", examples=["IR**017***1234"])
    amount: Amount
    state: WithdrawalState
    state_words: Words
    settled: Moment | None
    returned: Moment | None
    reference: str | None = Field(examples=["140408120012345"])
    return_reference: str | None = Field(description="Of what came back", examples=["140408150000017"])
    reason: str | None = Field(examples=["حساب بسته است"])

    @classmethod
    def of(cls, row: PayoutLine, batch: Payout) -> PayoutLineOut:
        """A line as it stands."""
        one = row.withdrawal
        state = WithdrawalRow(one, batch.handed_at).state
        return cls(
            id=one.id,
            line=one.line or 0,
            name=row.name,
            sheba=one.sheba_masked,
            amount=one.amount,
            state=state,
            state_words=Words.of(words.term(WithdrawalState, state)),
            settled=one.settled_at,
            returned=one.returned_at,
            reference=one.reference,
            return_reference=one.return_reference,
            reason=one.reason,
        )


class SettlementIn(Input):
    """What became of a line, as the bank said otherwise than by its file; ``returned`` of one that it paid."""

    result: LineResult
    reference: str = Field(
        default="", max_length=100, description="Of the bank, unless it rejected it", examples=["140408120012"]
    )
    note: str = NOTE


@router.get("", dependencies=READERS)
async def list_payouts(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> PayoutDesk:
    """Batches, newest first, and what waits for one. For the settlement office, operators and auditors."""
    found = await payout.list_payouts(read.connection, before=before, limit=limit + 1)
    lines, amount = await payout.waiting(read.connection)
    me = read.actor.person_id
    page = Page.of(found, limit, lambda row: (row.payout.case_id,), lambda row: PayoutOut.of(row, me))
    return PayoutDesk(items=page.items, next=page.next, waiting_lines=lines, waiting_amount=amount)


@router.post("", status_code=201, dependencies=OFFICE)
@refuses(commands.make_payout)
async def make_payout(command: CommandDep, body: PayoutIn) -> CaseRow:
    """Make a batch of what waits, oldest first; it is cut in the background, and confirmed by another officer."""
    amount = None if body.most_amount is None else body.most_amount.money()
    made = await commands.make_payout(command, most_lines=body.most_lines, most_amount=amount)
    return await case_row(command, made)


@router.get("/{payout_id}", dependencies=READERS)
async def read_payout(read: ReadingDep, payout_id: UUID) -> PayoutOut | None:
    """A batch with where its lines stand."""
    found = await payout.list_payouts(read.connection, case_id=payout_id)
    return PayoutOut.of(found[0], read.actor.person_id) if found else None


@router.get("/{payout_id}/lines", dependencies=READERS)
async def list_payout_lines(
    read: ReadingDep,
    payout_id: UUID,
    after: NumberCursor,
    *,
    line_id: Annotated[UUID | None, Query(description="This one alone")] = None,
    rejected_in: Annotated[UUID | None, Query(description="Those that this file of the bank calls rejected")] = None,
    limit: Limit = 50,
) -> Page[PayoutLineOut] | None:
    """The lines of a batch in their order; whole shebas stand in the bank's file alone."""
    batch = await payout.read_payout(read.connection, payout_id)
    if batch is None:
        return None
    after = min(max(after, 0), MOST_LINES)
    found = await payout.list_lines(
        read.connection, payout_id, after=after, line_id=line_id, rejected_in=rejected_in, limit=limit + 1
    )
    return Page.of(found, limit, lambda row: (row.withdrawal.line or 0,), lambda row: PayoutLineOut.of(row, batch))


@router.get(
    "/{payout_id}/file",
    dependencies=OFFICE,
    response_class=FileResponse,
    responses={200: {"description": "The file", "content": {CSV: BINARY, XLSX: BINARY}}},
)
@refuses(commands.find_file)
async def download_payout(
    caller: CallerDep,
    payout_id: UUID,
    form: Annotated[FileForm, Query(alias="format", description="CSV or XLSX")] = FileForm.XLSX,
) -> FileResponse:
    """The bank's file of a confirmed batch. For the settlement office; each download is noted."""
    kept: Literal["csv", "xlsx"] = "csv" if form is FileForm.CSV else "xlsx"
    key = await commands.find_file(caller.context, caller.actor, caller.origin, payout_id, kept)
    return MadeFile(
        partial(commands.write_file, caller.context, key),
        media_type=f"{CSV}; charset=utf-8" if form is FileForm.CSV else XLSX,
        name=f"payout-{payout_id}.{form}",
    )


@router.post("/{payout_id}/lines/{line_id}/settlement", status_code=201, dependencies=OFFICE)
@refuses(commands.record_settlement)
async def settle_payout_line(
    command: CommandDep, payout_id: UUID, line_id: UUID, body: SettlementIn, totp: FreshCode
) -> CaseRow:
    """Record what became of one line; another officer confirms it. With a code of its own (G1)."""
    found = ByHand(body.result, body.reference, body.note)
    settled = await commands.record_settlement(command.with_code(totp), payout_id, line_id, found)
    return await case_row(command, settled)
