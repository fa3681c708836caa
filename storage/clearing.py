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

from domain.clearing import BANK, BOOKABLE, CAUGHT_UP, ON_DEMAND, USUAL_FEE_PARTS
from domain.dates import TEHRAN
from domain.money import Money
from domain.payment import PaymentPolicy
from messages.case import CaseKind, CaseSignal
from messages.clearing import Event, Phase
from storage.bank_matching import compare_statement
from storage.cases import open_case
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


async def is_compared(connection: AsyncConnection, gateway: str, day: date) -> bool:
    """Whether the day has its comparison, or it is under way."""
    known = sa.exists().where(clearings.c.gateway == gateway, clearings.c.day == day, ~clearings.c.unlisted)
    return bool(await connection.scalar(sa.select(known)))


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
# For each try that the list or our rows of the day tell of, or that is news of another day: all that is known of it,
# here and there, whatever the day,
# so that neither midnight nor a clock that is ahead makes a difference. What a process is still about is left to it.
_FIND = sa.text("""
    WITH told AS (
        SELECT r.order_id FROM gateway_rows r WHERE r.gateway = :gateway AND r.day = :day
        UNION SELECT unnest(CAST(:news AS text[]))
        UNION SELECT a.id::text FROM payment_attempts a
            WHERE a.gateway = :gateway AND a.looked_at >= :begins AND a.looked_at < :ends
        UNION SELECT r.attempt_id::text FROM payment_returns r JOIN payment_attempts a ON a.id = r.attempt_id
            WHERE a.gateway = :gateway AND r.returned_at >= :begins AND r.returned_at < :ends
    ), touched AS (
        -- By its id a try is found among millions; what a list says may be none.
        SELECT order_id, CASE WHEN order_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN CAST(order_id AS uuid) END AS id FROM told
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
        FROM payment_attempts a JOIN touched t USING (id) WHERE a.gateway = :gateway
    ), tries AS (
        SELECT t.order_id, h.id AS attempt_id, h.payment_id, coalesce(th.reference, h.reference, '') AS reference,
            coalesce(h.taken, 0) AS here_taken, coalesce(th.taken, 0) AS there_taken,
            coalesce(h.back, 0) AS here_back, coalesce(th.back, 0) AS there_back,
            coalesce(h.fee, 0) AS here_fee, coalesce(th.fee, 0) AS there_fee,
            coalesce(h.watched, false) AS watched, coalesce(h.returning, false) AS returning, h.told
        FROM touched t LEFT JOIN there th USING (order_id)
            LEFT JOIN here h ON h.id = t.id
    )
    INSERT INTO clearing_differences
        (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, here, there, state)
    SELECT :case_id, :gateway, t.order_id, f.kind, t.reference, t.attempt_id, t.payment_id, f.here, f.there, f.state
    FROM tries t CROSS JOIN LATERAL (VALUES
        -- What the gateway took and gave back again is nobody's any more.
        ('missing_here', t.here_taken, t.there_taken - t.there_back, 'open',
            t.here_taken = 0 AND t.there_taken > t.there_back AND NOT t.watched),
        ('missing_there', t.here_taken, t.there_taken, 'open', t.there_taken = 0),
        ('amount_differs', t.here_taken, t.there_taken, 'open', t.here_taken > 0 AND t.there_taken > 0),
        -- The list is the first to tell a fee that was not told with the payment, or is given up with a return.
        ('fee_differs', t.here_fee, t.there_fee,
            CASE WHEN (t.told IS NULL OR t.there_back > 0) AND t.there_fee BETWEEN 0 AND t.there_taken / :usual
                THEN 'booked' ELSE 'open' END,
            t.here_taken > 0 AND t.there_taken > 0),
        ('given_back_there', t.here_back, t.there_back, 'open', t.there_back > t.here_back AND NOT t.returning),
        ('given_back_here', t.here_back, t.there_back, 'open', t.here_back > t.there_back AND t.there_taken > 0)
    ) AS f (kind, here, there, state, holds)
    WHERE f.holds AND f.here <> f.there AND NOT EXISTS (
        SELECT FROM clearing_differences d WHERE d.gateway = :gateway AND d.order_id = t.order_id
            AND d.kind = f.kind AND d.here = f.here AND d.there = f.there)
    RETURNING state, kind, here, there
""")
# A day of 10,000 tries takes a second and a half.
_TAKE_TIME = sa.text("SET LOCAL statement_timeout = '15s'")
_SUM = sa.text("""
    UPDATE clearings SET compared_at = now(), here_count = h.number, here_sum = h.total, there_count = t.number,
        there_sum = t.total, here_back = b.total, there_back = t.back, there_fee = t.fee
    FROM (SELECT count(*) AS number, coalesce(sum(a.paid_amount), 0) AS total FROM payment_attempts a
            WHERE a.gateway = :gateway AND a.state = 'paid' AND a.looked_at >= :begins AND a.looked_at < :ends
                AND a.paid_at >= :begins AND a.paid_at < :ends) h,
        (SELECT coalesce(sum(r.amount), 0) AS total FROM payment_returns r JOIN payment_attempts a
                ON a.id = r.attempt_id AND a.gateway = :gateway
            WHERE r.way IN ('reverse', 'refund') AND r.returned_at >= :begins AND r.returned_at < :ends) b,
        (SELECT count(*) FILTER (WHERE r.what = 'taken') AS number,
                coalesce(sum(r.amount) FILTER (WHERE r.what = 'taken'), 0) AS total,
                coalesce(sum(r.amount) FILTER (WHERE r.what = 'given_back'), 0) AS back,
                coalesce(sum(CASE r.what WHEN 'taken' THEN r.fee ELSE -r.fee END), 0) AS fee
            FROM gateway_rows r WHERE r.gateway = :gateway AND r.day = :day) t
    WHERE case_id = :case_id
""")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found: open differences, and rial of fees that the list was the first to tell."""

    differences: int
    fees: Money


async def compare(
    connection: AsyncConnection, clearing: Clearing, begins: datetime, ends: datetime, news: Collection[str]
) -> Comparison:
    """Write down each difference of a day, and of news, that was not found before, and the sums of both sides."""
    values: dict[str, Any] = {
        "case_id": clearing.case_id,
        "gateway": clearing.gateway,
        "day": clearing.day,
        "begins": begins,
        "ends": ends,
        "news": list(news),
        "usual": USUAL_FEE_PARTS,
    }
    await connection.execute(_TAKE_TIME)
    found = (await connection.execute(_FIND, values)).all()
    await connection.execute(_SUM, values)
    fees = sum(row.there - row.here for row in found if row.state == "booked")
    return Comparison(sum(row.state == "open" for row in found), Money(fees))


async def read_difference(connection: AsyncConnection, difference_id: UUID) -> Difference:
    """A difference; whoever changes it has locked its case."""
    return await read_one(connection, Difference, sa.select(*_DIFFERENCE).where(_d.id == difference_id))


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


async def list_clearings(
    connection: AsyncConnection, *, after: tuple[date, UUID] | None = None, since: date | None = None, limit: int
) -> list[tuple[Clearing, str, int]]:
    """Comparisons, the newest days first, each with its case's phase and how many differences are undecided.

    Args:
        connection: in a transaction.
        after: the place in the list after which to go on.
        since: of gateways alone, the days that were compared from this one on.
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
        query = query.where(clearings.c.day >= since, clearings.c.gateway != BANK, compared)
    query = query.order_by(clearings.c.day.desc(), clearings.c.case_id.desc()).limit(limit)
    return [(Clearing(*row[:-2]), row[-2], row[-1]) for row in await connection.execute(query)]


