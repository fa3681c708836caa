"""Numbers in words, read back by a reader of the tests' own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.number_words import AND, BELOW_TWENTY, HUNDREDS, TENS, THOUSANDS, number_words

_MOST = 1_000 ** len(THOUSANDS) - 1
_VALUES = {
    **{word: value for value, word in enumerate(BELOW_TWENTY)},
    **{word: 10 * value for value, word in enumerate(TENS) if word},
    **{word: 100 * value for value, word in enumerate(HUNDREDS) if word},
}


def read(words: str) -> int:
    """The number that words say."""
    whole = three = 0
    for group in words.split(AND):
        word, _, thousand = group.partition(" ")
        three += _VALUES[word]
        if thousand:
            whole, three = whole + three * 1_000 ** THOUSANDS.index(thousand), 0
    return whole + three


@given(st.integers(min_value=0, max_value=_MOST))
def test_every_number_is_said_so_that_it_can_be_read_back(number: int) -> None:
    words = number_words(number)
    assert read(words) == number
    assert words == words.strip()
    assert "صفر" not in words or number == 0


def test_numbers_are_said_as_people_say_them() -> None:
    assert number_words(215_019) == "دویست و پانزده هزار و نوزده"
    assert number_words(41_200_000) == "چهل و یک میلیون و دویست هزار"
    assert number_words(1_000_000_001) == "یک میلیارد و یک"


@pytest.mark.parametrize("number", [-1, _MOST + 1])
def test_what_has_no_words_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no words"):
        number_words(number)
