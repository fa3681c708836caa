"""Organisations, their contracts, regions, and who works where."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import Money, Unit
from storage.tables import contracts, employments, organisations, regions


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
    """A person's line in an organisation's personnel list. ``net_pay`` is rial a month."""

    id: UUID
    organisation_id: UUID
    person_id: UUID
    region_code: str
    hire_date: date
    net_pay: int
    state: str

    @property
    def pay(self) -> Money:
        """Net pay a month."""
        return Money(self.net_pay, Unit.IRR)


_ORGANISATION = tuple(organisations.c[name] for name in Organisation.__slots__)
_CONTRACT = tuple(contracts.c[name] for name in Contract.__slots__)
_EMPLOYMENT = tuple(employments.c[name] for name in Employment.__slots__)
_this_organisation = sa.bindparam("this_organisation", type_=sa.Uuid)
_READ = sa.select(*_ORGANISATION).where(organisations.c.id == _this_organisation)
_IN_FORCE = sa.and_(
    contracts.c.state == "active",
    contracts.c.starts_on <= sa.bindparam("today", type_=sa.Date),
    contracts.c.ends_on >= sa.bindparam("today", type_=sa.Date),
)
_COVERED = sa.select(sa.exists().where(contracts.c.organisation_id == _this_organisation, _IN_FORCE))
_EMPLOYMENTS = (
    sa.select(*_EMPLOYMENT)
    .where(employments.c.person_id == sa.bindparam("this_person"))
    .order_by(employments.c.id)
    .limit(50)
)
_READ_EMPLOYMENT = sa.select(*_EMPLOYMENT).where(employments.c.id == sa.bindparam("this_employment"))


async def read_organisation(connection: AsyncConnection, organisation_id: UUID) -> Organisation | None:
    """The organisation, or None."""
    row = (await connection.execute(_READ, {"this_organisation": organisation_id})).one_or_none()
    return None if row is None else Organisation(*row)


async def organisations_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Organisation]:
    """Some organisations, at most 100."""
    rows = await connection.execute(sa.select(*_ORGANISATION).where(organisations.c.id.in_(ids)).limit(100))
    return {row.id: Organisation(*row) for row in rows}


async def find_organisation(connection: AsyncConnection, code: str) -> Organisation | None:
    """The organisation with this code, or None."""
    row = (await connection.execute(sa.select(*_ORGANISATION).where(organisations.c.code == code))).one_or_none()
    return None if row is None else Organisation(*row)


async def list_organisations(
    connection: AsyncConnection, *, after: UUID | None, limit: int, among: Collection[UUID] | None = None
) -> list[Organisation]:
    """Organisations in the order they were added: all, or those among some."""
    query = sa.select(*_ORGANISATION).order_by(organisations.c.id).limit(limit)
    if after is not None:
        query = query.where(organisations.c.id > after)
    if among is not None:
        query = query.where(organisations.c.id.in_(among))
    return [Organisation(*row) for row in await connection.execute(query)]


async def add_organisation(connection: AsyncConnection, *, code: str, name: str, monthly_cap: int | None) -> UUID:
    """Add an organisation.

    Raises:
        sqlalchemy.exc.IntegrityError: the code is taken.
    """
    row = await connection.execute(
        sa.insert(organisations).values(code=code, name=name, monthly_cap=monthly_cap).returning(organisations.c.id)
    )
    organisation_id: UUID = row.scalar_one()
    return organisation_id


async def add_contract(
    connection: AsyncConnection, organisation_id: UUID, *, number: str, starts_on: date, ends_on: date
) -> Contract:
    """Add a contract, active within its dates.

    Raises:
        sqlalchemy.exc.IntegrityError: the organisation has a contract of this number.
    """
    row = await connection.execute(
        sa.insert(contracts)
        .values(organisation_id=organisation_id, number=number, starts_on=starts_on, ends_on=ends_on)
        .returning(*_CONTRACT)
    )
    return Contract(*row.one())


async def lock_contract(connection: AsyncConnection, contract_id: UUID) -> Contract | None:
    """The contract, held until the transaction ends; or None."""
    row = (
        await connection.execute(sa.select(*_CONTRACT).where(contracts.c.id == contract_id).with_for_update())
    ).one_or_none()
    return None if row is None else Contract(*row)


async def set_contract_state(connection: AsyncConnection, contract_id: UUID, state: str) -> Contract:
    """Suspend, resume or end a contract."""
    row = await connection.execute(
        sa.update(contracts).where(contracts.c.id == contract_id).values(state=state).returning(*_CONTRACT)
    )
    return Contract(*row.one())


async def list_contracts(connection: AsyncConnection, organisation_id: UUID) -> list[Contract]:
    """The organisation's contracts, newest first; at most 100."""
    rows = await connection.execute(
        sa.select(*_CONTRACT)
        .where(contracts.c.organisation_id == organisation_id)
        .order_by(contracts.c.starts_on.desc(), contracts.c.id.desc())
        .limit(100)
    )
    return [Contract(*row) for row in rows]


async def contract_in_force(connection: AsyncConnection, organisation_id: UUID, today: date) -> bool:
    """Whether the organisation has an active contract that covers the day."""
    return bool(await connection.scalar(_COVERED, {"this_organisation": organisation_id, "today": today}))


async def covered(connection: AsyncConnection, ids: Collection[UUID], today: date) -> set[UUID]:
    """Those of some organisations that have an active contract which covers the day; at most 100."""
    query = sa.select(contracts.c.organisation_id).where(contracts.c.organisation_id.in_(ids), _IN_FORCE)
    return set(await connection.scalars(query.distinct().limit(100), {"today": today}))


async def employments_of(connection: AsyncConnection, person_id: UUID) -> list[Employment]:
    """Where a person stands on a personnel list, left ones too; at most 50."""
    return [Employment(*row) for row in await connection.execute(_EMPLOYMENTS, {"this_person": person_id})]


async def read_employment(connection: AsyncConnection, employment_id: UUID) -> Employment:
    """The employment as it is now."""
    return Employment(*(await connection.execute(_READ_EMPLOYMENT, {"this_employment": employment_id})).one())


async def employment_in(connection: AsyncConnection, person_id: UUID, organisation_id: UUID) -> Employment | None:
    """A person's line on one organisation's personnel list, or None."""
    row = (
        await connection.execute(
            sa.select(*_EMPLOYMENT).where(
                employments.c.person_id == person_id, employments.c.organisation_id == organisation_id
            )
        )
    ).one_or_none()
    return None if row is None else Employment(*row)


async def list_regions(connection: AsyncConnection) -> dict[str, str]:
    """Region codes and names."""
    rows = await connection.execute(sa.select(regions.c.code, regions.c.name).order_by(regions.c.code))
    return {row.code: row.name for row in rows}
