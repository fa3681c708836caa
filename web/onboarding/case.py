"""What an applicant may do in an application that runs: correct it, withdraw it (A7, A11)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.limits import CorrectionTerms
from api.onboarding import ApplicationCorrectionIn, correct_application, withdraw_application
from messages.case import CaseKind
from web.case_parts import CaseAction, CaseParts, TaskPage
from web.forms import empty
from web.language import noop as _
from web.onboarding import wizard as steps
from web.onboarding.wizard import INSTALMENTS, MONTHLY, Terms, Wizard
from web.page_request import SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "corrected": _("Your corrected application was submitted."),
    "correction_over": _("No correction is asked for now; what was done stands below."),
    "withdrawn": _("Your withdrawal was recorded."),
}

CASE_PARTS: Final = CaseParts(CaseKind.ONBOARDING, now="onboarding_now.html")
CASE_ACTIONS: Final = (
    CaseAction("correct_application", "onboarding_correction.html"),
    CaseAction("withdraw_application", "onboarding_withdrawal.html", first_in=frozenset()),
)
TASK_PAGES: Final = (TaskPage("correct_application", "/cases/{case_id}/correction", while_open=True),)


@router.get("/cases/{case_id}/correction")
async def show_correction(request: SignedIn, case_id: UUID) -> Response:
    """Why the application was returned, and what it asked for; nothing to correct: the case."""
    case = await request.api.read(read_case, case_id)
    if case.correction is None or case.application is None:
        return request.redirect(f"/cases/{case_id}")
    asked, form = case.application, empty(request.language)
    form.values = {
        MONTHLY: request.language.typed_toman(asked.monthly.amount),
        INSTALMENTS: request.language.number(asked.instalments),
    }
    return steps.show(request, _wizard(case, case.correction), form, steps.AMOUNT)


@router.post("/cases/{case_id}/correction")
async def take_correction(request: SignedIn, case_id: UUID) -> Response:
    """Any step of the correction."""
    form = await request.form()
    case = await request.api.read(read_case, case_id)
    if case.correction is None:
        return request.redirect(f"/cases/{case_id}", done="correction_over")

    async def send(terms: Terms) -> Response:
        await request.api.perform(correct_application, form.key, case_id, checked(ApplicationCorrectionIn, **terms))
        return request.redirect(f"/cases/{case_id}", done="corrected")

    return await steps.take(request, _wizard(case, case.correction), form, send)


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
async def withdraw(request: SignedIn, case_id: UUID) -> Response:
    """Withdraw an application (A11)."""
    form = await request.form()
    await request.api.perform(withdraw_application, form.key, case_id)
    return request.redirect(f"/cases/{case_id}", done="withdrawn")
