"""The kinds of tasks that staff answer, one line a capability, and the words of tasks and reasons."""

from __future__ import annotations

from typing import Final

from domain.catalogue import words
from domain.onboarding import RefusalReason
from domain.review import ReturnReason
from web import certificate, mobile_change, personnel, review, substitution
from web.answers import Body, nothing_more
from web.forms import Form
from web.language import Language
from web.onboarding import obstacle

# In the order of a case.
_ANSWERINGS: Final = (
    certificate.ANSWERING,
    review.ANSWERING,
    obstacle.ANSWERING,
    substitution.ANSWERING,
    personnel.ANSWERING,
    *mobile_change.ANSWERING,
)
ANSWERINGS: Final = {answering.kind: answering for answering in _ANSWERINGS}


def kind_words(kind: str) -> dict[str, str]:
    """A kind of task in both languages."""
    return words.task(kind).both


def reason_words(kind: str, code: str) -> dict[str, str]:
    """Why a task of a kind is asked, in both languages."""
    return words.reason(kind, code).both


def change_words(code: str) -> dict[str, str]:
    """What a personnel file would change, in both languages."""
    return words.named_term("Change", code).both


def refusal_reasons(language: Language) -> list[tuple[str, str]]:
    """Why a certificate, an application or a substitution may be refused, as choices (A7, A12)."""
    return [(reason.value, language.words(words.term(RefusalReason, reason).both)) for reason in RefusalReason]


def return_reasons(language: Language) -> list[tuple[str, str]]:
    """Why an application may be returned for correction, as choices (A7)."""
    return [(reason.value, language.words(words.term(ReturnReason, reason).both)) for reason in ReturnReason]


def decision(kind: str, form: Form) -> Body:
    """What was decided, as the API takes it; what is wrong with it stands in the form's errors."""
    chosen = form.text("decision")
    answering = ANSWERINGS.get(kind)
    said = nothing_more if answering is None else answering.decisions.get(chosen, nothing_more)
    return {"kind": kind, "decision": chosen, **said(form)}
