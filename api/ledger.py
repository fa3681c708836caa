"""The ledger, read only: the trial balance, and the statement of a credit line. No route posts."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import ReadingDep, require
from api.operation import Operation
from api.values import Amount, Cursor, Limit, Moment, Out, Page, Words, read_cursor, write_cursor
from domain.access import SEES_LEDGER, Role
from domain.catalogue import words
from domain.ledger import JournalReason, credit_accounts
from storage.ledger import reading as ledger

router = APIRouter(prefix="/v1", tags=["ledger"], route_class=Operation)


class TrialRowOut(Out):
    """All accounts of one kind; credits over 0, debits under 0."""

    kind: str = Field(examples=["credit:available"])
    unit: str = Field(examples=["IRR"])
    accounts: int
    total: int


class TrialBalance(Out):
    """Every kind of account; ``difference`` is the sum of all totals and always 0."""

    rows: list[TrialRowOut]
    difference: dict[str, int]


class StatementLineOut(Out):
    """One entry, as the owner of the account reads it."""

    journal_id: UUID
    reason: str = Field(examples=["credit_line_opened"])
    words: Words
    case_id: UUID | None
    at: Moment = Field(validation_alias="event_at")
    amount: int = Field(description="Rial; over 0 raised the balance")
    balance: Amount = Field(validation_alias="running")


@router.get("/ledger/trial-balance", dependencies=[Depends(require(*SEES_LEDGER))])
async def read_trial_balance(read: ReadingDep) -> TrialBalance:
    """The trial balance at this moment."""
    rows = await ledger.trial_balance(read.connection)
    difference = defaultdict[str, int](int)
    for row in rows:
        difference[row.unit] += row.total
    return TrialBalance(rows=[TrialRowOut.model_validate(row) for row in rows], difference=difference)


@router.get("/credit-lines/{line_id}/statement", dependencies=[Depends(require(Role.AUDITOR, member=True))])
async def read_statement(
    read: ReadingDep, line_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> Page[StatementLineOut]:
    """The movements of the available credit with the balance after each, oldest first."""
    after = read_cursor(cursor, int, int, int)
    _, available = credit_accounts(line_id)
    page = await ledger.statement(
        read.connection, available.code, after=ledger.Cursor(*after) if after else None, limit=limit
    )
    lines = [
        StatementLineOut.of_row(line, words=Words.of(words.term(JournalReason, line.reason))) for line in page.lines
    ]
    end = page.end
    return Page(items=lines, next=write_cursor(end.tx, end.entry, end.running) if page.more else None)
