"""Organisations, their contracts, regions, and who works where."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.mobile_change import IS_FORWARDED
from storage.rows.organisation import Contract, Employment, Organisation, contracts, employments, organisations, regions
from storage.rows.people import persons
from storage.rows.table import columns, find_one, read_all, read_one

_ORGANISATION = columns(organisations, Organisation)
_CONTRACT = columns(contracts, Contract)
# A condition on employments: its list, or its welfare office, has another number for the person than they sign in with.
IS_DISPUTED = sa.or_(
    sa.exists()
    .where(persons.c.id == employments.c.person_id, persons.c.mobile_index.is_distinct_from(employments.c.mobile_index))
    .correlate(employments),
    IS_FORWARDED,
)
_EMPLOYMENT = columns(employments, Employment, is_disputed=IS_DISPUTED)
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
_of_region = sa.and_(employments.c.region_code == regions.c.code, employments.c.state != "left")
_REGIONS = sa.select(regions.c.code, regions.c.name).order_by(regions.c.code)
_READ_EMPLOYMENT = sa.select(*_EMPLOYMENT).where(employments.c.id == sa.bindparam("this_employment"))


async def read_organisation(connection: AsyncConnection, organisation_id: UUID) -> Organisation | None:
    """The organisation, or None."""
    return await find_one(connection, Organisation, _READ, {"this_organisation": organisation_id})


async def regions_among(connection: AsyncConnection, organisation_id: UUID, codes: Collection[str]) -> list[str]:
    """Those of some regions in which the organisation has people on its list, in the order of their codes."""
    here = sa.exists().where(employments.c.organisation_id == organisation_id, _of_region)
    query = sa.select(regions.c.code).where(regions.c.code.in_(codes), here).order_by(regions.c.code)
    return list(await connection.scalars(query))


async def organisations_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Organisation]:
    """Some organisations, at most 100."""
    query = sa.select(*_ORGANISATION).where(organisations.c.id.in_(ids)).limit(100)
    return {found.id: found for found in await read_all(connection, Organisation, query)}


async def find_organisation(connection: AsyncConnection, code: str) -> Organisation | None:
    """The organisation with this code, or None."""
    return await find_one(connection, Organisation, sa.select(*_ORGANISATION).where(organisations.c.code == code))


async def list_organisations(
    connection: AsyncConnection,
    *,
    after: UUID | None,
    limit: int,
    among: Collection[UUID] | None = None,
    with_regions: Collection[str] = (),
) -> list[Organisation]:
    """Organisations in the order they were added: all, or those among some and those with people in some regions."""
    query = sa.select(*_ORGANISATION).order_by(organisations.c.id).limit(limit)
    if after is not None:
        query = query.where(organisations.c.id > after)
    if among is not None:
        there = sa.exists().where(
            regions.c.code.in_(with_regions), employments.c.organisation_id == organisations.c.id, _of_region
        )
        query = query.where(sa.or_(organisations.c.id.in_(among), there))
    return await read_all(connection, Organisation, query)


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
    query = (
        sa.insert(contracts)
        .values(organisation_id=organisation_id, number=number, starts_on=starts_on, ends_on=ends_on)
        .returning(*_CONTRACT)
    )
    return await read_one(connection, Contract, query)


async def lock_contract(connection: AsyncConnection, contract_id: UUID) -> Contract | None:
    """The contract, held until the transaction ends; or None."""
    return await find_one(
        connection, Contract, sa.select(*_CONTRACT).where(contracts.c.id == contract_id).with_for_update()
    )


async def set_contract_state(connection: AsyncConnection, contract_id: UUID, state: str) -> Contract:
    """Suspend, resume or end a contract."""
    query = sa.update(contracts).where(contracts.c.id == contract_id).values(state=state).returning(*_CONTRACT)
    return await read_one(connection, Contract, query)


async def list_contracts(connection: AsyncConnection, organisation_id: UUID) -> list[Contract]:
    """The organisation's contracts, newest first; at most 100."""
    query = (
        sa.select(*_CONTRACT)
        .where(contracts.c.organisation_id == organisation_id)
        .order_by(contracts.c.starts_on.desc(), contracts.c.id.desc())
        .limit(100)
    )
    return await read_all(connection, Contract, query)


async def contract_in_force(connection: AsyncConnection, organisation_id: UUID, today: date) -> bool:
    """Whether the organisation has an active contract that covers the day."""
    return bool(await connection.scalar(_COVERED, {"this_organisation": organisation_id, "today": today}))


async def covered(connection: AsyncConnection, ids: Collection[UUID], today: date) -> set[UUID]:
    """Those of some organisations that have an active contract which covers the day; at most 100."""
    query = sa.select(contracts.c.organisation_id).where(contracts.c.organisation_id.in_(ids), _IN_FORCE)
    return set(await connection.scalars(query.distinct().limit(100), {"today": today}))


async def employments_of(connection: AsyncConnection, person_id: UUID) -> list[Employment]:
    """Where a person stands on a personnel list, left ones too; at most 50."""
    return await read_all(connection, Employment, _EMPLOYMENTS, {"this_person": person_id})


async def read_employment(connection: AsyncConnection, employment_id: UUID) -> Employment:
    """The employment as it is now."""
    return await read_one(connection, Employment, _READ_EMPLOYMENT, {"this_employment": employment_id})


async def employment_in(connection: AsyncConnection, person_id: UUID, organisation_id: UUID) -> Employment | None:
    """A person's line on one organisation's personnel list, or None."""
    query = sa.select(*_EMPLOYMENT).where(
        employments.c.person_id == person_id, employments.c.organisation_id == organisation_id
    )
    return await find_one(connection, Employment, query)


async def list_regions(connection: AsyncConnection) -> dict[str, str]:
    """Region codes and names."""
    return {row.code: row.name for row in await connection.execute(_REGIONS)}
