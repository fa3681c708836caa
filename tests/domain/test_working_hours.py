"""Working hours: counted on the wall clock of Tehran, holidays left out."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dates import TEHRAN
from domain.working_hours import LOOK_AHEAD, NoWorkingTime, WorkingHours
from stack.places import PROJECT

OFFICE = WorkingHours.from_policy({"opening_hours": "Sa-We 08:00-17:00; Th 08:00-13:00"})
NOWRUZ = [date(2026, 3, day) for day in (21, 22, 23, 24)]
THURSDAY, FRIDAY = 3, 4

moments = st.datetimes(datetime(2026, 3, 1), datetime(2026, 12, 1), timezones=st.just(TEHRAN))  # noqa: DTZ001 - zones are given
counts = st.integers(min_value=0, max_value=60)
holidays = st.frozensets(st.dates(date(2026, 3, 1), date(2027, 1, 1)), max_size=12)


def at(month: int, day: int, hour: int, minute: int = 0, *, year: int = 2026) -> datetime:
    """A moment in Tehran."""
    return datetime(year, month, day, hour, minute, tzinfo=TEHRAN)


def is_open(moment: datetime, closed: frozenset[date]) -> bool:
    """Whether the office of these tests works at a moment, told without the library."""
    local = moment.astimezone(TEHRAN)
    if local.date() in closed or local.weekday() == FRIDAY:
        return False
    return 8 <= local.hour < (13 if local.weekday() == THURSDAY else 17)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        pytest.param(at(11, 19, 12, 30), 2, at(11, 21, 9, 30), id="Thursday closes at one"),
        pytest.param(at(11, 19, 12, 55), 2, at(11, 21, 9, 55), id="the example of the rule"),
        pytest.param(at(3, 19, 12), 2, at(3, 25, 9), id="Nowruz is left out"),
        pytest.param(at(11, 20, 10), 1, at(11, 21, 9), id="Friday counts from Saturday"),
        pytest.param(at(11, 20, 10), 0, at(11, 21, 8), id="no hours from outside: the next opening"),
        pytest.param(at(11, 22, 10), 0, at(11, 22, 10), id="no hours in working time: now"),
        pytest.param(at(11, 22, 17), 0, at(11, 23, 8), id="closing time is outside"),
        pytest.param(at(11, 22, 8), 9, at(11, 22, 17), id="a full day ends at closing"),
        pytest.param(at(11, 22, 8), 10, at(11, 23, 9), id="an hour more is the next day's"),
        pytest.param(at(11, 22, 6), 16, at(11, 23, 15), id="before opening"),
    ],
)
def test_hours_are_counted_in_working_time_only(start: datetime, hours: int, end: datetime) -> None:
    assert OFFICE.after(start, hours, NOWRUZ) == end


@pytest.mark.parametrize(
    "zone", [UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=9)), ZoneInfo("Asia/Tehran")], ids=str
)
def test_the_clock_is_that_of_tehran_whatever_zone_the_moment_comes_in(zone: Any) -> None:
    end = OFFICE.after(at(11, 19, 12, 55).astimezone(zone), 2, ())

    assert end == at(11, 21, 9, 55)
    assert end.tzinfo is UTC


def test_parts_of_a_minute_are_not_lost() -> None:
    start = at(11, 22, 16, 59) + timedelta(seconds=59, microseconds=999_999)

    assert OFFICE.after(start, 1, ()) == at(11, 23, 9) - timedelta(microseconds=1)


def test_a_holiday_ends_a_night_shift_at_midnight() -> None:
    nights = WorkingHours.from_policy({"opening_hours": "Mo-Su 22:00-26:00"})

    assert nights.after(at(11, 21, 22), 3, ()) == at(11, 22, 1)
    assert nights.after(at(11, 21, 22), 3, [date(2026, 11, 22)]) == at(11, 23, 1)


def test_an_office_that_never_closes_closes_on_holidays() -> None:
    always = WorkingHours.from_policy({"opening_hours": "24/7"})

    assert always.after(at(11, 21, 20), 8, ()) == at(11, 22, 4)
    assert always.after(at(11, 21, 20), 8, [date(2026, 11, 22), date(2026, 11, 23)]) == at(11, 24, 4)


def test_hours_that_do_not_fit_into_the_time_ahead_are_refused_by_name() -> None:
    closed = [date(2026, 11, 21) + timedelta(days=number) for number in range(LOOK_AHEAD.days + 1)]

    with pytest.raises(NoWorkingTime):
        OFFICE.after(at(11, 21, 8), 0, closed)
    with pytest.raises(NoWorkingTime):
        OFFICE.after(at(11, 21, 8), 1_000, ())
    assert OFFICE.after(at(11, 21, 8), 0, closed[:-2]) == at(1, 19, 8, year=2027)


@pytest.mark.parametrize(("moment", "hours"), [(datetime(2026, 11, 21, 8), 1), (at(11, 21, 8), -1)])  # noqa: DTZ001 - wrong on purpose
def test_a_naive_moment_and_negative_hours_are_refused(moment: datetime, hours: int) -> None:
    with pytest.raises(ValueError, match="needs an instant"):
        OFFICE.after(moment, hours, ())


@given(moments, counts, holidays)
def test_more_hours_never_end_earlier(start: datetime, hours: int, closed: frozenset[date]) -> None:
    end = OFFICE.after(start, hours, closed)

    assert start <= end <= OFFICE.after(start, hours + 1, closed) - timedelta(hours=1)


@given(moments, counts, holidays)
def test_the_end_lies_in_working_time_or_exactly_at_closing(
    start: datetime, hours: int, closed: frozenset[date]
) -> None:
    end = OFFICE.after(start, hours, closed)

    assert is_open(end, closed) or (hours > 0 and is_open(end - timedelta(microseconds=1), closed))


@given(moments, counts, holidays, st.dates(date(2026, 3, 1), date(2027, 1, 1)))
def test_one_holiday_more_never_makes_it_earlier(
    start: datetime, hours: int, closed: frozenset[date], another: date
) -> None:
    assert OFFICE.after(start, hours, closed | {another}) >= OFFICE.after(start, hours, closed)


@given(st.datetimes(datetime(2026, 3, 1), datetime(2026, 12, 1)), st.integers(0, 30), holidays)  # noqa: DTZ001 - made aware below
def test_counting_minute_by_minute_without_the_library_gives_the_same(
    wall: datetime, hours: int, closed: frozenset[date]
) -> None:
    start = wall.replace(second=0, microsecond=0, tzinfo=TEHRAN)
    end, left = start, hours * 60
    while left > 0 or not (hours or is_open(end, closed)):
        # A closed hour that begins on the hour is closed to its end, here.
        step = 1 if is_open(end, closed) or end.minute else 60
        left -= is_open(end, closed)
        end += timedelta(minutes=step)

    assert OFFICE.after(start, hours, closed) == end


BAD_VALUES: list[Any] = [
    {},
    {"opening_hours": ""},
    {"opening_hours": "   "},
    {"opening_hours": None},
    {"opening_hours": 8},
    {"opening_hours": ["Sa-We 08:00-17:00"]},
    {"opening_hours": "شنبه تا چهارشنبه"},
    {"opening_hours": "Sa-We 8-17"},
    {"opening_hours": "Sa-We 08:00-17:00\x00"},
    {"opening_hours": "Sa-We 08:00-17:00; PH off"},
    {"opening_hours": "sunrise-sunset"},
    {"opening_hours": "Sa-We 08:00-17:00;" * 40},
    {"opening_hours": "Sa-We 08:00-17:00", "surprise": 1},
]


@pytest.mark.parametrize("value", BAD_VALUES, ids=repr)
def test_what_cannot_be_read_as_hours_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="opening_hours"):
        WorkingHours.from_policy(value)


@pytest.mark.parametrize("hours", ["off", "24/7 off", "2026 Mo-Su 08:00-17:00", "Mo 08:00-09:00", "Mo-Su unknown"])
def test_hours_by_which_a_wait_might_never_end_are_not_lasting(hours: str) -> None:
    with pytest.raises(ValueError, match="less than 40 open hours"):
        WorkingHours.from_policy({"opening_hours": hours}).require_lasting()


@pytest.mark.parametrize(
    "hours",
    [
        OFFICE.expression,
        "24/7",
        "Sa-We 08:00-17:00; 2027 Feb 08-Mar 09 Sa-We 09:00-14:00",
        "Sa-We 08:00-17:00; 2027 Mar 20-Apr 02 off",
    ],
)
def test_hours_with_a_month_of_fasting_or_a_fortnight_closed_last(hours: str) -> None:
    WorkingHours.from_policy({"opening_hours": hours}).require_lasting()


def test_what_workflows_may_import_of_the_domain_does_not_bring_the_library() -> None:
    probe = "import sys, domain.money, domain.dates, domain.errors; sys.exit('opening_hours' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", probe], cwd=PROJECT, check=False).returncode == 0
