"""Deduction certificates: how long one may be valid (A12)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import certificate as rules
from domain.certificate import CertificateExpired

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("day", [TODAY, date(2027, 3, 20), date(2031, 11, 21)])
def test_a_certificate_may_end_from_today_to_five_years_ahead(day: date) -> None:
    rules.check_certificate_day(day, TODAY)


@pytest.mark.parametrize("day", [date(2026, 11, 20), date(2031, 11, 22), date.min, date.max])
def test_a_certificate_that_has_ended_or_ends_too_late_is_refused(day: date) -> None:
    with pytest.raises(CertificateExpired) as refused:
        rules.check_certificate_day(day, TODAY)
    assert refused.value.field == "valid_until"


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)))
def test_the_end_of_february_stops_nobody(today: date) -> None:
    rules.check_certificate_day(today, today)
