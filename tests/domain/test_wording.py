"""The words: complete, in both languages, and never broken by what they are filled with (A9)."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from domain import errors, onboarding, wording
from domain.access import Role
from domain.mandate import MANDATES
from domain.notice import NOTICES
from domain.onboarding import Obstacle, RefusalReason
from domain.wording import JOURNALS, KINDS, PHASES, ROLES, TASKS, TIMELINE, Sentence, said
from messages.case import CaseKind
from messages.onboarding import FactKind, Phase, TaskKind
from messages.personnel import ChangePhase, ImportPhase
from messages.personnel import TaskKind as PersonnelTask

CATALOGUES = {
    "roles": ROLES,
    "phases": PHASES,
    "kinds": KINDS,
    "tasks": TASKS,
    "timeline": TIMELINE,
    "journals": JOURNALS,
}
_PERSIAN = re.compile(r"[\u0600-\u06ff]")
_ARABIC_FORMS = re.compile("[يكةؤ]|[٠-٩]")


def every_sentence() -> list[tuple[str, Sentence]]:
    """All of them, named."""
    found = [(f"{name}.{code}", text) for name, texts in CATALOGUES.items() for code, text in texts.items()]
    return found + [(f"mandate.{version}", text) for version, text in MANDATES.items()]


def every_refusal() -> list[type[errors.Refusal]]:
    """Every error of the domain."""
    found, queue = [], [errors.Refusal]
    while queue:
        children = queue.pop().__subclasses__()
        found += children
        queue += children
    return found


def placeholders(text: str) -> set[str]:
    """What a sentence is filled with."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize(("name", "sentence"), every_sentence())
def test_each_sentence_is_persian_and_english_with_the_same_values(name: str, sentence: Sentence) -> None:
    assert _PERSIAN.search(sentence.fa)
    assert not _ARABIC_FORMS.search(sentence.fa)
    assert not _PERSIAN.search(sentence.en)
    assert placeholders(sentence.fa) == placeholders(sentence.en)


def test_everything_that_can_happen_in_onboarding_has_its_words() -> None:
    assert set(Phase) | set(ImportPhase) | set(ChangePhase) <= set(PHASES)
    assert set(CaseKind) <= set(KINDS)
    assert set(TaskKind) | set(PersonnelTask) <= set(TASKS)
    assert set(FactKind) <= set(TIMELINE)
    assert {*RefusalReason, *Obstacle} <= set(wording._REASONS)
    for kind in (*TaskKind, *PersonnelTask):
        assert {f"task_{kind}", f"remind_{kind}"} <= set(NOTICES)
    assert {Role.HR_OFFICER, Role.CONTRACTS_OFFICER, Role.SUPPORT_AGENT, "applicant", "machine"} <= set(ROLES)


@pytest.mark.parametrize("text", NOTICES.values())
def test_a_notice_names_the_sender_and_is_short(text: str) -> None:
    assert text.startswith("امانت: ")
    assert len(text) <= 200


@pytest.mark.parametrize("refusal", every_refusal(), ids=lambda refusal: refusal.__name__)
def test_each_refusal_says_what_was_refused_in_both_languages(refusal: type[errors.Refusal]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]+", refusal.code)
    assert _PERSIAN.search(refusal.fa)
    assert not _ARABIC_FORMS.search(refusal.fa)
    assert refusal.en.isascii()
    assert (refusal.__doc__ or "").strip()


def test_the_codes_of_refusals_are_different() -> None:
    codes = [refusal.code for refusal in every_refusal() if refusal.__module__.startswith("domain")]

    assert len(codes) == len(set(codes))


def test_values_are_written_as_each_language_writes_them() -> None:
    params = {"monthly": 50_000_000, "instalments": 12, "ends_on": "2027-03-21"}

    sentence = said(TIMELINE, "credit_activated", params)

    assert sentence.fa == "اعتبار فعال شد: ماهی ۵٬۰۰۰٬۰۰۰ تومان در ۱۲ قسط، تا ۱ فروردین ۱۴۰۶."
    assert sentence.en == "The credit is usable: 5,000,000 toman a month, 12 instalments, until 1 Farvardin 1406."


def test_reasons_and_roles_are_said_in_words() -> None:
    refused = said(TIMELINE, "application_refused", {"reason": RefusalReason.COURT_ORDER})

    assert refused.fa == "درخواست رد شد: حکم قضایی بر حقوق."
    assert said(TIMELINE, "reminded", {"role": "hr_officer"}).en == "A reminder went to the organisation's HR."


@pytest.mark.parametrize("code", ["", "unknown", "{monthly}", "{0}", "{"])
def test_a_code_without_words_is_shown_as_itself(code: str) -> None:
    assert said(TIMELINE, code, {}) == Sentence(code, code)


def test_a_value_that_is_missing_or_unknown_breaks_no_sentence() -> None:
    assert "…" in said(TIMELINE, "credit_activated", {}).fa
    assert said(TIMELINE, "application_refused", {"reason": "unheard_of"}).en.endswith("unheard_of.")


def test_a_refusal_fills_in_its_values() -> None:
    refusal = onboarding.AmountAboveShare(limit="۱ تومان", limit_en="1 toman")

    assert "۱ تومان" in refusal.sentence("fa")
    assert "1 toman" in refusal.sentence("en")
