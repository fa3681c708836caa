"""The bank's statements compared with what we paid: lines of pay-outs, those that came back, returns by hand (E2).

The bank's reference and the amount are compared; the bank may book lines one by one, or together in one sum under a
reference that they share or under the number of their batch. Rows and lines are looked at over all statements, for the
bank's answer to a batch may come after the day's statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clearing import ASK_AGAIN_AFTER, ON_DEMAND
from storage.rows.clearing import Difference

# Older rows and lines are not looked at again.
LOOK_BACK_DAYS: Final = 31
# What we call paid may stand at the bank a day later: the last day of a statement is left to the next one.
LEEWAY_DAYS: Final = 1
# So long a row may be what the bank has not answered for yet; then it is a difference.
ON_ITS_WAY_DAYS: Final = 7
# Of a batch that misses more lines than these there is one difference, else one for each reference.
MOST_SINGLE: Final = 20

# Each takes a third of a second with 5,000 pay-outs a day.
_TAKE_TIME = sa.text("SET LOCAL statement_timeout = '10s'")
# Rows that went out and are no payment of ours yet, numbered among equal ones; and the same of our lines.
_FREE: Final = """
    WITH free_rows AS (
        SELECT b.id, b.reference, -b.amount AS amount, b.booked_on,
            row_number() OVER (PARTITION BY b.reference, b.amount ORDER BY b.booked_on, b.id) AS nr
        FROM bank_rows b
        WHERE b.amount < 0 AND b.reference <> '' AND b.return_id IS NULL
            AND b.booked_on >= CAST(:first AS date) - CAST(:back AS int)
            AND NOT EXISTS (SELECT FROM bank_lines l WHERE l.row_id = b.id)
            -- What two officers have booked, or are about to, is no payment of ours.
            AND NOT EXISTS (SELECT FROM clearing_differences d WHERE d.gateway = 'bank'
                AND d.order_id = b.fingerprint AND d.state IN ('proposed', 'confirmed', 'booked'))
    ), named AS (
        SELECT w.id FROM withdrawals w
            WHERE w.state IN ('paid', 'returned') AND w.reference IN (SELECT reference FROM free_rows)
        UNION SELECT w.id FROM cases c JOIN withdrawals w ON w.payout_id = c.id
            WHERE w.state IN ('paid', 'returned') AND c.number IN (SELECT reference FROM free_rows)
    ), free_lines AS (
        SELECT w.id, w.payout_id, w.reference, w.amount,
            row_number() OVER (PARTITION BY w.reference, w.amount ORDER BY w.id) AS nr
        FROM named JOIN withdrawals w USING (id)
        WHERE w.settled_at >= CAST(:first AS date) - CAST(:back AS int)
            AND NOT EXISTS (SELECT FROM bank_lines l WHERE l.withdrawal_id = w.id AND l.row_id IS NOT NULL)
            -- What the ledger was corrected for, or is about to be, is found by people: its row is a difference too.
            AND NOT EXISTS (SELECT FROM bank_lines l JOIN clearing_differences d ON d.id = l.difference_id
                WHERE l.withdrawal_id = w.id AND d.against IS NOT NULL)
    )"""
_KEEP: Final = "ON CONFLICT (withdrawal_id) DO UPDATE SET row_id = excluded.row_id"
_LINES = sa.text(f"""
    {_FREE}
    INSERT INTO bank_lines (withdrawal_id, row_id)
    SELECT l.id, r.id FROM free_lines l JOIN free_rows r USING (reference, amount, nr)
    {_KEEP}
""")  # noqa: S608 - our own words
# One sum for several lines of a batch: under the reference that they share, then under the batch's number for the lines
# that are left. One after the other, so that no line is in two sums.
_BY_REFERENCE: Final = "SELECT id, payout_id, amount, reference FROM free_lines"
_BY_NUMBER: Final = (
    "SELECT l.id, l.payout_id, l.amount, c.number AS reference FROM free_lines l JOIN cases c ON c.id = l.payout_id"
)
_SUMS = tuple(
    sa.text(f"""
    {_FREE}, said AS ({said}), sums AS (
        SELECT DISTINCT ON (r.id) r.id AS row_id, s.payout_id, s.reference
        FROM (SELECT payout_id, reference, sum(amount) AS amount FROM said GROUP BY payout_id, reference) s
            JOIN free_rows r USING (reference, amount)
        WHERE r.nr = 1 ORDER BY r.id, s.payout_id
    )
    INSERT INTO bank_lines (withdrawal_id, row_id)
    SELECT said.id, sums.row_id FROM said JOIN sums USING (payout_id, reference)
    {_KEEP}
