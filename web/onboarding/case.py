"""What an applicant may do in an application that runs: correct it, withdraw it (A7, A11)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.onboarding import CorrectionIn, correct_application, withdraw_application
from api.terms import CorrectionTerms
from domain.money import RIAL_A_TOMAN
from messages.case import CaseKind
from web.case_parts import CaseAction, CaseParts, TaskPage
from web.forms import empty
from web.onboarding import wizard as steps
from web.onboarding.wizard import INSTALMENTS, MONTHLY, Terms, Wizard
from web.visit import SignedIn

router = APIRouter()

CASE_PARTS: Final = CaseParts(CaseKind.ONBOARDING, now="onboarding_now.html")
CASE_ACTIONS: Final = (
    CaseAction("correct_application", "onboarding_correction.html"),
    CaseAction("withdraw_application", "onboarding_withdrawal.html", first_in=frozenset()),
)
TASK_PAGES: Final = (TaskPage("correct_application", "/cases/{case_id}/correction", while_open=True),)


@router.get("/cases/{case_id}/correction")
async def show_correction(visit: SignedIn, case_id: UUID) -> Response:
    """Why the application was returned, and what it asked for; nothing to correct: the case."""
    case = await visit.api.read(read_case, case_id)
    if case.correction is None or case.application is None:
        return visit.go(f"/cases/{case_id}")
    asked, form = case.application, empty(visit.language)
    form.values = {
        MONTHLY: visit.language.number(asked.monthly.amount // RIAL_A_TOMAN),
        INSTALMENTS: visit.language.number(asked.instalments),
    }
    return steps.show(visit, _wizard(case, case.correction), form, steps.AMOUNT)


@router.post("/cases/{case_id}/correction")
async def take_correction(visit: SignedIn, case_id: UUID) -> Response:
    """Any step of the correction."""
    form = await visit.form()
    case = await visit.api.read(read_case, case_id)
    if case.correction is None:
        return visit.go(f"/cases/{case_id}")

    async def send(terms: Terms) -> Response:
        await visit.api.perform(correct_application, form.key, case_id, checked(CorrectionIn, **terms))
        return visit.go(f"/cases/{case_id}", done="corrected")

    return await steps.take(visit, _wizard(case, case.correction), form, send)


def _wizard(case: CaseDetail, terms: CorrectionTerms) -> Wizard:
    return Wizard(
        path=f"/cases/{case.id}/correction",
        programme=case.variant,
        employers=[terms.limit],
        instalments_max=terms.instalments_max,
        mandate_version=terms.mandate_version,
        mandate=terms.mandate,
        returned=case,
    )


@router.post("/cases/{case_id}/withdrawal")
async def withdraw(visit: SignedIn, case_id: UUID) -> Response:
    """Withdraw an application (A11)."""
    form = await visit.form()
    await visit.api.perform(withdraw_application, form.key, case_id)
    return visit.go(f"/cases/{case_id}", done="withdrawn")
