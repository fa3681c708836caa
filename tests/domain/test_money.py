"""Money: exact, of one unit, never lost."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    MAX_AMOUNT,
    BadAmount,
    Money,
    MoneyError,
    Unit,
    UnitMismatch,
    format_toman,
    parse_rial,
    parse_toman,
    parse_whole,
    toman_in_words,
)

amounts = st.integers(min_value=-MAX_AMOUNT // 4, max_value=MAX_AMOUNT // 4)
positive = st.integers(min_value=0, max_value=MAX_AMOUNT)


def rial(amount: int) -> Money:
    return Money(amount, Unit.IRR)


@pytest.mark.parametrize("amount", [1.0, True, "1", None, MAX_AMOUNT + 1, -MAX_AMOUNT - 1, 10**18])
def test_what_is_no_bounded_integer_is_no_amount(amount: Any) -> None:
    with pytest.raises(MoneyError):
        Money(amount, Unit.IRR)


def test_a_unit_is_not_a_mere_text() -> None:
    unit: Any = "IRR"
    with pytest.raises(MoneyError):
        Money(1, unit)


def test_money_cannot_be_changed() -> None:
    money = rial(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        money.amount = 2  # type: ignore[misc]


@given(amounts, amounts)
def test_sums_and_differences_are_exact(one: int, other: int) -> None:
    assert rial(one) + rial(other) == rial(one + other)
    assert rial(one) + rial(other) - rial(other) == rial(one)
    assert -rial(one) == rial(-one)
    assert (rial(one) < rial(other)) is (one < other)
    assert (rial(one) <= rial(other)) is (one <= other)
    assert (rial(one) > rial(other)) is (one > other)
    assert (rial(one) >= rial(other)) is (one >= other)


def test_units_do_not_mix() -> None:
    points = Money(1, Unit.PTS)
    for mix in (
        lambda: rial(1) + points,
        lambda: rial(1) - points,
        lambda: rial(1) < points,
        lambda: rial(1) <= points,
        lambda: rial(1) > points,
        lambda: rial(1) >= points,
        lambda: Money.total([rial(1), points]),
    ):
        with pytest.raises(UnitMismatch) as caught:
            mix()
        assert caught.value.code == "unit_mismatch"
    assert rial(1) != points


def test_a_sum_out_of_bounds_is_refused() -> None:
    with pytest.raises(MoneyError):
        rial(MAX_AMOUNT) + rial(1)
    with pytest.raises(MoneyError):
        rial(MAX_AMOUNT).times(2)


@given(st.lists(st.integers(min_value=0, max_value=10**12), max_size=30))
def test_a_total_is_the_sum(several: list[int]) -> None:
    assert Money.total(map(rial, several)) == rial(sum(several))


@given(positive, st.integers(min_value=0, max_value=100), st.integers(min_value=1, max_value=100))
def test_a_share_is_rounded_down(amount: int, numerator: int, denominator: int) -> None:
    if numerator > denominator:
        numerator, denominator = denominator, numerator
    share = rial(amount).share(numerator, denominator).amount
    assert share * denominator <= amount * numerator < (share + 1) * denominator


def test_a_quarter_of_pay_is_rounded_down() -> None:
    assert rial(324_071_003).share(1, 4) == rial(81_017_750)


@given(positive, st.lists(st.integers(min_value=0, max_value=10**6), max_size=20), st.integers(1, 10**6))
def test_allocating_loses_nothing_and_only_the_last_part_takes_the_rest(
    amount: int, parts: list[int], last: int
) -> None:
    weights = [*parts, last]
    shares = rial(amount).allocate(weights)
    assert Money.total(shares) == rial(amount)
    for share, weight in zip(shares[:-1], weights[:-1], strict=True):
        assert share == rial(amount).share(weight, sum(weights))
    assert 0 <= shares[-1].amount - amount * last // sum(weights) < len(weights)


@given(st.integers(min_value=0, max_value=MAX_AMOUNT // 10), st.integers(min_value=1, max_value=60))
def test_instalments_are_whole_toman_and_sum_to_the_price(toman: int, count: int) -> None:
    parts = rial(toman * 10).split_equally(count)
    assert len(parts) == count
    assert Money.total(parts) == rial(toman * 10)
    assert all(part.amount % 10 == 0 for part in parts)
    assert len(set(parts[:-1])) <= 1
    assert 0 <= parts[-1].amount - parts[0].amount < 10 * count


def test_the_remainder_goes_to_the_last_instalment() -> None:
    assert rial(1000).split_equally(3) == [rial(330), rial(330), rial(340)]
    assert Money(10, Unit.PTS).split_equally(3, multiple_of=1) == [
        Money(3, Unit.PTS),
        Money(3, Unit.PTS),
        Money(4, Unit.PTS),
    ]


def test_impossible_divisions_are_refused() -> None:
    fraction: Any = 0.5
    for divide in (
        lambda: rial(1005).split_equally(3),
        lambda: rial(1000).split_equally(0),
        lambda: rial(-1000).split_equally(2),
        lambda: rial(1000).split_equally(2, multiple_of=0),
        lambda: rial(1000).allocate([]),
        lambda: rial(1000).allocate([1, 0]),
        lambda: rial(1000).allocate([-1, 2]),
        lambda: rial(-1).allocate([1]),
        lambda: rial(1000).allocate([fraction, 1]),
        lambda: rial(1000).share(1, 0),
        lambda: rial(1000).share(-1, 4),
        lambda: rial(-1000).share(1, 4),
        lambda: rial(1000).times(fraction),
        lambda: rial(1000).times(True),
    ):
        with pytest.raises(MoneyError):
            divide()


@pytest.mark.parametrize(
    ("text", "toman"),
    [
        ("1250000", 1_250_000),
        ("۱٬۲۵۰٬۰۰۰", 1_250_000),
        ("۱،۲۵۰،۰۰۰ تومان", 1_250_000),
        ("1,250,000", 1_250_000),
        ("١٢٥٠٠٠٠", 1_250_000),
        ("1 250 000", 1_250_000),
        ("1\u00a0250\u00a0000", 1_250_000),
        (" ۰ ", 0),
        ("0012", 12),
        ("2500000.00", 2_500_000),
        ("۱٬۲۵۰٬۰۰۰٫۰", 1_250_000),
        ("2/500/000", 2_500_000),
    ],
)
def test_toman_are_read_as_people_write_them(text: str, toman: int) -> None:
    assert parse_toman(text) == rial(toman * 10)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-5", "−5", "۵٫۵۰", "۵٫", "٫۵", "5.0", "2.5", "۲٫۵", "999.5", "۹۹۹٫۵", "1,5",
     "2500000.50", "400.000", "400/000",
     "400,000.000", "4.000.000.00", "1/0/0", "12,50,000", "1,250٬000", "1,,250", ",250", "نامشخص", "1e5",
     "تومان", "10^6", str(10**18), "۹" * 30, "५"],
)  # fmt: skip
def test_what_is_no_amount_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(BadAmount) as caught:
        parse_toman(text)
    assert caught.value.code == "bad_amount"


@pytest.mark.parametrize(
    ("text", "rials"),
    [
        ("400000000.00", 400_000_000),
        ("400,000,000.0000", 400_000_000),
        ("۴۰۰۰۰۰۰۰۰/۰۰", 400_000_000),
        ("۴۰۰٬۰۰۰٬۰۰۰٫۰۰", 400_000_000),
        ("400,000,000 ریال", 400_000_000),
        ("ريال ۴۰۰٬۰۰۰٬۰۰۰", 400_000_000),
        ("IRR400000000", 400_000_000),
        ("۴۰۰٫۰۰۰٫۰۰۰", 400_000_000),
        ("400/000/000", 400_000_000),
        ("31500000.000000004", 31_500_000),
        ("363000000.00000006", 363_000_000),
        ("31499999.999999996", 31_500_000),
        ("0", 0),
    ],
)
def test_rial_are_read_as_programs_write_them(text: str, rials: int) -> None:
    assert parse_rial(text) == rials


@pytest.mark.parametrize(
    "text",
    ["", "ریال", "40,000,000 تومان", "4000/000", "400000000.000", "31500000.5",
     "31500000.0000001", "99999999999999.4", "400/000", "400.000",
     "400.000.000.00", "400.000.000,00", "4e8", "-5 ریال", "0.00000000000000001", "ریال\n5\n6"],
)  # fmt: skip
def test_what_is_no_whole_amount_in_rial_is_refused(text: str) -> None:
    with pytest.raises(BadAmount):
        parse_rial(text)


def test_the_largest_amount_in_toman_is_the_bound() -> None:
    assert parse_toman(str(MAX_AMOUNT // 10)) == rial(MAX_AMOUNT)
    with pytest.raises(BadAmount):
        parse_toman(str(MAX_AMOUNT // 10 + 1))
    assert parse_whole(str(MAX_AMOUNT)) == MAX_AMOUNT


@given(st.integers(min_value=0, max_value=999).map(lambda toman: toman * 10) | st.integers(10_000, MAX_AMOUNT))
def test_toman_as_shown_are_read_back_to_the_rial(amount: int) -> None:
    assert parse_toman(format_toman(rial(amount))) == rial(amount)
    if amount >= 10_000:
        assert parse_toman(format_toman(rial(amount), persian=False).removesuffix(" toman")) == rial(amount)


def test_a_rial_left_over_is_typed_after_the_toman() -> None:
    assert parse_toman("۴۱٬۲۳۴٬۵۶۷٫۸") == parse_toman("41234567.8") == parse_toman("41,234,567.8") == rial(412_345_678)
    assert parse_toman("۱٬۰۰۰٫۵ تومان") == rial(10_005)


def test_toman_are_shown_with_persian_digits_and_separators() -> None:
    assert format_toman(rial(12_500_000)) == "۱٬۲۵۰٬۰۰۰ تومان"
    assert format_toman(rial(1_234_567)) == "۱۲۳٬۴۵۶٫۷ تومان"
    assert "۱۲٬۳۴۵ تومان" in format_toman(rial(-123_450))
    assert format_toman(rial(-10)) != format_toman(rial(10))


def test_points_are_not_shown_in_toman() -> None:
    with pytest.raises(UnitMismatch):
        format_toman(Money(1, Unit.PTS))


def test_nothing_is_false_and_something_is_true() -> None:
    assert not Money.zero()
    assert rial(-1)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "صفر تومان"),
        (7, "هفت ریال"),
        (10_000, "یک هزار تومان"),
        (410_000_000, "چهل و یک میلیون تومان"),
        (410_000_003, "چهل و یک میلیون تومان و سه ریال"),
        (1_234_567_890, "صد و بیست و سه میلیون و چهارصد و پنجاه و شش هزار و هفتصد و هشتاد و نه تومان"),
        (10_000_000_110, "یک میلیارد و یازده تومان"),
        (MAX_AMOUNT, "ده کوادریلیون تومان"),
    ],
)
def test_an_amount_is_said_in_words_as_on_a_cheque(amount: int, said: str) -> None:
    assert toman_in_words(rial(amount)) == said


def test_other_units_have_no_words_in_toman() -> None:
    with pytest.raises(UnitMismatch):
        toman_in_words(Money(10, Unit.PTS))
