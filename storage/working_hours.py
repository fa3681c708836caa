"""Working time by the clock, and the holidays that operators correct; always the current ones, never frozen (A7)."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.working_hours import LOOK_AHEAD, NoWorkingTime, WorkingHours
from storage import policies
from storage.rows.table import as_row, columns, read_all
from storage.rows.working_hours import Holiday, holidays

_log = logging.getLogger("amanat.working_hours")

# From then on new holidays must be known; a day mistyped by decades does not count as one.
_KNOWN_AHEAD = timedelta(days=60)
_CALENDAR = timedelta(days=366)
_today = sa.cast(sa.func.timezone("Asia/Tehran", sa.func.now()), sa.Date)


_COLUMNS = columns(holidays, Holiday)


async def working_time(connection: AsyncConnection, hours: int) -> timedelta:
    """Clock time from Postgres's now until so many working hours have passed (A7).

    By the policy in force and the holidays as they stand now. If offices hardly open in the time ahead, somebody has
    closed too many days: an alarm goes out, and the wait ends with the look-ahead rather than never.
    """
    policy = await policies.in_force(connection, WorkingHours.POLICY)
    if policy is None:
        raise LookupError(WorkingHours.POLICY)
    closed = (
        sa.select(holidays.c.day)
        .where(holidays.c.closed, holidays.c.day.between(_today, _today + (LOOK_AHEAD.days + 1)))
        .scalar_subquery()
    )
    now, days = (await connection.execute(sa.select(sa.func.now(), sa.func.array(closed, type_=ARRAY(sa.Date))))).one()
    try:
        passed: timedelta = WorkingHours.from_policy(policy.value).after(now, hours, frozenset(days)) - now
    except NoWorkingTime:
        _log.exception("no_working_time")
        return LOOK_AHEAD
    return passed


async def list_holidays(connection: AsyncConnection, first: date, last: date) -> list[Holiday]:
    """The days from first to last in their order, those not closed too; at most 400."""
    query = sa.select(*_COLUMNS).where(holidays.c.day.between(first, last)).order_by(holidays.c.day).limit(400)
    return await read_all(connection, Holiday, query)


async def put_holiday(
    connection: AsyncConnection, day: date, *, name: str, closed: bool, changed_by: UUID
) -> tuple[Holiday, tuple[str, bool] | None]:
    """Add a day, or rename, open or close it; returns it and its name and ``closed`` from before, if it was there."""
    values = {"name": name, "closed": closed, "changed_at": sa.func.now(), "changed_by": changed_by}
    row = (
        await connection.execute(
            insert(holidays)
            .values(day=day, source="operator", **values)
            .on_conflict_do_update(index_elements=[holidays.c.day], set_=values)
            .returning(*_COLUMNS, sa.literal_column("old.name"), sa.literal_column("old.closed"))
        )
    ).one()
    *now, old_name, old_closed = row
    return as_row(Holiday, now), None if old_name is None else (old_name, old_closed)


async def holidays_run_out(connection: AsyncConnection) -> bool:
    """Whether no holiday is known for the year that begins 60 days from now: the calendar has to be continued."""
    begins = _today + _KNOWN_AHEAD.days
    known = sa.exists().where(holidays.c.day > begins, holidays.c.day <= begins + _CALENDAR.days)
    return not await connection.scalar(sa.select(known))
