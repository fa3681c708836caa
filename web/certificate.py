"""Deduction certificates that an organisation issued (A12)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.certificate import (
    IssueCertificate,
    RefuseCertificate,
    RevocationIn,
    list_certificates,
    revoke_certificate,
)
from api.client import checked
from api.organisation import list_organisations
from api.values import IdCursor, Page
from domain.errors import Refusal
from web.answers import Answering, Body, chosen_reason
from web.forms import GENERAL, Form, empty
from web.organisation import choose, count_waiting
from web.visit import SignedIn, Visit

router = APIRouter()

_PAGE: Final = 25


@router.get("/certificates")
async def show_certificates(visit: SignedIn, *, organisation_id: UUID | None = None, before: IdCursor) -> Response:
    """An organisation's certificates; auditors choose the organisation first."""
    form = empty(visit.language)
    return visit.page("certificates.html", form=form, **await _shown(visit, organisation_id, before))


async def _shown(visit: Visit, organisation_id: UUID | None, before: UUID | None = None) -> dict[str, Any]:
    is_hr = visit.person.has("hr_officer")
    chosen = await choose(visit, organisation_id)
    values: dict[str, Any] = {
        "organisation": chosen.organisation,
        "certificates": Page(items=[]),
        "organisations": Page(items=chosen.others),
        "may_revoke": chosen.is_theirs,
        "waiting": await count_waiting(visit, ANSWERING) if is_hr else None,
        "refused_id": "",
    }
    if chosen.organisation is not None:
        of = chosen.organisation.id
        values["certificates"] = await visit.api.read(list_certificates, of, before, limit=_PAGE)
    elif not is_hr:
        values["organisations"] = await visit.api.read(list_organisations, after=before, limit=_PAGE)
    return values


@router.get("/certificates/{certificate_id}/revocation")
async def show_again(visit: SignedIn, certificate_id: UUID) -> Response:  # noqa: ARG001 - the list shows it
    """Where a refused revocation was shown; it begins anew."""
    return visit.go("/certificates")


@router.post("/certificates/{certificate_id}/revocation")
async def revoke(visit: SignedIn, certificate_id: UUID) -> Response:
    """Revoke a certificate: no new purchases; what was bought is still paid off (A12)."""
    form = await visit.form()
    organisation_id = _organisation_of(form)
    reason = form.required("reason")
    if form.is_good:
        try:
            wish = checked(RevocationIn, reason=reason)
            await visit.api.perform(revoke_certificate, form.key, certificate_id, wish)
            back = f"?organisation_id={organisation_id}" if organisation_id else ""
            return visit.go(f"/certificates{back}", done="certificate_revoked")
        except Refusal as refused:
            form.refuse(refused)
    # Each certificate has a reason of its own on the page.
    form.errors = {
        f"reason-{certificate_id}" if name == "reason" else GENERAL: form.errors[name] for name in form.errors
    }
    shown = await _shown(visit, organisation_id)
    return visit.again("certificates.html", form, **(shown | {"refused_id": str(certificate_id)}))


def _organisation_of(form: Form) -> UUID | None:
    try:
        return UUID(form.text("organisation_id"))
    except ValueError:
        return None


def _certificate(form: Form) -> Body:
    return {
        "monthly_amount": form.toman("monthly_amount.amount"),
        "instalments": form.whole("instalments"),
        "valid_until": form.jalali("valid_until"),
    }


ANSWERING: Final = Answering(
    "certificate_decision.html", {IssueCertificate: _certificate, RefuseCertificate: chosen_reason}
)