""")  # noqa: S608 - our own words
    for said in (_BY_REFERENCE, _BY_NUMBER)
)
_RETURNS = sa.text(f"""
    {_FREE}, owed AS (
        SELECT r.id, r.reference, r.amount, row_number() OVER (PARTITION BY r.reference, r.amount ORDER BY r.id) AS nr
        FROM payment_returns r
        WHERE r.way = 'hand' AND r.reference IN (SELECT reference FROM free_rows)
            AND NOT EXISTS (SELECT FROM bank_rows b WHERE b.return_id = r.id)
            AND NOT EXISTS (SELECT FROM clearing_differences d WHERE d.gateway = 'bank'
                AND d.order_id = r.id::text AND d.against IS NOT NULL)
    )
    UPDATE bank_rows b SET return_id = o.id
    FROM free_rows f JOIN owed o USING (reference, amount, nr) WHERE b.id = f.id
""")  # noqa: S608 - our own words
# What came back of a line that was paid.
_BACK = sa.text("""
    WITH came AS (
        SELECT b.id, b.reference, b.amount,
            row_number() OVER (PARTITION BY b.reference, b.amount ORDER BY b.booked_on, b.id) AS nr
        FROM bank_rows b
        WHERE b.amount > 0 AND b.reference <> '' AND b.returned_line IS NULL
            AND b.booked_on >= CAST(:first AS date) - CAST(:back AS int)
            AND NOT EXISTS (SELECT FROM clearing_differences d WHERE d.gateway = 'bank'
                AND d.order_id = b.fingerprint AND d.state IN ('proposed', 'confirmed', 'booked'))
    ), back AS (
        SELECT w.id, w.return_reference AS reference, w.amount,
            row_number() OVER (PARTITION BY w.return_reference, w.amount ORDER BY w.id) AS nr
        FROM withdrawals w
        WHERE w.state = 'returned' AND w.returned_at >= CAST(:first AS date) - CAST(:back AS int)
            AND NOT EXISTS (SELECT FROM bank_rows b WHERE b.returned_line = w.id)
            AND NOT EXISTS (SELECT FROM clearing_differences d WHERE d.gateway = 'bank'
                AND d.order_id = w.id || '/back' AND d.against IS NOT NULL)
    )
    UPDATE bank_rows b SET returned_line = l.id
    FROM came r JOIN back l USING (reference, amount, nr) WHERE b.id = r.id
""")
# A row may be what the bank has not answered for yet: as many rows of an amount as are on their way are left to the
# next statement, for some days; and rows since the last statement, however long ago that was.
_UNMATCHED = sa.text("""
    WITH on_its_way AS (
        SELECT amount, count(*) AS number FROM (
            SELECT w.amount FROM withdrawals w JOIN payouts p ON p.case_id = w.payout_id
                WHERE w.state = 'cut' AND p.handed_at IS NOT NULL
            UNION ALL SELECT p.amount FROM payouts p WHERE p.handed_at IS NOT NULL AND p.lines > 1
                AND EXISTS (SELECT FROM withdrawals w WHERE w.payout_id = p.case_id AND w.state = 'cut')
            UNION ALL SELECT r.amount FROM payment_returns r WHERE r.way = 'hand' AND r.returned_at IS NULL
        ) awaited GROUP BY amount
    ), unknown AS (
        SELECT b.id, b.fingerprint, b.reference, b.amount, b.booked_on, row_number() OVER (
                PARTITION BY b.amount, b.booked_on > CAST(:last AS date) - CAST(:on_its_way AS int)
                ORDER BY b.booked_on, b.id) AS nr
        FROM bank_rows b
        WHERE b.booked_on >= least(CAST(:first AS date),
                (SELECT max(e.booked_on) FROM bank_rows e WHERE e.booked_on < CAST(:first AS date)))
                - CAST(:back AS int)
            AND b.return_id IS NULL AND b.returned_line IS NULL
            AND NOT EXISTS (SELECT FROM bank_lines l WHERE l.row_id = b.id)
            AND NOT EXISTS (SELECT FROM clearing_differences d WHERE d.gateway = 'bank' AND d.order_id = b.fingerprint)
    )
    INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, here, there)
    SELECT :case_id, 'bank', b.fingerprint, 'bank_unmatched', b.reference, 0, b.amount
    FROM unknown b LEFT JOIN on_its_way o ON o.amount = -b.amount
    WHERE b.nr > coalesce(o.number, 0) OR b.booked_on <= CAST(:last AS date) - CAST(:on_its_way AS int)
    ORDER BY b.booked_on, b.id
