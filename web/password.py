"""A member's password: set or removed, used to sign in, and renewed when it is forgotten (G1)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import password
from api.client import checked
from domain.errors import Refusal, StepUpRequired
from web.account import Next, own_path, with_cookies, with_next
from web.codes import Asking, times_in
from web.forms import empty
from web.language import noop as _
from web.page_request import AnyRequest, SignedIn

router = APIRouter()

NOTES: Final = {
    "password_set": _("Your password is set. Your other sessions are ended."),
    "password_removed": _("Your password is removed. You sign in by SMS."),
    "password_renewed": _("Your new password is set. Sign in with it."),
}


_CODE: Final = "/sign-in/renewal/code"
_ASKING: Final = Asking("/sign-in/renewal", ("national_id", "mobile", "email"))


@router.get("/profile/password")
async def show_password(request: SignedIn) -> Response:
    """Where a password is set."""
    return request.render("password.html", form=empty(request.language))


@router.post("/profile/password")
async def set_password(request: SignedIn) -> Response:
    """Set it."""
    form = await request.form()
    new = form.new_password()
    if form.is_good:
        try:
            await request.api.perform(password.set_password, form.key, checked(password.PasswordIn, password=new))
            return request.redirect("/profile", done="password_set")
        except StepUpRequired:
            return request.redirect("/confirm?next=/profile/password")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("password.html", form)


@router.post("/profile/password/removal")
async def remove_password(request: SignedIn) -> Response:
    """Go back to SMS only."""
    form = await request.form()
    try:
        await request.api.perform(password.remove_password, form.key)
        return request.redirect("/profile", done="password_removed")
    except StepUpRequired:
        return request.redirect("/confirm?next=/profile")
    except Refusal as refused:
        form.refuse(refused)
    return request.render_again("password.html", form)


@router.get("/sign-in/password")
async def show_password_sign_in(request: AnyRequest, next: Next = "/") -> Response:  # noqa: A002 - its usual name
    """Where members with a password begin."""
    return request.render("sign_in_password.html", form=empty(request.language, next=next))


@router.post("/sign-in/password")
async def sign_in_with_password(request: AnyRequest) -> Response:
    """Begin a member's session."""
    form = await request.form()
    national_id, typed = form.required("national_id"), form.password("password")
    if form.is_good:
        try:
            body = checked(password.PasswordSignIn, national_id=national_id, password=typed, transport="cookie")
            await request.api.call(password.sign_in_with_password, body)
            return with_cookies(request, request.redirect(own_path(form.text("next"))))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("sign_in_password.html", form)


@router.get("/sign-in/renewal")
async def show_renewal(request: AnyRequest, next: Next = "/") -> Response:  # noqa: A002
    """Where a person who has forgotten the password begins."""
    return request.render("renewal.html", form=_ASKING.form(request, next=next))


@router.post("/sign-in/renewal")
async def request_renewal(request: AnyRequest) -> Response:
    """Ask for the code, by number or confirmed address; no matter who they are, the next page is the same."""
    form = await request.form()
    national_id, email = form.required("national_id"), form.text("email")
    mobile = form.required("mobile") if form.text("mobile") else ""
    if not mobile and not email:
        form.errors["mobile"] = request.language.translate("Write your number or your address.")
    if form.is_good:
        try:
            where = {"email": email} if email else {"mobile": mobile}
            body = checked(password.RenewalIn, national_id=national_id, **where)
            challenge = await request.api.call(password.request_renewal, body)
            return _ASKING.sent(request, form, with_next(f"{_CODE}?challenge={challenge.challenge_id}", form))
        except Refusal as refused:
            if page := _ASKING.refused(request, form, refused):
                return page
    return request.render_again("renewal.html", form)


@router.get("/sign-in/renewal/code")
async def show_renewal_code(request: AnyRequest, challenge: UUID, next: Next = "/") -> Response:  # noqa: A002
    """Where code and new password are typed."""
    form = empty(request.language, next=next, challenge_id=challenge, **times_in(request))
    return request.render("renewal_code.html", form=form)


@router.post("/sign-in/renewal/code")
async def renew_password(request: AnyRequest) -> Response:
    """Replace the password."""
    form = await request.form()
    challenge_id, code, new = form.text("challenge_id"), form.required("code"), form.new_password()
    if form.is_good:
        try:
            body = checked(password.RenewedPassword, challenge_id=challenge_id, code=code, password=new)
            await request.api.call(password.renew_password, body)
            return request.redirect(with_next("/sign-in/password?done=password_renewed", form))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("renewal_code.html", form)
