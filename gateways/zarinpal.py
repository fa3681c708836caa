"""ZarinPal's payment ``v4``, and its refunds by GraphQL, as its documentation of 2026 has them. Amounts are rial.

A payment is taken only when we verify it (``auto_verify``), so that what we do not take goes back by itself. A refund
needs an access token and the terminal's number besides, and is addressed to a *session*, which is found by the
payment's reference. A session tells that it was refunded and how much, but not by which of our keys: what that leaves
open stays open, for a person to look at.
"""

from __future__ import annotations

import re
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
_DONE_BEFORE: Final = 101
# Our merchant id, terminal, address or contract, an amount out of bounds, or an attempt of another merchant: a person
# mends that.
_REFUSED: Final = frozenset({-9, -10, -11, -13, -14, -15, -16, -17, -18, -19, -41, -53})
# Of these: it does not know us, or has closed our terminal.
_UNKNOWN: Final = frozenset({-10, -11, -15, -16, -17, -18, -19, -53})
_ANOTHER_AMOUNT: Final = -50
_NOT_PAID: Final = -51
_NO_SUCH_ATTEMPT: Final = frozenset({-54, -55})
# The bank does not, the address of our server is not registered, too late.
_NOT_REVERSED: Final = frozenset({-60, -62, -63})
# There is nothing to reverse, or not any more.
_NO_SUCCESS: Final = -61
_AUTHORITY: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_LEAST_REFUND: Final = 20_000
_UNAUTHENTICATED: Final = 401

_SESSION: Final = """
query Sessions($terminal_id: ID!, $reference_id: String, $limit: Int) {
  Session(terminal_id: $terminal_id, reference_id: $reference_id, limit: $limit) {
    id authority amount timeline { refund_status refund_amount }
  }
}"""
_REFUND: Final = """
mutation AddRefund($session_id: ID!, $amount: BigInteger!, $description: String, $method: InstantPayoutActionTypeEnum,
                   $reason: RefundReasonEnum) {
  resource: AddRefund(session_id: $session_id, amount: $amount, description: $description, method: $method,
                      reason: $reason) {
    id timeline { refund_status refund_amount }
  }
}"""


