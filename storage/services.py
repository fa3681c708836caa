"""Services and whether they take new cases (G5): read where a case would begin, switched by operators."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.case import CaseKind
from storage.rows.services import Service, services
from storage.rows.table import as_row, columns, read_all

_COLUMNS = columns(services, Service)
_IS_OPEN = sa.select(services.c.is_open).where(services.c.name == sa.bindparam("this_name"))


async def takes_new_cases(connection: AsyncConnection, name: CaseKind) -> bool:
    """Whether a service is open at this moment."""
    return bool((await connection.execute(_IS_OPEN, {"this_name": name.value})).scalar_one())


async def list_services(connection: AsyncConnection) -> list[Service]:
    """Every service that this version knows, by name."""
    known = [name.value for name in CaseKind]
    query = sa.select(*_COLUMNS).where(services.c.name.in_(known)).order_by(services.c.name).limit(len(known))
    return await read_all(connection, Service, query)


async def switch(
    connection: AsyncConnection, name: CaseKind, *, is_open: bool, reason: str, changed_by: UUID
) -> tuple[Service, bool] | None:
    """Open or close a service; returns it as it is then, and whether it was open before. None: no such service."""
    values = {"is_open": is_open, "reason": reason, "changed_at": sa.func.now(), "changed_by": changed_by}
    row = (
        await connection.execute(
            sa.update(services)
            .where(services.c.name == name.value)
            .values(values)
            .returning(*_COLUMNS, sa.literal_column("old.is_open"))
        )
    ).one_or_none()
    if row is None:
        return None
    *now, was_open = row
    return as_row(Service, now), bool(was_open)
