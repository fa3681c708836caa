"""Where cases and processes disagree: which cases to compare, whose turn it is, and what was found (G5).

A round is claimed by a row with a lease rather than an advisory lock: it asks Temporal between its short
transactions and holds no connection meanwhile, the row says besides when the next round is due and where it begins,
and a process that died gives it back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reconciliation import OF_ROWS, OF_SCHEDULES, STUCK, FindingKind
from messages.case import CaseKind
from storage.rows.cases import cases
from storage.rows.outbox import outbox
from storage.rows.reconciliation import Finding, reconciliation_findings, reconciliation_rounds
from storage.rows.table import columns, find_one, read_all

# The relay needs a moment between a commit and the process: a case that was changed so recently is not checked.
QUIET = timedelta(seconds=30)
# A process that goes missing again and again is not started more often than this.
RESTART_PAUSE = timedelta(minutes=1)
# A finding that comes back within this time goes on counting where it stood when it was settled.
_SAME_TROUBLE = timedelta(hours=1)
# For so long new payments go by another gateway than one that was found in trouble; then it is tried again.
_PASSED_OVER = timedelta(minutes=10)
# As long as a payment asks a silent gateway: what nobody has found so for longer is asked about by nobody.
_ASKED_FOR = timedelta(hours=25)
NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding to look at again, with what is known of its case."""

    id: UUID
    case_id: UUID
    kind: FindingKind
    case_kind: CaseKind
    case_is_open: bool
    restart_asked: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A round that is this process's; after which case of which kind it begins, None for the first.

    The kind is a text: another version of the programme may have written it.
    """

    started_at: datetime
    kind: str | None
    after: UUID


async def claim_round(connection: AsyncConnection, *, every: timedelta, lease: timedelta) -> Claim | None:
    """Claim the next round; None if it is not due yet or another process has it.

    Args:
        connection: of the machine.
        every: how long after the start of a round the next is due.
        lease: when another process may take over, should this one die.
    """
    rounds = reconciliation_rounds.c
    row = (
        await connection.execute(
            sa.update(reconciliation_rounds)
            .where(
                rounds.started_at <= sa.func.now() - every,
                sa.or_(rounds.claimed_until.is_(None), rounds.claimed_until < sa.func.now()),
            )
            .values(started_at=sa.func.now(), claimed_until=sa.func.now() + lease)
            .returning(rounds.started_at, rounds.kind, rounds.after_id)
        )
    ).one_or_none()
    if row is None:
        return None
    return Claim(row.started_at, row.kind, row.after_id or NO_ID)


async def end_round(connection: AsyncConnection, claim: Claim, kind: CaseKind | None, after: UUID) -> None:
    """Give the round back, saying after which case the next one begins; nothing if it was taken over."""
    await connection.execute(
        sa.update(reconciliation_rounds)
        .where(reconciliation_rounds.c.started_at == claim.started_at)
        .values(claimed_until=None, kind=kind, after_id=None if kind is None else after)
    )


async def open_cases(connection: AsyncConnection, kind: CaseKind, after: UUID, limit: int) -> list[UUID]:
    """Open cases of a kind in the order of their ids."""
    found = await connection.scalars(
        sa.select(cases.c.id)
        .where(cases.c.kind == kind, cases.c.closed_at.is_(None), cases.c.id > after)
        .order_by(cases.c.id)
        .limit(limit)
    )
    return list(found)


async def quiet_cases(connection: AsyncConnection, case_ids: Collection[UUID]) -> list[UUID]:
    """Those whose process should run: open, unchanged and with nothing to send for a while, not just restarted."""
    found = await connection.scalars(
        sa.select(cases.c.id).where(
            cases.c.id.in_(case_ids),
            cases.c.closed_at.is_(None),
            cases.c.changed_at < sa.func.now() - QUIET,
            _was_sent_a_while_ago(),
            sa.not_(_was_just_restarted()),
        )
    )
    return list(found)


def _was_sent_a_while_ago() -> sa.ColumnElement[bool]:
    """Whether all of a case's messages were; a sum, so that each case is looked up by the index of its messages."""
    long_sent = sa.func.coalesce(outbox.c.sent_at < sa.func.now() - QUIET, sa.false())
    messages = sa.select(sa.func.bool_and(long_sent)).where(outbox.c.case_id == cases.c.id)
    return sa.func.coalesce(messages.scalar_subquery(), sa.true())


