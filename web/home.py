"""The first page: what a member has to do, then their cases, credit and messages; staff go to their inbox."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from web.visit import SignedIn

router = APIRouter()

_FEW: Final = 5
# More tasks than these no member has: open cases are few, and so are the persons they may stand for.
_MANY: Final = 25


@router.get("/")
async def show_home(visit: SignedIn) -> Response:
    """Home."""
    if not visit.person.is_member:
        return visit.go("/inbox")
    api = visit.api
    tasks = await api.get("/v1/tasks", limit=_MANY)
    cases = await api.get("/v1/cases", limit=_FEW)
    lines = await api.get("/v1/credit-lines", is_open=True)
    guarantees = await api.get("/v1/guarantees", limit=1)
    messages = await api.get("/v1/messages", limit=_FEW)
    return visit.page(
        "home.html",
        tasks=tasks["items"],
        cases=cases["items"],
        lines=lines["items"],
        guarantees=guarantees,
        messages=messages["items"],
    )
