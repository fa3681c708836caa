"""What regional finance says (A7): every finding, rule and reason has its words, and each refusal its own code."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest

from domain.catalogue import words
from domain.errors import Refusal
from domain.guarantor import Rule
from domain.review import (
    ApprovalBlocked,
    ForwardNotNeeded,
    NotReturned,
    ReasonsRepeated,
    ReturnReason,
    ReviewFinding,
)

_PERSIAN = re.compile(r"[\u0600-\u06ff]")


@pytest.mark.parametrize("codes", [ReviewFinding, Rule], ids=["findings", "rules"])
def test_every_finding_and_every_rule_is_said_in_both_languages(codes: type[StrEnum]) -> None:
    for code in codes:
        text = words.term(codes, code)
        assert _PERSIAN.search(text.fa)
        assert not _PERSIAN.search(text.en)


@pytest.mark.parametrize("reason", ReturnReason)
def test_the_applicant_reads_the_reasons_of_a_return_in_words(reason: ReturnReason) -> None:
    shown = words.event("application_returned", {"reasons": [reason]})

    assert reason not in shown.fa
    assert reason not in shown.en
    assert "…" not in shown.fa


def test_a_blocked_approval_says_what_was_found_in_both_languages() -> None:
    blocked = ApprovalBlocked(field="decision", findings="قرارداد", findings_en="contract")

    assert (blocked.code, blocked.field) == ("approval_blocked", "decision")
    assert "قرارداد" in blocked.sentence("fa")
    assert "contract" in blocked.sentence("en")


def test_what_a_review_refuses_has_codes_of_their_own() -> None:
    refusals: list[type[Refusal]] = [ApprovalBlocked, ReasonsRepeated, ForwardNotNeeded, NotReturned]

    assert len({refusal.code for refusal in refusals}) == len(refusals)
