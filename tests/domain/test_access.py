"""Roles and scopes: what is held is held exactly there."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.access import READS_EVERYTHING, SCOPES, Actor, Grant, Role, ScopeKind

HERE, ELSEWHERE = str(uuid4()), str(uuid4())
OFFICER = Actor(
    uuid4(),
    "staff",
    uuid4(),
    (Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, HERE), Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")),
)


def test_a_role_is_held_in_its_scope_and_nowhere_else() -> None:
    assert OFFICER.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, HERE)
    assert not OFFICER.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, ELSEWHERE)
    assert not OFFICER.holds(Role.HR_OFFICER, ScopeKind.REGION, HERE)
    assert not OFFICER.holds(Role.HR_OFFICER, ScopeKind.PLATFORM, "")
    assert not OFFICER.holds(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, HERE)


def test_the_scopes_of_a_role_are_those_of_one_kind() -> None:
    assert OFFICER.scopes(Role.HR_OFFICER, ScopeKind.ORGANISATION) == [HERE]
    assert OFFICER.scopes(Role.HR_OFFICER, ScopeKind.REGION) == []


def test_holding_any_of_several_roles() -> None:
    assert OFFICER.holds_any({Role.HR_OFFICER, Role.AUDITOR})
    assert not OFFICER.holds_any(READS_EVERYTHING)
    assert not OFFICER.holds_any(())


def test_a_member_holds_nothing() -> None:
    assert not Actor(uuid4(), "member", uuid4()).holds_any(tuple(Role))


@pytest.mark.parametrize("role", Role)
def test_every_role_has_the_scopes_of_the_spec(role: Role) -> None:
    narrow = {
        Role.HR_OFFICER: {ScopeKind.ORGANISATION, ScopeKind.REGION},
        Role.FINANCE_OFFICER: {ScopeKind.REGION, ScopeKind.PLATFORM},
        Role.WELFARE_MANAGER: {ScopeKind.REGION, ScopeKind.ORGANISATION},
        Role.MERCHANT_CLERK: {ScopeKind.MERCHANT},
    }

    assert SCOPES[role] == narrow.get(role, {ScopeKind.PLATFORM})
