"""Help and contact, for everybody (G8)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.contact import read_contact
from web.page_request import AnyRequest, recognise

router = APIRouter()


@router.get("/help")
async def show_contact(request: AnyRequest) -> Response:
    """Whom to call, and where the application is."""
    await recognise(request)
    return request.render("contact.html", contact=await request.api.call(read_contact))
