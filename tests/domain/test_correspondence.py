"""Words on a case: what is kept of a text, and who answers whom (G7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Grant, Part, Role, ScopeKind
from domain.correspondence import MAX_LETTERS, CorrespondenceRules, WordsOutOfBounds, clean_words
from messages.case import CaseKind

RULES = CorrespondenceRules(
    CaseKind.ONBOARDING,
    {
        Part.APPLICANT: frozenset({Role.HR_OFFICER, Role.FINANCE_OFFICER}),
        Part.GUARANTOR: frozenset({Role.FINANCE_OFFICER}),
    },
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  سلام كاربر  \r\n\r\n\n\nممنون\u202e ", "سلام کاربر\n\nممنون"),
        ("a\x00b\rc\u2028d", "a b\nc\nd"),
        ("\n\nبله\n\n", "بله"),
        ("آ" * MAX_LETTERS, "آ" * MAX_LETTERS),
    ],
)
def test_lines_stay_and_each_is_cleaned(typed: str, kept: str) -> None:
    assert clean_words(typed) == kept


@pytest.mark.parametrize("typed", ["", "ن", "\n\u200c\u200f \n", "آ" * (MAX_LETTERS + 1)])
def test_too_little_or_too_much_is_refused(typed: str) -> None:
    with pytest.raises(WordsOutOfBounds):
        clean_words(typed)


@given(st.text(max_size=60))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    try:
        once = clean_words(text)
    except WordsOutOfBounds:
        return
    assert clean_words(once) == once


@pytest.mark.parametrize(
    ("parts", "grant", "role"),
    [
        (["applicant"], Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "o"), Role.HR_OFFICER),
        (["applicant"], Grant(Role.HR_OFFICER, ScopeKind.REGION, "1101"), Role.HR_OFFICER),
        (["applicant"], Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "p"), None),
        (["applicant"], Grant(Role.FINANCE_OFFICER, ScopeKind.PLATFORM), Role.FINANCE_OFFICER),
        (["guarantor"], Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "o"), None),
        (["guarantor", "applicant"], Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "o"), Role.HR_OFFICER),
        (["payer"], Grant(Role.FINANCE_OFFICER, ScopeKind.PLATFORM), None),
    ],
)
def test_staff_answer_by_a_role_that_is_for_the_members_part_and_whose_scope_the_case_is(
    parts: list[str], grant: Grant, role: Role | None
) -> None:
    assert RULES.role_of(parts, [grant], "1101", "o") == role
