"""Staff set up their account by the link that came by SMS, and change password and key later (G1).

The link's token stands behind ``#``: browsers send that to nobody. A script moves it into the form; without script it
is pasted there from the SMS.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from api.account.setup import (
    CredentialsChange,
    StaffLink,
    StaffSetUp,
    change_staff_credentials,
    draw_totp_key,
    open_staff_link,
    set_up_staff,
)
from api.client import checked
from domain.errors import Refusal
from domain.staff_change import LinkNotAccepted
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import AnyRequest, PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "account_set_up": _("Your account is ready. Sign in with the next code that your app shows."),
    "credentials_changed": _("It was changed, and your other sessions have ended."),
}
_KEY_FIELDS: Final = ("username", "totp_secret", "totp_uri", "totp_key")


@router.get("/activate")
async def show_link(request: AnyRequest) -> Response:
    """Where the link leads."""
    return request.render("staff_account_link.html", form=empty(request.language))


@router.post("/activate")
async def follow_link(request: AnyRequest) -> Response:
    """Whose account it is, and a new key for their app."""
    form = await request.form()
    token = form.required("token").rpartition("#")[2]
    if form.is_good:
        try:
            key = await request.api.call(open_staff_link, checked(StaffLink, token=token))
            shown = {name: getattr(key, name) for name in _KEY_FIELDS}
            return request.render("staff_account_set_up.html", form=empty(request.language, token=token, **shown))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("staff_account_link.html", form)


@router.post("/activate/set-up")
async def set_up(request: AnyRequest) -> Response:
    """Set password and key."""
    form = await request.form()
    typed = {name: form.required(name) for name in ("token", "totp_key", "totp")}
    typed["password"] = form.new_password()
    if form.is_good:
        try:
            await request.api.call(set_up_staff, checked(StaffSetUp, **typed))
            return request.redirect("/sign-in/staff", done="account_set_up")
        except LinkNotAccepted as refused:
            form.refuse(refused)
            return request.render_again("staff_account_link.html", form)
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("staff_account_set_up.html", form)


@router.get("/staff-account/password")
async def show_password(request: SignedIn) -> Response:
    """Where staff change their own password."""
    _of_staff(request)
    return request.render("staff_account_password.html", form=empty(request.language))


def _of_staff(request: PageRequest) -> None:
    if request.user.is_member:
        raise HTTPException(404)


@router.post("/staff-account/password")
async def change_password(request: SignedIn) -> Response:
    """Another password in place of the present one."""
    form = await request.form()
    typed = {"password": form.password("password"), "totp": form.required("totp")}
    typed["new_password"] = form.new_password("new_password")
    if form.is_good:
        return await _change(request, form, typed)
    return request.render_again("staff_account_password.html", form)


@router.get("/staff-account/key")
async def show_key(request: SignedIn) -> Response:
    """Where staff change the key in their app: a new one, which counts once a code of it was typed."""
    _of_staff(request)
    key = await request.api.call(draw_totp_key)
    shown = {name: getattr(key, name) for name in _KEY_FIELDS}
    return request.render("staff_account_key.html", form=empty(request.language, **shown))


@router.post("/staff-account/key")
async def change_key(request: SignedIn) -> Response:
    """Another key in the app in place of the present one."""
    form = await request.form()
    typed = {name: form.required(name) for name in ("totp", "totp_key", "new_totp")}
    typed["password"] = form.password("password")
    if form.is_good:
        return await _change(request, form, typed)
    return request.render_again("staff_account_key.html", form)


async def _change(request: PageRequest, form: Form, typed: dict[str, str]) -> Response:
    try:
        await request.api.perform(change_staff_credentials, form.key, checked(CredentialsChange, **typed))
    except Refusal as refused:
        form.refuse(refused)
        page = "staff_account_key.html" if "totp_key" in typed else "staff_account_password.html"
        return request.render_again(page, form)
    return request.redirect("/staff-account/password", done="credentials_changed")
