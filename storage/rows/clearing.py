"""Days of gateways compared with the ledger: what the gateways list, and how it differs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.clearing import BANK, Correction, DifferenceKind, DifferenceState, Explanation
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Clearing:
    """A day of a gateway: counts and sums (rial) of what was taken, here and there, once it was compared.

    ``here_back`` and ``there_back`` are what the gateway gave back, ``there_fee`` the fees that it keeps.
    """

    case_id: UUID
    gateway: str
    day: date
    opened_at: datetime
    compared_at: datetime | None
    unlisted: bool
    here_count: int | None
    here_sum: int | None
    there_count: int | None
    there_sum: int | None
    here_back: int | None
    there_back: int | None
    there_fee: int | None

    @property
    def is_of_bank(self) -> bool:
        """Whether it is a statement of the bank."""
        return self.gateway == BANK


@dataclass(frozen=True, slots=True)
class Difference:
    """How the list and our rows disagree about a try; without ``attempt_id`` it is none of ours.

    Of a statement it is about a row of the bank, about what was paid back by hand, or about lines of ``payout_id``.
    ``resolves`` is an earlier difference that was booked to be found out: it is found with this one.
    """

    id: UUID
    case_id: UUID
    gateway: str
    kind: DifferenceKind
    reference: str
    attempt_id: UUID | None
    payment_id: UUID | None
    payout_id: UUID | None
    here: int
    there: int
    state: DifferenceState
    explanation: Explanation | None
    note: str | None
    paid_back: str | None
    settles: str | None
    against: Correction | None
    resolves: UUID | None
    proposed_by: UUID | None
    decided_by: UUID | None
    found_at: datetime

    @property
    def more(self) -> int:
        """Rial that the gateway or the bank holds of ours above what the ledger says; under 0 less."""
        has_left = self.kind in {DifferenceKind.GIVEN_BACK_THERE, DifferenceKind.GIVEN_BACK_HERE}
        return self.here - self.there if has_left else self.there - self.here


clearings = table("clearings", Clearing, statement_sha256=bytes | None)
bank_rows = table(
    "bank_rows",
    id=UUID,
    case_id=UUID,
    booked_on=date,
    amount=int,
    reference=str,
    description_sealed=bytes,
    fingerprint=str,
    return_id=UUID | None,
    returned_line=UUID | None,
)
bank_lines = table("bank_lines", withdrawal_id=UUID, row_id=UUID | None, difference_id=UUID | None)
gateway_rows = table(
    "gateway_rows",
    id=UUID,
    gateway=str,
    day=date,
    order_id=str,
    reference=str,
    what=str,
    amount=int,
    fee=int,
    at=datetime,
)
clearing_differences = table("clearing_differences", Difference, order_id=str)
