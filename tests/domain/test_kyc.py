"""The policy of identity reviews, and the days and names that a form may have (F4)."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest

from domain.kyc import BirthDateUnreadable, KycPolicy, LevelUnknown, judge_birth_date, parse_latin_name
from messages.kyc import DocumentKind
from stack.places import PROJECT

_SHIPPED = PROJECT / "storage" / "schema" / "policies" / "kyc.toml"


def value(**changes: Any) -> dict[str, Any]:
    """The policy that ships, changed."""
    return {**tomllib.loads(_SHIPPED.read_text("utf-8")), **changes}


def level(**changes: Any) -> dict[str, Any]:
    """Its lower level, changed."""
    lowest: dict[str, Any] = value()["levels"][0]
    return {**lowest, **changes}


def test_what_ships_has_two_levels_of_which_the_second_is_higher() -> None:
    policy = KycPolicy.from_policy(value())
    policy.require_known()
    assert [one.name for one in policy.levels] == ["basic", "full"]
    assert (policy.is_above("full", "basic"), policy.is_above("basic", "full")) == (True, False)
    # A level that is gone is the lowest.
    assert policy.is_above("basic", "bronze")
    assert set(policy.level("full").documents) == set(DocumentKind)
    with pytest.raises(LevelUnknown):
        policy.level("bronze")


@pytest.mark.parametrize(
    "changes",
    [
        {"levels": []},
        {"levels": "x"},
        {"levels": ["basic"]},
        {"levels": [level(), level()]},
        {"levels": [level(name="Basic")]},
        {"levels": [level(documents=[])]},
        {"levels": [level(documents=[7])]},
        {"levels": [level(per_order=10**12)]},
        {"levels": [level(valid_months=0)]},
        {"awaited_expire_working_hours": 1},
        {"correction_remind_hours": 336},
        {"awaited_correction_expire_hours": None},
        {"renewal_days": 366},
        {"least_age_years": "18"},
    ],
)
def test_a_policy_that_means_nothing_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"level|hours|months|renewal|age|comes before"):
        KycPolicy.from_policy(value(**changes))


def test_a_document_of_a_newer_release_is_read_and_not_proposed() -> None:
    policy = KycPolicy.from_policy(value(levels=[level(documents=["national_card_front", "passport"])]))
    assert policy.level("basic").documents == (DocumentKind.NATIONAL_CARD_FRONT,)
    with pytest.raises(ValueError, match="passport"):
        policy.require_known()


def test_somebody_is_old_enough_on_their_birthday() -> None:
    # 15 Khordad 1387, and 15 Khordad 1405.
    born, birthday = date(2008, 6, 4), date(2026, 6, 5)
    judge_birth_date(born, birthday, 18)
    with pytest.raises(BirthDateUnreadable):
        judge_birth_date(born, date(2026, 6, 4), 18)


@pytest.mark.parametrize("name", ["MARYAM", "maryam sadat", "O'Neil", "AL-HASHEMI"])
def test_a_name_as_passports_print_it_is_kept_in_capitals(name: str) -> None:
    assert parse_latin_name(name, "latin_first") == name.upper()
