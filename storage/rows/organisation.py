"""Regions, organisations, their contracts, and who works where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.money import Money, Unit
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Organisation:
    """An employer. ``monthly_cap`` is its own limit for a member's monthly instalments, in rial."""

    id: UUID
    code: str
    name: str
    monthly_cap: int | None
    created_at: datetime

    @property
    def cap(self) -> Money | None:
        """The organisation's own limit, if it has one."""
        return None if self.monthly_cap is None else Money(self.monthly_cap, Unit.IRR)


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract between Amanat and an organisation."""

    id: UUID
    organisation_id: UUID
    number: str
    starts_on: date
    ends_on: date
    state: str

    def covers(self, today: date) -> bool:
        """Whether it is active and the day is one of its days."""
        return self.state == "active" and self.starts_on <= today <= self.ends_on


@dataclass(frozen=True, slots=True)
class Employment:
    """A person's line in an organisation's personnel list. ``net_pay`` is rial a month.

    ``is_disputed``: the list has another mobile for them than they sign in with, or the welfare office says that they
    have another one and support has not answered yet.
    """

    id: UUID
    organisation_id: UUID
    person_id: UUID
    region_code: str
    hire_date: date
    net_pay: int
    state: str
    service_start: date | None
    is_disputed: bool

    @property
    def served_since(self) -> date:
        """From when service counts: as the list gives its length, else from the hire date (A4)."""
        return self.service_start or self.hire_date

    @property
    def counts(self) -> bool:
        """Whether they may apply, stand for others and be approved by it: they work there, and are who it means (A1).

        Whoever signs in as this person need not be the one whom this organisation listed.
        """
        return self.state == "employed" and not self.is_disputed

    @property
    def pay(self) -> Money:
        """Net pay a month."""
        return Money(self.net_pay, Unit.IRR)


regions = table("regions", code=str, name=str)
organisations = table("organisations", Organisation, unit=str)
contracts = table("contracts", Contract, created_at=datetime)
employments = table(
    "employments",
    Employment,
    apart_from={"is_disputed"},
    unit=str,
    mobile_index=bytes | None,
    service=str | None,
    mobile_listed_at=datetime,
    mobile_agreed_at=datetime | None,
    sheba_index=bytes,
    sheba_sealed=bytes,
    updated_at=datetime,
)
