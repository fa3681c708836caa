"""Rules of codes, names, grants and bindings."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import SCOPES, Grant, Role, ScopeKind
from domain.account import (
    BadCode,
    BadName,
    BadScope,
    BadUsername,
    CodePurpose,
    code_hash,
    code_text,
    mandate_binding,
    parse_code,
    parse_grant,
    parse_name,
    parse_username,
    staff_link,
    step_up_binding,
)

PEPPER = b"p" * 32
TERMS = {"programme": "minipay", "monthly": 20_000_000, "instalments": 12, "version": 1}


@pytest.mark.parametrize("text", ["482913", "۴۸۲۹۱۳", "٤٨٢٩١٣", " 482 913 ", "\u200f482913"])
def test_a_code_is_read_in_every_alphabet_and_spacing(text: str) -> None:
    assert parse_code(text) == "482913"


@pytest.mark.parametrize("text", ["", "48291", "4829134", "48291a", "482913\x00x", "-48291", "４８２９１x"])
def test_what_is_not_six_digits_is_no_code(text: str) -> None:
    with pytest.raises(BadCode) as refused:
        parse_code(text, field="totp")
    assert refused.value.field == "totp"


def test_a_user_name_is_taken_in_small_letters() -> None:
    assert parse_username(" Maryam.HR ") == "maryam.hr"


@pytest.mark.parametrize("text", ["ab", ".abc", "a b c", "مریم", "a" * 41, "abc\x00", "abc\n\nd"])
def test_a_user_name_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadUsername):
        parse_username(text)


def test_a_name_is_cleaned_and_bounded() -> None:
    assert parse_name("  علي\x00 كريمي ", field="first_name") == "علی کریمی"
    for text in ("", " \u200c ", "ا" * 101):
        with pytest.raises(BadName):
            parse_name(text, field="first_name")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", list(ScopeKind))
def test_a_role_is_held_only_in_the_kinds_of_scope_it_has(role: Role, kind: ScopeKind) -> None:
    scope = {ScopeKind.PLATFORM: "", ScopeKind.REGION: "1101"}.get(kind, str(UUID(int=7)))
    if kind in SCOPES[role]:
        assert parse_grant(role, kind, scope) == Grant(role, kind, scope)
    else:
        with pytest.raises(BadScope):
            parse_grant(role, kind, scope)


@pytest.mark.parametrize(
    ("kind", "scope"), [(ScopeKind.PLATFORM, "1101"), (ScopeKind.REGION, ""), (ScopeKind.REGION, "  ")]
)
def test_the_platform_has_no_scope_and_a_region_needs_one(kind: ScopeKind, scope: str) -> None:
    with pytest.raises(BadScope):
        parse_grant(Role.FINANCE_OFFICER, kind, scope)


def test_an_organisation_is_named_by_its_id_in_one_form() -> None:
    wanted = UUID("0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11")
    assert parse_grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, wanted.hex.upper()).scope == str(wanted)
    with pytest.raises(BadScope):
        parse_grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "education")


@pytest.mark.parametrize(
    "change", [{"programme": "tavana"}, {"monthly": 20_000_001}, {"instalments": 13}, {"version": 2}]
)
def test_other_terms_are_another_binding(change: dict[str, object]) -> None:
    assert mandate_binding(**TERMS) != mandate_binding(**(TERMS | change))  # type: ignore[arg-type]


def test_the_same_terms_are_the_same_binding() -> None:
    assert mandate_binding(**TERMS) == mandate_binding(**TERMS)  # type: ignore[arg-type]


def test_each_session_has_its_own_binding() -> None:
    assert step_up_binding(UUID(int=1)) != step_up_binding(UUID(int=2))


@given(st.from_regex(r"[0-9]{6}", fullmatch=True), st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_a_code_s_hash_is_tied_to_code_id_binding_and_pepper(code: str, other: str) -> None:
    code_id = uuid4()
    stored = code_hash(PEPPER, code_id, code, b"terms")
    assert stored == code_hash(PEPPER, code_id, code, b"terms")
    assert (stored == code_hash(PEPPER, code_id, other, b"terms")) == (code == other)
    assert stored != code_hash(PEPPER, uuid4(), code, b"terms")
    assert stored != code_hash(PEPPER, code_id, code, b"other terms")
    assert stored != code_hash(b"q" * 32, code_id, code, b"terms")


def test_the_message_says_what_the_code_is_for_in_persian() -> None:
    texts = {
        purpose: code_text(purpose, "482913", amount="۱۰ تومان", last_four="۱۲۳۴", rest="۵ تومان")
        for purpose in CodePurpose
    }
    assert len(set(texts.values())) == len(CodePurpose)
    link = texts.pop(CodePurpose.STAFF_LINK).splitlines()
    assert link[1] == staff_link("{app_link}", "482913")
    for text in texts.values():
        assert "۴۸۲۹۱۳" in text
        assert not re.search(r"[0-9A-Za-z]", text)
