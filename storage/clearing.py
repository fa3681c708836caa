"""A gateway's day compared with the ledger: its list, the comparison, and what becomes of differences (E2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clearing import BANK, BOOKABLE, CAUGHT_UP, ON_DEMAND, Correction, DifferenceKind, may_correct
from domain.dates import TEHRAN
from domain.payment import PaymentPolicy
from messages.case import CaseKind, CaseSignal
from messages.clearing import Event, Phase
from storage.bank_matching import compare_statement, holding_at_bank
from storage.cases import open_case
from storage.gateway_matching import holding
from storage.outbox import enqueue
from storage.policies import in_force
from storage.rows.cases import cases
from storage.rows.clearing import Clearing, Difference, bank_rows, clearing_differences, clearings, gateway_rows
from storage.rows.table import columns, find_one, read_all, read_one
from storage.rows.tasks import tasks
from storage.sealing import Seals
from storage.services import takes_new_cases

_CLEARING = columns(clearings, Clearing)
_DIFFERENCE = columns(clearing_differences, Difference)
_d = clearing_differences.c
_UNDECIDED: Final = ("open", "proposed", "confirmed")
_LETTERS: Final = 100
_DESCRIPTION: Final = "bank_row"
# More differences than a page shows at once.
MOST_SHOWN: Final = 200
# Whose business an open comparison is.
MACHINE: Final = "machine"


async def add_clearing(
    connection: AsyncConnection, gateway: str, day: date, statement_sha256: bytes | None = None
) -> UUID:
    """Open the comparison of a day, or of the statement of a hash, not yet its process; returns the case.

    Raises:
        LookupError: payments have no policy.
        sqlalchemy.exc.IntegrityError: the day is being compared.
    """
    policy = await in_force(connection, PaymentPolicy.POLICY)
    if policy is None:
        raise LookupError("no policy for payments is in force")
    case_id = await open_case(
        connection,
        kind=CaseKind.CLEARING,
        phase=Phase.AWAITING_LIST,
        policy_id=policy.id,
        next_actor=MACHINE,
    )
    await connection.execute(
        sa.insert(clearings).values(case_id=case_id, gateway=gateway, day=day, statement_sha256=statement_sha256)
    )
    return case_id


async def open_missed(connection: AsyncConnection, gateways: Collection[str], today: date) -> list[UUID]:
    """Open each of the last days that has no comparison, from a gateway's first try to pay on; returns the cases.

    None while the service is closed: the days are then opened later.
    """
    if not await takes_new_cases(connection, CaseKind.CLEARING):
        return []
    opened = []
    values = {"gateways": list(gateways), "today": today, "back": CAUGHT_UP.days, "most": ON_DEMAND.days}
    for row in await connection.execute(_MISSED, values):
        case_id = await add_clearing(connection, row.gateway, row.day)
        await enqueue(connection, CaseSignal(CaseKind.CLEARING, case_id, Event.CLEARING_OPENED))
        opened.append(case_id)
    return opened


# The days since the newest that was compared are open though they are many, for as long as they can be compared.
_MISSED = sa.text("""
    SELECT g.gateway, past.day::date FROM unnest(CAST(:gateways AS text[])) AS g (gateway)
    CROSS JOIN LATERAL (SELECT begun_at AS first FROM payment_attempts a WHERE a.gateway = g.gateway
        ORDER BY begun_at LIMIT 1) f
    LEFT JOIN LATERAL (SELECT c.day FROM clearings c WHERE c.gateway = g.gateway ORDER BY c.day DESC LIMIT 1) n ON true
    CROSS JOIN LATERAL generate_series(
        greatest(CAST(:today AS date) - CAST(:most AS int), (f.first AT TIME ZONE 'Asia/Tehran')::date,
            least(CAST(:today AS date) - CAST(:back AS int), n.day)),
        CAST(:today AS date) - 1, interval '1 day') AS past (day)
    WHERE NOT EXISTS (SELECT FROM clearings c WHERE c.gateway = g.gateway AND c.day = past.day::date)
    ORDER BY past.day, g.gateway
