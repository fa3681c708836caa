"""Whether the name of an account's owner is the member's."""

from __future__ import annotations

import pytest

from domain.bank_account import same_person


@pytest.mark.parametrize(
    ("bank", "ours"),
    [
        ("علي کريمي", "علی کریمی"),
        ("علی  رضا كريمى", "علیرضا کریمی"),
        ("سید علی\u200cرضا", "سیدعلیرضا"),
        ("فاطمة رؤوف", "فاطمه رووف"),
        ("علی کریمی.", "علی کریمی"),
    ],
)
def test_one_name_in_two_writings_is_one_person(bank: str, ours: str) -> None:
    assert same_person(bank, ours)


@pytest.mark.parametrize(
    ("bank", "ours"),
    [
        ("علی کریمی", "علی کریمیان"),
        ("کریمی علی", "علی کریمی"),
        ("علی", "علی کریمی"),
        ("شرکت علی کریمی", "علی کریمی"),
        ("", ""),
        (" . ", "-"),
    ],
)
def test_another_name_part_of_one_and_none_at_all_are_not(bank: str, ours: str) -> None:
    assert not same_person(bank, ours)
