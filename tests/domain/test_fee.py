"""A fee and its VAT: parts that sum, whole rial, never under zero (E3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import withdrawal_binding
from domain.fee import NO_FEE, RATE_PARTS, Fee, FeeKind, Seller, VatPolicy, percent
from domain.ledger import BANK_ACCOUNT, REVENUES, VAT_ACCOUNT, Occasion, fee_earned, member_account, payout_paid
from domain.money import Money, MoneyError

AMOUNTS = st.integers(1, 10**15)
FEES = st.integers(0, 10**10)
RATES = st.integers(0, RATE_PARTS)
_OCCASION = Occasion("payout:x", None, "system", datetime(2026, 11, 29, tzinfo=UTC))


@given(FEES, RATES)
def test_vat_is_whole_rial_never_more_than_the_rate_says_and_less_by_under_a_rial(net: int, rate: int) -> None:
    fee = Fee.of(Money(net), rate)
    assert type(fee.vat.amount) is int
    assert 0 <= net * rate - fee.vat.amount * RATE_PARTS < RATE_PARTS
    assert fee.total == fee.net + fee.vat
    assert fee.total >= fee.net >= Money(0)


@given(AMOUNTS, FEES, RATES)
def test_what_leaves_the_balance_is_what_the_bank_the_revenue_and_the_tax_office_get(
    amount: int, net: int, rate: int
) -> None:
    person, fee = uuid4(), Fee.of(Money(net), rate)
    entries = {
        entry.account: entry.amount.amount for entry in payout_paid(person, Money(amount), _OCCASION, fee).entries
    }
    assert entries.pop(member_account(person).code) == -(amount + net + fee.vat.amount)
    assert entries.pop(BANK_ACCOUNT.code) == amount
    earned = {REVENUES[FeeKind.WITHDRAWAL].code: net, VAT_ACCOUNT.code: fee.vat.amount}
    assert entries == {account: part for account, part in earned.items() if part}


def test_where_there_is_no_fee_there_are_two_entries_and_no_vat_at_any_rate() -> None:
    assert VatPolicy(1_000, None).fee(Money(0)) == NO_FEE
    assert fee_earned(FeeKind.WITHDRAWAL, NO_FEE) == ()
    assert len(payout_paid(uuid4(), Money(5), _OCCASION).entries) == 2


@pytest.mark.parametrize(("net", "vat"), [(10_000, 1_000), (9, 0), (19, 1), (12_345, 1_234)])
def test_a_part_of_a_rial_is_left_away(net: int, vat: int) -> None:
    assert Fee.of(Money(net), 1_000).vat == Money(vat)


def test_parts_that_do_not_belong_together_are_no_fee() -> None:
    for vat in (0, 99, 101, -100):
        with pytest.raises(ValueError, match="VAT"):
            Fee(Money(1_000), Money(vat), 1_000)
    for net, rate in ((-1, 1_000), (1, -1)):
        with pytest.raises(MoneyError):
            Fee.of(Money(net), rate)
    for share in (0.1, 1_000.0):
        with pytest.raises(MoneyError):
            Fee.of(Money(1_000), cast(Any, share))


@given(AMOUNTS, FEES, FEES)
def test_a_code_for_one_fee_is_none_for_another(amount: int, fee: int, other: int) -> None:
    codes = {withdrawal_binding(amount, "IR1", one, one // 10) for one in (fee, other)}
    assert len(codes) == len({fee, other})


def test_every_kind_of_fee_has_an_account_of_revenue() -> None:
    assert set(REVENUES) == set(FeeKind)
    assert all(account.kind.name.startswith("revenue:") for account in REVENUES.values())


def test_a_policy_of_vat_names_a_rate_and_perhaps_a_seller() -> None:
    seller = {"name": "امانت", "economic_number": "10101234567", "of_tomorrow": 1}
    assert VatPolicy.from_policy({"rate_per_ten_thousand": 900, "seller": seller}) == VatPolicy(
        900, Seller("امانت", "10101234567")
    )
    assert VatPolicy.from_policy({"rate_per_ten_thousand": 0}) == VatPolicy(0, None)


@pytest.mark.parametrize(
    "value",
    [
        {},
        *({"rate_per_ten_thousand": rate} for rate in (-1, 10_001, 0.1, True, "1000")),
        *(
            {"rate_per_ten_thousand": 1_000, "seller": seller}
            for seller in (
                "امانت",
                {"name": "امانت"},
                {"name": " ", "economic_number": "10101234567"},
                {"name": "امانت", "economic_number": "123"},
                {"name": "امانت", "economic_number": "10101234567", "address": 7},
                {"name": "ا" * 201, "economic_number": "10101234567"},
            )
        ),
    ],
)
def test_a_policy_of_vat_that_is_malformed_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        VatPolicy.from_policy(value)


@pytest.mark.parametrize(("rate", "said"), [(1_000, "۱۰٪"), (950, "۹٫۵٪"), (905, "۹٫۰۵٪"), (0, "۰٪"), (10_000, "۱۰۰٪")])
def test_a_rate_is_said_in_hundredths(rate: int, said: str) -> None:
    assert percent(rate) == said
