"""Signing in and out, confirming with a fresh code, and the language (G1)."""

from __future__ import annotations

import contextlib
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.account import codes, sessions
from api.account.kept import forget
from api.client import checked
from domain.errors import Refusal
from web.codes import Asking, refuse_code, sent_now, times_in
from web.forms import Form, empty
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import languages
from web.language import noop as _
from web.page_request import AnyRequest, PageRequest, SignedIn, SignInNeeded, authenticate

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "signed_out": _("You are signed out."),
    "confirmed": _("Confirmed. Go on with what you wanted to do."),
}

_A_YEAR_SECONDS: Final = 365 * 24 * 3_600
_ASKING: Final = Asking("/sign-in", ("national_id", "mobile"))
# The longest page of ours names fifty tasks.
Next = Annotated[str, Query(max_length=4_000)]


def own_path(path: str) -> str:
    """A path of this site to go on to; home for anything that could lead elsewhere."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


@router.get("/sign-in")
async def show_sign_in(request: AnyRequest, next: Next = "/") -> Response:  # noqa: A002 - its usual name
    """Where members begin."""
    return request.render("sign_in.html", form=_ASKING.form(request, next=next))


@router.post("/sign-in")
async def ask_for_code(request: AnyRequest) -> Response:
    """Ask for the code by SMS; no matter who they are, the next page is the same (A1)."""
    form = await request.form()
    national_id, mobile = form.required("national_id"), form.required("mobile")
    if form.is_good:
        try:
            wish = checked(sessions.SignInCodeRequest, national_id=national_id, mobile=mobile)
            challenge = await request.api.call(sessions.request_sign_in_code, wish)
            return _ASKING.sent(request, form, with_next(f"/sign-in/code?challenge={challenge.challenge_id}", form))
        except Refusal as refused:
            if page := _ASKING.refused(request, form, refused):
                return page
    return request.render_again("sign_in.html", form)


def with_next(path: str, form: Form) -> str:
    """A path that leads on to where the form leads."""
    target = own_path(form.text("next"))
    return path if target == "/" else f"{path}&next={quote(target, safe='')}"


@router.get("/sign-in/code")
async def show_code(request: AnyRequest, challenge: UUID, next: Next = "/") -> Response:  # noqa: A002
    """Where the code is typed."""
    return request.render(
        "sign_in_code.html", form=empty(request.language, next=next, challenge_id=challenge, **times_in(request))
    )


@router.post("/sign-in/code")
async def sign_in(request: AnyRequest) -> Response:
    """Begin a member's session."""
    form = await request.form()
    challenge_id, code = form.text("challenge_id"), form.required("code")
    if form.is_good:
        try:
            body = checked(sessions.MemberSignIn, challenge_id=challenge_id, code=code, transport="cookie")
            await request.api.call(sessions.sign_in, body)
            return with_cookies(request, request.redirect(own_path(form.text("next"))))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("sign_in_code.html", form)


@router.get("/sign-in/staff")
async def show_staff_sign_in(request: AnyRequest, next: Next = "/") -> Response:  # noqa: A002
    """Where staff begin."""
    return request.render("sign_in_staff.html", form=empty(request.language, next=next))


@router.post("/sign-in/staff")
async def sign_in_staff(request: AnyRequest) -> Response:
    """Begin a session of staff."""
    form = await request.form()
    typed = {name: form.required(name) for name in ("username", "totp")} | {"password": form.password("password")}
    if form.is_good:
        try:
            await request.api.call(sessions.sign_in_staff, checked(sessions.StaffSignIn, **typed, transport="cookie"))
            return with_cookies(request, request.redirect(own_path(form.text("next"))))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("sign_in_staff.html", form)


def with_cookies(request: PageRequest, response: Response) -> Response:
    """An answer with the cookies that the API has set."""
    for cookie in request.api.visitor.response.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    return response


@router.post("/sign-out")
async def sign_out(request: AnyRequest) -> Response:
    """End the session; a person who has none is signed out already."""
    response = request.redirect("/sign-in", done="signed_out")
    # Only who is signed out already is told so; else the session would live on unseen.
    with contextlib.suppress(SignInNeeded):
        await authenticate(request)
        await request.api.call(sessions.sign_out)
    sessions.forget_session(response)
    forget(response, "form", "asked")
    return response


@router.post("/language")
async def choose_language(request: AnyRequest) -> Response:
    """Keep the language in a cookie and come back."""
    form = await request.form()
    response = request.redirect(own_path(form.text("next")))
    code = form.text("language")
    return keep_language(response, code) if code in languages() else response


def keep_language(response: Response, code: str) -> Response:
    """An answer that keeps a language in a cookie."""
    response.set_cookie(
        LANGUAGE_COOKIE, code, max_age=_A_YEAR_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
    )
    return response


@router.get("/confirm")
async def show_confirmation(request: SignedIn, next: Next = "/", code_id: UUID | None = None) -> Response:  # noqa: A002
    """Where a fresh code is typed before something that needs one."""
    form = empty(request.language, next=next, code_id=code_id or "", **times_in(request))
    return request.render("confirm.html", form=form)


@router.post("/confirm/code")
async def ask_for_confirmation(request: SignedIn) -> Response:
    """Send a member the code that confirms the session."""
    form = await request.form()
    try:
        wish = checked(codes.StepUpCodeRequest, purpose="step_up")
        sent = await request.api.perform(codes.request_code, form.key, wish)
        return request.redirect(sent_now(with_next(f"/confirm?code_id={sent.code_id}", form)))
    except Refusal as refused:
        refuse_code(form, refused)
    return request.render_again("confirm.html", form)


@router.post("/confirm")
async def confirm(request: SignedIn) -> Response:
    """Confirm the session: members with the code that came, staff with their TOTP code."""
    form = await request.form()
    if request.user.is_member:
        body = {"code_id": form.text("code_id"), "code": form.required("code")}
    else:
        body = {"totp": form.required("totp")}
    if form.is_good:
        try:
            await request.api.perform(codes.step_up, form.key, checked(codes.StepUp, **body))
            return request.redirect(own_path(form.text("next")), done="confirmed")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("confirm.html", form)
