"""A gateway's list compared with our payments, try by try over all days, and what still holds of a difference (E2).

What two officers corrected counts as ours: after it here and there are equal, until either tells more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clearing import ASK_AGAIN_AFTER, ON_DEMAND, USUAL_FEE_PARTS, DifferenceKind
from domain.money import Money
from storage.rows.clearing import Clearing, Difference, clearing_differences, gateway_rows

# By its id a try is found among millions; what a list says may be none.
_TOUCHED: Final = """
    touched AS (
        SELECT order_id, CASE WHEN order_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN CAST(order_id AS uuid) END AS id FROM told
    )"""
# For each try that is touched: all that is known of it, here and there, whatever the day, so that neither midnight nor
# a clock that is ahead makes a difference. What a process is still about is left to it.
_FOUND: Final = f"""{_TOUCHED}, there AS (
        SELECT r.order_id, coalesce(min(r.reference) FILTER (WHERE r.what = 'taken'), min(r.reference)) AS reference,
            coalesce(sum(r.amount) FILTER (WHERE r.what = 'taken'), 0)::bigint AS taken,
            coalesce(sum(r.amount) FILTER (WHERE r.what = 'given_back'), 0)::bigint AS back,
            sum(CASE r.what WHEN 'taken' THEN r.fee ELSE -r.fee END)::bigint AS fee
        FROM gateway_rows r JOIN touched t USING (order_id) WHERE r.gateway = :gateway GROUP BY r.order_id
    ), corrected AS (
        SELECT d.order_id,
            coalesce(sum(d.there - d.here) FILTER (WHERE d.kind IN ('missing_here', 'missing_there', 'amount_differs')
                AND d.against IS NOT NULL), 0)::bigint AS taken,
            coalesce(sum(d.there - d.here) FILTER (WHERE d.kind IN ('given_back_there', 'given_back_here')
                AND d.against IS NOT NULL), 0)::bigint AS back,
            coalesce(sum(d.there - d.here) FILTER (WHERE d.kind = 'fee_differs'), 0)::bigint AS fee
        FROM clearing_differences d JOIN touched t USING (order_id)
        WHERE d.gateway = :gateway AND d.state = 'booked' GROUP BY d.order_id
    ), here AS (
        SELECT a.id, a.payment_id, a.reference, a.fee AS told, a.state, a.state IN ('requested', 'open', 'unclear')
                AS watched,
            CASE a.state WHEN 'paid' THEN a.paid_amount ELSE 0 END AS taken,
            coalesce((SELECT sum(r.amount) FROM payment_returns r WHERE r.attempt_id = a.id
                AND r.way IN ('reverse', 'refund') AND r.returned_at IS NOT NULL), 0)::bigint AS back,
            EXISTS (SELECT FROM payment_returns r WHERE r.attempt_id = a.id
                AND r.way IN ('reverse', 'refund') AND r.returned_at IS NULL) AS returning,
            coalesce((SELECT -sum(e.amount) FROM journals j JOIN entries e ON e.journal_id = j.id
                JOIN accounts c ON c.id = e.account_id AND c.code = 'expense:gateway'
                WHERE j.key IN ('payment:' || a.id || '\\:fee', 'payment:' || a.id || '\\:fee_given_up')), 0)::bigint
                AS fee
        FROM payment_attempts a JOIN touched t USING (id) WHERE a.gateway = :gateway
    ), tries AS (
        SELECT t.order_id, h.id AS attempt_id, h.payment_id, coalesce(th.reference, h.reference, '') AS reference,
            h.state AS attempt_state, coalesce(h.watched, false) AS watched, coalesce(h.returning, false) AS returning,
            h.told,
            coalesce(h.taken, 0) + coalesce(c.taken, 0) AS here_taken,
            coalesce(h.back, 0) + coalesce(c.back, 0) AS here_back,
            coalesce(h.fee, 0) + coalesce(c.fee, 0) AS here_fee,
            -- What the gateway took and gave back again, and no payment of ours took, is nobody's any more.
            coalesce(th.taken, 0) - CASE WHEN coalesce(h.taken, 0) = 0 THEN coalesce(th.back, 0) ELSE 0 END
                AS there_taken,
            CASE WHEN coalesce(h.taken, 0) = 0 THEN 0 ELSE coalesce(th.back, 0) END AS there_back,
            coalesce(th.fee, 0) AS there_fee
        FROM touched t LEFT JOIN there th USING (order_id) LEFT JOIN corrected c USING (order_id)
            LEFT JOIN here h ON h.id = t.id
    ), found AS (
        SELECT t.order_id, f.kind, t.reference, t.attempt_id, t.payment_id, t.attempt_state, f.here, f.there, f.state
        FROM tries t CROSS JOIN LATERAL (VALUES
            ('missing_here', t.here_taken, t.there_taken, 'open',
                t.here_taken = 0 AND t.there_taken > 0 AND NOT t.watched),
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
        WHERE f.holds AND f.here <> f.there
    )"""  # noqa: S608 - our own words
# Those that the list or our rows of the day tell of, or that are news of another day; and those of which it was said
# that they stand on another day, if that day has not come.
_FIND = sa.text(f"""
    WITH told AS (
        SELECT r.order_id FROM gateway_rows r WHERE r.gateway = :gateway AND r.day = :day
        UNION SELECT unnest(CAST(:news AS text[]))
        UNION SELECT a.id::text FROM payment_attempts a
            WHERE a.gateway = :gateway AND a.looked_at >= :begins AND a.looked_at < :ends
        UNION SELECT r.attempt_id::text FROM payment_returns r JOIN payment_attempts a ON a.id = r.attempt_id
            WHERE a.gateway = :gateway AND r.returned_at >= :begins AND r.returned_at < :ends
        UNION SELECT d.order_id FROM clearing_differences d WHERE d.gateway = :gateway
            AND d.explanation = 'on_another_day' AND d.state = 'explained'
            AND d.found_at BETWEEN now() - CAST(:most AS interval) AND now() - CAST(:again AS interval)
    ), {_FOUND}
    INSERT INTO clearing_differences
        (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, here, there, state)
    SELECT :case_id, :gateway, f.order_id, f.kind, f.reference, f.attempt_id, f.payment_id, f.here, f.there, f.state
    FROM found f
    WHERE NOT EXISTS (
        SELECT FROM clearing_differences d WHERE d.gateway = :gateway AND d.order_id = f.order_id
            AND d.kind = f.kind AND d.here = f.here AND d.there = f.there
            AND NOT (d.state = 'explained' AND d.explanation = 'on_another_day'
                AND d.found_at <= now() - CAST(:again AS interval)))
    RETURNING state, kind, here, there
""")  # noqa: S608 - our own words
# Meanwhile the try may have become another, or a later list may have told more of it.
_HOLDING = sa.text(f"""
    WITH told AS (SELECT order_id FROM clearing_differences WHERE id = ANY(:ids) AND gateway = :gateway), {_FOUND}
    SELECT d.id, f.attempt_state FROM clearing_differences d JOIN found f USING (order_id, kind, here, there)
    WHERE d.id = ANY(:ids) AND d.gateway = :gateway
""")  # noqa: S608 - our own words
# What the gateway keeps of a try that is only now put right, or gives up.
_FEE_TOO = sa.text(f"""
    WITH told AS (SELECT order_id FROM clearing_differences WHERE id = :id), {_FOUND}
    INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, here, there,
        state, proposed_by, decided_by)
    SELECT d.case_id, d.gateway, d.order_id, 'fee_differs', d.reference, d.attempt_id, d.payment_id, t.here_fee,
        t.there_fee, 'booked', d.proposed_by, d.decided_by
    FROM tries t JOIN clearing_differences d USING (order_id)
    WHERE d.id = :id AND t.here_fee <> t.there_fee
    RETURNING there - here
