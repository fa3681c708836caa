"""What is still to come: the steps of each programme, fewer with every phase, none once a case is over (A9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from domain.steps import other_steps_ahead, steps_ahead, substitution_steps_ahead

from domain.programme import Backing, Review
from messages.onboarding import Phase
from messages.personnel import ChangePhase, ImportPhase
from messages.substitution import Phase as SubstitutionPhase

_OVER = {Phase.ACTIVE, Phase.REFUSED, Phase.WITHDRAWN, Phase.LAPSED}


def _tavana(phase: str) -> list[str]:
    return [step.en for step in steps_ahead(Backing.GUARANTOR, Review.REGION, timedelta(hours=72), phase)]


def test_a_new_application_with_a_guarantor_is_told_of_guarantor_review_wait_and_credit_in_this_order() -> None:
    guarantor, review, wait, usable = _tavana(Phase.SUBMITTED)

    assert "guarantor" in guarantor
    assert "finance" in review
    assert "72 hours" in wait
    assert "usable" in usable


def test_the_hours_are_written_with_persian_digits() -> None:
    steps = steps_ahead(Backing.GUARANTOR, Review.REGION, timedelta(hours=72), Phase.AWAITING_GUARANTOR)

    assert "۷۲ ساعت" in steps[1].fa


def test_without_review_and_waiting_the_certificate_is_followed_by_the_credit() -> None:
    steps = steps_ahead(Backing.CERTIFICATE, Review.NONE, timedelta(), Phase.SUBMITTED)

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
    left = [len(substitution_steps_ahead(phase)) for phase in SubstitutionPhase]

    assert left == [3, 2, 1] + [0] * 5


def test_a_change_and_a_file_of_personnel_data_have_one_step_ahead_while_they_are_open() -> None:
    changes = [bool(other_steps_ahead(phase)) for phase in ChangePhase]
    files = [bool(other_steps_ahead(phase)) for phase in ImportPhase]

    assert changes == [phase is ChangePhase.AWAITING_CONFIRMATION for phase in ChangePhase]
    assert files == [phase in {ImportPhase.RECEIVED, ImportPhase.IMPORTING} for phase in ImportPhase]
