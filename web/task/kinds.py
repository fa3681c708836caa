"""What may be answered to each kind of task: the decisions as the API takes them, and the words of their reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.catalogue import words
from domain.onboarding import RefusalReason
from domain.review import ReturnReason
from web.forms import Form
from web.language import Language

# The kinds that staff answer, in the order of a case.
KINDS: Final = ("issue_certificate", "review_application", "clear_obstacle", "review_substitution", "confirm_change")

Body = dict[str, Any]


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


def _certificate(form: Form) -> Body:
    return {
        "monthly_amount": form.toman("monthly_amount.amount"),
        "instalments": form.whole("instalments"),
        "valid_until": form.jalali("valid_until"),
    }


def _reason(form: Form) -> Body:
    return {"reason": form.chosen("reason")}


def _text_reason(form: Form) -> Body:
    return {"reason": form.required("reason")}


def _return(form: Form) -> Body:
    reasons = form.all("reasons")
    if not reasons:
        form.errors["reasons"] = form.language.say("Choose at least one reason.")
    return {"reasons": reasons, "unsuitable_guarantees": form.all("unsuitable_guarantees")}


def _nothing_more(_form: Form) -> Body:
    return {}


# What each decision says beside its name.
_DECISIONS: Final[Mapping[tuple[str, str], Callable[[Form], Body]]] = {
    ("issue_certificate", "issue"): _certificate,
    ("issue_certificate", "refuse"): _reason,
    ("review_application", "return"): _return,
    ("review_application", "refuse"): _reason,
    ("clear_obstacle", "upheld"): _reason,
    ("confirm_change", "reject"): _text_reason,
    ("review_substitution", "refuse"): _reason,
}


def decision(kind: str, form: Form) -> Body:
    """What was decided, as the API takes it; what is wrong with it stands in the form's errors."""
    chosen = form.text("decision")
    return {"kind": kind, "decision": chosen, **_DECISIONS.get((kind, chosen), _nothing_more)(form)}
