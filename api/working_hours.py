"""Holidays: what the calendar says, and what operators make of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import DayOut, Input, MomentOut
from commands import working_hours as commands
from commands.command import Command
from domain import errors
from domain.access import Role
from domain.dates import jalali_day
from storage.rows.working_hours import Holiday
from storage.working_hours import list_holidays

router = APIRouter(prefix="/v1", tags=["working hours"])

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


class HolidayOut(BaseModel):
    """A day of the official calendar, or one that an operator added."""

    day: DayOut
    name: str = Field(examples=["عید سعید فطر"])
    source: Literal["calendar", "operator"] = Field(description="Who knew of it first")
    closed: bool = Field(description="Whether working hours leave it out")
    changed_at: MomentOut

    @classmethod
    def of(cls, holiday: Holiday) -> HolidayOut:
        """A holiday."""
        return cls(
            day=DayOut.of(holiday.day),
            name=holiday.name,
            source=holiday.source,
            closed=holiday.closed,
            changed_at=MomentOut.of(holiday.changed_at),
        )


class Holidays(BaseModel):
    """A year's holidays, in their order."""

    items: list[HolidayOut]


@router.get(
    "/holidays",
    operation_id="list_holidays",
    dependencies=[Depends(require(*Role))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_year(reader: ReaderDep, year: JalaliYear) -> Holidays:
    """The holidays of a Jalali year, those on which offices are open after all too."""
    first = jalali_day(year, 1, 1).to_gregorian()
    last = jalali_day(year + 1, 1, 1).to_gregorian() - timedelta(days=1)

    async def query(connection: AsyncConnection) -> Holidays:
        return Holidays(items=[HolidayOut.of(holiday) for holiday in await list_holidays(connection, first, last)])

    return await reader.read(query)


@router.put(
    "/holidays/{day}",
    operation_id="record_holiday",
    response_model=HolidayOut,
    dependencies=[Depends(require(Role.OPERATOR))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def record_holiday(performer: PerformerDep, day: HolidayDay, holiday: Annotated[HolidayIn, Body()]) -> Response:
    """Add a holiday, rename it, or open it again; waits that have begun keep their end."""

    async def work(command: Command) -> HolidayOut:
        return HolidayOut.of(await commands.record_holiday(command, day, name=holiday.name, closed=holiday.closed))

    return await performer.run(work)
