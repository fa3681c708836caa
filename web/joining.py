"""Joining with national id, name and mobile; and the terms of membership.

An invitation's token stands behind ``#`` of its link, see ``web.staff_account``.
"""

from __future__ import annotations

import contextlib
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import joining
from api.account.sessions import MemberSignIn
from api.client import checked
from api.invitation import InvitationOut, InvitationToken, open_invitation
from domain.errors import NotFound, Refusal
from web.account import Next, own_path, with_cookies, with_next
from web.codes import Asking, times_in
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import AnyRequest, PageRequest, SignedIn, SignInNeeded, authenticate

router = APIRouter()

NOTES: Final = {
    "joined": _("Welcome. You are a member now."),
    "terms_accepted": _("Thank you. The terms are accepted."),
}

_TYPED: Final = ("national_id", "first_name", "last_name", "mobile")
_ASKING: Final = Asking("/join", (*_TYPED, "terms_version", "invitation"))


@router.get("/join")
async def show_joining(request: AnyRequest, next: Next = "/") -> Response:  # noqa: A002 - its usual name
    """Where a person who is no member yet begins, by an invitation or without one."""
    return await _form(request, _ASKING.form(request, next=next))


async def _form(request: PageRequest, form: Form, invited: InvitationOut | None = None) -> Response:
    terms = await request.api.call(joining.read_terms)
    show = request.render if form.is_good else request.render_again
    return show("join.html", form=form, terms=terms, invited=invited)


@router.post("/join/invitation")
async def show_inviter(request: AnyRequest) -> Response:
    """Who invites; whatever is wrong with the invitation, joining is possible without."""
    form = await request.form()
    token, invited = _token(form), None
    try:
        invited = await request.api.call(open_invitation, checked(InvitationToken, token=token)) if token else None
    except NotFound:
        form.errors["invitation"] = request.language.translate("This invitation is over. You can join without it.")
    except Refusal as refused:
        form.errors["invitation"] = refused.sentence(request.language.code)
    return await _form(request, form, invited)


def _token(form: Form) -> str:
    return form.text("invitation").rpartition("#")[2]


@router.post("/join")
async def ask_to_join(request: AnyRequest) -> Response:
    """Ask to join; no matter who they are, the next page is the same."""
    form = await request.form()
    typed = {name: form.required(name) for name in _TYPED}
    version = form.version("terms_version")
    if not version:
        form.errors["terms_version"] = request.language.translate("To join, please accept the terms.")
    if form.is_good:
        try:
            body = checked(joining.JoiningIn, **typed, terms_version=version, invitation=_token(form) or None)
            challenge = await request.api.call(joining.request_joining, body)
            return _ASKING.sent(request, form, with_next(f"/join/code?challenge={challenge.challenge_id}", form))
        except Refusal as refused:
            if page := _ASKING.refused(request, form, refused):
                return page
    return await _form(request, form)


@router.get("/join/code")
async def show_joining_code(request: AnyRequest, challenge: UUID, next: Next = "/") -> Response:  # noqa: A002
    """Where the code is typed."""
    form = empty(request.language, next=next, challenge_id=challenge, **times_in(request))
    return request.render("join_code.html", form=form)


@router.post("/join/code")
async def join(request: AnyRequest) -> Response:
    """Become a member."""
    form = await request.form()
    challenge_id, code = form.text("challenge_id"), form.required("code")
    if form.is_good:
        try:
            body = checked(MemberSignIn, challenge_id=challenge_id, code=code, transport="cookie")
            await request.api.call(joining.join, body)
            return with_cookies(request, request.redirect(own_path(form.text("next")), done="joined"))
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("join_code.html", form)


@router.get("/terms")
async def show_terms(request: AnyRequest) -> Response:
    """The terms, for everybody; members who have not accepted them do it here."""
    with contextlib.suppress(SignInNeeded):
        await authenticate(request)
    return await _terms(request, empty(request.language))


async def _terms(request: PageRequest, form: Form) -> Response:
    show = request.render if form.is_good else request.render_again
    return show("terms.html", form=form, terms=await request.api.call(joining.read_terms))


@router.post("/terms")
async def accept_terms(request: SignedIn) -> Response:
    """Accept the version that was read."""
    form = await request.form()
    try:
        body = checked(joining.TermsAcceptance, version=form.version())
        await request.api.perform(joining.accept_terms, form.key, body)
        return request.redirect("/", done="terms_accepted")
    except Refusal as refused:
        form.refuse(refused)
    return await _terms(request, form)
