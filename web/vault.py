"""Secrets of a case (F2): a part of its page, a page on which one is entrusted, and one on which one is shown.

What is typed there comes back on no page: a form that is refused, or was kept, is empty where it was secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import read_case
from api.client import checked
from api.vault import SecretIn, SecretsOut, entrust_secret, list_secrets, show_secret, take_back_secret
from domain.catalogue import SECRETS
from domain.draft import is_secret
from domain.errors import NotFound, Refusal
from domain.vault import MAX_ADDRESS, MAX_LETTERS, SHOWN_FOR
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "secret_entrusted": _("It is kept, encrypted. Each time somebody sees it, you are told by SMS."),
    "secret_taken_back": _(
        "You took it back: nobody sees it any more, and it is erased within minutes. To be safe, change the password at"
        " that site."
    ),
    "secret_hidden": _("The time was over, so it was hidden. With a new code it is shown once more."),
}


@dataclass(frozen=True, slots=True)
class SecretsPane:
    """What the templates show of a case's secrets; ``form`` is the one by which one is entrusted."""

    case_id: UUID
    secrets: SecretsOut
    form: Form
    most: int = MAX_LETTERS
    longest: int = MAX_ADDRESS


async def secrets_pane(request: PageRequest, case_id: UUID, kind: str, form: Form | None = None) -> SecretsPane | None:
    """The secrets of a case of a kind; None where there are none for the user, who could not entrust one either."""
    secrets = await request.read_or_none(list_secrets, case_id) if kind in SECRETS else None
    # A form that was refused says why, even where nobody may entrust anything any more.
    if secrets is None or (form is None and not secrets.items and not secrets.may_entrust):
        return None
    return SecretsPane(case_id, secrets, form or empty(request.language))


@router.get("/cases/{case_id}/secrets")
async def show_secrets(request: SignedIn, case_id: UUID) -> Response:
    """The secrets of a case by themselves, and where one is entrusted."""
    return await _page(request, case_id)


async def _page(request: PageRequest, case_id: UUID, form: Form | None = None) -> Response:
    case = await request.api.read(read_case, case_id)
    entrusted = await secrets_pane(request, case_id, case.kind, form)
    if entrusted is None:
        raise NotFound
    status = 422 if form is not None else 200
    return request.render("vault_page.html", status=status, case=case, entrusted=entrusted)


@router.post("/cases/{case_id}/secrets")
async def entrust(request: SignedIn, case_id: UUID) -> Response:
    """Entrust user name and password of a site."""
    form = await request.form()
    typed = {name: form.required(name) for name in ("site", "user_name")} | {"password": form.password("password")}
    if form.is_good:
        try:
            await request.api.perform(entrust_secret, form.key, case_id, checked(SecretIn, **typed))
            return request.redirect(f"/cases/{case_id}", done="secret_entrusted")
        except Refusal as refused:
            form.refuse(refused)
    form.values = {name: text for name, text in form.values.items() if not is_secret(name)}
    form.lists = {name: texts for name, texts in form.lists.items() if not is_secret(name)}
    return await _page(request, case_id, form)


@router.post("/cases/{case_id}/secrets/{secret_id}/removal")
async def take_back(request: SignedIn, case_id: UUID, secret_id: UUID) -> Response:
    """Take back a secret of one's own."""
    form = await request.form()
    try:
        await request.api.perform(take_back_secret, form.key, case_id, secret_id)
    except Refusal as refused:
        form.refuse(refused)
        return await _page(request, case_id, form)
    return request.redirect(f"/cases/{case_id}", done="secret_taken_back")


@router.get("/cases/{case_id}/secrets/{secret_id}")
async def ask_to_see(request: SignedIn, case_id: UUID, secret_id: UUID) -> Response:
    """Where the code is typed by which a secret is shown; who may not see it is led to the list."""
    return await _asking(request, case_id, secret_id, empty(request.language))


async def _asking(
    request: PageRequest, case_id: UUID, secret_id: UUID, form: Form, *, was_shown: bool = False
) -> Response:
    case = await request.api.read(read_case, case_id)
    known = (await request.api.read(list_secrets, case_id)).items
    secret = next((one for one in known if one.id == secret_id), None)
    if secret is None:
        raise NotFound
    if not secret.may_see and form.is_good:
        return request.redirect(f"/cases/{case_id}/secrets")
    show = request.render if form.is_good else request.render_again
    seconds = int(SHOWN_FOR.total_seconds())
    return show("vault_asking.html", form=form, case=case, secret=secret, seconds=seconds, was_shown=was_shown)


@router.post("/cases/{case_id}/secrets/{secret_id}")
async def see(request: SignedIn, case_id: UUID, secret_id: UUID) -> Response:
    """Show a secret, in the answer to its form alone: sent again, the form is answered without it.

    The page takes it away by itself; where it can not, the browser is led away from it.
    """
    form = await request.form()
    try:
        shown = await request.api.perform(show_secret, form.key, case_id, secret_id, form.fresh_code())
    except Refusal as refused:
        form.refuse(refused)
        return await _asking(request, case_id, secret_id, form)
    if shown.password is None:
        return await _asking(request, case_id, secret_id, form, was_shown=True)
    response = request.render("vault_shown.html", shown=shown, case_id=case_id)
    response.headers["Refresh"] = f"{shown.hide_after}; url=/cases/{case_id}/secrets?done=secret_hidden"
    return response
