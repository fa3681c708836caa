"""Policy, fee, pauses between questions, and when a payer is told that nobody knows (E2, C6)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.payment import PaymentPolicy, ask_again_in, tells_unclear
from gateways.payment import same_card

SHIPPED: dict[str, Any] = tomllib.loads(Path("storage/schema/policies/payment.toml").read_text("utf-8"))
NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def policy(**changes: Any) -> PaymentPolicy:
    """The shipped policy with changes."""
    return PaymentPolicy.from_policy(SHIPPED | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"least_rial": 0},
        {"least_rial": True},
        {"least_rial": "10000"},
        {"least_rial": 2_000_000_000},
        {"most_rial": 3_000_000_000},
        {"attempts": 21},
        {"attempts": 0},
        {"look_minutes": 20},
        {"pay_within_minutes": 1441},
        {"unclear_hours": 0},
        {"return_hours": 337},
        {"settle_remind_hours": 24},
        {"fee_ppm": 1_000_001},
        {"gateways": "zarinpal"},
        {"gateways": [1]},
        {"own_card": None},
        {"payer_bears_fee": ["escrow", "purchase"]},
        {"payer_bears_fee": ["instalment"]},
    ],
)
def test_a_policy_out_of_its_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(changes)).partition('_')[0]}|reminder"):
        policy(**changes)


def test_what_a_newer_release_added_to_the_policy_stays_out() -> None:
    assert policy(of_tomorrow=1) == policy()


@pytest.mark.parametrize(
    ("purposes", "amount", "fee"),
    [
        (["escrow"], 1_000_000, 20_000),
        (["escrow"], 999_999, 19_999),
        (["escrow"], 100_000_000, 120_000),
        (["purchase"], 1_000_000, 0),
        (["escrow", "purchase"], 1_000_000, 0),
        (["escrow"], 10, 0),
    ],
)
def test_the_payer_bears_the_fee_only_where_every_purpose_says_so(
    purposes: Sequence[str], amount: int, fee: int
) -> None:
    bears = policy(payer_bears_fee=["escrow"], fee_ppm=20_000, fee_most_rial=120_000)
    assert bears.fee_of(Money(amount), purposes) == Money(fee)
    assert policy().fee_of(Money(amount), purposes) == Money(0)


def test_one_purpose_that_asks_for_the_payer_s_own_card_is_enough() -> None:
    assert policy(own_card=["escrow"]).needs_own_card(["purchase", "escrow"])
    assert not policy(own_card=["escrow"]).needs_own_card(["purchase"])


def test_gateways_come_in_the_policy_s_order_the_wished_one_first_and_none_that_is_not_set_up() -> None:
    listed = policy(gateways=["a", "b", "c"])
    assert listed.usable({"c", "a", "x"}) == ["a", "c"]
    assert listed.usable({"a", "b", "c"}, "c") == ["c", "a", "b"]
    assert listed.usable({"a", "b"}, "c") == ["a", "b"]
    assert listed.usable({"a", "b", "x"}, "x") == ["a", "b"]
    assert policy(gateways=[]).usable({"a"}) == []


def _asked_at(until: timedelta) -> list[timedelta]:
    """When a gateway is asked that stays silent, from the first answer that said nothing."""
    asked = [timedelta(0)]
    while asked[-1] < until:
        asked.append(asked[-1] + ask_again_in(asked[-1]))
    return asked


def test_a_silent_gateway_is_asked_soon_then_once_a_minute_then_every_ten_minutes() -> None:
    asked = [int(moment.total_seconds()) for moment in _asked_at(timedelta(hours=24))]
    assert asked[:8] == [0, 2, 4, 8, 16, 32, 64, 124]
    within = [moment for moment in asked if moment < 1800]
    assert all(later - former <= 60 for former, later in pairwise(within[5:]))
    late = [moment for moment in asked if moment >= 1800]
    assert {later - former for former, later in pairwise(late)} == {600}
    assert 150 < len(asked) < 200


@given(st.timedeltas(timedelta(0), timedelta(days=14)))
def test_every_pause_lies_between_two_seconds_and_ten_minutes(unclear: timedelta) -> None:
    assert timedelta(seconds=2) <= ask_again_in(unclear) <= timedelta(minutes=10)


def test_the_payer_is_told_once_that_nobody_knows_and_not_of_what_passes_soon() -> None:
    asked = [NOON + moment for moment in _asked_at(timedelta(hours=24))]
    told = [now for former, now in pairwise(asked) if tells_unclear(NOON, former, now)]
    assert len(told) == 1
    assert timedelta(minutes=5) <= told[0] - NOON <= timedelta(minutes=6)
    assert not tells_unclear(None, None, NOON)


@pytest.mark.parametrize(
    ("masked", "card", "same"),
    [
        ("603799******0105", "6037990000000105", True),
        ("6037-99**-****-0105", "6037990000000105", True),
        ("603799******0106", "6037990000000105", False),
        ("************0105", "6037990000000105", True),
        ("603799****0105", "6037990000000105", False),
        ("", "6037990000000105", False),
    ],
)
def test_a_masked_card_is_the_payer_s_where_each_digit_agrees(masked: str, card: str, same: bool) -> None:
    assert same_card(masked, card) is same
