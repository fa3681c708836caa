"""Who may stand for whose credit (A4): each rule alone, at its edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dates import jalali_day
from domain.guarantor import Rule, Worker, as_faults, free_places, has_grown, judge
from domain.programme import GuarantorTerms
from tests.domain.test_programme import TAVANA

TODAY = date(2026, 11, 21)
EMPLOYER, OTHER = UUID(int=1), UUID(int=2)
APPLICANT = Worker(EMPLOYER, "1101", date(2020, 1, 1), 400_000_000, is_employed=True)
GUARANTOR = replace(APPLICANT, served_since=date(2015, 4, 4))


def terms() -> GuarantorTerms:
    """Tavana's."""
    assert TAVANA.guarantor is not None
    return TAVANA.guarantor


def faults(guarantor: Worker, *, stands_for: int = 0, today: date = TODAY) -> list[Rule]:
    """What the applicant's guarantor breaks."""
    return as_faults(judge(terms(), applicant=APPLICANT, guarantor=guarantor, stands_for=stands_for, today=today))


def test_a_colleague_of_the_same_region_and_pay_may_stand() -> None:
    assert faults(GUARANTOR) == []
    assert set(judge(terms(), applicant=APPLICANT, guarantor=GUARANTOR, stands_for=0, today=TODAY)) == set(Rule)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"organisation_id": OTHER}, Rule.EMPLOYED_THERE),
        ({"is_employed": False}, Rule.EMPLOYED_THERE),
        ({"region_code": "1104"}, Rule.SAME_REGION),
        ({"net_pay": 399_999_999}, Rule.PAY_HIGH_ENOUGH),
        ({"served_since": date(1990, 1, 1)}, Rule.SERVICE_SHORT_ENOUGH),
    ],
)
def test_one_broken_rule_is_the_only_fault(change: dict[str, Any], broken: Rule) -> None:
    assert faults(replace(GUARANTOR, **change)) == [broken]


@pytest.mark.parametrize(("stands_for", "may"), [(0, True), (2, True), (3, False), (4, False)])
def test_a_guarantor_stands_for_fewer_than_three_others(stands_for: int, may: bool) -> None:
    assert faults(GUARANTOR, stands_for=stands_for) == ([] if may else [Rule.STANDS_FOR_FEW])


@pytest.mark.parametrize(
    ("hired", "today", "may"),
    [
        ((1375, 2, 14), (1404, 1, 13), True),
        ((1375, 2, 14), (1404, 1, 14), False),
        # 31 days where the month that service ends in has 30 or 29.
        ((1375, 8, 30), (1404, 7, 29), True),
        ((1375, 8, 30), (1404, 7, 30), False),
        ((1376, 1, 31), (1404, 12, 28), True),
        ((1376, 1, 31), (1404, 12, 29), False),
    ],
)
def test_service_stays_under_28_years_and_11_months(
    hired: tuple[int, int, int], today: tuple[int, int, int], may: bool
) -> None:
    guarantor = replace(GUARANTOR, served_since=jalali_day(*hired).to_gregorian())

    found = faults(guarantor, today=jalali_day(*today).to_gregorian())

    assert found == ([] if may else [Rule.SERVICE_SHORT_ENOUGH])


def test_two_people_of_equal_pay_may_stand_for_each_other() -> None:
    for one, other in ((APPLICANT, GUARANTOR), (GUARANTOR, APPLICANT)):
        assert as_faults(judge(terms(), applicant=one, guarantor=other, stands_for=1, today=TODAY)) == []


@pytest.mark.parametrize(("asked_for", "live", "free"), [(1, 0, 1), (1, 1, 0), (2, 1, 1), (0, 0, 0), (1, 2, 0)])
def test_places_are_free_as_long_as_fewer_are_named_than_asked_for(asked_for: int, live: int, free: int) -> None:
    assert free_places(asked_for, live) == free


@given(monthly=st.integers(1, 100), count=st.integers(1, 100), before=st.integers(1, 100), was=st.integers(1, 100))
def test_an_application_has_grown_when_amount_or_count_is_above_what_was_accepted(
    monthly: int, count: int, before: int, was: int
) -> None:
    grown = has_grown(monthly=monthly, instalments=count, accepted_monthly=before, accepted_instalments=was)

    assert grown is not (monthly <= before and count <= was)
