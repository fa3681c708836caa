"""The programmes, and applying in one of them (A1 to A4a, A10)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.client import checked
from api.onboarding import (
    ApplicationIn,
    ProgrammeOut,
    Programmes,
    apply_for_credit,
    list_programmes,
)
from web.forms import empty
from web.language import noop as _
from web.onboarding import wizard as steps
from web.onboarding.wizard import Terms, Wizard
from web.page_request import SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "applied": _("Your application was submitted. We tell you about every step by SMS."),
}


@router.get("/apply")
async def show_programmes(request: SignedIn) -> Response:
    """Which programmes there are, what each needs, and how much a month is possible."""
    offer = await request.api.read(list_programmes)
    return request.render(
        "apply.html",
        offered=[(each, _obstacle(offer, each)) for each in offer.items],
        mobile_disputed=offer.mobile_disputed,
    )


@router.get("/apply/{programme}")
async def show_application(request: SignedIn, programme: str) -> Response:
    """The first step; or why an application is not possible now."""
    offer = await request.api.read(list_programmes)
    offered = _find(offer, programme)
    if obstacle := _obstacle(offer, offered):
        return request.render("apply_not_now.html", programme=offered, obstacle=obstacle)
    return steps.show(request, _wizard(offered), empty(request.language), steps.AMOUNT)


@router.post("/apply/{programme}")
async def take_application(request: SignedIn, programme: str) -> Response:
    """Any step after the first."""
    offer = await request.api.read(list_programmes)
    offered = _find(offer, programme)
    wizard = _wizard(offered)
    form = await request.form()
    if not wizard.employers:
        return request.render("apply_not_now.html", programme=offered, obstacle=_no_employer(offer))

    async def send(terms: Terms) -> Response:
        employer = wizard.employer(form)
        wish = checked(
            ApplicationIn,
            programme=wizard.programme,
            organisation_id=None if employer is None else employer.organisation_id,
            guarantors=[{"national_id": form.text(name)} for name in wizard.guarantors],
            **terms,
        )
        case = await request.api.perform(apply_for_credit, form.key, wish)
        return request.redirect(f"/cases/{case.id}", done="applied")

    return await steps.take(request, wizard, form, send)


def _find(offer: Programmes, code: str) -> ProgrammeOut:
    found = next((each for each in offer.items if each.code == code), None)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _wizard(offered: ProgrammeOut) -> Wizard:
    return Wizard(
        path=f"/apply/{offered.code}",
        programme=offered.code,
        employers=offered.limits,
        instalments_max=offered.instalments_max,
        mandate_version=offered.mandate_version,
        mandate=offered.mandate,
        offered=offered,
    )


def _obstacle(offer: Programmes, offered: ProgrammeOut) -> str:
    """What stands in the way of an application, as far as the API tells beforehand; empty if nothing."""
    limits = offered.limits
    if offered.open_case_id:
        return "open_case"
    if not offer.takes_applications:
        return "closed"
    if not limits:
        return _no_employer(offer)
    if not any(limit.contract_in_force for limit in limits):
        return "no_contract"
    if not any(limit.contract_in_force and limit.monthly_limit.amount for limit in limits):
        return "nothing_left"
    return ""


def _no_employer(offer: Programmes) -> str:
    """Why no employer counts: none lists them as employed, or theirs lists another mobile (A1)."""
    return "disputed" if offer.mobile_disputed else "no_employer"
