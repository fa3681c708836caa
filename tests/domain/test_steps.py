"""What is still to come: the steps of each programme, fewer with every phase, none once a case is over (A9)."""

from __future__ import annotations

import pytest

from domain.catalogue import words
from messages.case import CaseKind
from messages.onboarding import Phase
from messages.personnel import ChangePhase, ImportPhase
from messages.substitution import Phase as SubstitutionPhase
from tests.domain.test_programme import MINIPAY, TAVANA

_OVER = {Phase.ACTIVE, Phase.REFUSED, Phase.WITHDRAWN, Phase.LAPSED}


def _tavana(phase: str) -> list[str]:
    return [step.en for step in words.ahead(CaseKind.ONBOARDING, phase, TAVANA)]


def test_a_new_application_with_a_guarantor_is_told_of_guarantor_review_wait_and_credit_in_this_order() -> None:
    guarantor, review, wait, usable = _tavana(Phase.SUBMITTED)

    assert "guarantor" in guarantor
    assert "finance" in review
    assert "72 hours" in wait
    assert "usable" in usable


def test_the_hours_are_written_with_persian_digits() -> None:
    steps = words.ahead(CaseKind.ONBOARDING, Phase.AWAITING_GUARANTOR, TAVANA)

    assert "۷۲ ساعت" in steps[1].fa


def test_without_review_and_waiting_the_certificate_is_followed_by_the_credit() -> None:
    steps = words.ahead(CaseKind.ONBOARDING, Phase.SUBMITTED, MINIPAY)

    assert ["certificate" in step.en for step in steps] == [True, False]
    assert "usable" in steps[1].en


@pytest.mark.parametrize(
    ("phase", "left"),
    [
        (Phase.AWAITING_ANOTHER_GUARANTOR, 4),
        (Phase.AWAITING_GUARANTOR, 3),
        (Phase.AWAITING_CORRECTION, 3),
        (Phase.AWAITING_REVIEW, 2),
        (Phase.AWAITING_ACTIVATION, 1),
        (Phase.AWAITING_CLEARANCE, 1),
    ],
)
def test_what_has_begun_is_not_ahead_any_more(phase: Phase, left: int) -> None:
    assert _tavana(phase) == _tavana(Phase.SUBMITTED)[-left:]


@pytest.mark.parametrize("phase", Phase)
def test_an_application_has_steps_ahead_exactly_while_it_is_open(phase: Phase) -> None:
    assert bool(_tavana(phase)) is (phase not in _OVER)


def test_a_substitution_goes_from_answer_to_decision_to_the_new_guarantor() -> None:
    left = [len(words.ahead(CaseKind.SUBSTITUTION, phase, TAVANA)) for phase in SubstitutionPhase]

    assert left == [3, 2, 1] + [0] * 5


def test_a_change_and_a_file_of_personnel_data_have_one_step_ahead_while_they_are_open() -> None:
    changes = [bool(words.ahead(CaseKind.PERSONNEL_CHANGE, phase, None)) for phase in ChangePhase]
    files = [bool(words.ahead(CaseKind.PERSONNEL_IMPORT, phase, None)) for phase in ImportPhase]

    assert changes == [phase is ChangePhase.AWAITING_CONFIRMATION for phase in ChangePhase]
    assert files == [phase in {ImportPhase.RECEIVED, ImportPhase.IMPORTING} for phase in ImportPhase]


@pytest.mark.parametrize("kind", CaseKind)
def test_a_phase_of_a_newer_version_has_nothing_ahead(kind: CaseKind) -> None:
    assert words.ahead(kind, "unheard_of", TAVANA) == []