def _was_just_restarted() -> sa.ColumnElement[bool]:
    return sa.exists().where(
        reconciliation_findings.c.case_id == cases.c.id,
        reconciliation_findings.c.kind == FindingKind.PROCESS_MISSING,
        reconciliation_findings.c.settled_at.is_(None),
        _last_seen() > sa.func.now() - RESTART_PAUSE,
    )


def _last_seen() -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(reconciliation_findings.c.seen_again_at, reconciliation_findings.c.found_at)


async def lock_quiet_case(connection: AsyncConnection, case_id: UUID) -> bool:
    """Lock a case until the transaction ends, if it is still quiet; False also if another transaction holds it."""
    locked = await connection.scalar(
        sa.select(cases.c.id).where(cases.c.id == case_id).with_for_update(skip_locked=True)
    )
    # A statement of its own: it sees what the last holder of the lock committed.
    return locked is not None and bool(await quiet_cases(connection, [case_id]))


async def closed_cases(
    connection: AsyncConnection, case_ids: Collection[UUID], *, longer_than: timedelta
) -> tuple[list[UUID], int]:
    """Which of the cases were closed longer ago than that, and how many of the ids are no case at all."""
    rows = (
        await connection.execute(
            sa.select(cases.c.id, sa.func.coalesce(cases.c.closed_at < sa.func.now() - longer_than, sa.false())).where(
                cases.c.id.in_(case_ids)
            )
        )
    ).all()
    return [row[0] for row in rows if row[1]], len(set(case_ids)) - len(rows)


async def known_cases(connection: AsyncConnection, case_ids: Collection[UUID]) -> list[UUID]:
    """Which of the ids are cases."""
    return list(await connection.scalars(sa.select(cases.c.id).where(cases.c.id.in_(case_ids)).order_by(cases.c.id)))


