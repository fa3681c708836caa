"""Holidays: what the calendar says, and what operators make of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field, StringConstraints

from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import Day, Input, Moment, Out
from commands import working_hours as commands
from commands.refusals import refuses
from domain.access import Role
from domain.dates import jalali_day
from storage import working_hours as store

router = APIRouter(prefix="/v1", tags=["working hours"], route_class=Operation)

_FIRST_YEAR, _LAST_YEAR = 1400, 1499
JalaliYear = Annotated[int, Query(ge=_FIRST_YEAR, le=_LAST_YEAR, description="Jalali", examples=[1405])]
# The same years, day by day.
HolidayDay = Annotated[date, Path(ge=date(2021, 3, 21), le=date(2121, 3, 20), examples=["2027-03-10"])]


class HolidayIn(Input):
    """What a day is."""

    name: Annotated[str, StringConstraints(min_length=2, max_length=200, strip_whitespace=True)] = Field(
        examples=["عید سعید فطر"]
    )
    closed: bool = Field(strict=True, description="false: offices are open on it after all", examples=[True])


class HolidayOut(Out):
    """A day of the official calendar, or one that an operator added."""

    day: Day
    name: str = Field(examples=["عید سعید فطر"])
    source: Literal["calendar", "operator"] = Field(description="Who knew of it first")
    closed: bool = Field(description="Whether working hours leave it out")
    changed_at: Moment


class Holidays(Out):
    """A year's holidays, in their order."""

    items: list[HolidayOut]


@router.get("/holidays", dependencies=[Depends(require(*Role))])
async def list_holidays(read: ReadingDep, year: JalaliYear) -> Holidays:
    """The holidays of a Jalali year, those on which offices are open after all too."""
    first = jalali_day(year, 1, 1).to_gregorian()
    last = jalali_day(year + 1, 1, 1).to_gregorian() - timedelta(days=1)
    found = await store.list_holidays(read.connection, first, last)
    return Holidays(items=[HolidayOut.model_validate(holiday) for holiday in found])


@router.put("/holidays/{day}", dependencies=[Depends(require(Role.OPERATOR))])
@refuses(commands.record_holiday)
async def record_holiday(command: CommandDep, day: HolidayDay, holiday: HolidayIn) -> HolidayOut:
    """Add a holiday, rename it, or open it again; waits that have begun keep their end."""
    recorded = await commands.record_holiday(command, day, name=holiday.name, closed=holiday.closed)
    return HolidayOut.model_validate(recorded)
