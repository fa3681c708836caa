"""The first page: what a member has to do, then their cases, credit and messages; staff go to their inbox."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from api.case import list_cases
from api.guarantor import list_guarantees
from api.notice import list_messages
from api.onboarding import list_credit_lines
from api.task import list_tasks
from web.capabilities import HOME_PARTS
from web.page_request import SignedIn

router = APIRouter()

_FEW: Final = 5
# More tasks than these no member has: open cases are few, and so are the persons they may stand for.
_MANY: Final = 25


@router.get("/")
async def show_home(request: SignedIn) -> Response:
    """Home."""
    if not request.user.is_member:
        return request.redirect("/inbox")
    read = request.api.read
    credit = await read(list_credit_lines, is_open=True)
    return request.render(
        "home.html",
        tasks=(await read(list_tasks, after=None, limit=_MANY)).items,
        cases=(await read(list_cases, None, limit=_FEW)).items,
        parts_of_home=[(one.template, await one.read(request)) for one in HOME_PARTS],
        lines=credit.items,
        mobile_disputed=credit.mobile_disputed,
        guarantees=await read(list_guarantees, None, limit=1),
        messages=(await read(list_messages, None, limit=_FEW)).items,
    )
