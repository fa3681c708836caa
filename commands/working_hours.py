"""Holidays, kept by operators, who correct the days that the calendar only estimates before they count (A7)."""

from __future__ import annotations

from datetime import date

from commands.command import Command
from commands.refusals import refuses
from domain.access import Role
from domain.errors import StepUpRequired
from storage import working_hours as store
from storage.rows.working_hours import Holiday

STREAM = "holidays"


@refuses(StepUpRequired)
async def record_holiday(command: Command, day: date, *, name: str, closed: bool) -> Holiday:
    """Add a holiday, rename one, or say that offices are open on it; counts for waits that begin from now on.

    A day is never removed, so that the record shows by what was counted.
    """
    command.require_role(Role.OPERATOR)
    command.require_strong()
    holiday, before = await store.put_holiday(
        command.connection, day, name=name, closed=closed, changed_by=command.actor.person_id
    )
    await command.audit(
        STREAM,
        subject=str(day),
        before=None if before is None else {"name": before[0], "closed": before[1]},
        after={"name": name, "closed": closed},
    )
    return holiday