""")


async def read_clearing(connection: AsyncConnection, case_id: UUID) -> Clearing | None:
    """The comparison of a case, or None."""
    return await find_one(connection, Clearing, sa.select(*_CLEARING).where(clearings.c.case_id == case_id))


async def is_being_compared(connection: AsyncConnection, gateway: str, day: date) -> bool:
    """Whether a comparison of the day still waits for its list."""
    waits = sa.and_(~clearings.c.unlisted, clearings.c.compared_at.is_(None))
    known = sa.exists().where(clearings.c.gateway == gateway, clearings.c.day == day, waits)
    return bool(await connection.scalar(sa.select(known)))


_UNLISTED_PAYMENTS = sa.text("""
    SELECT EXISTS (SELECT FROM payment_attempts a WHERE a.gateway = :gateway AND a.state = 'paid'
        AND a.looked_at >= :begins AND a.looked_at < :ends AND a.paid_at >= :begins AND a.paid_at < :ends
        AND a.id::text <> ALL(:listed))
""")


async def has_payments(connection: AsyncConnection, clearing: Clearing, listed: Collection[str] = ()) -> bool:
    """Whether we have payments of a gateway's day other than these tries."""
    begins = datetime.combine(clearing.day, time(), TEHRAN)
    values = {"gateway": clearing.gateway, "begins": begins, "ends": begins + timedelta(days=1), "listed": list(listed)}
    return bool(await connection.scalar(_UNLISTED_PAYMENTS, values))


async def mark_unlisted(connection: AsyncConnection, case_id: UUID) -> None:
    """The gateway gave no list."""
    await connection.execute(sa.update(clearings).where(clearings.c.case_id == case_id).values(unlisted=True))