""")  # noqa: S608 - our own words
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
        "again": ASK_AGAIN_AFTER,
        "most": ON_DEMAND,
    }
    await connection.execute(_TAKE_TIME)
    found = (await connection.execute(_FIND, values)).all()
    await connection.execute(_SUM, values)
    fees = sum(row.there - row.here for row in found if row.state == "booked")
    return Comparison(sum(row.state == "open" for row in found), Money(fees))


async def holding(connection: AsyncConnection, differences: Sequence[Difference]) -> dict[UUID, str | None]:
    """Those of a gateway's that would still be found, each with the state of its try, if it is ours."""
    if not differences:
        return {}
    ids = [one.id for one in differences]
    values = {"ids": ids, "gateway": differences[0].gateway, "usual": USUAL_FEE_PARTS}
    return {row.id: row.attempt_state for row in await connection.execute(_HOLDING, values)}


async def keep_fee_too(connection: AsyncConnection, difference: Difference) -> Money:
    """Of a payment that one side lacked and that was put right, put the fee right too; what the gateway keeps more."""
    if difference.kind not in {DifferenceKind.MISSING_HERE, DifferenceKind.MISSING_THERE}:
        return Money(0)
    values = {"id": difference.id, "gateway": difference.gateway, "usual": USUAL_FEE_PARTS}
    return Money(await connection.scalar(_FEE_TOO, values) or 0)


async def listed_fee(connection: AsyncConnection, difference: Difference) -> int:
    """Rial that the gateway keeps of a try, as its lists say."""
    fee = sa.case((gateway_rows.c.what == "taken", gateway_rows.c.fee), else_=-gateway_rows.c.fee)
    of_try = (
        sa.select(clearing_differences.c.order_id).where(clearing_differences.c.id == difference.id).scalar_subquery()
    )
    query = sa.select(sa.func.coalesce(sa.func.sum(fee), 0)).where(
        gateway_rows.c.gateway == difference.gateway, gateway_rows.c.order_id == of_try
    )
    return int((await connection.execute(query)).scalar_one())
