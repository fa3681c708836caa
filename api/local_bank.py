"""The way to the bank of a stand-alone stack, for its page; there is none anywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import Request

from domain.errors import NotFound
from gateways.local_bank import ASKED_BEFORE_CLEAR, USUAL_CARD, LocalBank, LocalPayment, UnknownAuthority

__all__ = ["ASKED_BEFORE_CLEAR", "USUAL_CARD", "LocalPayment", "at_bank"]


async def at_bank(request: Request, work: Callable[[LocalBank], LocalPayment]) -> LocalPayment:
    """A payment, after something was done with it at the bank.

    Raises:
        NotFound: the bank knows no such payment, or there is no bank.
    """
    bank: LocalBank | None = request.app.state.local_bank
    if bank is None:
        raise NotFound
    try:
        return await asyncio.to_thread(work, bank)
    except UnknownAuthority:
        raise NotFound from None