async def keep_rows(connection: AsyncConnection, gateway: str, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Keep lines of a gateway's list, by the names of their columns, as it tells them now.

    Returns:
        The tries of lines that are new or changed: their days may have been compared without them.
    """
    values = [
        {
            **row,
            "gateway": gateway,
            "day": row["at"].astimezone(TEHRAN).date(),
            "order_id": row["order_id"][:_LETTERS],
            "reference": row["reference"][:_LETTERS],
        }
        for row in rows
    ]
    # Pages of a list may overlap.
    once = {(row["order_id"], row["what"], row["reference"]): row for row in values}
    return set(await connection.scalars(_KEEP, list(once.values()))) if once else set()


_kept = insert(gateway_rows)
_KEEP = _kept.on_conflict_do_update(
    index_elements=["gateway", "order_id", "what", "reference"],
    set_={name: _kept.excluded[name] for name in ("amount", "fee")},
    where=sa.tuple_(gateway_rows.c.amount, gateway_rows.c.fee) != sa.tuple_(_kept.excluded.amount, _kept.excluded.fee),
).returning(gateway_rows.c.order_id)


async def read_difference(connection: AsyncConnection, difference_id: UUID) -> Difference:
    """A difference; its case is locked before it is changed."""
    return await read_one(connection, Difference, sa.select(*_DIFFERENCE).where(_d.id == difference_id))


async def read_description(connection: AsyncConnection, seals: Seals, difference_id: UUID) -> str | None:
    """What the bank wrote beside the row that a difference is about; None where it is about no row of the bank."""
    of_row = sa.and_(bank_rows.c.fingerprint == _d.order_id, _d.gateway == BANK, _d.kind == "bank_unmatched")
    query = sa.select(bank_rows.c.description_sealed).join(clearing_differences, of_row).where(_d.id == difference_id)
    sealed: bytes | None = await connection.scalar(query)
    return None if sealed is None else seals.cipher.open_text(sealed, _DESCRIPTION)


async def differences_of(connection: AsyncConnection, case_id: UUID, *, limit: int = MOST_SHOWN) -> list[Difference]:
    """What a comparison found: first what is asked about now, then what is undecided, each in its order."""
    asked = sa.exists().where(tasks.c.case_id == case_id, tasks.c.subject_id == _d.id, tasks.c.status == "open")
    query = sa.select(*_DIFFERENCE).where(_d.case_id == case_id)
    query = query.order_by(asked.desc(), _d.state.in_(_UNDECIDED).desc(), _d.id).limit(limit)
    return await read_all(connection, Difference, query)


async def differences_in(connection: AsyncConnection, case_id: UUID, state: str, *, limit: int) -> list[Difference]:
    """Those of a comparison that stand in a state."""
    query = sa.select(*_DIFFERENCE).where(_d.case_id == case_id, _d.state == state).order_by(_d.id).limit(limit)
    return await read_all(connection, Difference, query)


async def count_undecided(connection: AsyncConnection, case_id: UUID) -> int:
    """How many differences are neither explained nor booked."""
    query = sa.select(sa.func.count()).where(_d.case_id == case_id, _d.state.in_(_UNDECIDED))
    return int((await connection.execute(query)).scalar_one())


async def change(connection: AsyncConnection, difference_id: UUID, state: str, **values: Any) -> None:
    """Move a difference to another state."""
    changed = sa.update(clearing_differences).where(_d.id == difference_id)
    await connection.execute(changed.values(state=state, **values))


async def reopen(connection: AsyncConnection, difference_id: UUID) -> None:
    """Forget what was proposed about a difference: it is decided anew."""
    proposed = ("explanation", "paid_back", "settles", "against", "resolves", "proposed_by", "decided_by")
    await change(connection, difference_id, "open", **dict.fromkeys(proposed))


async def list_clearings(
    connection: AsyncConnection, *, after: tuple[date, UUID] | None = None, since: date | None = None, limit: int
) -> list[tuple[Clearing, str, int]]:
    """Comparisons, the newest days first, each with its case's phase and how many differences are undecided.

    Args:
        connection: in a transaction.
        after: the place in the list after which to go on.
        since: of gateways alone, the days that were compared from this one on, each as it was compared last.
        limit: how many at most.
    """
    undecided = (
        sa.select(sa.func.count()).where(_d.case_id == clearings.c.case_id, _d.state.in_(_UNDECIDED)).scalar_subquery()
    )
    query = sa.select(*_CLEARING, cases.c.phase, undecided.label("undecided")).join(
        cases, cases.c.id == clearings.c.case_id
    )
    place = sa.tuple_(clearings.c.day, clearings.c.case_id)
    if after is not None:
        query = query.where(place < after)
    if since is not None:
        compared = clearings.c.compared_at.is_not(None)
        later = clearings.alias()
        of_day = sa.and_(later.c.gateway == clearings.c.gateway, later.c.day == clearings.c.day)
        is_newest = ~sa.exists().where(of_day, later.c.compared_at > clearings.c.compared_at)
        query = query.where(clearings.c.day >= since, clearings.c.gateway != BANK, compared, is_newest)
    query = query.order_by(clearings.c.day.desc(), clearings.c.case_id.desc()).limit(limit)
    return [(Clearing(*row[:-2]), row[-2], row[-1]) for row in await connection.execute(query)]


async def has_decided(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether people had to decide on something, apart from fees that the list was the first to tell."""
    query = sa.exists().where(_d.case_id == case_id, sa.or_(_d.state == "explained", _d.proposed_by.is_not(None)))
    return bool(await connection.scalar(sa.select(query)))


@dataclass(frozen=True, slots=True)
class Ways:
    """What may follow from a difference that still holds: an entry of its kind, a correction against each of these."""

    may_book: bool
    against: tuple[Correction, ...]


async def ways_of(connection: AsyncConnection, differences: Sequence[Difference]) -> dict[UUID, Ways]:
    """Of each difference of one comparison, what may be booked for it; nothing where it does not hold any more."""
    of_bank = [one for one in differences if one.gateway == BANK]
    of_gateway = [one for one in differences if one.gateway != BANK]
    holds = await holding(connection, of_gateway) | dict.fromkeys(await holding_at_bank(connection, of_bank))
    return {
        one.id: Ways(
            one.id in holds and _may_book(one, holds[one.id]),
            tuple(each for each in Correction if one.id in holds and may_correct(one.kind, one.there, each)),
        )
        for one in differences
    }


async def may_follow(connection: AsyncConnection, one: Difference) -> bool:
    """Whether what was proposed about a difference may still follow; what it resolves is not found yet, then."""
    if one.resolves is not None and not await is_to_be_found(connection, one.resolves):
        return False
    ways = (await ways_of(connection, [one]))[one.id]
    return one.explanation is not None or (ways.may_book if one.against is None else one.against in ways.against)


def _may_book(one: Difference, attempt_state: str | None) -> bool:
    if one.kind is DifferenceKind.MISSING_HERE:
        return attempt_state in {"not_paid", "given_up"}
    return one.kind in BOOKABLE and (one.kind is not DifferenceKind.BANK_UNMATCHED or one.there > 0)


@dataclass(frozen=True, slots=True)
class Suspense:
    """Rial of a payment that stand apart though nothing is under way that would move them."""

    payment_id: UUID
    account: str
    amount: int
    since: datetime


# Of the last 90 days, and what the operators know of already: it is told for as long as it lies there. Codes and ids
# are made before they are joined: within a join, row-level security would have every account and payment read.
_SUSPENSE = sa.text("""
    WITH known AS MATERIALIZED (
        SELECT f.case_id, k.kind || ':' || f.case_id AS code FROM reconciliation_findings f
            CROSS JOIN (VALUES ('payment:received'), ('payment:refunding')) AS k (kind)
        WHERE f.kind = 'money_in_suspense' AND f.settled_at IS NULL
    ), lying AS (
        SELECT split_part(code, ':', 3)::uuid AS payment_id, kind, balance, created_at FROM accounts
        WHERE kind IN ('payment:received', 'payment:refunding') AND balance > 0
            AND created_at < now() - interval '1 hour' AND created_at > now() - interval '90 days'
        UNION SELECT known.case_id, a.kind, a.balance, a.created_at
            FROM known JOIN accounts a USING (code) WHERE a.balance > 0
    )
    SELECT p.case_id, a.kind, a.balance, a.created_at
    FROM lying a JOIN payments p ON p.case_id = a.payment_id
    WHERE NOT EXISTS (SELECT FROM payment_items i WHERE i.payment_id = p.case_id AND i.state = 'offered')
        AND NOT EXISTS (SELECT FROM payment_attempts t WHERE t.payment_id = p.case_id
            AND t.state IN ('requested', 'open', 'unclear'))
        AND NOT EXISTS (SELECT FROM payment_returns r WHERE r.payment_id = p.case_id AND r.returned_at IS NULL)
        AND NOT EXISTS (SELECT FROM tasks k WHERE k.case_id = p.case_id AND k.status = 'open')
    ORDER BY a.created_at LIMIT :most
""")


async def list_suspense(connection: AsyncConnection) -> list[Suspense]:
    """Money that has stood apart for more than an hour without a cause, the oldest first."""
    return [Suspense(*row) for row in await connection.execute(_SUSPENSE, {"most": MOST_SHOWN})]


# What one try's corrections leave there, or a difference and the later one in which it was found; those that undo each
# other leave nothing.
_TO_BE_FOUND = sa.text("""
    SELECT id, more FROM (
        SELECT d.id, d.more, sum(d.more) OVER (PARTITION BY
            CASE WHEN d.resolves IS NULL AND l.id IS NULL THEN d.gateway || ' ' || d.order_id
                ELSE coalesce(d.resolves, d.id)::text END) AS left_over
        FROM (SELECT id, gateway, order_id, resolves, CASE WHEN kind IN ('given_back_there', 'given_back_here')
                THEN here - there ELSE there - here END AS more
            FROM clearing_differences WHERE state = 'booked' AND against = 'clearing:differences') d
        LEFT JOIN clearing_differences l ON l.resolves = d.id AND l.state = 'booked') d
    WHERE left_over <> 0
""").columns(sa.column("id", sa.Uuid), sa.column("more", sa.BigInteger))


async def list_to_be_found(connection: AsyncConnection, amounts: Collection[int] | None = None) -> list[Difference]:
    """Differences that were booked to be found out, and that no other correction has undone since; the oldest first.

    With ``amounts`` those alone that have one of them, as ``more`` says, and that nobody has proposed to resolve.
    """
    left = _TO_BE_FOUND.subquery()
    query = sa.select(*_DIFFERENCE).join(left, left.c.id == _d.id).order_by(_d.id).limit(MOST_SHOWN)
    if amounts is not None:
        later = clearing_differences.alias()
        query = query.where(left.c.more.in_(amounts), ~sa.exists().where(later.c.resolves == _d.id))
    return await read_all(connection, Difference, query)


async def is_to_be_found(connection: AsyncConnection, difference_id: UUID) -> bool:
    """Whether a difference that was booked to be found out is not found yet, whatever is proposed to resolve it."""
    left = _TO_BE_FOUND.subquery()
    return bool(await connection.scalar(sa.select(sa.exists().where(left.c.id == difference_id))))


async def resolved_by(connection: AsyncConnection, differences: Sequence[Difference]) -> dict[UUID, Difference]:
    """The earlier differences that some resolve, or are proposed to, by the ids of these."""
    query = sa.select(*_DIFFERENCE).where(_d.id.in_([one.resolves for one in differences if one.resolves is not None]))
    found = {one.id: one for one in await read_all(connection, Difference, query)}
    return {one.id: found[one.resolves] for one in differences if one.resolves is not None}


async def found_in(connection: AsyncConnection, differences: Sequence[Difference]) -> dict[UUID, Difference]:
    """The later differences in which some were found, by the ids of those."""
    later = sa.and_(_d.resolves.in_([one.id for one in differences]), _d.state == "booked")
    found = await read_all(connection, Difference, sa.select(*_DIFFERENCE).where(later))
    return {one.resolves: one for one in found if one.resolves is not None}


@dataclass(frozen=True, slots=True)
class BankRow:
    """A row of the bank's account: rial that came (over 0) or went, under the bank's reference."""

    booked_on: date
    amount: int
    reference: str
    description: str = field(repr=False)
    fingerprint: str


async def find_statement(connection: AsyncConnection, sha256: bytes) -> UUID | None:
    """The comparison of a file that was sent before."""
    query = sa.select(clearings.c.case_id).where(clearings.c.statement_sha256 == sha256)
    case_id: UUID | None = await connection.scalar(query)
    return case_id


async def add_statement(connection: AsyncConnection, seals: Seals, sha256: bytes, rows: Sequence[BankRow]) -> UUID:
    """Keep a statement's rows that no other had, and compare them with what we paid; returns the case."""
    case_id = await add_clearing(connection, BANK, max(row.booked_on for row in rows), sha256)
    values = [
        {
            "case_id": case_id,
            "booked_on": row.booked_on,
            "amount": row.amount,
            "reference": row.reference,
            "description_sealed": seals.cipher.seal_text(row.description, _DESCRIPTION),
            "fingerprint": row.fingerprint,
        }
        for row in rows
    ]
    await connection.execute(insert(bank_rows).on_conflict_do_nothing(), values)
    days = [row.booked_on for row in rows]
    await compare_statement(connection, case_id, min(days), max(days))
    return case_id
