"""The member's own messages: every SMS that they got, as it was written (A9)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from web.visit import SignedIn

router = APIRouter()


@router.get("/messages")
async def show_messages(visit: SignedIn, cursor: str | None = None) -> Response:
    """What was sent to the member, newest first."""
    found = await visit.api.get("/v1/messages", cursor=cursor)
    return visit.page("messages.html", messages=found["items"], next=found["next"])
