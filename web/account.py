"""Signing in and out, confirming with a fresh code, and the language (G1)."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.account import codes, sessions
from api.client import checked
from api.dependencies import SESSION_COOKIE
from domain.errors import Refusal
from web.forms import Form, empty
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import languages
from web.visit import AnyVisit, SignedIn, SignInNeeded, Visit, find_out

router = APIRouter()

_A_YEAR_SECONDS: Final = 365 * 24 * 3_600
Next = Annotated[str, Query(max_length=500)]


def own_path(path: str) -> str:
    """A path of this site to go on to; home for anything that could lead elsewhere."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


@router.get("/sign-in")
async def show_sign_in(visit: AnyVisit, next: Next = "/") -> Response:  # noqa: A002 - its usual name
    """Where members begin."""
    return visit.page("sign_in.html", form=empty(visit.language, next=next))


@router.post("/sign-in")
async def ask_for_code(visit: AnyVisit) -> Response:
    """Ask for the code by SMS; whoever they are, the next page is the same (A1)."""
    form = await visit.form()
    national_id, mobile = form.required("national_id"), form.required("mobile")
    if form.is_good:
        try:
            wish = checked(sessions.SignInCodeRequest, national_id=national_id, mobile=mobile)
            challenge = await visit.api.call(sessions.request_sign_in_code, wish)
            return visit.go(_with_next(f"/sign-in/code?challenge={challenge.challenge_id}", form))
        except Refusal as refused:
            form.refuse(refused)
    return visit.again("sign_in.html", form)


def _with_next(path: str, form: Form) -> str:
    target = own_path(form.text("next"))
    return path if target == "/" else f"{path}&next={quote(target, safe='')}"


@router.get("/sign-in/code")
async def show_code(visit: AnyVisit, challenge: UUID, next: Next = "/") -> Response:  # noqa: A002
    """Where the code is typed."""
    return visit.page("sign_in_code.html", form=empty(visit.language, next=next, challenge_id=challenge))


@router.post("/sign-in/code")
async def sign_in(visit: AnyVisit) -> Response:
    """Begin a member's session."""
    form = await visit.form()
    challenge_id, code = form.text("challenge_id"), form.required("code")
    if form.is_good:
        try:
            body = checked(sessions.MemberSignIn, challenge_id=challenge_id, code=code, transport="cookie")
            await visit.api.call(sessions.sign_in, body)
            return _with_cookies(visit, visit.go(own_path(form.text("next"))))
        except Refusal as refused:
            form.refuse(refused)
    return visit.again("sign_in_code.html", form)


@router.get("/sign-in/staff")
async def show_staff_sign_in(visit: AnyVisit, next: Next = "/") -> Response:  # noqa: A002
    """Where staff begin."""
    return visit.page("sign_in_staff.html", form=empty(visit.language, next=next))


@router.post("/sign-in/staff")
async def sign_in_staff(visit: AnyVisit) -> Response:
    """Begin a session of staff."""
    form = await visit.form()
    names = ("username", "password", "totp")
    typed = {name: form.required(name) for name in names}
    if form.is_good:
        try:
            await visit.api.call(sessions.sign_in_staff, checked(sessions.StaffSignIn, **typed, transport="cookie"))
            return _with_cookies(visit, visit.go(own_path(form.text("next"))))
        except Refusal as refused:
            form.refuse(refused)
    return visit.again("sign_in_staff.html", form)


def _with_cookies(visit: Visit, response: Response) -> Response:
    """An answer with the cookies that the API has set."""
    for cookie in visit.api.visitor.response.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    return response


@router.post("/sign-out")
async def sign_out(visit: AnyVisit) -> Response:
    """End the session; whoever has none is signed out already."""
    response = visit.go("/sign-in", done="signed_out")
    try:
        await find_out(visit)
        await visit.api.call(sessions.sign_out)
        return _with_cookies(visit, response)
    except SignInNeeded:
        # Only who is signed out already is told so; else the session would live on unseen.
        response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


@router.post("/language")
async def choose_language(visit: AnyVisit) -> Response:
    """Keep the language in a cookie and come back."""
    form = await visit.form()
    response = visit.go(own_path(form.text("next")))
    if (code := form.text("language")) in languages():
        response.set_cookie(
            LANGUAGE_COOKIE, code, max_age=_A_YEAR_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
        )
    return response


@router.get("/confirm")
async def show_confirmation(visit: SignedIn, next: Next = "/", code_id: UUID | None = None) -> Response:  # noqa: A002
    """Where a fresh code is typed before something that needs one."""
    form = empty(visit.language, next=next, code_id=code_id or "")
    return visit.page("confirm.html", form=form)


@router.post("/confirm/code")
async def ask_for_confirmation(visit: SignedIn) -> Response:
    """Send a member the code that confirms the session."""
    form = await visit.form()
    try:
        wish = checked(codes.StepUpCodeRequest, purpose="step_up")
        sent = await visit.api.perform(codes.request_code, form.key, wish)
        return visit.go(_with_next(f"/confirm?code_id={sent.code_id}", form))
    except Refusal as refused:
        form.refuse(refused)
    return visit.again("confirm.html", form)


@router.post("/confirm")
async def confirm(visit: SignedIn) -> Response:
    """Confirm the session: members with the code that came, staff with their TOTP code."""
    form = await visit.form()
    if visit.person.is_member:
        body = {"code_id": form.text("code_id"), "code": form.required("code")}
    else:
        body = {"totp": form.required("totp")}
    if form.is_good:
        try:
            await visit.api.perform(codes.step_up, form.key, checked(codes.StepUp, **body))
            return visit.go(own_path(form.text("next")), done="confirmed")
        except Refusal as refused:
            form.refuse(refused)
    return visit.again("confirm.html", form)
