"""What the capabilities bring to the pages, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from web import (
    account,
    answers,
    attachment,
    bank_account,
    certificate,
    clearing,
    correspondence,
    credit,
    draft,
    guarantor,
    invitation,
    joining,
    kept,
    mobile_change,
    normal_payment,
    operations,
    own_mobile,
    paper,
    password,
    payment,
    payout,
    personnel,
    profile,
    review,
    staff_account,
    staff_change,
    substitution,
    vault,
    withdrawal,
)
from web.case_parts import CaseAction, CaseParts
from web.escrow import begin as escrow_begin
from web.escrow import case as escrow
from web.escrow import desk as escrow_desk
from web.escrow import jobs as escrow_jobs
from web.kyc import correction as kyc_correction
from web.kyc import desk as kyc_desk
from web.kyc import member as kyc
from web.onboarding import application, obstacle
from web.onboarding import case as running

T = TypeVar("T")

# In the order of a case.
_TASK_FORMS: Final = (
    certificate.TASK_FORM,
    review.TASK_FORM,
    obstacle.TASK_FORM,
    substitution.TASK_FORM,
    personnel.TASK_FORM,
    *mobile_change.TASK_FORM,
    staff_change.TASK_FORM,
    *payment.TASK_FORMS,
    *clearing.TASK_FORMS,
    *payout.TASK_FORMS,
    *escrow_desk.TASK_FORMS,
    kyc_desk.TASK_FORM,
)
_TASK_PAGES: Final = (
    *running.TASK_PAGES,
    *guarantor.TASK_PAGES,
    *normal_payment.TASK_PAGES,
    *escrow.TASK_PAGES,
    *kyc_correction.TASK_PAGES,
)
_CASE_PARTS: Final = (running.CASE_PARTS, substitution.CASE_PARTS, payment.CASE_PARTS, escrow.CASE_PARTS)
HOME_PARTS: Final = (escrow_jobs.HOME_PART, kyc.HOME_PART)
_CASE_ACTIONS: Final = (
    *running.CASE_ACTIONS,
    *guarantor.CASE_ACTIONS,
    *substitution.CASE_ACTIONS,
    *normal_payment.CASE_ACTIONS,
    *payment.CASE_ACTIONS,
    *escrow.CASE_ACTIONS,
    *kyc.CASE_ACTIONS,
)
_NOTES: Final = (
    account.NOTES,
    kept.NOTES,
    joining.NOTES,
    invitation.NOTES,
    profile.NOTES,
    password.NOTES,
    own_mobile.NOTES,
    bank_account.NOTES,
    kyc.NOTES,
    answers.NOTES,
    attachment.NOTES,
    correspondence.NOTES,
    vault.NOTES,
    draft.NOTES,
    application.NOTES,
    running.NOTES,
    guarantor.NOTES,
    credit.NOTES,
    paper.NOTES,
    certificate.NOTES,
    personnel.NOTES,
    mobile_change.NOTES,
    normal_payment.NOTES,
    escrow.NOTES,
    escrow_begin.NOTES,
    escrow_jobs.NOTES,
    operations.NOTES,
    staff_change.NOTES,
    payment.NOTES,
    clearing.NOTES,
    payout.NOTES,
    withdrawal.NOTES,
    staff_account.NOTES,
)


def _once(kind: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """What capabilities bring, by its name.

    Raises:
        ValueError: two bring the same.
    """
    found: dict[str, T] = {}
    for name, brought in pairs:
        if name in found:
            raise ValueError(f"two capabilities bring the {kind} {name}")
        found[name] = brought
    return found


NOTES: Final = _once("note", (pair for notes in _NOTES for pair in notes.items()))
TASK_FORMS: Final = _once("form of", ((each.kind, each) for each in _TASK_FORMS))
TASK_PAGES: Final = _once("page of", ((each.kind, each) for each in _TASK_PAGES))
_PARTS: Final = _once("parts of", ((each.kind, each) for each in _CASE_PARTS))
_ACTIONS: Final = _once("action", ((each.name, each) for each in _CASE_ACTIONS))


def case_parts(kind: str) -> CaseParts:
    """What the page of a case of a kind shows besides."""
    return _PARTS.get(kind, CaseParts(kind))


def case_action(name: str) -> CaseAction:
    """How an action is offered; one of no capability's leads to its task."""
    return _ACTIONS.get(name, CaseAction(name, "case_task.html"))
