"""The page on which a member invites somebody."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from api import invitation
from api.client import checked
from domain.errors import Refusal
from web.forms import empty
from web.language import noop as _
from web.page_request import SignedIn

router = APIRouter()

NOTES: Final = {"invited": _("The invitation is on its way.")}


@router.get("/invite")
async def show_invitation(request: SignedIn) -> Response:
    """Whom to invite."""
    return request.render("invite.html", form=empty(request.language))


@router.post("/invite")
async def invite(request: SignedIn) -> Response:
    """Send it; the page that follows is the same no matter who it is."""
    form = await request.form()
    mobile = form.required("mobile")
    if form.is_good:
        try:
            await request.api.perform(invitation.invite, form.key, checked(invitation.InvitationIn, mobile=mobile))
            return request.redirect("/invite", done="invited")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("invite.html", form)
