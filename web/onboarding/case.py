"""What an applicant may do in an application that runs: correct it, name another guarantor, withdraw (A4, A7, A11)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import read_case
from api.case_detail import CaseDetail
from api.client import checked
from api.guarantor import GuarantorIn, name_guarantor
from api.limits import CorrectionTerms
from api.onboarding import ApplicationCorrectionIn, correct_application, withdraw_application
from api.substitution import withdraw_substitution
from domain.errors import Refusal, TooMany
from domain.money import RIAL_A_TOMAN
from web.forms import GENERAL, Form, empty
from web.onboarding import wizard as steps
from web.onboarding.colleague import Question, read_national_id, refusal_words
from web.onboarding.wizard import INSTALMENTS, MONTHLY, Terms, Wizard
from web.visit import SignedIn, Visit

router = APIRouter()

_COLLEAGUE: Final = "national_id"


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
        await visit.api.perform(correct_application, form.key, case_id, checked(ApplicationCorrectionIn, **terms))
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


@router.get("/cases/{case_id}/guarantor")
async def show_guarantor(visit: SignedIn, case_id: UUID) -> Response:
    """Where another guarantor is named, for a place that is free or in the place of somebody."""
    case = await visit.api.read(read_case, case_id)
    if not _may(case, "name_guarantor"):
        return visit.go(f"/cases/{case_id}")
    return _guarantor_page(visit, case, empty(visit.language))


@router.post("/cases/{case_id}/guarantor")
async def ask_another(visit: SignedIn, case_id: UUID) -> Response:
    """Ask whether a colleague may be asked, or name them."""
    form = await visit.form()
    case = await visit.api.read(read_case, case_id)
    if not _may(case, "name_guarantor"):
        return visit.go(f"/cases/{case_id}")
    if form.text("to") == "check":
        yes = await Question(case.variant, case.organisation_id).ask(visit, form, _COLLEAGUE)
        return _guarantor_page(visit, case, form, may_be_asked=yes)
    national_id = read_national_id(form, _COLLEAGUE)
    if form.is_good:
        try:
            named = checked(GuarantorIn, national_id=national_id, replaces=form.text("replaces") or None)
            await visit.api.perform(name_guarantor, form.key, case_id, named)
            return visit.go(f"/cases/{case_id}", done="guarantor_named")
        except Refusal as refused:
            if isinstance(refused, TooMany):
                form.errors[GENERAL] = refusal_words(visit, refused)
            form.refuse(refused)
    return _guarantor_page(visit, case, form)


def _may(case: CaseDetail, action: str) -> bool:
    return any(allowed.action == action for allowed in case.allowed_actions)


def _guarantor_page(visit: Visit, case: CaseDetail, form: Form, may_be_asked: str | None = None) -> Response:
    return visit.page(
        "name_guarantor.html",
        status=HTTPStatus.OK if form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY,
        case=case,
        form=form,
        live=[each for each in case.guarantees if each.ended is None],
        has_free_place=case.application is not None and case.application.free_places > 0,
        may_be_asked=may_be_asked,
    )


@router.post("/cases/{case_id}/withdrawal")
async def withdraw(visit: SignedIn, case_id: UUID) -> Response:
    """Withdraw an application, or the wish to replace a guarantor (A11)."""
    form = await visit.form()
    case = await visit.api.read(read_case, case_id)
    ending = withdraw_substitution if case.kind == "substitution" else withdraw_application
    await visit.api.perform(ending, form.key, case_id)
    return visit.go(f"/cases/{case_id}", done="withdrawn")
