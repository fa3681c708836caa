"""Programmes as their policies say them (A): what is asked for, and what cannot work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.programme import HOURS_MAX, SHARE_PARTS_MAX, Backing, Programme, Review, is_wait

VALUE: dict[str, Any] = {
    "title_fa": "اعتبار مینی‌پی",
    "title_en": "MiniPay credit",
    "backing": "certificate",
    "review": "none",
    "waiting_hours": 0,
    "share_of_pay": [1, 4],
    "instalments_max": 24,
    "line_term_months": 24,
    "mandate_version": 1,
    "answer_remind_hours": 72,
    "answer_expire_hours": 168,
    "obstacle_remind_hours": 72,
    "obstacle_expire_hours": 336,
}
GUARANTOR: dict[str, Any] = {
    "count": 1,
    "stands_for_max": 3,
    "service_months": 347,
    "mandate_version": 1,
    "name_remind_hours": 72,
    "name_expire_hours": 336,
}
FINANCE: dict[str, Any] = {
    "remind_working_hours": 8,
    "escalate_working_hours": 16,
    "expire_hours": 720,
    "correct_remind_hours": 72,
    "correct_expire_hours": 336,
}
TAVANA_VALUE: dict[str, Any] = VALUE | {
    "backing": "guarantor",
    "review": "region",
    "waiting_hours": 72,
    "guarantor": GUARANTOR,
    "finance": FINANCE,
}
MINIPAY = Programme.from_policy("programme:minipay", VALUE)
TAVANA = Programme.from_policy("programme:tavana", TAVANA_VALUE)


def test_a_programme_is_read_from_its_policy() -> None:
    assert MINIPAY.code == "minipay"
    assert MINIPAY.share == (1, 4)
    assert MINIPAY.backing is Backing.CERTIFICATE
    assert (MINIPAY.review, MINIPAY.guarantor, MINIPAY.finance) == (Review.NONE, None, None)
    assert (MINIPAY.guarantors, MINIPAY.waiting, MINIPAY.organisation) == (0, timedelta(), "")


def test_a_programme_with_guarantors_and_a_review_is_read_with_their_terms() -> None:
    assert (TAVANA.backing, TAVANA.review, TAVANA.waiting) == (Backing.GUARANTOR, Review.REGION, timedelta(hours=72))
    assert TAVANA.guarantor is not None
    assert TAVANA.finance is not None
    assert (TAVANA.guarantors, TAVANA.guarantor.stands_for_max, TAVANA.guarantor.service_months) == (1, 3, 347)
    assert TAVANA.guarantor.name_expire == timedelta(days=14)
    assert (TAVANA.finance.remind_working_hours, TAVANA.finance.escalate_working_hours) == (8, 16)
    assert TAVANA.finance.correct_expire == timedelta(days=14)


@pytest.mark.parametrize("name", sorted(TAVANA_VALUE))
def test_a_programme_with_something_missing_says_so(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}|{name.removesuffix('_hours')}_hours"):
        Programme.from_policy("programme:x", {key: value for key, value in TAVANA_VALUE.items() if key != name})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"share_of_pay": [5, 4]}, "share_of_pay"),
        ({"share_of_pay": [1.0, 4]}, "share_of_pay"),
        ({"share_of_pay": [1, SHARE_PARTS_MAX + 1]}, "share_of_pay"),
        ({"share_of_pay": None}, "share_of_pay"),
        ({"instalments_max": 0}, "instalments_max"),
        ({"line_term_months": 121}, "line_term_months"),
        ({"mandate_version": 0}, "mandate_version"),
        ({"answer_remind_hours": 168}, "reminder"),
        ({"obstacle_remind_hours": 0}, "reminder"),
        ({"answer_expire_hours": HOURS_MAX + 1}, "answer_expire_hours"),
        ({"review": "region"}, "finance is missing"),
        ({"waiting_hours": 72}, "waiting: it runs from an approval"),
        ({"backing": "guarantor"}, "guarantor is missing"),
        ({"guarantor": GUARANTOR}, "guarantor: unknown"),
        ({"finance": FINANCE}, "finance: unknown"),
        ({"title_en": None}, "title_en"),
        ({"organisation": ""}, "organisation"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_programme_that_cannot_work_is_refused_and_says_why(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Programme.from_policy("programme:x", VALUE | change)


@pytest.mark.parametrize(
    ("part", "change", "why"),
    [
        ("guarantor", {"count": 0}, "count"),
        ("guarantor", {"count": 4}, "count"),
        ("guarantor", {"count": True}, "count"),
        ("guarantor", {"stands_for_max": 0}, "stands_for_max"),
        ("guarantor", {"service_months": 0}, "service_months"),
        ("guarantor", {"mandate_version": "1"}, "mandate_version"),
        ("guarantor", {"name_remind_hours": 336}, "reminder"),
        ("guarantor", {"name_expire_hours": -1}, "name_expire_hours"),
        ("guarantor", {"surprise": 1}, "surprise"),
        ("finance", {"remind_working_hours": 16}, "reminder"),
        ("finance", {"escalate_working_hours": 81}, "escalate_working_hours"),
        ("finance", {"expire_hours": 0}, "reminder"),
        ("finance", {"correct_remind_hours": 0}, "reminder"),
        ("finance", {"surprise": 1}, "surprise"),
    ],
)
def test_terms_of_guarantors_or_finance_that_cannot_work_are_refused_and_say_why(
    part: str, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Programme.from_policy("programme:x", TAVANA_VALUE | {part: TAVANA_VALUE[part] | change})


@pytest.mark.parametrize("part", ["guarantor", "finance"])
@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_a_part_that_is_no_object_is_refused(part: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{part} must be an object"):
        Programme.from_policy("programme:x", TAVANA_VALUE | {part: value})


@pytest.mark.parametrize(
    ("part", "name"), [("guarantor", name) for name in GUARANTOR] + [("finance", x) for x in FINANCE]
)
def test_a_part_with_something_missing_says_so(part: str, name: str) -> None:
    rest = {key: value for key, value in TAVANA_VALUE[part].items() if key != name}

    with pytest.raises(ValueError, match=name):
        Programme.from_policy("programme:x", TAVANA_VALUE | {part: rest})


def test_a_programme_may_wait_for_seconds_where_somebody_watches_it_pass() -> None:
    value = {name: wait for name, wait in TAVANA_VALUE.items() if name != "waiting_hours"}

    assert Programme.from_policy("programme:x", value | {"waiting_seconds": 3}).waiting == timedelta(seconds=3)
    with pytest.raises(ValueError, match="waiting_hours: unknown"):
        Programme.from_policy("programme:x", value | {"waiting_seconds": 3, "waiting_hours": 72})


def test_an_organisations_own_programme_is_other_numbers_and_no_other_code() -> None:
    own = TAVANA_VALUE | {
        "organisation": "refinery",
        "waiting_hours": 24,
        "share_of_pay": [1, 3],
        "guarantor": GUARANTOR | {"count": 2},
    }
    programme = Programme.from_policy("programme:refinery", own)

    assert (programme.code, programme.organisation, programme.guarantors) == ("refinery", "refinery", 2)
    assert (programme.waiting, programme.share) == (timedelta(days=1), (1, 3))


@pytest.mark.parametrize(
    ("value", "is_one"),
    [(0, True), (HOURS_MAX, True), (HOURS_MAX + 1, False), (-1, False), (1.0, False), (True, False)],
)
def test_a_wait_is_a_whole_number_within_two_years(value: object, is_one: bool) -> None:
    assert is_wait(value) is is_one
