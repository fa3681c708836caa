"""Proves the ledger: every rule that Postgres enforces is looked for again in the rows as they are.

Each rule is one query that reads each row a bounded number of times and returns what breaks it; rows are streamed, so
the memory used here does not grow with the ledger, nor with what is broken. Postgres sorts and groups on disk. The
caller's transaction needs a capacity that sees all, a generous time limit, and, if others post meanwhile, REPEATABLE
READ, so that all rules look at one moment: as ``at_one_moment`` opens it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.database import SERVICE, transaction

# A rule reads the whole ledger: some seconds for millions of entries, the hashes a minute.
_LIMIT_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule and where: ``subject`` is the id of a journal, account, hold or payment, a code, unit or kind."""

    rule: str
    subject: str


_ENTRIES: Final = {
    "journal_sums_to_zero": """
        SELECT DISTINCT journal_id FROM (
            SELECT journal_id FROM entries GROUP BY journal_id, unit HAVING sum(amount) <> 0) unbalanced""",
    "journal_has_two_entries": """
        SELECT j.id FROM journals j LEFT JOIN entries e ON e.journal_id = j.id GROUP BY j.id HAVING count(e.id) < 2""",
    "unit_sums_to_zero": "SELECT unit FROM entries GROUP BY unit HAVING sum(amount) <> 0",
    "entry_has_journal_of_its_transaction": """
        SELECT e.journal_id FROM entries e LEFT JOIN journals j ON j.id = e.journal_id
         WHERE j.tx IS DISTINCT FROM e.tx""",
    "entry_has_account_of_its_unit": """
        SELECT e.journal_id FROM entries e LEFT JOIN accounts a ON a.id = e.account_id
         WHERE a.unit IS DISTINCT FROM e.unit""",
    "entry_amount_in_bounds": """
        SELECT journal_id FROM entries WHERE amount = 0 OR abs(amount::numeric) > 100000000000000000""",
    "entry_stores_balance_with_floor_only": """
        SELECT e.journal_id FROM entries e JOIN accounts a ON a.id = e.account_id
         WHERE (e.balance_after IS NULL) <> (a.floor IS NULL)""",
    "running_balance_is_unbroken": """
        SELECT account_id FROM (
            SELECT account_id, balance_after::numeric - amount
                   - coalesce(lag(balance_after) OVER (PARTITION BY account_id ORDER BY id), 0) AS gap
              FROM entries WHERE balance_after IS NOT NULL) steps WHERE gap <> 0""",
}
_ACCOUNTS: Final = {
    "stored_balance_is_sum_of_entries": """
        SELECT a.id FROM accounts a
          LEFT JOIN (SELECT account_id, sum(amount) AS total FROM entries GROUP BY account_id) e ON e.account_id = a.id
         WHERE a.floor IS NOT NULL AND a.balance <> coalesce(e.total, 0)""",
    "held_is_sum_of_pending_holds": """
        SELECT a.id FROM accounts a
          LEFT JOIN (SELECT account_id, sum(amount) AS total FROM holds WHERE state = 'pending' GROUP BY account_id) h
            ON h.account_id = a.id
         WHERE a.held <> coalesce(h.total, 0)""",
    "account_not_under_floor": """
        SELECT id FROM accounts WHERE sign * balance - held < floor OR held < 0""",
    "account_without_floor_stores_nothing": """
        SELECT id FROM accounts WHERE floor IS NULL AND (balance <> 0 OR held <> 0)""",
    "account_follows_chart": """
        SELECT a.id FROM accounts a LEFT JOIN account_kinds k ON k.kind = a.kind
         WHERE (a.sign, a.floor) IS DISTINCT FROM (k.sign, k.floor)
            OR NOT (a.code = a.kind OR starts_with(a.code, a.kind || ':'))""",
    "snapshot_is_sum_below_horizon": """
        SELECT s.account_id FROM (
            SELECT account_id, horizon, balance,
                   lag(balance, 1, 0::numeric) OVER w AS base, lag(horizon, 1, '0'::xid8) OVER w AS since
              FROM balance_snapshots WHERE server = (SELECT ledger_server())
            WINDOW w AS (PARTITION BY account_id ORDER BY horizon)) s
         WHERE s.balance - s.base <> (SELECT coalesce(sum(e.amount), 0) FROM entries e
             WHERE e.account_id = s.account_id AND e.balance_after IS NULL AND e.tx >= s.since AND e.tx < s.horizon)""",
    # Each entry falls between two horizons: their number, counted from 0, is how many are not above it.
    "kind_sums_are_sums_below_horizon": """
        SELECT DISTINCT kind FROM (
            SELECT kind, unit, dense_rank() OVER (ORDER BY horizon) - 1 AS step,
                   lag(total, 1, 0::numeric) OVER (PARTITION BY kind, unit ORDER BY horizon) - total AS part
              FROM kind_sums WHERE server = (SELECT ledger_server())
             UNION ALL
            SELECT a.kind, a.unit, e.step, e.total
              FROM (SELECT account_id, width_bucket(tx, horizons) AS step, sum(amount) AS total, horizons
                      FROM entries, (SELECT array_agg(DISTINCT horizon) AS horizons FROM kind_sums
                                      WHERE server = (SELECT ledger_server())) known
                     WHERE balance_after IS NULL AND tx < horizons[cardinality(horizons)]
                     GROUP BY account_id, width_bucket(tx, horizons), horizons) e
              JOIN accounts a ON a.id = e.account_id) parts
         GROUP BY kind, unit, step HAVING sum(part) <> 0""",
}
_HOLDS: Final = {
    "hold_resolves_once_within_its_amount": """
        SELECT id FROM holds
         WHERE (state = 'pending') <> (resolved_at IS NULL) OR (state = 'posted') <> (journal_id IS NOT NULL)
            OR (state = 'posted') <> (posted_amount IS NOT NULL) OR posted_amount NOT BETWEEN 1 AND amount
            OR amount < 1""",
    "hold_has_account_of_its_unit": """
        SELECT h.id FROM holds h LEFT JOIN accounts a ON a.id = h.account_id
         WHERE a.unit IS DISTINCT FROM h.unit OR a.floor IS NULL""",
    "posted_hold_has_its_entry": """
        SELECT h.id FROM holds h JOIN accounts a ON a.id = h.account_id
          LEFT JOIN entries e ON e.journal_id = h.journal_id AND e.account_id = h.account_id
         WHERE h.state = 'posted' AND e.amount IS DISTINCT FROM -a.sign * h.posted_amount""",
    "hold_hash_is_of_its_content": """
        SELECT h.id FROM holds h JOIN accounts a ON a.id = h.account_id
         WHERE h.content_hash <> ledger_hold_hash(a.code, h.unit, h.amount, h.reason, h.case_id, h.actor, h.expires_at)
        """,
    "hold_of_known_case": """
        SELECT h.id FROM holds h LEFT JOIN cases c ON c.id = h.case_id WHERE h.case_id IS NOT NULL AND c.id IS NULL""",
}
_JOURNALS: Final = {
    "journal_hash_is_of_its_content": """
        SELECT j.id FROM journals j
          LEFT JOIN holds h ON h.journal_id = j.id
          LEFT JOIN (SELECT e.journal_id, array_agg(a.code ORDER BY e.id) AS codes,
                            array_agg(e.unit ORDER BY e.id) AS units, array_agg(e.amount ORDER BY e.id) AS amounts
                  FROM entries e JOIN accounts a ON a.id = e.account_id GROUP BY e.journal_id) e ON e.journal_id = j.id
         WHERE j.content_hash IS DISTINCT FROM ledger_journal_hash(j.reason, j.case_id, j.actor, j.event_at, h.id,
             j.corrects, e.codes, e.units, e.amounts)""",
    "correction_mirrors_its_journal": """
        SELECT DISTINCT j.id FROM journals j
          LEFT JOIN journals o ON o.id = j.corrects
          LEFT JOIN entries e ON e.journal_id IN (j.id, j.corrects)
         WHERE j.corrects IS NOT NULL
         GROUP BY j.id, e.account_id, o.id, o.corrects
        HAVING o.id IS NULL OR o.corrects IS NOT NULL OR coalesce(sum(e.amount), 0) <> 0""",
    "journal_is_of_the_past": "SELECT id FROM journals WHERE tx >= pg_snapshot_xmax(pg_current_snapshot())",
    "journal_corrected_once": """
        SELECT corrects FROM journals WHERE corrects IS NOT NULL GROUP BY corrects HAVING count(*) > 1""",
    "journal_of_known_case": """
        SELECT j.id FROM journals j LEFT JOIN cases c ON c.id = j.case_id
         WHERE j.case_id IS NOT NULL AND c.id IS NULL""",
}
# Of a payment's account the code ends in the payment's id.
_PAYMENTS: Final = {
    "payment_is_explained": """
        SELECT p.case_id FROM payments p
          LEFT JOIN (SELECT payment_id, sum(paid_amount) AS total FROM payment_attempts WHERE state = 'paid'
                      GROUP BY payment_id) paid ON paid.payment_id = p.case_id
          LEFT JOIN (SELECT split_part(code, ':', 3) AS payment, sum(balance) AS total FROM accounts
                      WHERE kind IN ('payment:received', 'payment:refunding') GROUP BY payment) lies
            ON lies.payment = p.case_id::text
          LEFT JOIN (SELECT payment_id, sum(amount) AS total FROM payment_items WHERE state = 'taken'
                      GROUP BY payment_id) taken ON taken.payment_id = p.case_id
          LEFT JOIN (SELECT j.case_id, sum(e.amount) AS total FROM journals j JOIN entries e ON e.journal_id = j.id
                      WHERE j.reason = 'gateway_fee_charged' AND e.amount > 0 GROUP BY j.case_id) charged
            ON charged.case_id = p.case_id
          LEFT JOIN (SELECT payment_id, sum(amount) AS total FROM payment_returns WHERE returned_at IS NOT NULL
                      GROUP BY payment_id) gone ON gone.payment_id = p.case_id
         WHERE CASE WHEN p.refund_of IS NULL THEN coalesce(paid.total, 0) ELSE p.amount END
             <> coalesce(lies.total, 0) + coalesce(taken.total, 0)
             + coalesce(charged.total, 0) + coalesce(gone.total, 0)""",
    "try_gives_back_no_more_than_was_paid": """
        SELECT r.attempt_id FROM payment_returns r JOIN payment_attempts a ON a.id = r.attempt_id
         GROUP BY r.attempt_id, a.paid_amount HAVING sum(r.amount) > coalesce(a.paid_amount, 0)""",
    "payment_is_posted_once_a_reference": """
        SELECT coalesce(j.case_id, a.payment_id) FROM (
            SELECT j.case_id, count(*) AS number, sum(e.amount) AS total FROM journals j
              JOIN entries e ON e.journal_id = j.id AND e.amount > 0
             WHERE j.reason = 'payment_received' GROUP BY j.case_id) j
          FULL JOIN (SELECT payment_id, count(*) AS number, sum(paid_amount) AS total FROM payment_attempts
                      WHERE state = 'paid' GROUP BY payment_id) a ON a.payment_id = j.case_id
         WHERE (j.number, j.total) IS DISTINCT FROM (a.number, a.total)""",
    "payment_owes_what_is_to_go_back": """
        SELECT coalesce(a.code, r.payment_id::text) FROM (
            SELECT payment_id, sum(amount) AS total FROM payment_returns WHERE returned_at IS NULL
             GROUP BY payment_id) r
          FULL JOIN (SELECT code, balance FROM accounts WHERE kind = 'payment:refunding') a
            ON a.code = 'payment:refunding:' || r.payment_id
         WHERE coalesce(a.balance, 0) <> coalesce(r.total, 0)""",
    # Money of a payment that lies still for an hour, and nobody is at work or asked.
    "payment_in_suspense_is_looked_after": """
        SELECT a.id FROM accounts a LEFT JOIN cases c ON c.id::text = split_part(a.code, ':', 3)
         WHERE a.kind IN ('payment:received', 'payment:refunding') AND a.balance <> 0
           AND NOT EXISTS (SELECT FROM entries e JOIN journals j ON j.id = e.journal_id
                 WHERE e.account_id = a.id AND j.created_at > now() - interval '1 hour')
           AND (c.id IS NULL OR c.closed_at IS NOT NULL OR NOT (
                EXISTS (SELECT FROM payment_attempts WHERE payment_id = c.id
                    AND state IN ('requested', 'open', 'unclear'))
             OR EXISTS (SELECT FROM payment_returns WHERE payment_id = c.id AND returned_at IS NULL)
             OR EXISTS (SELECT FROM payment_items WHERE payment_id = c.id AND state = 'offered')
             OR EXISTS (SELECT FROM tasks WHERE case_id = c.id AND status = 'open')))""",
}
# What was taken back is given back a moment later. A return that a pay-out pays has its line.
_WITHDRAWALS: Final = {
    "withdrawal_is_held_until_it_is_settled": """
        SELECT w.id FROM withdrawals w LEFT JOIN holds h ON h.id = w.hold_id AND h.amount = w.amount + w.fee + w.vat
         WHERE h.id IS NULL
            OR (w.state IN ('waiting', 'cut') AND h.state <> 'pending')
            OR (w.state IN ('paid', 'returned') AND (h.state <> 'posted' OR h.posted_amount <> h.amount))
            OR (w.state = 'rejected' AND h.state <> 'voided')
            OR (w.state = 'taken_back' AND h.state NOT IN ('pending', 'voided'))""",
    "return_to_sheba_has_its_line": """
        SELECT coalesce(r.id, w.purpose_id) FROM (SELECT * FROM payment_returns WHERE way = 'sheba') r
          FULL JOIN (SELECT * FROM withdrawals WHERE purpose = 'payment_return'
                       AND state NOT IN ('rejected', 'taken_back')) w ON w.purpose_id = r.id
         WHERE r.id IS NULL OR w.id IS NULL OR w.amount <> r.amount
            OR (r.returned_at IS NULL) = (w.state IN ('paid', 'returned'))""",
    # Once each, whatever it was paid for.
    "returned_pay_out_is_booked": """
        SELECT coalesce(w.id::text, j.key) FROM (SELECT * FROM withdrawals WHERE state = 'returned') w
          FULL JOIN (SELECT j.key, e.amount FROM journals j JOIN entries e ON e.journal_id = j.id
                       JOIN accounts a ON a.id = e.account_id AND a.kind = 'member:payable'
                      WHERE j.reason = 'payout_returned') j ON j.key = 'payout:' || w.id || ':returned'
         WHERE w.id IS NULL OR j.amount IS DISTINCT FROM w.amount""",
}
# What was earned as a fee in a journal, and the VAT on it.
_FEES: Final = {
    "fee_is_booked_with_its_vat_and_invoice": """
        SELECT coalesce(i.journal_id, e.journal_id) FROM invoices i
          FULL JOIN (SELECT e.journal_id, sum(e.amount) FILTER (WHERE a.kind <> 'vat:payable') AS fee,
                            coalesce(sum(e.amount) FILTER (WHERE a.kind = 'vat:payable'), 0) AS vat
                       FROM entries e JOIN accounts a ON a.id = e.account_id
                      WHERE (a.kind = 'vat:payable' OR starts_with(a.kind, 'revenue:')) AND e.amount > 0
                      GROUP BY e.journal_id) e ON e.journal_id = i.journal_id
         WHERE (e.fee, e.vat) IS DISTINCT FROM (i.fee, i.vat)""",
    "invoices_of_a_year_have_no_gap": """
        SELECT year FROM invoices GROUP BY year
        HAVING count(number) <> count(*) OR min(number) <> 1 OR max(number) <> count(*)""",
    "paid_withdrawal_has_invoice_of_its_fee": """
        SELECT w.id FROM withdrawals w LEFT JOIN invoices i ON i.kind = 'withdrawal' AND i.subject_id = w.id
         WHERE (w.state IN ('paid', 'returned') AND w.fee > 0) <> (i.id IS NOT NULL)
            OR (i.fee, i.vat) <> (w.fee, w.vat)""",
}
# Of a safe payment's account the code ends in the id of its case. What was frozen by a dispute that was taken back is
# freed a moment later; where one ended otherwise, the same hold is that of what was decided.
_SAFE_PAYMENTS: Final = {
    "safe_payment_is_explained": """
        SELECT coalesce(e.case_id::text, a.code) FROM escrows e
          FULL JOIN (SELECT code, balance FROM accounts WHERE kind = 'escrow:held') a
            ON a.code = 'escrow:held:' || e.case_id
          LEFT JOIN (SELECT case_id, sum(to_contractor + to_employer) AS total FROM escrow_moves
                      WHERE booked_at IS NOT NULL GROUP BY case_id) gone ON gone.case_id = e.case_id
         WHERE coalesce(a.balance, 0)
             <> CASE WHEN e.funded_at IS NULL THEN 0 ELSE e.amount END - coalesce(gone.total, 0)""",
    "held_money_leaves_as_it_was_decided": """
        SELECT coalesce(m.id::text, j.key) FROM (SELECT * FROM escrow_moves WHERE booked_at IS NOT NULL) m
          FULL JOIN (SELECT j.key, -sum(e.amount) FILTER (WHERE a.kind = 'escrow:held') AS gone,
                            coalesce(sum(e.amount) FILTER (WHERE a.kind = 'member:payable'), 0) AS net,
                            coalesce(sum(e.amount) FILTER (WHERE a.kind = 'revenue:escrow'), 0) AS fee,
                            coalesce(sum(e.amount) FILTER (WHERE a.kind = 'vat:payable'), 0) AS vat,
                            max(a.code) FILTER (WHERE a.kind = 'payment:refunding') AS refund
                       FROM journals j JOIN entries e ON e.journal_id = j.id JOIN accounts a ON a.id = e.account_id
                      GROUP BY j.key HAVING bool_or(a.kind = 'escrow:held' AND e.amount < 0)) j
            ON j.key = 'escrow:' || m.id || ':booked'
         WHERE m.id IS NULL OR j.refund IS DISTINCT FROM 'payment:refunding:' || m.refund_id
            OR (j.gone, j.net, j.fee, j.vat) IS DISTINCT FROM (m.to_contractor + m.to_employer,
                m.to_contractor - m.fee - m.vat, m.fee, m.vat)""",
    "decided_and_disputed_money_is_held": """
        SELECT coalesce(d.hold_id, h.id) FROM (
            SELECT hold_id, case_id, to_contractor + to_employer AS amount,
                   CASE WHEN booked_at IS NULL THEN '{pending}' ELSE '{posted}' END::text[] AS states FROM escrow_moves
             UNION ALL
            SELECT hold_id, case_id, frozen,
                   CASE WHEN ended_at IS NULL THEN '{pending}' ELSE '{pending,voided}' END::text[]
              FROM escrow_disputes WHERE ended_at IS NULL OR ended_as = 'withdrawn') d
          FULL JOIN (SELECT h.id, h.amount, h.state, h.posted_amount, a.code FROM holds h
                       JOIN accounts a ON a.id = h.account_id AND a.kind = 'escrow:held') h ON h.id = d.hold_id
         WHERE h.id IS NULL OR d.hold_id IS NULL OR h.state <> ALL (d.states)
            OR (h.amount, h.code) <> (d.amount, 'escrow:held:' || d.case_id) OR h.posted_amount <> d.amount""",
}
# What two officers corrected, and nothing else, stands in these accounts.
_DIFFERENCES: Final = {
    "corrected_difference_has_its_entry": """
        SELECT coalesce(j.id, d.id) FROM (
            SELECT id, against, CASE WHEN kind IN ('given_back_there', 'given_back_here') THEN here - there
                ELSE there - here END AS more
              FROM clearing_differences WHERE state = 'booked' AND against IS NOT NULL) d
          FULL JOIN (SELECT j.id, j.key, a.kind, e.amount FROM journals j JOIN entries e ON e.journal_id = j.id
                JOIN accounts a ON a.id = e.account_id AND a.kind IN ('expense:bank', 'clearing:differences')
              WHERE j.corrects IS NULL) j ON j.key = 'clearing:' || d.id || ':corrected'
         WHERE (j.kind, j.amount) IS DISTINCT FROM (d.against, d.more)""",
}
RULES: Final = (
    _ENTRIES | _ACCOUNTS | _HOLDS | _JOURNALS | _PAYMENTS | _WITHDRAWALS | _FEES | _SAFE_PAYMENTS | _DIFFERENCES
)


# Everything will be read, not only the first rows, as Postgres expects of a cursor; and what is sorted or grouped in
# memory stays within some hundred megabytes, the rest goes to disk.
_READ_ALL: Final = sa.text(
    "SELECT set_config('cursor_tuple_fraction', '1', true), set_config('work_mem', '64MB', true)"
)


@contextlib.asynccontextmanager
async def at_one_moment(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that sees the whole ledger as it stands now, whatever others post meanwhile."""
    still = engine.execution_options(isolation_level="REPEATABLE READ")
    async with transaction(still, SERVICE, limit_ms=_LIMIT_MS) as connection:
        yield connection


async def check(connection: AsyncConnection) -> AsyncIterator[Violation]:
    """Yield everything that breaks a rule; nothing, if the ledger is whole."""
    for rule in RULES:
        async for violation in breaches(connection, rule):
            yield violation


async def breaches(connection: AsyncConnection, rule: str) -> AsyncIterator[Violation]:
    """Yield everything that breaks one of the RULES."""
    await connection.execute(_READ_ALL)
    async with connection.stream(sa.text(RULES[rule].replace(":", r"\:"))) as rows:
        async for row in rows:
            yield Violation(rule, str(row[0]))
