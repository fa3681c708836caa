"""What the charts of the reconciliation desk show: the newest day by gateway, and a month day by day (E2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from api.clearing import ClearingDays, ClearingOut
from api.values import AmountOut


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of one gateway or of all: rial that came in and went back, by our rows and theirs, and fees."""

    day: date
    gateways: Collection[ClearingOut]
    here_count: int
    there_count: int
    here: int
    there: int
    here_back: int
    there_back: int
    fee: int
    undecided: int

    @classmethod
    def of(cls, day: date, gateways: Collection[ClearingOut]) -> Bar:
        """What these gateways say of a day."""
        return cls(
            day=day,
            gateways=gateways,
            here_count=sum(one.here_count or 0 for one in gateways),
            there_count=sum(one.there_count or 0 for one in gateways),
            here=_total(one.here_sum for one in gateways),
            there=_total(one.there_sum for one in gateways),
            here_back=_total(one.here_back for one in gateways),
            there_back=_total(one.there_back for one in gateways),
            fee=_total(one.there_fee for one in gateways),
            undecided=sum(one.undecided for one in gateways),
        )


@dataclass(frozen=True, slots=True)
class Charts:
    """The newest compared day by gateway, and every day over all gateways, the oldest first."""

    newest: list[Bar]
    days: list[Bar]


def charts_of(found: ClearingDays) -> Charts | None:
    """What is drawn of some days; None while none was compared."""
    if not found.items:
        return None
    newest = max(one.day.date for one in found.items)
    of_newest = [one for one in found.items if one.day.date == newest]
    days = [found.first.date + timedelta(days=n) for n in range((found.last.date - found.first.date).days + 1)]
    return Charts(
        newest=[Bar.of(newest, [one]) for one in sorted(of_newest, key=lambda one: one.gateway.name)],
        days=[Bar.of(day, [one for one in found.items if one.day.date == day]) for day in days],
    )


def _total(amounts: Iterable[AmountOut | None]) -> int:
    return sum(one.amount for one in amounts if one is not None)
