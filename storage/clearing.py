"""A gateway's day compared with the ledger: its list, the comparison, and what becomes of differences (E2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clearing import BANK, BOOKABLE, CAUGHT_UP, DifferenceKind
from domain.dates import TEHRAN
from domain.money import Money
from domain.payment import PaymentPolicy
from messages.case import CaseKind, CaseSignal
from messages.clearing import Event, Phase
from storage.cases import open_case
from storage.outbox import enqueue
from storage.policies import in_force
from storage.rows.cases import cases
from storage.rows.clearing import Clearing, Difference, bank_rows, clearing_differences, clearings, gateway_rows
from storage.rows.payment import payment_attempts
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_CLEARING = columns(clearings, Clearing)
_DIFFERENCE = columns(clearing_differences, Difference)
_d = clearing_differences.c
_LETTERS: Final = 100
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
        sqlalchemy.exc.IntegrityError: the day was compared, or is being compared.
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
    """Open each of the last days that has no comparison, from a gateway's first try to pay on; returns the cases."""
    opened = []
    for row in await connection.execute(_MISSED, {"gateways": list(gateways), "today": today, "back": CAUGHT_UP.days}):
        case_id = await add_clearing(connection, row.gateway, row.day)
        await enqueue(connection, CaseSignal(CaseKind.CLEARING, case_id, Event.CLEARING_OPENED))
        opened.append(case_id)
    return opened


_MISSED = sa.text("""
    SELECT gateway, day::date FROM unnest(CAST(:gateways AS text[])) AS gateway
    CROSS JOIN LATERAL (SELECT min(begun_at) AS first FROM payment_attempts a WHERE a.gateway = gateway.gateway) f
    CROSS JOIN LATERAL generate_series(
        greatest(CAST(:today AS date) - CAST(:back AS int), (f.first AT TIME ZONE 'Asia/Tehran')::date),
        CAST(:today AS date) - 1, interval '1 day') AS day
    WHERE f.first IS NOT NULL
        AND NOT EXISTS (SELECT FROM clearings c WHERE c.gateway = gateway.gateway AND c.day = day::date)
    ORDER BY day, gateway
""")


async def read_clearing(connection: AsyncConnection, case_id: UUID) -> Clearing | None:
    """The comparison of a case, or None."""
    return await find_one(connection, Clearing, sa.select(*_CLEARING).where(clearings.c.case_id == case_id))


async def is_compared(connection: AsyncConnection, gateway: str, day: date) -> bool:
    """Whether the day has its comparison, or it is under way."""
    known = sa.exists().where(clearings.c.gateway == gateway, clearings.c.day == day, ~clearings.c.unlisted)
    return bool(await connection.scalar(sa.select(known)))


async def mark_unlisted(connection: AsyncConnection, case_id: UUID) -> None:
    """The gateway gave no list."""
    await connection.execute(sa.update(clearings).where(clearings.c.case_id == case_id).values(unlisted=True))


