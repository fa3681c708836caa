"""What the ledger says: balances, statements, the trial balance. Row-level security decides who sees what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.money import Unit

_BALANCES: Final = sa.text(
    "SELECT code, kind, unit, sign, floor, held, frozen_at IS NOT NULL AS frozen, account_balance(id) AS total"
    " FROM accounts WHERE code = ANY(:codes)"
)
_ACCOUNT: Final = sa.text("SELECT id, sign, unit, floor IS NOT NULL AS stored FROM accounts WHERE code = :code")
# With a floor, the lock makes the id the true order. Without one, entries come in the order of transactions, and
# only those that nothing can come before any more: a follower who pages forward misses none.
_LINES: Final = {
    True: sa.text(
        "SELECT e.id, 0 AS tx, e.amount, e.balance_after,"
        " j.id AS journal_id, j.reason, j.case_id, j.event_at, j.corrects"
        " FROM entries e JOIN journals j ON j.id = e.journal_id"
        " WHERE e.account_id = :account AND e.balance_after IS NOT NULL AND e.id > :entry ORDER BY e.id LIMIT :limit"
    ),
    False: sa.text(
        "SELECT e.id, CAST(CAST(e.tx AS text) AS bigint) AS tx, e.amount, NULL AS balance_after,"
        " j.id AS journal_id, j.reason, j.case_id, j.event_at, j.corrects"
        " FROM entries e JOIN journals j ON j.id = e.journal_id"
        " WHERE e.account_id = :account AND e.balance_after IS NULL"
        " AND (e.tx, e.id) > (CAST(CAST(:tx AS text) AS xid8), :entry)"
        " AND e.tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY e.tx, e.id LIMIT :limit"
    ),
}
# What is stored, the sums by kind at their last horizon, and what came since. A member sees no sums by kind, so all of
# their own entries are added up. The comparison with the horizon must hold nothing but the horizon: under row-level
# security Postgres takes a coalesce for a leak, and filters all entries with it instead of looking them up by index.
_TRIAL: Final = sa.text(
    "WITH last AS (SELECT coalesce(max(horizon), '0') AS horizon FROM kind_sums"
    "  WHERE server = (SELECT ledger_server()))"
    " SELECT kind, unit, CAST(sum(accounts) AS bigint) AS accounts, sum(total) AS total FROM ("
    "  SELECT kind, unit, count(*) AS accounts, sum(balance) AS total FROM accounts GROUP BY kind, unit"
    "  UNION ALL SELECT s.kind, s.unit, 0, s.total FROM kind_sums s"
    "   WHERE s.server = (SELECT ledger_server()) AND s.horizon = (SELECT horizon FROM last)"
    "  UNION ALL SELECT a.kind, a.unit, 0, n.total FROM accounts a"
    "   CROSS JOIN LATERAL (SELECT sum(e.amount) AS total FROM entries e WHERE e.account_id = a.id"
    "    AND e.balance_after IS NULL AND e.tx >= (SELECT horizon FROM last)) n"
    "   WHERE a.floor IS NULL"
    " ) parts GROUP BY kind, unit ORDER BY unit, kind"
)
# The oldest entry that marks its account (the same condition as the index has) and that no round of summing up reached.
_SUMS_AGE: Final = sa.text(
    "SELECT coalesce((SELECT extract(epoch FROM now() - j.created_at)"
    " FROM entries e JOIN journals j ON j.id = e.journal_id"
    " WHERE e.balance_after IS NULL AND hashint8(e.id) & 255 = 0"
    " AND e.tx >= (SELECT coalesce(max(horizon), '0') FROM balance_snapshots WHERE server = (SELECT ledger_server()))"
    " ORDER BY e.tx LIMIT 1), 0)"
)


@dataclass(frozen=True, slots=True)
class Balance:
    """How an account stands, read on its normal side, in smallest parts of ``unit``.

    ``posted`` may be under 0 where there is no floor; it is an int, not Money, because a sum has no bound.
    """

    code: str
    kind: str
    unit: Unit
    posted: int
    held: int
    floor: int | None
    frozen: bool

    @property
    def available(self) -> int:
        """What can still be taken or held."""
        return self.posted - self.held - (self.floor or 0)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a statement page ended; carries the running balance on."""

    tx: int = 0
    entry: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry as the account's owner reads it: ``amount`` over 0 raised the balance to ``running``."""

    journal_id: UUID
    reason: str
    case_id: UUID | None
    event_at: datetime
    corrects: UUID | None
    amount: int
    running: int


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Part of a statement, oldest first; ``end`` is where to go on, now if there is ``more``, or later."""

    unit: Unit
    lines: Sequence[StatementLine]
    end: Cursor
    more: bool


@dataclass(frozen=True, slots=True)
class TrialRow:
    """All accounts of one kind and unit; ``total`` is the plain sum of entries: credits over 0, debits under 0."""

    kind: str
    unit: str
    accounts: int
    total: int


async def balance(connection: AsyncConnection, code: str) -> Balance:
    """How an account stands.

    Raises:
        NotFound: missing, or not to be seen by the acting person.
    """
    return (await balances(connection, [code]))[code]


async def balances(connection: AsyncConnection, codes: Collection[str]) -> dict[str, Balance]:
    """How accounts stand, by code, in one query.

    Raises:
        NotFound: one is missing, or not to be seen by the acting person.
    """
    rows = await connection.execute(_BALANCES, {"codes": list(codes)})
    found = {
        row.code: Balance(
            row.code, row.kind, Unit(row.unit), row.sign * int(row.total), row.held, row.floor, frozen=row.frozen
        )
        for row in rows
    }
    if not found.keys() >= set(codes):
        raise NotFound
    return found


async def statement(
    connection: AsyncConnection, code: str, *, after: Cursor | None = None, limit: int = 50
) -> StatementPage:
    """The entries of an account with the running balance, oldest first.

    On an account without a floor an entry appears once every transaction begun before its own has ended.

    Raises:
        NotFound: missing, or not to be seen by the acting person.
    """
    account = (await connection.execute(_ACCOUNT, {"code": code})).one_or_none()
    if account is None:
        raise NotFound
    end = after or Cursor()
    parameters = {"account": account.id, "entry": end.entry, "limit": limit + 1}
    if not account.stored:
        parameters["tx"] = end.tx
    rows = (await connection.execute(_LINES[account.stored], parameters)).all()
    lines = []
    for row in rows[:limit]:
        amount = account.sign * row.amount
        running = account.sign * row.balance_after if account.stored else end.running + amount
        lines.append(
            StatementLine(row.journal_id, row.reason, row.case_id, row.event_at, row.corrects, amount, running)
        )
        end = Cursor(row.tx, row.id, running)
    return StatementPage(Unit(account.unit), lines, end, more=len(rows) > limit)


async def trial_balance(connection: AsyncConnection) -> list[TrialRow]:
    """A row for each kind and unit; the totals of each unit sum to zero."""
    rows = (await connection.execute(_TRIAL)).all()
    return [TrialRow(row.kind, row.unit, row.accounts, int(row.total)) for row in rows]


async def sums_age(connection: AsyncConnection) -> float:
    """For how many seconds entries have waited for a snapshot of their account; 0 if none wait.

    A few seconds are usual. If it grows, no worker sums up, or a transaction on this server stays open.
    """
    return float((await connection.execute(_SUMS_AGE)).scalar_one())