""")
# Whether a difference would still be found: neither its row nor its line has met its like since.
_HOLDS: Final = """CASE
        WHEN d.kind = 'bank_unmatched' THEN EXISTS (SELECT FROM bank_rows b WHERE b.fingerprint = d.order_id
            AND b.return_id IS NULL AND b.returned_line IS NULL
            AND NOT EXISTS (SELECT FROM bank_lines l WHERE l.row_id = b.id))
        WHEN d.order_id LIKE '%/back' THEN NOT EXISTS (SELECT FROM bank_rows b
            WHERE b.returned_line = CAST(split_part(d.order_id, '/', 1) AS uuid))
        WHEN d.payout_id IS NULL THEN NOT EXISTS (SELECT FROM bank_rows b WHERE b.return_id::text = d.order_id)
        ELSE NOT EXISTS (SELECT FROM bank_lines l JOIN clearing_differences o ON o.id = l.difference_id
            WHERE o.gateway = 'bank' AND o.order_id = d.order_id AND l.row_id IS NOT NULL) END"""
_HOLDING = sa.text(f"""
    SELECT d.id FROM clearing_differences d WHERE d.id = ANY(:ids) AND d.gateway = 'bank' AND {_HOLDS}
""")  # noqa: S608 - our own words
# Of which it was said that they stand on another day, and that day has not come.
_AGAIN = sa.text(f"""
    INSERT INTO clearing_differences
        (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, payout_id, here, there)
    SELECT :case_id, d.gateway, d.order_id, d.kind, d.reference, d.attempt_id, d.payment_id, d.payout_id, d.here,
        d.there
    FROM (SELECT DISTINCT ON (order_id, kind) * FROM clearing_differences WHERE gateway = 'bank'
            AND (order_id, kind) IN (SELECT order_id, kind FROM clearing_differences WHERE gateway = 'bank'
                AND explanation = 'on_another_day' AND state = 'explained'
                AND found_at BETWEEN now() - CAST(:old AS interval) AND now() - CAST(:again AS interval))
            ORDER BY order_id, kind, id DESC) d
    WHERE d.state = 'explained' AND d.explanation = 'on_another_day' AND d.found_at <= now() - CAST(:again AS interval)
        AND d.case_id <> :case_id AND {_HOLDS}
""")  # noqa: S608 - our own words
# The days of the statement, moved by the leeway; nothing is known of days before the first statement of all.
_DAYS: Final = """
    WITH days AS (
        SELECT (greatest(CAST(:first AS date) - CAST(:leeway AS int), min(booked_on)))::timestamp
                AT TIME ZONE 'Asia/Tehran' AS begins,
            (CAST(:last AS date) + 1 - CAST(:leeway AS int))::timestamp AT TIME ZONE 'Asia/Tehran' AS ends
        FROM bank_rows
    )"""
_UNLISTED_RETURNS = sa.text(f"""
    {_DAYS}
    INSERT INTO clearing_differences
        (case_id, gateway, order_id, kind, reference, attempt_id, payment_id, here, there)
    SELECT :case_id, 'bank', r.id::text, 'bank_missing', r.reference, r.attempt_id, r.payment_id, -r.amount, 0
    FROM days JOIN payment_returns r ON r.returned_at >= days.begins AND r.returned_at < days.ends
    WHERE r.way = 'hand'
        AND NOT EXISTS (SELECT FROM bank_rows b WHERE b.return_id = r.id)
        AND NOT EXISTS (SELECT FROM clearing_differences d
            WHERE d.gateway = 'bank' AND d.order_id = r.id::text AND d.kind = 'bank_missing')
