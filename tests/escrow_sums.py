"""What must hold of safe payments whatever happened: by the ledger, and by what a test reckons of them itself (E8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from tests.books import Superuser
from tests.escrow_process import FEE_RATE

# What each safe payment received, holds, gave the contractor and the employer, and was charged, by the ledger alone.
_BOOKED = """
    SELECT c.id,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'escrow:held' AND e.amount > 0), 0)::bigint,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'escrow:held'), 0)::bigint,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'member:payable'), 0)::bigint,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'payment:refunding'), 0)::bigint,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'revenue:escrow'), 0)::bigint,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'vat:payable'), 0)::bigint
      FROM cases c JOIN journals j ON j.case_id = c.id AND j.reason LIKE 'escrow%%'
      JOIN entries e ON e.journal_id = j.id JOIN accounts a ON a.id = e.account_id
     WHERE c.id = ANY(%s) GROUP BY c.id"""
_ACCOUNTS = "SELECT balance, balance - held FROM accounts WHERE code = 'escrow:held:' || %s::text"
_MOVES = "SELECT to_contractor, to_employer, booked_at IS NOT NULL FROM escrow_moves WHERE case_id = %s"
_TAKEN_BACK = "SELECT count(*) FROM escrow_disputes WHERE case_id = %s AND ended_as = 'withdrawn'"
# Each journal that takes from held money names a move of the case, booked, with its fact; silence has none, and
# releases only where the policy of the case says so and the employer did not inspect what was declared.
_UNNAMED = """
    SELECT j.key FROM journals j JOIN entries e ON e.journal_id = j.id AND e.amount < 0
      JOIN accounts a ON a.id = e.account_id AND a.kind = 'escrow:held'
      LEFT JOIN escrow_moves m ON j.key = 'escrow:' || m.id || ':booked' AND m.case_id = j.case_id
           AND m.booked_at IS NOT NULL AND -e.amount = m.to_contractor + m.to_employer
      LEFT JOIN facts f ON f.id = m.fact_id AND f.case_id = m.case_id AND f.kind = CASE m.cause
           WHEN 'release' THEN 'escrow_released' WHEN 'refund' THEN 'escrow_refund_agreed'
           WHEN 'split' THEN 'escrow_split_accepted' WHEN 'ruling' THEN 'escrow_ruled' END
      LEFT JOIN cases c ON c.id = m.case_id LEFT JOIN policies p ON p.id = c.policy_id
           AND m.cause = 'auto_release' AND (p.value ->> 'auto_release')::boolean AND EXISTS
               (SELECT FROM tasks t WHERE t.case_id = c.id AND t.kind = 'inspect_work' AND t.status = 'expired')
     WHERE j.case_id = ANY(%s) AND (m.id IS NULL OR (f.id IS NULL AND p.id IS NULL))"""
# What goes back to the employer without another person's word.
_ALONE = """
    SELECT m.id FROM escrow_moves m JOIN escrows e ON e.case_id = m.case_id JOIN escrow_jobs j ON j.id = e.job_id
      JOIN facts f ON f.id = m.fact_id
     WHERE m.case_id = ANY(%s) AND m.to_employer > 0 AND f.actor_id = j.employer_id
       AND NOT (m.cause = 'split' AND EXISTS (SELECT FROM escrow_split_offers o WHERE o.dispute_id = m.dispute_id
                AND o.answer = 'accepted' AND o.offered_by = 'contractor'
                AND (o.to_contractor, o.to_employer) = (m.to_contractor, m.to_employer)))"""


@dataclass(slots=True)
class Expected:
    """What the test itself reckons of one safe payment, in rial; ``decided`` are the contractor's and employer's.

    ``silent`` of them are releases by silence.
    """

    amount: int
    funded: bool = False
    decided: list[tuple[int, int]] = field(default_factory=list)
    frozen: int = 0
    silent: int = 0

    @property
    def gone(self) -> int:
        """What was decided to leave."""
        return sum(map(sum, self.decided))

    @property
    def free(self) -> int:
        """What nothing is decided about."""
        return (self.amount if self.funded else 0) - self.gone - self.frozen


def fee(gross: int) -> tuple[int, int]:
    """The fee and its VAT, each rounded down to a rial."""
    net = gross * FEE_RATE // 10_000
    return net, net * 1_000 // 10_000


async def assert_sums(superuser: Superuser, cases: Mapping[UUID, Expected]) -> None:
    """Funded is released, refunded, charged and held; each rial left by a move that the journal and a fact name."""
    booked = {row[0]: row[1:] for row in await superuser.rows(_BOOKED, list(cases))}
    for case_id, known in cases.items():
        funded, held, net, back, charged, vat = booked.get(case_id, (0,) * 6)
        assert funded == (known.amount if known.funded else 0)
        assert funded == net + back + charged + vat + held
        moves = await superuser.rows(_MOVES, case_id)
        assert sorted((contractor, employer) for contractor, employer, _ in moves) == sorted(known.decided)
        done = [(contractor, employer) for contractor, employer, is_booked in moves if is_booked]
        fees = [fee(contractor) for contractor, _ in done]
        assert (charged, vat) == (sum(one for one, _ in fees), sum(one for _, one in fees))
        assert (net + charged + vat, back) == (sum(one for one, _ in done), sum(one for _, one in done))
        if known.funded:
            ((balance, free),) = await superuser.rows(_ACCOUNTS, case_id)
            assert balance == held
            # What was frozen is freed by the process a moment after the dispute was taken back.
            is_unfreezing = bool(await superuser.value(_TAKEN_BACK, case_id))
            assert free == known.free or (is_unfreezing and free == 0)
    assert await superuser.rows(_UNNAMED, list(cases)) == []
    assert await superuser.rows(_ALONE, list(cases)) == []
