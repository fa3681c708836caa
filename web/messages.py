"""The member's own messages: every SMS that they got, as it was written (A9)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.notice import list_messages
from api.values import IdCursor
from web.page_request import SignedIn

router = APIRouter()


@router.get("/messages")
async def show_messages(request: SignedIn, before: IdCursor) -> Response:
    """What was sent to the member, newest first."""
    found = await request.api.read(list_messages, before)
    return request.render("messages.html", messages=found.items, next=found.next)
