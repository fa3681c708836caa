"""The member's balance: what the platform owes them, and each movement of it."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import ReadingDep, require
from api.ledger import StatementLineOut
from api.operation import Operation
from api.values import Amount, Cursor, Limit, Out, Page, Words, read_cursor, write_cursor
from domain.catalogue import words
from domain.errors import NotFound
from domain.ledger import JournalReason, member_account
from storage.cases import numbers_of
from storage.ledger import reading as ledger

router = APIRouter(prefix="/v1/balance", tags=["balance"], route_class=Operation)

_Member = Depends(require(member=True))


class BalanceOut(Out):
    """How the balance stands: ``available`` and ``held`` are ``total`` together."""

    available: Amount = Field(description="What can be used now")
    held: Amount = Field(description="What is set apart for something that is under way")
    total: Amount
    unit: str = Field(examples=["IRR"])


class BalanceEntryOut(StatementLineOut):
    """A movement of the balance."""

    case_number: str | None = Field(description="Of the case that it came from", examples=["735208198"])


@router.get("", dependencies=[_Member])
async def read_balance(read: ReadingDep) -> BalanceOut:
    """The member's balance at this moment; nothing, where nobody was ever paid."""
    account = member_account(read.actor.person_id)
    try:
        found = await ledger.balance(read.connection, account.code)
    except NotFound:
        return BalanceOut(available=0, held=0, total=0, unit=account.unit)
    return BalanceOut(available=found.available, held=found.held, total=found.posted, unit=found.unit)


@router.get("/entries", dependencies=[_Member])
async def list_balance_entries(read: ReadingDep, cursor: Cursor = None, limit: Limit = 50) -> Page[BalanceEntryOut]:
    """The movements of the member's balance with the balance after each, oldest first."""
    after = read_cursor(cursor, int, int, int)
    code = member_account(read.actor.person_id).code
    try:
        page = await ledger.statement(
            read.connection, code, after=ledger.Cursor(*after) if after else None, limit=limit
        )
    except NotFound:
        return Page(items=[])
    numbers = await numbers_of(read.connection, {line.case_id for line in page.lines if line.case_id is not None})
    lines = [
        BalanceEntryOut.of_row(
            line,
            words=Words.of(words.term(JournalReason, line.reason)),
            case_number=None if line.case_id is None else numbers.get(line.case_id),
        )
        for line in page.lines
    ]
    end = page.end
    return Page(items=lines, next=write_cursor(end.tx, end.entry, end.running) if page.more else None)