async def add_rows(connection: AsyncConnection, gateway: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep lines of a gateway's list, by the names of their columns; those that are known stay as they are."""
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
    if values:
        await connection.execute(insert(gateway_rows).on_conflict_do_nothing(), values)


# For each try that the list or our rows of the day tell of: all that is known of it, here and there, whatever the day,
# so that neither midnight nor a clock that is ahead makes a difference. What a process is still about is left to it.
_FIND = sa.text("""
    WITH touched AS (
        SELECT r.order_id FROM gateway_rows r WHERE r.gateway = :gateway AND r.day = :day
        UNION SELECT a.id::text FROM payment_attempts a
            WHERE a.gateway = :gateway AND a.looked_at >= :begins AND a.looked_at < :ends
        UNION SELECT r.attempt_id::text FROM payment_returns r JOIN payment_attempts a ON a.id = r.attempt_id
            WHERE a.gateway = :gateway AND r.returned_at >= :begins AND r.returned_at < :ends
    ), there AS (
        SELECT r.order_id, coalesce(min(r.reference) FILTER (WHERE r.what = 'taken'), min(r.reference)) AS reference,
            coalesce(sum(r.amount) FILTER (WHERE r.what = 'taken'), 0)::bigint AS taken,
            coalesce(sum(r.amount) FILTER (WHERE r.what = 'given_back'), 0)::bigint AS back,
            sum(CASE r.what WHEN 'taken' THEN r.fee ELSE -r.fee END)::bigint AS fee
        FROM gateway_rows r JOIN touched t USING (order_id) WHERE r.gateway = :gateway GROUP BY r.order_id
    ), here AS (
        SELECT a.id, a.payment_id, a.reference, a.fee AS told, a.state IN ('requested', 'open', 'unclear') AS watched,
            CASE a.state WHEN 'paid' THEN a.paid_amount ELSE 0 END AS taken,
            coalesce((SELECT sum(r.amount) FROM payment_returns r WHERE r.attempt_id = a.id
                AND r.way IN ('reverse', 'refund') AND r.returned_at IS NOT NULL), 0)::bigint AS back,
            EXISTS (SELECT FROM payment_returns r WHERE r.attempt_id = a.id
                AND r.way IN ('reverse', 'refund') AND r.returned_at IS NULL) AS returning,
            (coalesce((SELECT -sum(e.amount) FROM journals j JOIN entries e ON e.journal_id = j.id
                JOIN accounts c ON c.id = e.account_id AND c.code = 'expense:gateway'
                WHERE j.key IN ('payment:' || a.id || '\\:fee', 'payment:' || a.id || '\\:fee_given_up')), 0)
            + coalesce((SELECT sum(d.there - d.here) FROM clearing_differences d
                WHERE d.attempt_id = a.id AND d.kind = 'fee_differs' AND d.state = 'booked'), 0))::bigint AS fee
        FROM payment_attempts a JOIN touched t ON t.order_id = a.id::text WHERE a.gateway = :gateway
    ), tries AS (
        SELECT t.order_id, h.id AS attempt_id, h.payment_id, coalesce(th.reference, h.reference, '') AS reference,
            coalesce(h.taken, 0) AS here_taken, coalesce(th.taken, 0) AS there_taken,
            coalesce(h.back, 0) AS here_back, coalesce(th.back, 0) AS there_back,
            coalesce(h.fee, 0) AS here_fee, coalesce(th.fee, 0) AS there_fee,
            coalesce(h.watched, false) AS watched, coalesce(h.returning, false) AS returning, h.told
        FROM touched t LEFT JOIN there th USING (order_id)
            LEFT JOIN here h ON h.id::text = t.order_id
    )
    INSERT INTO clearing_differences
        (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, here, there, state)
    SELECT :case_id, :gateway, t.order_id, f.kind, t.reference, t.attempt_id, t.payment_id, f.here, f.there, f.state
    FROM tries t CROSS JOIN LATERAL (VALUES
        ('missing_here', t.here_taken, t.there_taken, 'open', t.here_taken = 0 AND NOT t.watched),
        ('missing_there', t.here_taken, t.there_taken, 'open', t.there_taken = 0),
        ('amount_differs', t.here_taken, t.there_taken, 'open', t.here_taken > 0 AND t.there_taken > 0),
        -- The list is the first to tell a fee that was not told with the payment, or is given up with a return.
        ('fee_differs', t.here_fee, t.there_fee,
            CASE WHEN t.told IS NULL OR t.there_back > 0 THEN 'booked' ELSE 'open' END,
            t.here_taken > 0 AND t.there_taken > 0),
        ('given_back_there', t.here_back, t.there_back, 'open', t.there_back > t.here_back AND NOT t.returning),
        ('given_back_here', t.here_back, t.there_back, 'open', t.here_back > t.there_back AND t.there_taken > 0)
    ) AS f (kind, here, there, state, holds)
    WHERE f.holds AND f.here <> f.there AND NOT EXISTS (
        SELECT FROM clearing_differences d WHERE d.gateway = :gateway AND d.order_id = t.order_id
            AND d.kind = f.kind AND d.here = f.here AND d.there = f.there)
    RETURNING state, kind, here, there
""")
_SUM = sa.text("""
    UPDATE clearings SET compared_at = now(), here_count = h.number, here_sum = h.total, there_count = t.number,
        there_sum = t.total
    FROM (SELECT count(*) AS number, coalesce(sum(a.paid_amount), 0) AS total FROM payment_attempts a
            WHERE a.gateway = :gateway AND a.state = 'paid' AND a.looked_at >= :begins AND a.looked_at < :ends
                AND a.paid_at >= :begins AND a.paid_at < :ends) h,
        (SELECT count(*) AS number, coalesce(sum(r.amount), 0) AS total FROM gateway_rows r
            WHERE r.gateway = :gateway AND r.day = :day AND r.what = 'taken') t
    WHERE case_id = :case_id
""")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found: open differences, and rial of fees that the list was the first to tell."""

    differences: int
    fees: Money


async def compare(connection: AsyncConnection, clearing: Clearing, begins: datetime, ends: datetime) -> Comparison:
    """Write down each difference of a day that was not found before, and the sums of both sides."""
    values: dict[str, Any] = {
        "case_id": clearing.case_id,
        "gateway": clearing.gateway,
        "day": clearing.day,
        "begins": begins,
        "ends": ends,
    }
    found = (await connection.execute(_FIND, values)).all()
    await connection.execute(_SUM, values)
    fees = sum(row.there - row.here for row in found if row.state == "booked")
    return Comparison(sum(row.state == "open" for row in found), Money(fees))


async def read_difference(connection: AsyncConnection, difference_id: UUID) -> Difference:
    """A difference; whoever changes it has locked its case."""
    return await read_one(connection, Difference, sa.select(*_DIFFERENCE).where(_d.id == difference_id))


async def differences_of(connection: AsyncConnection, case_id: UUID, *, limit: int = MOST_SHOWN) -> list[Difference]:
    """What a comparison found, in its order."""
    query = sa.select(*_DIFFERENCE).where(_d.case_id == case_id).order_by(_d.id).limit(limit)
    return await read_all(connection, Difference, query)


async def differences_in(connection: AsyncConnection, case_id: UUID, state: str, *, limit: int) -> list[Difference]:
    """Those of a comparison that stand in a state."""
    query = sa.select(*_DIFFERENCE).where(_d.case_id == case_id, _d.state == state).order_by(_d.id).limit(limit)
    return await read_all(connection, Difference, query)


async def count_undecided(connection: AsyncConnection, case_id: UUID) -> int:
    """How many differences are neither explained nor booked."""
    query = sa.select(sa.func.count()).where(_d.case_id == case_id, _d.state.in_(("open", "proposed", "confirmed")))
    return int((await connection.execute(query)).scalar_one())


async def change(connection: AsyncConnection, difference_id: UUID, state: str, **values: Any) -> None:
    """Move a difference to another state."""
    changed = sa.update(clearing_differences).where(_d.id == difference_id)
    await connection.execute(changed.values(state=state, **values))


async def list_clearings(
    connection: AsyncConnection, *, after: tuple[date, UUID] | None, limit: int
) -> list[tuple[Clearing, str, int]]:
    """Comparisons, the newest days first, each with its case's phase and how many differences are undecided."""
    undecided = (
        sa.select(sa.func.count())
        .where(_d.case_id == clearings.c.case_id, _d.state.in_(("open", "proposed", "confirmed")))
        .scalar_subquery()
    )
    query = sa.select(*_CLEARING, cases.c.phase, undecided.label("undecided")).join(
        cases, cases.c.id == clearings.c.case_id
    )
    place = sa.tuple_(clearings.c.day, clearings.c.case_id)
    if after is not None:
        query = query.where(place < after)
    query = query.order_by(clearings.c.day.desc(), clearings.c.case_id.desc()).limit(limit)
    return [(Clearing(*row[:-2]), row[-2], row[-1]) for row in await connection.execute(query)]


async def has_decided(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether people had to decide on something, apart from fees that the list was the first to tell."""
    query = sa.exists().where(_d.case_id == case_id, sa.or_(_d.state == "explained", _d.proposed_by.is_not(None)))
    return bool(await connection.scalar(sa.select(query)))


async def bookable(connection: AsyncConnection, differences: Collection[Difference]) -> set[UUID]:
    """The differences from which an entry may follow: by their kind, and by what has become of their try meanwhile."""
    known = [one for one in differences if one.kind in BOOKABLE]
    tries = sa.select(payment_attempts.c.id, payment_attempts.c.state).where(
        payment_attempts.c.id.in_([one.attempt_id for one in known if one.attempt_id is not None])
    )
    states: dict[UUID | None, str] = {row.id: row.state for row in await connection.execute(tries)}
    return {one.id for one in known if _may_book(one, states.get(one.attempt_id))}


def _may_book(one: Difference, state: str | None) -> bool:
    if one.kind is DifferenceKind.BANK_UNMATCHED:
        return one.there > 0
    return state in ({"paid"} if one.kind is DifferenceKind.FEE_DIFFERS else {"not_paid", "given_up"})


async def listed_fee(connection: AsyncConnection, difference: Difference) -> int:
    """Rial that the gateway keeps of a try, as its lists say."""
    fee = sa.case((gateway_rows.c.what == "taken", gateway_rows.c.fee), else_=-gateway_rows.c.fee)
    of_try = sa.select(_d.order_id).where(_d.id == difference.id).scalar_subquery()
    query = sa.select(sa.func.coalesce(sa.func.sum(fee), 0)).where(
        gateway_rows.c.gateway == difference.gateway, gateway_rows.c.order_id == of_try
    )
    return int((await connection.execute(query)).scalar_one())


@dataclass(frozen=True, slots=True)
class Suspense:
    """Rial of a payment that stand apart though nothing is under way that would move them."""

    payment_id: UUID
    account: str
    amount: int
    since: datetime


_SUSPENSE = sa.text("""
    SELECT p.case_id, a.kind, a.balance, a.created_at
    FROM accounts a JOIN payments p ON a.code = a.kind || ':' || p.case_id
    WHERE a.kind IN ('payment:received', 'payment:refunding') AND a.balance > 0
        AND a.created_at < now() - interval '1 hour' AND a.created_at > now() - interval '90 days'
        AND NOT EXISTS (SELECT FROM payment_items i WHERE i.payment_id = p.case_id AND i.state = 'offered')
        AND NOT EXISTS (SELECT FROM payment_attempts t WHERE t.payment_id = p.case_id
            AND t.state IN ('requested', 'open', 'unclear'))
        AND NOT EXISTS (SELECT FROM payment_returns r WHERE r.payment_id = p.case_id AND r.returned_at IS NULL)
        AND NOT EXISTS (SELECT FROM tasks k WHERE k.case_id = p.case_id AND k.status = 'open')
    ORDER BY a.created_at LIMIT :most
""")


async def list_suspense(connection: AsyncConnection) -> list[Suspense]:
    """Money of the last 90 days that has stood apart for more than an hour without a cause, the oldest first."""
    return [Suspense(*row) for row in await connection.execute(_SUSPENSE, {"most": MOST_SHOWN})]


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
    """Keep a statement's rows that no other had, and compare them with what we paid back by hand; returns the case."""
    case_id = await add_clearing(connection, BANK, max(row.booked_on for row in rows), sha256)
    values = [
        {
            "case_id": case_id,
            "booked_on": row.booked_on,
            "amount": row.amount,
            "reference": row.reference,
            "description_sealed": seals.cipher.seal_text(row.description, "bank_row"),
            "fingerprint": row.fingerprint,
        }
        for row in rows
    ]
    await connection.execute(insert(bank_rows).on_conflict_do_nothing(), values)
    first = {
        "case_id": case_id,
        "first": min(row.booked_on for row in rows),
        "last": max(row.booked_on for row in rows),
    }
    for statement in (_MATCH, _UNMATCHED, _UNPAID, _SUM_STATEMENT):
        await connection.execute(statement, first)
    return case_id


_MATCH = sa.text("""
    UPDATE bank_rows b SET return_id = r.id FROM payment_returns r
    WHERE b.case_id = :case_id AND r.way = 'hand' AND r.reference = b.reference AND r.amount = -b.amount
        AND NOT EXISTS (SELECT FROM bank_rows o WHERE o.return_id = r.id)
        AND b.id = (SELECT min(s.id::text)::uuid FROM bank_rows s
            WHERE s.case_id = :case_id AND s.reference = b.reference AND s.amount = b.amount)
""")
_UNMATCHED = sa.text("""
    INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, here, there)
    SELECT case_id, 'bank', fingerprint, 'bank_unmatched', reference, 0, amount FROM bank_rows
    WHERE case_id = :case_id AND return_id IS NULL ORDER BY booked_on, id
""")
# Paid back by hand within the statement's days, and in no statement.
_UNPAID = sa.text("""
    INSERT INTO clearing_differences
        (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, here, there)
    SELECT :case_id, 'bank', r.id::text, 'bank_missing', r.reference, r.attempt_id, r.payment_id, -r.amount, 0
    FROM payment_returns r
    WHERE r.way = 'hand' AND r.returned_at >= CAST(:first AS timestamp) AT TIME ZONE 'Asia/Tehran'
        AND r.returned_at < (CAST(:last AS timestamp) + interval '1 day') AT TIME ZONE 'Asia/Tehran'
        AND NOT EXISTS (SELECT FROM bank_rows b WHERE b.return_id = r.id)
        AND NOT EXISTS (SELECT FROM clearing_differences d
            WHERE d.gateway = 'bank' AND d.order_id = r.id::text AND d.kind = 'bank_missing')
""")
_SUM_STATEMENT = sa.text("""
    UPDATE clearings SET compared_at = now(), here_count = b.matched, here_sum = b.matched_sum, there_count = b.number,
        there_sum = b.total
    FROM (SELECT count(*) AS number, coalesce(sum(amount), 0) AS total, count(return_id) AS matched,
            coalesce(sum(amount) FILTER (WHERE return_id IS NOT NULL), 0) AS matched_sum
        FROM bank_rows WHERE case_id = :case_id) b
    WHERE case_id = :case_id
""")