""")  # noqa: S608 - our own words
_UNLISTED_LINES = sa.text(f"""
    {_DAYS}, unlisted AS (
        SELECT w.id, w.payout_id, w.amount, CASE WHEN count(*) OVER (PARTITION BY w.payout_id) > :most
            THEN c.number ELSE w.reference END AS reference
        FROM days JOIN withdrawals w ON w.settled_at >= days.begins AND w.settled_at < days.ends
            JOIN cases c ON c.id = w.payout_id
        WHERE w.state IN ('paid', 'returned')
            AND NOT EXISTS (SELECT FROM bank_lines l WHERE l.withdrawal_id = w.id)
    ), found AS (
        INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, payout_id, here, there)
        SELECT :case_id, 'bank', payout_id || '/' || reference, 'bank_missing', reference, payout_id, -sum(amount), 0
        FROM unlisted GROUP BY payout_id, reference ORDER BY payout_id, reference
        RETURNING id, payout_id, reference
    )
    INSERT INTO bank_lines (withdrawal_id, difference_id)
    SELECT u.id, f.id FROM unlisted u JOIN found f USING (payout_id, reference)
""")  # noqa: S608 - our own words
_UNLISTED_BACK = sa.text(f"""
    {_DAYS}
    INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, payout_id, here, there)
    SELECT :case_id, 'bank', w.id || '/back', 'bank_missing', w.return_reference, w.payout_id, w.amount, 0
    FROM days JOIN withdrawals w ON w.returned_at >= days.begins AND w.returned_at < days.ends
    WHERE w.state = 'returned'
        AND NOT EXISTS (SELECT FROM bank_rows b WHERE b.returned_line = w.id)
        AND NOT EXISTS (SELECT FROM clearing_differences d WHERE d.gateway = 'bank' AND d.order_id = w.id || '/back')
""")  # noqa: S608 - our own words
_COUNT = sa.text("""
    UPDATE clearings SET compared_at = now(), here_count = b.matched, here_sum = b.matched_sum, there_count = b.number,
        there_sum = b.total
    FROM (SELECT count(*) AS number, coalesce(sum(amount), 0) AS total, count(*) FILTER (WHERE ours) AS matched,
            coalesce(sum(amount) FILTER (WHERE ours), 0) AS matched_sum
        FROM (SELECT r.amount, r.return_id IS NOT NULL OR r.returned_line IS NOT NULL
                OR EXISTS (SELECT FROM bank_lines l WHERE l.row_id = r.id) AS ours
            FROM bank_rows r WHERE r.case_id = :case_id) rows) b
    WHERE case_id = :case_id
""")


async def compare_statement(connection: AsyncConnection, case_id: UUID, first: date, last: date) -> None:
    """Find which payment of ours each row is, and write down each difference that was not found before.

    Args:
        connection: in a transaction, of which one at a time compares a statement.
        case_id: of the comparison whose rows are kept.
        first: the statement's first day.
        last: its last one.
    """
    values = {
        "case_id": case_id,
        "first": first,
        "last": last,
        "back": LOOK_BACK_DAYS,
        "leeway": LEEWAY_DAYS,
        "most": MOST_SINGLE,
        "on_its_way": ON_ITS_WAY_DAYS,
        "again": ASK_AGAIN_AFTER,
        "old": ON_DEMAND,
    }
    await connection.execute(_TAKE_TIME)
    found = (_LINES, *_SUMS, _RETURNS, _BACK, _UNMATCHED, _AGAIN)
    for statement in (*found, _UNLISTED_RETURNS, _UNLISTED_LINES, _UNLISTED_BACK, _COUNT):
        await connection.execute(statement, values)


async def holding_at_bank(connection: AsyncConnection, differences: Sequence[Difference]) -> set[UUID]:
    """Those of the bank's that would still be found."""
    return set(await connection.scalars(_HOLDING, {"ids": [one.id for one in differences]}))
