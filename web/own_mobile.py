"""The pages on which a member without an employer changes the mobile (G2)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import own_mobile
from api.client import checked
from domain.errors import Refusal
from web.codes import Asking, times_in
from web.language import noop as _
from web.page_request import SignedIn

router = APIRouter()

_ASKING: Final = Asking("/profile/mobile", ("mobile",))
NOTES: Final = {"mobile_changed": _("Your number is changed. Sign in with the new one.")}


@router.get("/profile/mobile")
async def show_own_mobile(request: SignedIn, old: UUID | None = None, new: UUID | None = None) -> Response:
    """Where the new number is typed, then both codes."""
    form = _ASKING.form(request, old__code_id=old or "", new__code_id=new or "", **times_in(request))
    return request.render("own_mobile.html", form=form)


@router.post("/profile/mobile")
async def request_own_mobile(request: SignedIn) -> Response:
    """Have both codes sent; the number stands in no address."""
    form = await request.form()
    mobile = form.required("mobile")
    if form.is_good:
        try:
            body = checked(own_mobile.OwnMobileIn, mobile=mobile)
            sent = await request.api.perform(own_mobile.request_own_mobile, form.key, body)
            page = f"/profile/mobile?old={sent.old_code_id}&new={sent.new_code_id}"
            return _ASKING.sent(request, form, page)
        except Refusal as refused:
            if before := _ASKING.refused(request, form, refused):
                return before
    return request.render_again("own_mobile.html", form)


@router.post("/profile/mobile/codes")
async def confirm_own_mobile(request: SignedIn) -> Response:
    """Change it: this session has ended then, as all others."""
    form = await request.form()
    typed = {
        which: {"code_id": form.text(f"{which}.code_id"), "code": form.required(f"{which}.code")}
        for which in ("old", "new")
    }
    if form.is_good:
        try:
            body = checked(own_mobile.OwnMobileConfirmation, **typed)
            await request.api.perform(own_mobile.confirm_own_mobile, form.key, body)
            return request.redirect("/sign-in", done="mobile_changed")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("own_mobile.html", form)
