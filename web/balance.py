"""The member's balance and each movement of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.balance import list_balance_entries, read_balance
from api.values import Cursor
from web.page_request import SignedIn

router = APIRouter()


@router.get("/balance")
async def show_balance(request: SignedIn, cursor: Cursor = None) -> Response:
    """How the balance stands, and its movements, oldest first, with the balance after each."""
    page = await request.api.read(list_balance_entries, cursor)
    return request.render(
        "balance.html",
        balance=await request.api.read(read_balance),
        movements=page.items,
        next=page.next,
        is_first=cursor is None,
    )
