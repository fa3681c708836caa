"""The ledger, read only: the trial balance, and the statement of a credit line. No route posts."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import ReaderDep, require
from api.problems import responses
from api.values import AmountOut, Cursor, Limit, MomentOut, Page, Words, read_cursor, write_cursor
from domain import errors
from domain.access import SEES_LEDGER, Role
from domain.catalogue import words
from domain.ledger import JournalReason, credit_accounts
from storage.ledger import reading as ledger

router = APIRouter(prefix="/v1", tags=["ledger"])


class TrialRow(BaseModel):
    """All accounts of one kind; credits over 0, debits under 0."""

    kind: str = Field(examples=["credit:available"])
    unit: str = Field(examples=["IRR"])
    accounts: int
    total: int


class TrialBalance(BaseModel):
    """Every kind of account; ``difference`` is the sum of all totals and always 0."""

    rows: list[TrialRow]
    difference: dict[str, int]


class StatementLine(BaseModel):
    """One entry, as the owner of the account reads it."""

    journal_id: UUID
    reason: str = Field(examples=["credit_line_opened"])
    words: Words
    case_id: UUID | None
    at: MomentOut
    amount: int = Field(description="Rial; over 0 raised the balance")
    balance: AmountOut


@router.get(
    "/ledger/trial-balance",
    operation_id="read_trial_balance",
    dependencies=[Depends(require(*SEES_LEDGER))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def read_trial_balance(reader: ReaderDep) -> TrialBalance:
    """The trial balance at this moment."""

    async def query(connection: AsyncConnection) -> TrialBalance:
        rows = await ledger.trial_balance(connection)
        difference: dict[str, int] = {}
        for row in rows:
            difference[row.unit] = difference.get(row.unit, 0) + row.total
        shown = [TrialRow(kind=row.kind, unit=row.unit, accounts=row.accounts, total=row.total) for row in rows]
        return TrialBalance(rows=shown, difference=difference)

    return await reader.read(query)


@router.get(
    "/credit-lines/{line_id}/statement",
    operation_id="read_statement",
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
    dependencies=[Depends(require(Role.AUDITOR, member=True))],
)
async def read_statement(
    reader: ReaderDep, line_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> Page[StatementLine]:
    """The movements of the available credit with the balance after each, oldest first."""
    after = read_cursor(cursor, int, int, int)

    async def query(connection: AsyncConnection) -> Page[StatementLine]:
        _, available = credit_accounts(line_id)
        page = await ledger.statement(
            connection,
            available.code,
            after=ledger.Cursor(*after) if after else None,
            limit=limit,
        )
        lines = [
            StatementLine(
                journal_id=line.journal_id,
                reason=line.reason,
                words=Words.of(words.term(JournalReason, line.reason)),
                case_id=line.case_id,
                at=MomentOut.of(line.event_at),
                amount=line.amount,
                balance=AmountOut.of(line.running),
            )
            for line in page.lines
        ]
        end = page.end
        return Page(items=lines, next=write_cursor(end.tx, end.entry, end.running) if page.more else None)

    return await reader.read(query)
