"""Signing in and out, confirming with a fresh code, and the language (G1)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from web.client import SESSION_COOKIE, Answer, Refused
from web.forms import Form, empty
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import languages
from web.visit import AnyVisit, SignedIn

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
    body = {"national_id": form.required("national_id"), "mobile": form.required("mobile")}
    if form.is_good:
        try:
            challenge = (await visit.api.post("/v1/sign-in/codes", body))["challenge_id"]
            return visit.go(_with_next(f"/sign-in/code?challenge={challenge}", form))
        except Refused as refused:
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
    body = {"challenge_id": form.text("challenge_id"), "code": form.required("code"), "transport": "cookie"}
    if form.is_good:
        try:
            return _begun(visit, form, await visit.api.send("POST", "/v1/sign-in/sessions", body))
        except Refused as refused:
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
    body = {name: form.required(name) for name in names} | {"transport": "cookie"}
    if form.is_good:
        try:
            return _begun(visit, form, await visit.api.send("POST", "/v1/sign-in/staff", body))
        except Refused as refused:
            form.refuse(refused)
    return visit.again("sign_in_staff.html", form)


def _begun(visit: AnyVisit, form: Form, answer: Answer) -> Response:
    response = visit.go(own_path(form.text("next")))
    _pass_cookies_on(answer, response)
    return response


def _pass_cookies_on(answer: Answer, response: Response) -> None:
    for cookie in answer.headers.get_list("set-cookie"):
        response.headers.append("set-cookie", cookie)


@router.post("/sign-out")
async def sign_out(visit: AnyVisit) -> Response:
    """End the session; whoever has none is signed out already."""
    response = visit.go("/sign-in", done="signed_out")
    try:
        _pass_cookies_on(await visit.api.send("POST", "/v1/sign-out"), response)
    except Refused as refused:
        # Only who is signed out already is told so; else the session would live on unseen.
        if refused.status != HTTPStatus.UNAUTHORIZED:
            raise
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
        sent = await visit.api.post("/v1/codes", {"purpose": "step_up"}, key=form.key)
        return visit.go(_with_next(f"/confirm?code_id={sent['code_id']}", form))
    except Refused as refused:
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
            await visit.api.post("/v1/step-up", body, key=form.key)
            return visit.go(own_path(form.text("next")), done="confirmed")
        except Refused as refused:
            form.refuse(refused)
    return visit.again("confirm.html", form)
