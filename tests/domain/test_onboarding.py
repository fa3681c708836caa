"""Rules of onboarding: what may be chosen, and withdrawing (A2, A11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import onboarding as rules
from domain.money import RIAL_A_TOMAN, Money, Unit
from tests.domain.test_programme import MINIPAY

AMOUNTS = st.integers(min_value=0, max_value=10**12)


def rial(amount: int) -> Money:
    """An amount of rial."""
    return Money(amount, Unit.IRR)


def test_a_quarter_of_pay_less_what_is_taken_may_be_chosen() -> None:
    limit = rules.monthly_limit(MINIPAY, net_pay=rial(400_000_039), taken=rial(30_000_000), cap=None)

    assert limit == rial(70_000_000)


def test_the_organisations_cap_counts_when_it_is_lower() -> None:
    def limit(cap: int) -> Money:
        return rules.monthly_limit(MINIPAY, net_pay=rial(400_000_000), taken=rial(0), cap=rial(cap))

    assert (limit(60_000_009), limit(900_000_000)) == (rial(60_000_000), rial(100_000_000))


@given(pay=AMOUNTS, taken=AMOUNTS, cap=st.none() | AMOUNTS)
def test_what_may_be_chosen_is_whole_toman_never_negative_and_never_breaks_a_limit(
    pay: int, taken: int, cap: int | None
) -> None:
    limit = rules.monthly_limit(
        MINIPAY, net_pay=rial(pay), taken=rial(taken), cap=None if cap is None else rial(cap)
    ).amount

    assert limit >= 0
    assert limit % RIAL_A_TOMAN == 0
    assert limit == 0 or limit + taken <= pay / 4
    assert cap is None or limit <= cap


@given(limit=AMOUNTS, asked=AMOUNTS, certified=AMOUNTS)
def test_the_lowest_of_what_is_possible_asked_and_certified_counts(limit: int, asked: int, certified: int) -> None:
    approved = rules.approved_terms(limit=rial(limit), asked=rial(asked), certified=rial(certified))

    assert approved.amount == min(limit, asked, certified)


@pytest.mark.parametrize(
    ("is_open", "withdrawn", "may"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_withdrawing_is_possible_once_and_until_the_end(is_open: bool, withdrawn: bool, may: bool) -> None:
    assert rules.may_withdraw(is_open=is_open, withdrawn=withdrawn) is may
