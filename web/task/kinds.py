"""The words of kinds of tasks and of reasons, and the decision that a form says."""

from __future__ import annotations

from api.answering import Decision
from domain.catalogue import words
from domain.errors import InvalidInput
from domain.onboarding import RefusalReason
from domain.review import ReturnReason
from domain.wording import Sentence
from web.capabilities import TASK_FORMS
from web.forms import Form
from web.language import Language


def kind_words(kind: str) -> Sentence:
    """A kind of task in both languages."""
    return words.task(kind)


def reason_words(kind: str, code: str) -> Sentence:
    """Why a task of a kind is asked, in both languages."""
    return words.reason(kind, code)


def change_words(code: str) -> Sentence:
    """What a personnel file would change, in both languages."""
    return words.named_term("Change", code)


def refusal_reasons(language: Language) -> list[tuple[str, str]]:
    """Why a certificate, an application or a substitution may be refused, as choices (A7, A12)."""
    return [(reason.value, language.words(words.term(RefusalReason, reason))) for reason in RefusalReason]


def return_reasons(language: Language) -> list[tuple[str, str]]:
    """Why an application may be returned for correction, as choices (A7)."""
    return [(reason.value, language.words(words.term(ReturnReason, reason))) for reason in ReturnReason]


def decision(kind: str, form: Form) -> Decision | None:
    """What was decided; None if something in the form is wrong.

    Raises:
        InvalidInput: nobody decides so, or a value is out of its range.
    """
    if kind not in TASK_FORMS:
        raise InvalidInput
    return TASK_FORMS[kind].decision(form.text("decision"), form)
