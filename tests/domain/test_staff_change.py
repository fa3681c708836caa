"""Which roles go together, and what a password must be (G1)."""

from __future__ import annotations

from typing import Any

import pytest

from domain.access import Role
from domain.password import STAFF_PASSWORD_LENGTHS, WeakPassword, parse_password
from domain.staff_change import StaffObstacle, StaffPolicy
from storage.migrations.shipping import policy_file, read_data
from storage.migrations.versions.staff_change import POLICIES

SHIPPED: dict[str, Any] = read_data(policy_file("staff"), POLICIES["staff"])
POLICY = StaffPolicy.from_policy(SHIPPED)
DECIDES = frozenset(Role) - {Role.OPERATOR, Role.AUDITOR}


def test_who_makes_the_staff_decides_nothing_else_and_an_auditor_changes_nothing() -> None:
    assert [role for role in DECIDES if POLICY.allows({Role.OPERATOR, role})] == []
    assert [role for role in frozenset(Role) - {Role.AUDITOR} if POLICY.allows({role, Role.AUDITOR})] == []


@pytest.mark.parametrize(
    "pair",
    [
        {Role.HR_OFFICER, Role.FINANCE_OFFICER},
        {Role.WELFARE_MANAGER, Role.SUPPORT_AGENT},
        {Role.HR_OFFICER, Role.SUPPORT_AGENT},
        {Role.POLICY_ADMIN, Role.FINANCE_OFFICER},
    ],
)
def test_roles_that_make_two_people_of_one_exclude_each_other(pair: set[Role]) -> None:
    assert not POLICY.allows(pair)
    assert not POLICY.allows(pair | {Role.KYC_OFFICER})


def test_other_roles_go_together() -> None:
    assert POLICY.allows({Role.HR_OFFICER, Role.WELFARE_MANAGER})
    assert POLICY.allows({Role.FINANCE_OFFICER})
    assert POLICY.allows(())


@pytest.mark.parametrize(
    "change",
    [
        {"excludes": {"operator": ["operator"]}},
        {"excludes": {"operator": "auditor"}},
        {"excludes": []},
        {"confirm_remind_hours": 72},
        {"link_hours": 0},
        {"link_hours": 1.5},
        {"link_hours": None},
    ],
)
def test_a_policy_that_says_nothing_sensible_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says another thing
        StaffPolicy.from_policy(SHIPPED | change)


def test_a_role_of_a_newer_release_is_read_and_not_proposed() -> None:
    newer = StaffPolicy.from_policy(SHIPPED | {"excludes": {"operator": ["role_to_come"]}})
    assert newer.allows({Role.OPERATOR, Role.AUDITOR})
    with pytest.raises(ValueError, match="role_to_come"):
        newer.require_known()


@pytest.mark.parametrize("obstacle", StaffObstacle)
def test_what_stands_in_the_way_is_refused_by_its_own_code(obstacle: StaffObstacle) -> None:
    assert obstacle.refusal.code == obstacle


@pytest.mark.parametrize(
    "text", ["", "a" * 11, "a b c d e f " * 20, "Maryam.HR-1405!", "P@ssw0rd1234", "1234-5678-9012", "abababababab"]
)
def test_a_password_that_is_tried_first_is_refused(text: str) -> None:
    with pytest.raises(WeakPassword):
        parse_password(text, lengths=STAFF_PASSWORD_LENGTHS, apart_from=["maryam.hr"])


@pytest.mark.parametrize("text", ["سرو بلند کنار رود", "correct horse battery", "x7!Kq2#vB9zL", "abcde " * 21])
def test_any_long_password_is_taken_as_it_is(text: str) -> None:
    assert parse_password(text, lengths=STAFF_PASSWORD_LENGTHS, apart_from=["maryam.hr"]) == text