@dataclass(frozen=True, slots=True)
class Zarinpal:
    """ZarinPal.

    Args:
        client: carries the calls; the caller closes it.
        merchant_id: our terminal's key, sent in the body.
        access_token: for refunds; without it and the terminal there are none.
        terminal_id: our terminal's number.
        base: of every address but that of refunds.
        refunds: the address of refunds.
        seconds: for which an answer is waited.
    """

    client: httpx2.AsyncClient
    merchant_id: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    terminal_id: str = ""
    base: str = "https://payment.zarinpal.com"
    refunds: str = "https://next.zarinpal.com/api/v4/graphql/"
    seconds: float = SECONDS
    name: ClassVar[str] = "zarinpal"
    reverses_within: ClassVar[timedelta | None] = timedelta(minutes=30)

    @property
    def refunds_from(self) -> int | None:
        """See ``PaymentGateway.refunds_from``."""
        return _LEAST_REFUND if self.access_token and self.terminal_id else None

    async def request_link(self, request: LinkRequest) -> PaymentLink:
        """See ``PaymentGateway.request_link``. It takes one card, and lets others pay if there are several."""
        metadata: dict[str, object] = {"order_id": request.order, "auto_verify": False}
        if len(request.cards) == 1:
            metadata["card_pan"] = request.cards[0]
        code, data = await self._call(
            "request",
            amount=request.amount,
            currency="IRR",
            callback_url=request.callback,
            description=request.description,
            metadata=metadata,
        )
        authority = data.get("authority")
        if code != _DONE or not isinstance(authority, str) or not _AUTHORITY.fullmatch(authority):
            raise _unclear(code)
        return PaymentLink(authority, f"{self.base}/pg/StartPay/{authority}")

    async def settle(self, authority: str, amount: int, order: str) -> Outcome:
        """See ``PaymentGateway.settle``. It compares the amount itself, and does not say it again."""
        code, data = await self._call("verify", amount=amount, authority=authority)
        if code in {_DONE, _DONE_BEFORE}:
            if is_another(data.get("order_id"), order) or is_another(data.get("authority"), authority):
                raise GatewayUnclear("zarinpal_another_order")
            # Verified once, it may have been reversed since.
            if code == _DONE_BEFORE and await self._status(authority) == "REVERSED":
                return NotPaid("reversed")
            return _paid(data, amount)
        if code == _ANOTHER_AMOUNT:
            return NotPaid("amount_differs")
        if code in _NO_SUCH_ATTEMPT:
            return NotPaid("unknown_authority")
        if code == _NOT_PAID:
            return _not_paid(await self._status(authority))
        raise _unclear(code)

    async def reverse(self, authority: str) -> str:
        """See ``PaymentGateway.reverse``. It has no reference of its own; the attempt's stands for it."""
        code, _ = await self._call("reverse", authority=authority)
        status = "REVERSED" if code == _DONE else await self._status(authority)
        if status == "REVERSED":
            return authority
        # No success, and yet paid: a reversal may be on its way.
        if code in _NOT_REVERSED or (code == _NO_SUCCESS and status in {"IN_BANK", "FAILED"}):
            raise GatewayRefused(f"zarinpal_{code}")
        raise _unclear(code)

    async def refund(self, authority: str, amount: int, key: str, reference: str) -> str:
        """See ``PaymentGateway.refund``. The key is its description, where a person finds it in ZarinPal's panel.

        Only a session that was not refunded, or wholly and by this very amount, tells whether the key's refund has come
        about; after a refund of a part nothing is given back here without a person.
        """
        if self.refunds_from is None or amount < self.refunds_from:
            raise GatewayRefused("zarinpal_refunds_no_such_amount")
        session = await self._session(authority, reference)
        whole = number(session, "amount")
        if whole is None or amount > whole:
            raise GatewayRefused("zarinpal_refund_over_payment")
        before = _refunded(session)
        if before is None or (before and amount != whole):
            raise GatewayUnclear("zarinpal_refunded_before")
        return str(session["id"]) if before else await self._add_refund(str(session["id"]), amount, key)

    async def refunded(self, authority: str, key: str, reference: str) -> bool | None:  # noqa: ARG002 - it tells no key
        """See ``PaymentGateway.refunded``. Everything is a yes, a failure a no, and a part could be any key's.

        Nothing is no answer: what was asked for may be on its way, and asked for again it would be another refund.
        """
        if self.refunds_from is None:
            return None
        session = await self._session(authority, reference)
        done = _refunded(session)
        if done is False and not session["timeline"].get("refund_status"):
            raise GatewayUnclear("zarinpal_no_refund_yet")
        return done

    async def list_day(self, day: date) -> None:
        """None: it documents a list of what waits to be verified (``unVerified``), and none of a day."""

    async def _add_refund(self, session: str, amount: int, key: str) -> str:
        told = await self._graphql(
            _REFUND,
            session_id=session,
            amount=amount,
            description=key,
            method="PAYA",
            reason="CUSTOMER_REQUEST",
        )
        resource = told.get("resource")
        timeline = resource.get("timeline") if isinstance(resource, dict) else None
        if not isinstance(resource, dict) or str(resource.get("id")) != session or not isinstance(timeline, dict):
            raise GatewayUnclear("zarinpal_refund_unreadable")
        if timeline.get("refund_status") == "FAILED" or number(timeline, "refund_amount") not in {None, amount}:
            raise GatewayUnclear("zarinpal_refund_failed")
        return session

    async def _session(self, authority: str, reference: str) -> dict[str, Any]:
        """The session of an attempt, with what was refunded of it."""
        told = await self._graphql(_SESSION, terminal_id=self.terminal_id, reference_id=reference, limit=10)
        rows = told.get("Session")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("authority") == authority and row.get("id"):
                return row
        raise GatewayUnclear("zarinpal_session_not_found")

    async def _status(self, authority: str) -> str:
        code, data = await self._call("inquiry", authority=authority)
        status = data.get("status")
        if code != _DONE or not isinstance(status, str):
            raise _unclear(code)
        return status

    async def _call(self, method: str, **content: object) -> tuple[int, dict[str, Any]]:
        address = f"{self.base}/pg/v4/payment/{method}.json"
        answer = await ask(
            self.client, self.name, address, {"merchant_id": self.merchant_id} | content, seconds=self.seconds
        )
        errors, data = answer.body.get("errors"), answer.body.get("data")
        code = number(errors or data, "code")
        if code is None or (code in {_DONE, _DONE_BEFORE} and (errors or answer.is_error)):
            raise GatewayUnclear("zarinpal_unreadable")
        if code in _UNKNOWN:
            raise UnknownToGateway(f"zarinpal_{code}")
        if code in _REFUSED:
            raise GatewayRefused(f"zarinpal_{code}")
        return code, data if isinstance(data, dict) else {}

    async def _graphql(self, query: str, **variables: object) -> dict[str, Any]:
        question = {"query": query, "variables": variables}
        answer = await ask(
            self.client, self.name, self.refunds, question, seconds=self.seconds, token=self.access_token
        )
        if answer.status == _UNAUTHENTICATED:
            raise GatewayRefused("zarinpal_token")
        data = answer.body.get("data")
        if answer.is_error or answer.body.get("errors") or not isinstance(data, dict):
            raise GatewayUnclear("zarinpal_graphql")
        return data


def _paid(data: dict[str, Any], amount: int) -> Paid:
    reference = number(data, "ref_id")
    if reference is None or reference <= 0:
        raise GatewayUnclear("zarinpal_no_reference")
    fee = number(data, "fee")
    # A fee that the payer bears comes on top of the amount.
    kept = {"Merchant": fee, "Payer": 0}.get(str(data.get("fee_type")))
    return Paid(
        str(reference), amount, masked_card(data.get("card_pan")), kept if kept is not None and kept >= 0 else None
    )


def _not_paid(status: str) -> Outcome:
    if status == "IN_BANK":
        return StillOpen()
    if status == "FAILED":
        return NotPaid("failed")
    if status == "REVERSED":
        return NotPaid("reversed")
    # Paid between the two questions, or a word that is not documented.
    raise GatewayUnclear("zarinpal_status_moved")


def _refunded(session: dict[str, Any]) -> bool | None:
    timeline = session.get("timeline")
    if not isinstance(timeline, dict):
        raise GatewayUnclear("zarinpal_session_unreadable")
    status, given_back = timeline.get("refund_status"), number(timeline, "refund_amount")
    if status == "FAILED" or (not status and not given_back):
        return False
    return True if given_back is not None and given_back == number(session, "amount") else None


def _unclear(code: int) -> GatewayUnclear:
    return GatewayUnclear(f"zarinpal_{code}")
