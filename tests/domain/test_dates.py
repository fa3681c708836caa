"""Jalali dates, checked against the calendar itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from domain.dates import (
    BadDate,
    add_months,
    format_day,
    format_deadline,
    format_jalali,
    format_moment,
    format_month,
    jalali_day,
    jalali_today,
    month_end,
    parse_jalali,
    service_ends,
    tehran_day,
    to_jalali,
)

days = st.dates(min_value=date(1925, 1, 1), max_value=date(2100, 1, 1)).map(to_jalali)
months = st.integers(min_value=-400, max_value=400)


def stored(text: str) -> date:
    return parse_jalali(text).to_gregorian()


@pytest.mark.parametrize(
    "text",
    ["1397/02/23", "1397/2/23", "۱۳۹۷-۲-۲۳", "١٣٩٧/٠٢/٢٣", " 1397 / 02 / 23 ", "\u200f۱۳۹۷/۰۲/۲۳", "1397.02.23",
     "13970223", "23/02/1397", "۲۳.۲.۱۳۹۷", "۲۳ اردیبهشت ۱۳۹۷", "23 اردي‌بهشت‌ماه 1397", "۲۳ اردی بهشت ماه ۱۳۹۷",
     "1397/02/23 00:00:00", "1397-02-23T00:00", "1397/2/23 0:00:00.000", "23/02/1397 00:00"],
)  # fmt: skip
def test_a_day_is_read_in_every_usual_writing(text: str) -> None:
    assert parse_jalali(text) == jalali_day(1397, 2, 23)


@pytest.mark.parametrize(
    "text",
    ["", "نامشخص", "97/02/23", "1397/02", "1397/02-23", "1397/13/01", "1388/07/31", "1400/12/30", "1397/0/1",
     "1397/1/0", "0000/01/01", "13971301", "139702231", "23/2/97", "23 خرما 1397", "23 ماه 1397",
     "1397/02/2300:00", "1397/02/23/1", "1397//02/23", "١٣٩٧/٠٢/ABC", "1397/002/23"],
)  # fmt: skip
def test_what_is_no_jalali_day_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(BadDate) as caught:
        parse_jalali(text)
    assert caught.value.code == "bad_date"


def test_the_30th_of_esfand_exists_in_a_leap_year() -> None:
    assert parse_jalali("1399/12/30") == jalali_day(1399, 12, 30)


@given(days)
def test_what_is_written_is_read_back(day: JalaliDate) -> None:
    assert parse_jalali(format_jalali(day)) == day
    assert parse_jalali(format_jalali(day.to_gregorian(), persian=True)) == day


def test_a_day_is_shown_with_persian_digits() -> None:
    assert format_jalali(date(2018, 5, 13), persian=True) == "۱۳۹۷/۰۲/۲۳"
    assert format_month(jalali_day(1404, 8, 1)) == "آبان ۱۴۰۴"


def test_a_day_and_an_instant_are_said_with_the_months_name_in_both_languages() -> None:
    assert format_day(date(2026, 11, 25), persian=True) == "۴ آذر ۱۴۰۵"
    assert format_day(date(2026, 11, 25)) == "4 Azar 1405"
    # Past midnight in Tehran it is the next day already.
    late = datetime(2026, 11, 25, 20, 46, tzinfo=UTC)
    assert format_moment(late, persian=True) == "۵ آذر ۱۴۰۵، ۰۰:۱۶"
    assert format_moment(late) == "5 Azar 1405, 00:16"


@given(days, months)
def test_adding_months_lands_in_that_month_on_the_same_or_its_last_day(day: JalaliDate, count: int) -> None:
    later = add_months(day, count)
    assert later.year * 12 + later.month == day.year * 12 + day.month + count
    assert later.day == min(day.day, month_end(later).day)


@given(days)
def test_the_day_after_a_month_end_is_a_first(day: JalaliDate) -> None:
    following = to_jalali(month_end(day).to_gregorian() + timedelta(days=1))
    assert following.day == 1
    assert (following.year, following.month) == (add_months(day, 1).year, add_months(day, 1).month)


def test_a_month_added_to_the_31st_is_clamped() -> None:
    assert add_months(jalali_day(1404, 6, 31), 1) == jalali_day(1404, 7, 30)
    assert add_months(jalali_day(1399, 12, 30), 12) == jalali_day(1400, 12, 29)


def test_today_changes_at_midnight_in_tehran() -> None:
    assert jalali_today(datetime(2026, 3, 20, 20, 29, 59, tzinfo=UTC)) == jalali_day(1404, 12, 29)
    assert jalali_today(datetime(2026, 3, 20, 20, 30, tzinfo=UTC)) == jalali_day(1405, 1, 1)
    assert tehran_day(datetime(2026, 3, 20, 20, 30, tzinfo=UTC)) == date(2026, 3, 21)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        jalali_today(datetime(2026, 3, 20))  # noqa: DTZ001 - what is refused


def test_service_hired_on_1375_02_14_is_last_good_on_1404_01_13() -> None:
    ends = service_ends(stored("1375/02/14"))
    assert ends == stored("1404/01/14")
    assert stored("1404/01/13") < ends


def test_service_from_a_31st_is_clamped_to_the_end_month() -> None:
    assert service_ends(stored("1375/02/31")) == stored("1404/01/31")
    assert service_ends(stored("1374/01/31")) == stored("1402/12/29")


@pytest.mark.parametrize(
    ("day", "fa"), [(28, "شنبه ۷ آذر"), (29, "یکشنبه ۸ آذر"), (30, "دوشنبه ۹ آذر"), (27, "جمعه ۶ آذر")]
)
def test_a_deadline_is_written_with_its_weekday_in_tehran(day: int, fa: str) -> None:
    # Half past eight in the evening of the day before, by UTC, is midnight in Tehran.
    moment = datetime(2026, 11, day - 1, 20, 30, tzinfo=UTC)

    assert format_deadline(moment, persian=True) == f"{fa}، ساعت ۰۰:۰۰"
