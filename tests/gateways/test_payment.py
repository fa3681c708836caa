"""What the port of payment gateways knows by itself: cards."""

from __future__ import annotations

import pytest

from gateways.payment import masked_card, same_card


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("502229******5995", "502229******5995"),
        ("5022-29**-****-5995", "502229******5995"),
        ("62741****44", "62741*********44"),
        ("621986XXXXXX8080", "621986******8080"),
        ("****8080", "************8080"),
        ("5022291083815995", "502229******5995"),
        ("50222910****5995", "502229******5995"),
        ("5022****1083815995", "5022********5995"),
        ("5022291083815995123", "502229*********5123"),
        ("", ""),
        ("5995", ""),
        ("****************", ""),
        ("5022**29**5995", ""),
        ("۵۰۲۲۲۹******۵۹۹۵", ""),
        ("5022291083815995<b>", ""),
        (None, ""),
        (5022291083815995, ""),
    ],
)
def test_at_most_ten_digits_of_a_card_are_kept_whatever_a_gateway_tells(told: object, kept: str) -> None:
    assert masked_card(told) == kept


def test_a_card_that_a_gateway_shortens_is_still_known_again() -> None:
    assert same_card(masked_card("62741****44"), "6274129005473744")
    assert not same_card(masked_card("62741****44"), "6274129005473745")


@pytest.mark.parametrize("told", ["6*", "62741****", "627412******", "****44"])
def test_a_number_that_hides_nearly_all_or_all_but_the_bank_is_nobodys_own_card(told: str) -> None:
    assert not same_card(masked_card(told), "6274129005473744")