async def has_decided(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether people had to decide on something, apart from fees that the list was the first to tell."""
    query = sa.exists().where(_d.case_id == case_id, sa.or_(_d.state == "explained", _d.proposed_by.is_not(None)))
    return bool(await connection.scalar(sa.select(query)))


async def bookable(connection: AsyncConnection, differences: Collection[Difference]) -> set[UUID]:
    """The differences from which an entry may follow: by their kind, and if they still hold."""
    known = [one.id for one in differences if one.kind in BOOKABLE]
    return set(await connection.scalars(_HOLDING, {"ids": known})) if known else set()


# Meanwhile the try may have become another, or a later list may have told more of it.
_HOLDING = sa.text("""
    SELECT d.id FROM clearing_differences d LEFT JOIN payment_attempts a ON a.id = d.attempt_id,
        LATERAL (SELECT coalesce(sum(CASE r.what WHEN 'taken' THEN r.amount ELSE -r.amount END), 0) AS amount,
                coalesce(sum(CASE r.what WHEN 'taken' THEN r.fee ELSE -r.fee END), 0) AS fee
            FROM gateway_rows r WHERE r.gateway = d.gateway AND r.order_id = d.order_id) listed
    WHERE d.id = ANY(:ids) AND CASE d.kind
        WHEN 'missing_here' THEN a.state IN ('not_paid', 'given_up') AND d.there = listed.amount
        WHEN 'fee_differs' THEN a.state = 'paid' AND d.there = listed.fee
            AND NOT EXISTS (SELECT FROM clearing_differences n WHERE n.gateway = d.gateway
                AND n.order_id = d.order_id AND n.kind = d.kind AND n.id > d.id)
        ELSE d.there > 0 END
""")


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
            "description_sealed": seals.cipher.seal_text(row.description, "bank_row"),
            "fingerprint": row.fingerprint,
        }
        for row in rows
    ]
    await connection.execute(insert(bank_rows).on_conflict_do_nothing(), values)
    days = [row.booked_on for row in rows]
    await compare_statement(connection, case_id, min(days), max(days))
    return case_id
