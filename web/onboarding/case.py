"""What an applicant may do in an application that runs: correct it, name another guarantor, withdraw (A4, A7, A11)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from domain.money import RIAL_A_TOMAN
from web.client import Refused
from web.forms import GENERAL, Form, empty
from web.onboarding import wizard as steps
from web.onboarding.colleague import Question, read_national_id, refusal_words
from web.onboarding.wizard import INSTALMENTS, MONTHLY, Wizard
from web.visit import SignedIn, Visit

router = APIRouter()

_COLLEAGUE: Final = "national_id"


@router.get("/cases/{case_id}/correction")
async def show_correction(visit: SignedIn, case_id: UUID) -> Response:
    """Why the application was returned, and what it asked for; nothing to correct: the case."""
    case = await visit.api.get(f"/v1/cases/{case_id}")
    if case["correction"] is None:
        return visit.go(f"/cases/{case_id}")
    asked = case["application"]
    form = empty(visit.language)
    form.values = {
        MONTHLY: visit.language.number(asked["monthly"]["amount"] // RIAL_A_TOMAN),
        INSTALMENTS: visit.language.number(asked["instalments"]),
    }
    return steps.show(visit, _wizard(case), form, steps.AMOUNT)


@router.post("/cases/{case_id}/correction")
async def take_correction(visit: SignedIn, case_id: UUID) -> Response:
    """Any step of the correction."""
    case = await visit.api.get(f"/v1/cases/{case_id}")
    if case["correction"] is None:
        return visit.go(f"/cases/{case_id}")
    form = await visit.form()

    async def send(terms: dict[str, Any]) -> Response:
        del terms["programme"]
        await visit.api.post(f"/v1/onboarding/applications/{case_id}/correction", terms, key=form.key)
        return visit.go(f"/cases/{case_id}", done="corrected")

    return await steps.take(visit, _wizard(case), form, send)


def _wizard(case: Mapping[str, Any]) -> Wizard:
    terms = case["correction"]
    return Wizard(
        path=f"/cases/{case['id']}/correction",
        programme=case["variant"],
        employers=[terms["limit"]],
        instalments_max=terms["instalments_max"],
        mandate_version=terms["mandate_version"],
        mandate=terms["mandate"],
        returned=case,
    )


@router.get("/cases/{case_id}/guarantor")
async def show_guarantor(visit: SignedIn, case_id: UUID) -> Response:
    """Where another guarantor is named, for a place that is free or in the place of somebody."""
    case = await visit.api.get(f"/v1/cases/{case_id}")
    if not _may(case, "name_guarantor"):
        return visit.go(f"/cases/{case_id}")
    return _guarantor_page(visit, case, empty(visit.language))


@router.post("/cases/{case_id}/guarantor")
async def name_guarantor(visit: SignedIn, case_id: UUID) -> Response:
    """Ask whether a colleague may be asked, or name them."""
    form = await visit.form()
    case = await visit.api.get(f"/v1/cases/{case_id}")
    if not _may(case, "name_guarantor"):
        return visit.go(f"/cases/{case_id}")
    if form.text("to") == "check":
        yes = await Question(case["variant"], case["organisation_id"]).ask(visit, form, _COLLEAGUE)
        return _guarantor_page(visit, case, form, may_be_asked=yes)
    national_id = read_national_id(form, _COLLEAGUE)
    if form.is_good:
        body = {"national_id": national_id, "replaces": form.text("replaces") or None}
        try:
            await visit.api.post(f"/v1/onboarding/applications/{case_id}/guarantors", body, key=form.key)
            return visit.go(f"/cases/{case_id}", done="guarantor_named")
        except Refused as refused:
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
                form.errors[GENERAL] = refusal_words(visit, refused)
            form.refuse(refused)
    return _guarantor_page(visit, case, form)


def _may(case: Mapping[str, Any], action: str) -> bool:
    return any(allowed["action"] == action for allowed in case["allowed_actions"])


def _guarantor_page(visit: Visit, case: Mapping[str, Any], form: Form, may_be_asked: str | None = None) -> Response:
    return visit.page(
        "name_guarantor.html",
        status=HTTPStatus.OK if form.is_good else HTTPStatus.UNPROCESSABLE_ENTITY,
        case=case,
        form=form,
        live=[each for each in case["guarantees"] if each["ended"] is None],
        has_free_place=case["application"]["free_places"] > 0,
        may_be_asked=may_be_asked,
    )


@router.post("/cases/{case_id}/withdrawal")
async def withdraw(visit: SignedIn, case_id: UUID) -> Response:
    """Withdraw an application, or the wish to replace a guarantor (A11)."""
    form = await visit.form()
    case = await visit.api.get(f"/v1/cases/{case_id}")
    where = "guarantor-substitutions" if case["kind"] == "substitution" else "onboarding/applications"
    await visit.api.post(f"/v1/{where}/{case_id}/withdrawal", key=form.key)
    return visit.go(f"/cases/{case_id}", done="withdrawn")
