"""Persian text: digits, letters, cleaning and search keys."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.persian import (
    ZWNJ,
    clean_text,
    latin_digits,
    persian_digits,
    persian_letters,
    search_key,
    squashed_key,
    value_text,
)

persian_text = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=0x600, max_codepoint=0x6FF),
        st.characters(min_codepoint=0xFB50, max_codepoint=0xFEFF, exclude_categories=["Cs"]),
        st.sampled_from(f" \t\n\0aZ09{ZWNJ}\u200d\u200e\u202b\u00a0\u0640"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


def test_digits_of_three_alphabets_become_latin_or_persian() -> None:
    assert latin_digits("۱۲٣٤56") == "123456"
    assert persian_digits("12٣٤۵۶") == "۱۲۳۴۵۶"


def test_arabic_letters_become_persian() -> None:
    assert persian_letters("علي ملكى") == "علی ملکی"


def test_presentation_forms_become_plain_letters() -> None:
    assert clean_text("ﻋﻠﻲ") == "علی"


def test_a_half_space_inside_a_name_stays_and_at_its_ends_goes() -> None:
    assert clean_text(f"  رضا{ZWNJ} ") == "رضا"
    assert clean_text(f"تقي{ZWNJ}{ZWNJ}زاده") == f"تقی{ZWNJ}زاده"


def test_nul_control_and_direction_marks_do_not_survive_cleaning() -> None:
    assert clean_text("\u202bمر\u200eیم\u202c\0 \x07\u0640رضایی\ufeff") == "مریم رضایی"
    assert clean_text("a\0b") == "a b"


@given(persian_text)
@example("\u06d5\u0654")
@example(f"{ZWNJ} {ZWNJ}")
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert all(unicodedata.category(c) != "Cc" for c in once)
    assert "  " not in once
    assert once == once.strip()


@given(persian_text)
def test_a_search_key_of_a_search_key_is_the_same(text: str) -> None:
    assert search_key(search_key(text)) == search_key(text)


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("كيان ملكي", "کیان ملکی"),
        (f"تقی{ZWNJ}زاده", "تقیزاده"),
        ("آزاده", "ازاده"),
        ("مُحَمَّد", "محمد"),
        ("منطقه ۴", "منطقه 4"),
        ("ALI", "ali"),
        ("رؤیا", "رویا"),
        ("کوردستان ڕۆژ", "کوردستان روژ"),
        ("ئاوێنه", "یاوینه"),
        ("گەلاوێژ", "گهلاویژ"),
        ("گوڵ", "گول"),
        ("ہما بتول", "هما بتول"),
        ("محمد علی بٹ", "محمد علی بت"),
        ("بے نظیر", "بی نظیر"),
        ("ڪريم", "کریم"),
        ("ګلالۍ", "گلالی"),
        ("فاطمۃ", "فاطمه"),
        ("زھرا", "زهرا"),
        ("خانۀ", "خانه"),
        ("نرگس خاں", "نرگس خان"),
        ("ﻋﻠﯽ ﺭﺿﺎ", "علی رضا"),
        ("ﮐﺮﯾﻢ ﭘﮋﻭﻫﺶ", "کریم پژوهش"),
        ("ٮهرام", "بهرام"),
    ],
)
def test_different_ways_to_write_a_word_share_a_search_key(written: str, typed: str) -> None:
    assert search_key(written) == search_key(typed)


def test_different_words_keep_different_search_keys() -> None:
    assert search_key("حسینی") != search_key("حسنی")
    assert search_key("گلی") != search_key("کلی")
    assert clean_text("ڕۆژ") == "ڕۆژ", "a name stays as it is written"
    assert search_key("علی رضا") != search_key("علی")


def test_a_squashed_key_forgets_spaces_and_brackets() -> None:
    assert squashed_key(f"خالص{ZWNJ}دريافتي ( ریال )") == squashed_key("خالص دریافتی (ریال)")


def test_a_value_text_has_latin_digits_and_no_half_space() -> None:
    assert value_text(f" ۱۳۹۷/۲{ZWNJ}/۲۳\u200f ") == "1397/2/23"