async def record(connection: AsyncConnection, about: UUID | str, kind: FindingKind) -> int:
    """Note a finding about a case, gateway or schedule, or that it was seen again; returns how many times by now."""
    found = reconciliation_findings
    name = found.c.schedule if kind in OF_SCHEDULES else found.c.gateway
    whose = name if isinstance(about, str) else found.c.case_id
    lately = (
        sa.select(found.c.times)
        .where(whose == about, found.c.kind == kind, found.c.settled_at > sa.func.now() - _SAME_TROUBLE)
        .order_by(found.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    seen = insert(found).values({whose: about}).values(kind=kind, times=sa.func.coalesce(lately, 0) + 1)
    again = seen.on_conflict_do_update(
        index_elements=[whose, found.c.kind],
        index_where=sa.and_(found.c.settled_at.is_(None), whose.is_not(None)),
        set_={"times": found.c.times + 1, "seen_again_at": sa.func.now()},
    )
    return int((await connection.execute(again.returning(found.c.times))).scalar_one())


async def settle_gateway(connection: AsyncConnection, gateway: str) -> None:
    """A gateway answers: nothing is wrong with it any more."""
    found = reconciliation_findings.c
    answers = sa.and_(found.gateway == gateway, found.settled_at.is_(None))
    await connection.execute(sa.update(reconciliation_findings).where(answers).values(settled_at=sa.func.now()))


async def settle_schedule(connection: AsyncConnection, schedule: str, *, apart_from: FindingKind | None) -> None:
    """A schedule does its work, apart from what was seen now."""
    found = reconciliation_findings.c
    over = sa.and_(found.schedule == schedule, found.settled_at.is_(None), found.kind.is_distinct_from(apart_from))
    await connection.execute(sa.update(reconciliation_findings).where(over).values(settled_at=sa.func.now()))


async def settle_unasked(connection: AsyncConnection) -> None:
    """Gateways and schedules that nobody asks any more, for instance because the settings name them no longer."""
    found = reconciliation_findings.c
    unasked = sa.and_(found.case_id.is_(None), found.settled_at.is_(None), _last_seen() < sa.func.now() - _ASKED_FOR)
    await connection.execute(sa.update(reconciliation_findings).where(unasked).values(settled_at=sa.func.now()))


async def troubled_gateways(connection: AsyncConnection) -> set[str]:
    """Gateways that were in trouble a moment ago; after a while without news they are as good as any."""
    found = reconciliation_findings.c
    lately = sa.and_(found.settled_at.is_(None), _last_seen() > sa.func.now() - _PASSED_OVER)
    return set(await connection.scalars(sa.select(found.gateway).where(found.gateway.is_not(None), lately)))


async def findings_to_review(connection: AsyncConnection, limit: int) -> list[OpenFinding]:
    """Open findings that Temporal is to be asked about, first those that were not seen for the longest time."""
    found = reconciliation_findings.c
    query = (
        sa.select(
            *(found.id, found.case_id, found.kind, cases.c.kind, cases.c.closed_at.is_(None)),
            found.restart_asked_at.is_not(None),
        )
        .join_from(reconciliation_findings, cases, found.case_id == cases.c.id)
        .where(
            found.settled_at.is_(None),
            found.kind.not_in(OF_ROWS),
            cases.c.kind.in_(list(CaseKind)),
        )
        .order_by(_last_seen(), found.id)
        .limit(limit)
    )
    return await read_all(connection, OpenFinding, query)


async def findings_of_kind(connection: AsyncConnection, kind: FindingKind) -> dict[UUID, UUID]:
    """The open findings of a kind: their ids by the case."""
    found = reconciliation_findings.c
    query = sa.select(found.case_id, found.id).where(found.kind == kind, found.settled_at.is_(None))
    return {row.case_id: row.id for row in await connection.execute(query)}


async def settle(connection: AsyncConnection, finding_ids: Sequence[UUID]) -> None:
    """Case and process agree again."""
    await connection.execute(
        sa.update(reconciliation_findings)
        .where(reconciliation_findings.c.id.in_(finding_ids), reconciliation_findings.c.settled_at.is_(None))
        .values(settled_at=sa.func.now())
    )


async def read_finding(connection: AsyncConnection, finding_id: UUID) -> Finding | None:
    """A finding, or None."""
    query = sa.select(*columns(reconciliation_findings, Finding)).where(reconciliation_findings.c.id == finding_id)
    return await find_one(connection, Finding, query)


async def ask_restart(connection: AsyncConnection, finding_id: UUID, by: UUID) -> Finding | None:
    """Ask that a process that is stuck be started again; None if it is not, or gets on again."""
    found = reconciliation_findings.c
    query = (
        sa.update(reconciliation_findings)
        .where(found.id == finding_id, found.settled_at.is_(None), found.kind.in_(STUCK))
        .values(restart_asked_at=sa.func.now(), restart_asked_by=by)
        .returning(*columns(reconciliation_findings, Finding))
    )
    return await find_one(connection, Finding, query)


async def note_restart(connection: AsyncConnection, finding_id: UUID) -> None:
    """The process was ended and is started again."""
    await connection.execute(
        sa.update(reconciliation_findings)
        .where(reconciliation_findings.c.id == finding_id)
        .values(restart_asked_at=None, restart_asked_by=None)
    )


async def count_open_findings(connection: AsyncConnection) -> dict[FindingKind, int]:
    """How many findings of each kind are not settled."""
    found = reconciliation_findings.c
    rows = await connection.execute(
        sa.select(found.kind, sa.func.count()).where(found.settled_at.is_(None)).group_by(found.kind)
    )
    return dict.fromkeys(FindingKind, 0) | {row[0]: row[1] for row in rows}


async def list_findings(
    connection: AsyncConnection, *, is_open: bool | None, before: UUID | None, limit: int
) -> list[Finding]:
    """Findings, newest first."""
    found = reconciliation_findings.c
    query = sa.select(*columns(reconciliation_findings, Finding)).order_by(found.id.desc()).limit(limit)
    if is_open is not None:
        query = query.where(found.settled_at.is_(None) if is_open else found.settled_at.is_not(None))
    if before is not None:
        query = query.where(found.id < before)
    return await read_all(connection, Finding, query)
