"""Zibal's ``v1``: request, verify and inquiry, as its documentation of 2026 has them. Amounts are rial.

It gives nothing back through this interface. Its verify takes whatever was paid, so the amount is looked at before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar, Final

import httpx2

from gateways.gateway_call import SECONDS, ask, is_another, number
from gateways.payment import (
    GatewayRefused,
    GatewayUnclear,
    LinkRequest,
    NotPaid,
    Outcome,
    Paid,
    PaymentLink,
    StillOpen,
    UnknownToGateway,
    masked_card,
)

_DONE: Final = 100
_VERIFIED_BEFORE: Final = 201
_NO_SUCH_PAYMENT: Final = 203
# A merchant or address of ours that it does not know, an amount out of its bounds, a request of a wrong form. Not 112:
# the wallet for fees ran dry, which a top-up ends.
_REFUSED: Final = frozenset({102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 113, 114, 115, 116})
# Of these: there is no such merchant, it is not active, it is not valid.
_UNKNOWN: Final = frozenset({102, 103, 104})

_WAITING: Final = -1
_VERIFIED: Final = 1
_PAID: Final = 2
_NOT_PAID: Final = {
    3: "cancelled",
    # Card, balance, PIN, limits of the day, the card's bank, the switch, the acceptor.
    **dict.fromkeys((4, 5, 6, 7, 8, 9, 10, 11, 12, 21), "failed"),
    # Refunded, reversed. What is still being refunded (16) is neither ours nor the payer's: it is asked for again.
    **dict.fromkeys((15, 18), "reversed"),
}


@dataclass(frozen=True, slots=True)
class Zibal:
    """Zibal; an attempt's authority is its ``trackId``, which is the payment's reference too.

    ``refNumber`` is the bank's, which several payments may share and a trial payment does not have.

    Args:
        client: carries the calls; the caller closes it.
        merchant: our code at Zibal, sent in the body.
        base: of every address.
        seconds: for which an answer is waited.
    """

    client: httpx2.AsyncClient
    merchant: str = field(repr=False)
    base: str = "https://gateway.zibal.ir"
    seconds: float = SECONDS
    name: ClassVar[str] = "zibal"
    reverses_within: ClassVar[timedelta | None] = None
    refunds_from: ClassVar[int | None] = None

    async def request_link(self, request: LinkRequest) -> PaymentLink:
        """See ``PaymentGateway.request_link``. No other cards may pay than those that are named."""
        content: dict[str, object] = {
            "amount": request.amount,
            "callbackUrl": request.callback,
            "orderId": request.order,
            "description": request.description,
        }
        if request.cards:
            content["allowedCards"] = list(request.cards)
        result, body = await self._call("request", content)
        track = number(body, "trackId")
        if result != _DONE or track is None or track <= 0:
            raise _unclear(result)
        return PaymentLink(str(track), f"{self.base}/start/{track}")

    async def settle(self, authority: str, amount: int, order: str) -> Outcome:
        """See ``PaymentGateway.settle``. A payment that waits to be verified is, if its amount is ours."""
        result, told = await self._about("inquiry", authority, order)
        if result == _NO_SUCH_PAYMENT:
            return NotPaid("unknown_authority")
        if result != _DONE:
            raise _unclear(result)
        status = number(told, "status")
        if status == _VERIFIED:
            return _paid(authority, told, told)
        if status == _PAID:
            return await self._verify(authority, amount, order, told)
        if status == _WAITING:
            return StillOpen()
        if status in _NOT_PAID:
            return NotPaid(_NOT_PAID[status])
        raise GatewayUnclear("zibal_status_unknown" if status is None else f"zibal_status_{status}")

    async def _verify(self, authority: str, amount: int, order: str, told: dict[str, Any]) -> Outcome:
        """Take what was paid. Said again, verify leaves the amount out: then the inquiry has it."""
        if _amount(told) != amount:
            return NotPaid("amount_differs")
        result, verified = await self._about("verify", authority, order)
        if result == _DONE:
            return _paid(authority, told, told | verified)
        if result != _VERIFIED_BEFORE:
            raise _unclear(result)
        result, now = await self._about("inquiry", authority, order)
        if result != _DONE or number(now, "status") != _VERIFIED:
            raise GatewayUnclear("zibal_verified_by_halves")
        return _paid(authority, now, now)

    async def reverse(self, authority: str) -> str:  # noqa: ARG002 - it reverses nothing
        """See ``PaymentGateway.reverse``; never."""
        raise GatewayRefused("zibal_reverses_nothing")

    async def refund(self, authority: str, amount: int, key: str, reference: str) -> str:  # noqa: ARG002 - see reverse
        """See ``PaymentGateway.refund``; never."""
        raise GatewayRefused("zibal_refunds_nothing")

    async def refunded(self, authority: str, key: str, reference: str) -> bool | None:  # noqa: ARG002 - see reverse
        """See ``PaymentGateway.refunded``; it has no such keys."""
        return None

    async def list_day(self, day: date) -> None:
        """None: its documented calls are about single payments."""

    async def _about(self, method: str, authority: str, order: str) -> tuple[int, dict[str, Any]]:
        """What it says about one attempt, which must be ours."""
        track = number({"trackId": authority}, "trackId")
        if track is None:
            raise GatewayRefused("zibal_authority_malformed")
        result, body = await self._call(method, {"trackId": track})
        if is_another(body.get("orderId"), order) or is_another(body.get("trackId"), authority):
            raise GatewayUnclear("zibal_another_order")
        return result, body

    async def _call(self, method: str, content: dict[str, object]) -> tuple[int, dict[str, Any]]:
        address = f"{self.base}/v1/{method}"
        answer = await ask(self.client, self.name, address, {"merchant": self.merchant} | content, seconds=self.seconds)
        result = number(answer.body, "result")
        if result is None or (answer.is_error and result in {_DONE, _VERIFIED_BEFORE}):
            raise GatewayUnclear("zibal_unreadable")
        if result in _UNKNOWN:
            raise UnknownToGateway(f"zibal_{result}")
        if result in _REFUSED:
            raise GatewayRefused(f"zibal_{result}")
        return result, answer.body


def _paid(authority: str, inquired: dict[str, Any], told: dict[str, Any]) -> Paid:
    wage = number(inquired, "wage")
    return Paid(
        authority, _amount(told), masked_card(told.get("cardNumber")), wage if wage is not None and wage >= 0 else None
    )


def _amount(told: dict[str, Any]) -> int:
    amount = number(told, "amount")
    if amount is None or amount <= 0:
        raise GatewayUnclear("zibal_amount_unreadable")
    return amount


def _unclear(result: int) -> GatewayUnclear:
    return GatewayUnclear(f"zibal_{result}")
