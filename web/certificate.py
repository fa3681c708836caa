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
from web.answers import Body, TaskForm, chosen_reason
from web.forms import GENERAL, Form, empty
from web.language import noop as _
from web.organisation import choose, count_waiting
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "certificate_revoked": _("The certificate was revoked."),
}

_PAGE: Final = 25


@router.get("/certificates")
async def show_certificates(request: SignedIn, *, organisation_id: UUID | None = None, before: IdCursor) -> Response:
    """An organisation's certificates; auditors choose the organisation first."""
    form = empty(request.language)
    return request.render("certificates.html", form=form, **await _shown(request, organisation_id, before))


async def _shown(request: PageRequest, organisation_id: UUID | None, before: UUID | None = None) -> dict[str, Any]:
    is_hr = request.user.has("hr_officer")
    chosen = await choose(request, organisation_id)
    values: dict[str, Any] = {
        "organisation": chosen.organisation,
        "certificates": Page(items=[]),
        "organisations": Page(items=chosen.others),
        "may_revoke": chosen.is_theirs,
        "waiting": await count_waiting(request, TASK_FORM) if is_hr else None,
        "refused_id": None,
    }
    if chosen.organisation is not None:
        of = chosen.organisation.id
        values["certificates"] = await request.api.read(list_certificates, of, before, limit=_PAGE)
    elif not is_hr:
        values["organisations"] = await request.api.read(list_organisations, after=before, limit=_PAGE)
    return values


@router.get("/certificates/{certificate_id}/revocation")
async def show_again(request: SignedIn, certificate_id: UUID) -> Response:  # noqa: ARG001 - the list shows it
    """Where a refused revocation was shown; it begins anew."""
    return request.redirect("/certificates")


@router.post("/certificates/{certificate_id}/revocation")
async def revoke(request: SignedIn, certificate_id: UUID) -> Response:
    """Revoke a certificate: no new purchases; what was bought is still paid off (A12)."""
    form = await request.form()
    organisation_id = _organisation_of(form)
    reason = form.required("reason")
    if form.is_good:
        try:
            wish = checked(RevocationIn, reason=reason)
            await request.api.perform(revoke_certificate, form.key, certificate_id, wish, form.fresh_code())
            back = f"?organisation_id={organisation_id}" if organisation_id else ""
            return request.redirect(f"/certificates{back}", done="certificate_revoked")
        except Refusal as refused:
            form.refuse(refused)
    # Each certificate has a reason and a code of its own on the page.
    form.errors = {
        f"{name}-{certificate_id}" if name in {"reason", "totp"} else GENERAL: sentence
        for name, sentence in form.errors.items()
    }
    shown = await _shown(request, organisation_id)
    return request.render_again("certificates.html", form, **(shown | {"refused_id": certificate_id}))


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


TASK_FORM: Final = TaskForm(
    "certificate_decision.html",
    {IssueCertificate: _certificate, RefuseCertificate: chosen_reason},
    summaries={IssueCertificate: "certificate_summary.html"},
)
