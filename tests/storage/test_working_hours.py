"""Working time by the policy in force and the holidays as they stand; the calendar that is continued in time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.dates import TEHRAN, jalali_day, tehran_day
from domain.working_hours import LOOK_AHEAD, WorkingHours
from storage import policies
from storage.database import SERVICE, transaction
from storage.housekeeping import look_ahead
from storage.rows.working_hours import Holiday
from storage.working_hours import holidays_run_out, list_holidays, put_holiday, working_time
from tests.arrange import Arrange
from tests.books import Superuser

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# The superuser alone can: nobody else changes a day's date.
_ALL_PAST = "UPDATE holidays SET day = day - 36500"


@pytest.fixture
async def operator(arrange: Arrange) -> UUID:
    """Who changes holidays."""
    return (await arrange.person("staff")).id


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction, so that now stands still."""
    async with transaction(engine, SERVICE) as opened:
        yield opened


async def now(connection: AsyncConnection) -> datetime:
    """Postgres's time."""
    moment: datetime = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    return moment


async def never_close(connection: AsyncConnection) -> None:
    """Put hours round the clock in force."""
    proposal = await policies.propose(connection, "working_hours", {"opening_hours": "24/7"}, uuid4())
    assert proposal is not None
    await policies.settle_proposal(connection, proposal.id, approved_by=uuid4())


async def close(connection: AsyncConnection, operator: UUID, first: date, days: int) -> None:
    """Close some days."""
    for number in range(days):
        await put_holiday(connection, first + number * DAY, name="تعطیل", closed=True, changed_by=operator)


async def test_the_first_version_counts_the_hours_of_offices(connection: AsyncConnection) -> None:
    policy = await policies.in_force(connection, "working_hours")
    assert policy is not None
    moment = await now(connection)
    near = await list_holidays(connection, tehran_day(moment), tehran_day(moment) + 61 * DAY)

    ends = moment + await working_time(connection, 16)

    assert (policy.version, policy.approved_by) == (1, "system")
    assert policy.value == {"opening_hours": "Sa-We 08:00-17:00; Th 08:00-13:00"}
    closed = {holiday.day for holiday in near}
    assert ends == WorkingHours.from_policy(policy.value).after(moment, 16, closed)


async def test_holidays_count_as_they_stand_and_the_policy_as_it_is_in_force(
    connection: AsyncConnection, operator: UUID
) -> None:
    await never_close(connection)
    moment = await now(connection)
    today = tehran_day(moment)
    for number in range(4):
        await put_holiday(connection, today + number * DAY, name="روز کاری", closed=False, changed_by=operator)
    assert await working_time(connection, 8) == 8 * HOUR

    await close(connection, operator, today, 2)
    opening = datetime.combine(today + 2 * DAY, datetime.min.time(), TEHRAN)
    assert moment + await working_time(connection, 8) == opening + 8 * HOUR

    await put_holiday(connection, today, name="باز است", closed=False, changed_by=operator)
    assert await working_time(connection, 0) == timedelta()


async def test_a_calendar_closed_for_months_raises_an_alarm_and_still_ends_the_wait(
    connection: AsyncConnection, operator: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    await close(connection, operator, tehran_day(await now(connection)), 62)

    assert await working_time(connection, 8) == LOOK_AHEAD
    assert "no_working_time" in caplog.text


async def test_the_official_holidays_of_three_years_are_there(connection: AsyncConnection) -> None:
    found = await list_holidays(connection, date(2026, 3, 21), date(2029, 3, 20))

    by_day = {holiday.day: holiday for holiday in found}
    for year in (1405, 1406, 1407):
        for month, day in ((1, 1), (1, 2), (1, 3), (1, 4), (1, 12), (1, 13), (3, 14), (3, 15), (11, 22), (12, 29)):
            assert by_day[jalali_day(year, month, day).to_gregorian()].closed
        spring, next_spring = jalali_day(year, 1, 1).to_gregorian(), jalali_day(year + 1, 1, 1).to_gregorian()
        assert 22 <= sum(spring <= day < next_spring for day in by_day) <= 28
    assert "نوروز" in by_day[date(2026, 3, 21)].name
    assert {(holiday.source, holiday.closed) for holiday in found} == {("calendar", True)}
    assert [holiday.day for holiday in found] == sorted(by_day)


async def test_a_day_is_added_renamed_and_opened_and_keeps_where_it_came_from(
    connection: AsyncConnection, operator: UUID
) -> None:
    added, nothing = await put_holiday(
        connection, date(2028, 11, 11), name="تعطیلی هوا", closed=True, changed_by=operator
    )
    opened, before = await put_holiday(
        connection, date(2027, 3, 10), name="عید نیست", closed=False, changed_by=operator
    )

    moment = await now(connection)
    assert added == Holiday(date(2028, 11, 11), "تعطیلی هوا", "operator", closed=True, changed_at=moment)
    assert opened == Holiday(date(2027, 3, 10), "عید نیست", "calendar", closed=False, changed_at=moment)
    assert nothing is None
    assert before == ("عید سعید فطر (تخمینی)", True)
    assert await list_holidays(connection, date(2028, 11, 11), date(2028, 11, 11)) == [added]


async def test_the_record_of_holidays_is_kept_whole(engine: AsyncEngine) -> None:
    for deed in (
        "DELETE FROM holidays",
        "TRUNCATE holidays",
        "UPDATE holidays SET source = 'operator'",
        "UPDATE holidays SET day = day + 4000",
        "UPDATE holidays SET name = ' '",
        "INSERT INTO holidays (day, name, source) VALUES ('2028-11-11', 'بی‌نام', 'operator')",
        "INSERT INTO holidays (day, name, source) VALUES ('infinity', 'همیشه', 'calendar')",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|violates check constraint"):
            async with transaction(engine, SERVICE) as connection:
                await connection.execute(sa.text(deed))


async def test_not_even_a_superuser_deletes_a_holiday(superuser: Superuser) -> None:
    with pytest.raises(psycopg.Error, match="append-only"):
        await superuser.run("DELETE FROM holidays")


async def test_an_alarm_says_in_time_that_the_calendar_ends(
    engine: AsyncEngine, superuser: Superuser, operator: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "amanat.housekeeping")
    await superuser.run(_ALL_PAST)
    told = []
    # A day just not far enough, one mistyped by decades, one that will do.
    for ahead in (60, 20_000, 61):
        async with transaction(engine, SERVICE) as connection:
            day = tehran_day(await now(connection)) + ahead * DAY
            await put_holiday(connection, day, name="تعطیل", closed=True, changed_by=operator)
            told.append(await holidays_run_out(connection))
        await look_ahead(engine)

    assert told == [True, True, False]
    assert [record.message for record in caplog.records] == ["holidays_run_out"] * 2
