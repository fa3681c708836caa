"""One's own profile: who one is, credit, e-mail, language, sessions; staff see their sessions (G1)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import profile
from api.client import checked
from api.onboarding import Programmes, list_credit_lines, list_programmes
from api.values import AmountOut
from domain.errors import Refusal, StepUpRequired
from web.account import keep_language
from web.codes import Asking, times_in
from web.forms import Form
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

_ASKING: Final = Asking("/profile/email", ("email",))
NOTES: Final = {
    "email_confirmed": _("Your e-mail address is confirmed."),
    "email_removed": _("Your e-mail address is removed."),
    "session_ended": _("The session is ended."),
    "sessions_ended": _("Your other sessions are ended."),
    "language_kept": _("Your language is kept."),
}


@router.get("/profile")
async def show_profile(request: SignedIn) -> Response:
    """All of it."""
    return await _profile(request, Form(request.language, {"language": request.language.code}))


async def _profile(request: PageRequest, form: Form) -> Response:
    read = request.api.read
    shown: dict[str, Any] = {"sessions": (await read(profile.list_sessions)).items, "profile": None}
    if request.user.is_member:
        offer = await read(list_programmes)
        shown |= {
            "profile": await read(profile.read_profile),
            "lines": (await read(list_credit_lines, is_open=True)).items,
            "possible": _possible(offer),
            "mobile_disputed": offer.mobile_disputed,
        }
    show = request.render if form.is_good else request.render_again
    return show("profile.html", form=form, **shown)


def _possible(offer: Programmes) -> list[dict[str, Any]]:
    """What could be applied for now, to the rial: by programme and employer, as ``/apply`` takes it."""
    return [
        {
            "code": programme.code,
            "title": programme.title,
            "organisation": limit.organisation_name,
            "monthly": limit.monthly_limit,
            "instalments": programme.instalments_max,
            "ceiling": AmountOut.of(limit.monthly_limit.amount * programme.instalments_max),
        }
        for programme in offer.items
        for limit in programme.limits
        if offer.takes_applications and not programme.open_case_id
        if limit.contract_in_force and limit.monthly_limit.amount
    ]


@router.post("/profile/language")
async def choose_language(request: SignedIn) -> Response:
    """Keep the language here and wherever one signs in."""
    form = await request.form()
    try:
        body = checked(profile.Preferences, language=form.text("language"))
        chosen = await request.api.perform(profile.choose_preferences, form.key, body)
        return keep_language(request.redirect("/profile", done="language_kept"), chosen.language)
    except Refusal as refused:
        form.refuse(refused)
    return await _profile(request, form)


@router.post("/profile/sessions/{session_id}/end")
async def end_session(request: SignedIn, session_id: UUID) -> Response:
    """End one session."""
    form = await request.form()
    try:
        await request.api.perform(profile.end_session, form.key, session_id)
        return request.redirect("/profile", done="session_ended")
    except Refusal as refused:
        form.refuse(refused)
    return await _profile(request, form)


@router.post("/profile/sessions/end")
async def end_other_sessions(request: SignedIn) -> Response:
    """End all sessions but this one."""
    form = await request.form()
    try:
        await request.api.perform(profile.end_other_sessions, form.key)
        return request.redirect("/profile", done="sessions_ended")
    except Refusal as refused:
        form.refuse(refused)
    return await _profile(request, form)


@router.get("/profile/email")
async def show_email(request: SignedIn, code_id: UUID | None = None) -> Response:
    """Where the address is typed, then the code that went to it."""
    return request.render("profile_email.html", form=_ASKING.form(request, code_id=code_id or "", **times_in(request)))


@router.post("/profile/email")
async def send_email_code(request: SignedIn) -> Response:
    """Have a code sent to the address; it stands in no address of ours."""
    form = await request.form()
    email = form.required("email")
    if form.is_good:
        try:
            body = checked(profile.EmailIn, email=email)
            sent = await request.api.perform(profile.send_email_code, form.key, body)
            return _ASKING.sent(request, form, f"/profile/email?code_id={sent.code_id}")
        except StepUpRequired:
            return request.redirect("/confirm?next=/profile/email")
        except Refusal as refused:
            if before := _ASKING.refused(request, form, refused):
                return before
    return request.render_again("profile_email.html", form)


@router.post("/profile/email/code")
async def confirm_email(request: SignedIn) -> Response:
    """Make the address one's own."""
    form = await request.form()
    code_id, code = form.text("code_id"), form.required("code")
    if form.is_good:
        try:
            body = checked(profile.EmailConfirmation, code_id=code_id, code=code)
            await request.api.perform(profile.confirm_email, form.key, body)
            return request.redirect("/profile", done="email_confirmed")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("profile_email.html", form)


@router.post("/profile/email/removal")
async def remove_email(request: SignedIn) -> Response:
    """Forget the address."""
    form = await request.form()
    try:
        await request.api.perform(profile.remove_email, form.key)
        return request.redirect("/profile", done="email_removed")
    except StepUpRequired:
        return request.redirect("/confirm?next=/profile")
    except Refusal as refused:
        form.refuse(refused)
    return await _profile(request, form)
