"""Length of service as lists give it: how it is read, and the day from which it counts (A4)."""

from __future__ import annotations

from datetime import date

import pytest
from persiantools.jdatetime import JalaliDate

from domain.dates import jalali_day, service_ends
from domain.length_of_service import BadService, parse_service

TODAY = jalali_day(1405, 9, 8).to_gregorian()
HIRED = jalali_day(1395, 1, 10).to_gregorian()


@pytest.mark.parametrize(
    ("text", "length", "start"),
    [
        ("۲۱", "P21Y0M0D", jalali_day(1384, 9, 8)),
        ("21 سال", "P21Y0M0D", jalali_day(1384, 9, 8)),
        ("۲۱ سال و ۴ ماه", "P21Y4M0D", jalali_day(1384, 5, 8)),
        ("٢١سال ٤ماه", "P21Y4M0D", jalali_day(1384, 5, 8)),
        ("21 سال و 4 ماه و 5 روز", "P21Y4M5D", jalali_day(1384, 5, 3)),
        ("۷ ماه", "P0Y7M0D", jalali_day(1405, 2, 8)),
    ],
)
def test_a_length_is_read_in_years_months_and_days(text: str, length: str, start: object) -> None:
    service = parse_service(text, TODAY, HIRED)
    assert service is not None
    assert (service.length, service.start) == (length, start.to_gregorian())  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "  ", "\u200c", "0", "۰ سال", "0 سال و 0 ماه"])
def test_an_empty_cell_and_a_length_of_nothing_say_nothing(text: str) -> None:
    assert parse_service(text, TODAY, HIRED) is None


@pytest.mark.parametrize(
    "text",
    ["21.4", "۲۱٫۴", "21/4", "21-04-12", "61", "21 سال و 12 ماه", "1 سال و 31 روز", "21 4 ماه", "زیاد", "-1", "و"],
)
def test_what_may_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(BadService) as caught:
        parse_service(text, TODAY, HIRED)
    assert caught.value.code == "bad_service"


def test_a_length_of_28_years_and_11_months_is_at_the_limit() -> None:
    at_limit, below = (parse_service(text, TODAY, HIRED) for text in ("۲۸ سال و ۱۱ ماه", "۲۸ سال و ۱۰ ماه و ۲۹ روز"))
    assert at_limit is not None
    assert below is not None
    assert service_ends(at_limit.start) == TODAY
    assert service_ends(below.start) > TODAY


@pytest.mark.parametrize(
    ("text", "hired", "counts"),
    [
        # Rounded down to years: the hire date is more exact, and nobody gains eleven months by it.
        ("28", jalali_day(1376, 10, 1), jalali_day(1376, 10, 1)),
        # The list was made some months before it came.
        ("28", jalali_day(1376, 2, 1), jalali_day(1376, 2, 1)),
        ("۲۸ سال و ۱۱ ماه", jalali_day(1376, 9, 20), jalali_day(1376, 9, 20)),
        # Served elsewhere before, or had years that do not count: what the list says counts.
        ("28", jalali_day(1390, 1, 1), jalali_day(1377, 9, 8)),
        ("20", jalali_day(1376, 10, 1), jalali_day(1385, 9, 8)),
        ("۲۸ سال و ۱۱ ماه", jalali_day(1376, 1, 1), jalali_day(1376, 10, 8)),
    ],
)
def test_a_length_that_agrees_with_the_hire_date_as_far_as_it_is_said_leaves_the_hire_date(
    text: str, hired: JalaliDate, counts: JalaliDate
) -> None:
    service = parse_service(text, TODAY, hired.to_gregorian())
    assert service is not None
    assert service.start == counts.to_gregorian()


def test_nothing_personal_shows_in_a_repr() -> None:
    assert "P21Y" not in repr(parse_service("21", date(2026, 11, 29), HIRED))
