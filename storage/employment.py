"""One person's line in a personnel list: found, read with what it was before, and corrected (A3).

A correction is applied like a file of one row (A13): the same statements compare it, keep the former values and change
the row, so that pay, region and hire date change in one way only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.dispute import Dispute, disputes_of
from storage.personnel import statements
from storage.rows.organisation import employments, organisations, regions
from storage.rows.people import persons
from storage.rows.personnel import personnel_versions
from storage.rows.table import as_row, columns
from storage.sealing import Seals

EARLIER_VERSIONS: Final = 20
_MOST_EMPLOYERS: Final = 50
# Names and sealed values are kept in versions too; they are not what is corrected here.
_SHOWN: Final = ("region_code", "hire_date", "net_pay_rial", "service_start", "state")


@dataclass(frozen=True, slots=True)
class ListedEmployment:
    """A person's line in an organisation's list. ``net_pay`` is rial a month; ``version`` is another at each change.

    ``service_start``: from when service counts, where the list gives its length.
    """

    id: UUID
    person_id: UUID
    organisation_id: UUID
    organisation_name: str
    region_code: str
    region_name: str
    hire_date: date = field(repr=False)
    net_pay: int = field(repr=False)
    service_start: date | None = field(repr=False)
    state: str
    version: int
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    national_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """What stood until a moment: the fields that changed then. ``case_id`` is None where an officer corrected it."""

    until: datetime
    case_id: UUID | None
    before: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class History:
    """An employment, its newest earlier versions, the newest first, and what is disputed about its mobile."""

    employment: ListedEmployment
    earlier: Sequence[EarlierVersion]
    dispute: Dispute | None


@dataclass(frozen=True, slots=True)
class EmploymentCorrection:
    """What is to stand from now on; None leaves a value as it is. ``net_pay`` is rial a month."""

    region_code: str | None = None
    hire_date: date | None = field(default=None, repr=False)
    net_pay: int | None = field(default=None, repr=False)


# Every change of the line sets updated_at, which therefore tells versions apart.
_VERSION: Final = sa.cast(sa.extract("epoch", employments.c.updated_at) * 1_000_000, sa.BigInteger)
_READ = (
    sa.select(
        *columns(
            employments,
            ListedEmployment,
            organisation_name=organisations.c.name,
            region_name=regions.c.name,
            version=_VERSION,
            first_name=persons.c.first_name,
            last_name=persons.c.last_name,
            national_id=persons.c.national_id_sealed,
        )
    )
    .join(persons, persons.c.id == employments.c.person_id)
    .join(organisations, organisations.c.id == employments.c.organisation_id)
    .join(regions, regions.c.code == employments.c.region_code)
)
# Mobile and sheba are the known ones, and no name is given: nothing is proposed by it, and nobody is renamed. Who
# corrects a hire date says from when service counts: the length that a list gave does not count any more.
_ADD_ROW: Final = sa.text(
    """
    INSERT INTO incoming (row_number, national_id_index, mobile_index, first_name, last_name, sheba_index,
        region_code, hire_date, net_pay, service)
    SELECT 1, p.national_id_index, p.mobile_index, '', '', e.sheba_index,
        coalesce(CAST(:region_code AS text), e.region_code), coalesce(CAST(:hire_date AS date), e.hire_date),
        coalesce(CAST(:net_pay AS bigint), e.net_pay), CASE WHEN CAST(:hire_date AS date) IS NOT NULL THEN '' END
    FROM employments e JOIN persons p ON p.id = e.person_id
    WHERE e.id = :employment
    """
)


def _opened(seals: Seals, row: sa.Row[Any]) -> ListedEmployment:
    listed, sealed = row[:-1], row[-1]
    return as_row(ListedEmployment, [*listed, seals.cipher.open_text(sealed, "person.national_id")])


async def find_employments(connection: AsyncConnection, seals: Seals, national_id: str) -> list[ListedEmployment]:
    """Where the person with this normalised national id stands on a list, left ones too; at most 50."""
    rows = await connection.execute(
        _READ.where(persons.c.national_id_index == seals.index.of("national_id", national_id))
        .order_by(employments.c.id)
        .limit(_MOST_EMPLOYERS)
    )
    return [_opened(seals, row) for row in rows]


async def read_listed(connection: AsyncConnection, seals: Seals, employment_id: UUID) -> ListedEmployment | None:
    """The employment as it is now, or None."""
    row = (await connection.execute(_READ.where(employments.c.id == employment_id))).one_or_none()
    return None if row is None else _opened(seals, row)


async def lock_employment(connection: AsyncConnection, seen: ListedEmployment) -> None:
    """Lock an employment until the transaction ends; the person first, in the order of files, to avoid dead-locks."""
    for held, wanted in ((persons.c.id, seen.person_id), (employments.c.id, seen.id)):
        await connection.execute(sa.select(held).where(held == wanted).with_for_update(key_share=True))


async def histories(connection: AsyncConnection, listed: Sequence[ListedEmployment]) -> list[History]:
    """The employments with their earlier versions, ``EARLIER_VERSIONS`` of each at most, and their disputes."""
    versions = personnel_versions.c
    newest = (
        sa.select(versions.id, versions.at, versions.case_id, versions.before)
        .where(
            versions.person_id == employments.c.person_id,
            versions.employment_id == employments.c.id,
            versions.before.has_any(array(_SHOWN)),
        )
        .order_by(versions.id.desc())
        .limit(EARLIER_VERSIONS)
        .lateral("newest")
    )
    rows = await connection.execute(
        sa.select(employments.c.id, newest.c.at, newest.c.case_id, newest.c.before)
        .join(newest, sa.true())
        .where(employments.c.id.in_([employment.id for employment in listed]))
        .order_by(newest.c.id.desc())
    )
    earlier: dict[UUID, list[EarlierVersion]] = defaultdict(list)
    for employment_id, until, case_id, before in rows:
        shown = {name: value for name, value in before.items() if name in _SHOWN}
        earlier[employment_id].append(EarlierVersion(until, case_id, shown))
    disputes = await disputes_of(connection, [employment.id for employment in listed])
    return [History(employment, earlier[employment.id], disputes.get(employment.id)) for employment in listed]


async def correct(connection: AsyncConnection, held: ListedEmployment, correction: EmploymentCorrection) -> list[str]:
    """Correct an employment that ``lock_employment`` holds, and keep what was before; returns the changed fields."""
    ids = {"case": None, "organisation": held.organisation_id}
    values = asdict(correction)
    await connection.execute(statements.MAKE_INCOMING)
    await connection.execute(_ADD_ROW, {"employment": held.id, **values})
    await connection.execute(statements.COMPARE, ids)
    kept = (await connection.execute(statements.KEEP_VERSIONS, ids)).one_or_none()
    if kept is None:
        return []
    await connection.execute(statements.CHANGE_EMPLOYMENTS)
    return sorted(kept.fields)
