"""ZarinPal and Zibal, as their documentation says that they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.gateways.provider import Asked, Reply

MERCHANT = "7d1f3c52-0000-4111-8222-secret000001"
TOKEN = "eyJ-secret-access-token"
TERMINAL = "1915487"
CARD = "502229******5995"


@dataclass
class Attempt:
    """What a provider knows of a payment."""

    amount: int
    order: str
    status: str | int
    reference: int
    minutes: int = 0
    # What was refunded, by the description under which it was.
    refunds: dict[str, int] = field(default_factory=dict)


def _zarinpal_error(code: int) -> Reply:
    return Reply({"data": [], "errors": {"code": code, "message": "…", "validations": []}}, 422)


@dataclass
class ZarinpalStand:
    """ZarinPal's v4 and its GraphQL."""

    attempts: dict[str, Attempt] = field(default_factory=dict)
    refused: int | None = None

    def __call__(self, asked: Asked) -> Reply:
        """Answer one request."""
        if asked.path == "/api/v4/graphql/":
            return self._graphql(asked)
        if self.refused is not None:
            return _zarinpal_error(self.refused)
        method = asked.path.removeprefix("/pg/v4/payment/").removesuffix(".json")
        if asked.content.pop("merchant_id") != MERCHANT:
            return _zarinpal_error(-10)
        if method == "request":
            return self._request(asked.content)
        attempt = self.attempts.get(asked.content["authority"])
        if attempt is None:
            return _zarinpal_error(-54)
        answer: Reply = getattr(self, f"_{method}")(attempt, asked.content)
        return answer

    def _request(self, content: dict[str, Any]) -> Reply:
        authority = f"A{len(self.attempts):035}"
        self.attempts[authority] = Attempt(
            content["amount"], content["metadata"]["order_id"], "IN_BANK", 201 + len(self.attempts)
        )
        told = {"code": 100, "message": "Success", "authority": authority, "fee_type": "Merchant", "fee": 100}
        return Reply({"data": told, "errors": []})

    def _verify(self, attempt: Attempt, content: dict[str, Any]) -> Reply:
        if content["amount"] != attempt.amount:
            return _zarinpal_error(-50)
        if attempt.status not in {"PAID", "VERIFIED"}:
            return _zarinpal_error(-51)
        code = 100 if attempt.status == "PAID" else 101
        attempt.status = "VERIFIED"
        told = {"code": code, "message": "Paid", "ref_id": attempt.reference, "card_pan": CARD, "card_hash": "C257"}
        told |= {"fee_type": "Merchant", "fee": 3500, "shaparak_fee": "1200", "order_id": attempt.order, "wages": []}
        return Reply({"data": told, "errors": []})

    def _inquiry(self, attempt: Attempt, _: dict[str, Any]) -> Reply:
        return Reply({"data": {"status": attempt.status, "code": 100, "message": "Success"}, "errors": []})

    def _reverse(self, attempt: Attempt, _: dict[str, Any]) -> Reply:
        if attempt.status not in {"PAID", "VERIFIED"}:
            return _zarinpal_error(-61)
        if attempt.minutes > 30:
            return _zarinpal_error(-63)
        attempt.status = "REVERSED"
        return Reply({"data": {"code": 100, "message": "Reversed"}, "errors": []})

    def _graphql(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"errors": [{"message": "Unauthenticated."}]}, 401)
        variables = asked.content["variables"]
        if "mutation" in asked.content["query"]:
            return self._refund(variables)
        assert variables["terminal_id"] == TERMINAL
        found = [
            {
                "id": f"38{attempt.reference}",
                "authority": authority,
                "amount": attempt.amount,
                "timeline": _timeline(attempt),
            }
            for authority, attempt in self.attempts.items()
            if variables["reference_id"] in str(attempt.reference)
        ]
        return Reply({"data": {"Session": found}})

    def _refund(self, variables: dict[str, Any]) -> Reply:
        (attempt,) = (one for one in self.attempts.values() if f"38{one.reference}" == variables["session_id"])
        if sum(attempt.refunds.values()) + variables["amount"] > attempt.amount:
            return Reply({"errors": [{"message": "amount"}], "data": {"resource": None}})
        attempt.refunds[variables["description"]] = variables["amount"]
        told = {"id": variables["session_id"], "timeline": _timeline(attempt)}
        return Reply({"data": {"resource": told}})


def _timeline(attempt: Attempt) -> dict[str, Any]:
    last = list(attempt.refunds.values())[-1:]
    return {"refund_status": "PENDING" if last else None, "refund_amount": last[0] if last else None}


@dataclass
class ZibalStand:
    """Zibal's v1."""

    attempts: dict[str, Attempt] = field(default_factory=dict)
    refused: int | None = None

    def __call__(self, asked: Asked) -> Reply:
        """Answer one request."""
        if self.refused is not None:
            return Reply({"result": self.refused, "message": "…"})
        if asked.content.pop("merchant") != MERCHANT:
            return Reply({"result": 102, "message": "merchant not found"})
        if asked.path == "/v1/request":
            return self._request(asked.content)
        attempt = self.attempts.get(str(asked.content["trackId"]))
        if attempt is None:
            return Reply({"result": 203, "message": "invalid trackId"})
        if asked.path == "/v1/inquiry":
            return Reply({"result": 100, "message": "success", "wage": 1200} | _told(attempt))
        return _verified(attempt)

    def _request(self, content: dict[str, Any]) -> Reply:
        track = str(15966442233311 + len(self.attempts))
        self.attempts[track] = Attempt(content["amount"], content["orderId"], -1, 12312)
        return Reply({"trackId": int(track), "result": 100, "message": "success"})


def _verified(attempt: Attempt) -> Reply:
    if attempt.status == 1:
        return Reply({"result": 201, "message": "verified before"})
    if attempt.status != 2:
        return Reply({"result": 202, "message": "not paid"})
    attempt.status = 1
    return Reply({"result": 100, "message": "success"} | _told(attempt))


def _told(attempt: Attempt) -> dict[str, Any]:
    told = {"amount": attempt.amount, "status": attempt.status, "orderId": attempt.order}
    paid = {"refNumber": attempt.reference, "cardNumber": "62741****44", "paidAt": "2026-03-25T23:43:01.053000"}
    return told | (paid if attempt.status in {1, 2} else {})
