"""Services and whether they take new cases (G5): read where a case would begin, switched by operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.case import CaseKind
from storage.tables import services


class ServiceName(StrEnum):
    """What can be closed, named as the cases that it begins."""

    ONBOARDING = CaseKind.ONBOARDING.value
    SUBSTITUTION = CaseKind.SUBSTITUTION.value
    PERSONNEL_IMPORT = CaseKind.PERSONNEL_IMPORT.value


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it was switched last; nobody and no reason as long as it never was."""

    name: ServiceName
    is_open: bool
    reason: str | None
    changed_at: datetime
    changed_by: UUID | None


_COLUMNS = tuple(services.c[name] for name in Service.__slots__)
_IS_OPEN = sa.select(services.c.is_open).where(services.c.name == sa.bindparam("this_name"))


def _as_service(name: str, is_open: bool, reason: str | None, changed_at: datetime, changed_by: UUID | None) -> Service:  # noqa: FBT001 - a row's columns in their order
    return Service(ServiceName(name), is_open, reason, changed_at, changed_by)


async def takes_new_cases(connection: AsyncConnection, name: ServiceName) -> bool:
    """Whether a service is open at this moment."""
    return bool((await connection.execute(_IS_OPEN, {"this_name": name.value})).scalar_one())


async def list_services(connection: AsyncConnection) -> list[Service]:
    """Every service that this version knows, by name."""
    known = [name.value for name in ServiceName]
    rows = await connection.execute(
        sa.select(*_COLUMNS).where(services.c.name.in_(known)).order_by(services.c.name).limit(len(known))
    )
    return [_as_service(*row) for row in rows]


async def switch(
    connection: AsyncConnection, name: ServiceName, *, is_open: bool, reason: str, changed_by: UUID
) -> tuple[Service, bool]:
    """Open or close a service; returns it as it is then, and whether it was open before."""
    values = {"is_open": is_open, "reason": reason, "changed_at": sa.func.now(), "changed_by": changed_by}
    row = (
        await connection.execute(
            sa.update(services)
            .where(services.c.name == name.value)
            .values(values)
            .returning(*_COLUMNS, sa.literal_column("old.is_open"))
        )
    ).one()
    *now, was_open = row
    return _as_service(*now), bool(was_open)
