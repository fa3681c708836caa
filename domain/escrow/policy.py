"""The policy ``escrow``: the arbitration clause, each wait, and the fee (docs/rules.md, E1 to E6).

A wait of clock time is ``…_hours`` in whole hours, or ``…_seconds`` where somebody wants to watch it pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from domain.escrow.clause import ARBITRATION_CLAUSES
from domain.fee import RATE_PARTS, Fee
from domain.held_task import HeldTask
from domain.money import Money
from domain.payment import whole
from domain.working_hours import WorkingWait
from messages.escrow import FactKind, TaskKind

# With VAT as high as the fee itself it would still not be more than what is released.
_MOST_FEE_RATE: Final = RATE_PARTS // 2
_LONGEST_HOURS: Final = 24 * 90
_LONGEST_DORMANCY: Final = 365
_MOST_TIMES: Final = 12

# Who decides on held money has claimed it, has no interest in the sides, and did nothing in the case before (E5). Who
# finds that they know a side gives it back: only who has claimed it sees the names.
HELD: Final = tuple(
    HeldTask(
        kind,
        claimed=FactKind.ESCROW_ARBITRATOR_CLAIMED,
        released=FactKind.ESCROW_ARBITRATOR_RECUSED,
        by_another=True,
    )
    for kind in (TaskKind.RULE_DISPUTE, TaskKind.REVIEW_DORMANT_ESCROW)
)


@dataclass(frozen=True, slots=True)
class Wait:
    """When people are reminded, and when their time is over."""

    remind: timedelta
    expire: timedelta


@dataclass(frozen=True, slots=True)
class EscrowPolicy:
    """A version of the policy; a case freezes it as it begins. ``fee_rate`` is in parts of ten thousand."""

    clause_version: int
    accept: Wait
    fund: Wait
    inspect: Wait
    auto_release: bool
    refund: Wait
    evidence: Wait
    claim: WorkingWait
    ruling: WorkingWait
    objection: timedelta
    dormancy: timedelta
    dormancy_times: int
    fee_rate: int

    POLICY = "escrow"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; what a newer release added stays out.

        Raises:
            ValueError: a value is missing or out of its range.
        """
        if type(value.get("auto_release")) is not bool:
            raise ValueError("auto_release: true or false")
        return cls(
            clause_version=whole(value, "clause_version", 10_000),
            accept=_wait(value, "accept"),
            fund=_wait(value, "fund"),
            inspect=_wait(value, "inspect"),
            auto_release=value["auto_release"],
            refund=_wait(value, "refund"),
            evidence=_wait(value, "evidence"),
            claim=WorkingWait.from_policy(value, "claim"),
            ruling=WorkingWait.from_policy(value, "ruling"),
            objection=_clock_time(value, "objection"),
            dormancy=timedelta(days=whole(value, "dormancy_days", _LONGEST_DORMANCY)),
            dormancy_times=whole(value, "dormancy_times", _MOST_TIMES),
            fee_rate=whole(value, "fee_per_ten_thousand", _MOST_FEE_RATE, least=0),
        )

    def require_known(self) -> None:
        """Refuse what a person may not propose: a clause that there is not.

        Raises:
            ValueError: there is no clause of that version.
        """
        if self.clause_version not in ARBITRATION_CLAUSES:
            raise ValueError(f"clause_version: there is no text of version {self.clause_version}")


def fee_of(gross: Money, *, fee_rate: int, vat_rate: int) -> Fee:
    """The fee of what goes to the contractor (E3), in parts of ten thousand of it, with its VAT."""
    return Fee.of(gross.share(fee_rate, RATE_PARTS), vat_rate)


def held_for(contractor: str) -> str:
    """Who received the employer's money, as the receipt says it (E2)."""
    return f"امانت، نزد سکو برای {contractor}"


def _wait(value: Mapping[str, Any], name: str) -> Wait:
    remind, expire = (_clock_time(value, f"{name}_{what}") for what in ("remind", "expire"))
    if remind >= expire:
        raise ValueError(f"{name}: a reminder comes before its expiry")
    return Wait(remind, expire)


def _clock_time(value: Mapping[str, Any], name: str) -> timedelta:
    hours, seconds = f"{name}_hours", f"{name}_seconds"
    if seconds not in value:
        return timedelta(hours=whole(value, hours, _LONGEST_HOURS))
    if hours in value:
        raise ValueError(f"{hours} or {seconds}, not both")
    return timedelta(seconds=whole(value, seconds, _LONGEST_HOURS))
