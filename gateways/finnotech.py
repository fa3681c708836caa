"""Finnotech's inquiries about bank accounts: ``cardOwnerVerification`` and ``ibanInquiry``, with its OAuth2 token."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx2

from domain.bank_account import same_person
from gateways.account_owner import AccountUnknown, Holder, Ownership

_OK: Final = 200
_UNAUTHORISED: Final = 401
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_SCOPES: Final = "kyc:card-owner-verification:post,oak:iban-inquiry:get"
# A new token is asked for when so much of the old one's life is left.
_LEFT_OF_LIFE: Final = 0.1

_NO_ALERT: Final = "00"
# "Invalid IBAN" and "Invalid Bank Bic Code": nobody's, so it is not the holder's.
_NO_SUCH_ACCOUNT: Final = frozenset({"01", "04"})
# "Destination Time Out" and "Destination Not Found": the bank did not answer.
_BANK_AWAY: Final = frozenset({"05", "06"})
# Active, and blocked but open to deposits.
_TAKES_MONEY: Final = frozenset({"02", "03"})
# "An error while answering".
_STATUS_UNKNOWN: Final = "06"


@dataclass(frozen=True, slots=True)
class _Token:
    """``renew_at`` is a time of the event loop, in seconds."""

    value: str = field(repr=False)
    renew_at: float


@dataclass(slots=True)
class FinnotechAccountOwners:
    """Asks Finnotech; what it says of an account is compared and forgotten.

    A card is compared by national id by Finnotech itself. Of a sheba it tells the owners' names, which are compared
    here: its services that compare a national id want a date of birth, which we do not have.

    Args:
        client: carries the calls; the caller closes it.
        client_id: of our contract with Finnotech.
        national_id: of whom the contract names, sent for each token.
        secret: the client's, sent for each token.
        seconds: for token and inquiry together; less than a message of the relay may take.
    """

    client: httpx2.AsyncClient
    client_id: str
    national_id: str = field(repr=False)
    secret: str = field(repr=False)
    base: str = "https://api.finnotech.ir"
    seconds: float = 6.0
    _token: _Token | None = field(default=None, init=False, repr=False)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def owns_card(self, holder: Holder, card: str) -> Ownership:
        """See ``AccountOwners.owns_card``."""
        path = f"/kyc/v2/clients/{self.client_id}/cardOwnerVerification"
        result = await self._ask("POST", path, {}, {"card": card, "nid": holder.national_id})
        match result:
            case {"isValid": bool(is_owner)}:
                return Ownership(is_owner)
        raise AccountUnknown("finnotech_unreadable", retryable=True)

    async def owns_sheba(self, holder: Holder, sheba: str) -> Ownership:
        """See ``AccountOwners.owns_sheba``."""
        path = f"/oak/v2/clients/{self.client_id}/ibanInquiry"
        return _ownership(await self._ask("GET", path, {"iban": sheba}, None), holder, sheba)

    async def _ask(self, method: str, path: str, query: dict[str, str], body: object) -> Any:
        try:
            async with asyncio.timeout(self.seconds):
                return await self._ask_with_token(method, path, query, body)
        except TimeoutError:
            raise AccountUnknown("finnotech_slow", retryable=True) from None

    async def _ask_with_token(self, method: str, path: str, query: dict[str, str], body: object) -> Any:
        # It names nobody: a reader of Finnotech's lists of calls learns nothing by it.
        track_id = str(uuid4())
        params, token = query | {"trackId": track_id}, await self._token_in_force(None)
        response = await self._send(method, path, token.value, params, body)
        if response.status_code == _UNAUTHORISED:
            token = await self._token_in_force(token)
            response = await self._send(method, path, token.value, params, body)
        match _read(response):
            case {"status": "DONE", "result": result, "trackId": str(said)} if said == track_id:
                return result
        raise AccountUnknown("finnotech_unreadable", retryable=True)

    async def _send(self, method: str, path: str, token: str, params: dict[str, str], body: object) -> httpx2.Response:
        return await self._call(method, path, headers={"Authorization": f"Bearer {token}"}, params=params, json=body)

    async def _call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        try:
            return await self.client.request(method, f"{self.base}{path}", timeout=self.seconds, **request)
        except httpx2.TransportError as error:
            # Without the cause: it holds the request, and with it who was asked about.
            raise AccountUnknown(f"finnotech_unreachable_{type(error).__name__}", retryable=True) from None

    async def _token_in_force(self, refused: _Token | None) -> _Token:
        """A token, another one than was refused; a caller who comes while one is fetched waits for that one."""
        async with self._renewing:
            token = self._token
            if token is None or token is refused or asyncio.get_running_loop().time() >= token.renew_at:
                token = self._token = await self._fetch_token()
            return token

    async def _fetch_token(self) -> _Token:
        body = {"grant_type": "client_credentials", "nid": self.national_id, "scopes": _SCOPES}
        asked_at = asyncio.get_running_loop().time()
        response = await self._call(
            "POST", "/dev/v2/oauth2/token", auth=httpx2.BasicAuth(self.client_id, self.secret), json=body
        )
        match _read(response):
            # Its life is counted in milliseconds.
            case {"result": {"value": str(value), "lifeTime": int(life)}} if value:
                return _Token(value, asked_at + life / 1000 * (1 - _LEFT_OF_LIFE))
        raise AccountUnknown("finnotech_token_unreadable", retryable=True)


def _read(response: httpx2.Response) -> Any:
    status = response.status_code
    if status != _OK:
        retryable = status == _TOO_MANY or status >= _SERVER_ERROR
        raise AccountUnknown(f"finnotech_http_{status}", retryable=retryable)
    try:
        return json.loads(response.content)
    except ValueError:
        raise AccountUnknown("finnotech_unreadable", retryable=True) from None


def _ownership(result: Any, holder: Holder, sheba: str) -> Ownership:
    """What an answer to ``ibanInquiry`` says of the holder; of several owners one is enough."""
    match result:
        case {"alertCode": str(alert)} if alert in _NO_SUCH_ACCOUNT:
            return Ownership(is_owner=False)
        case {"alertCode": str(alert)} if alert != _NO_ALERT:
            raise AccountUnknown(f"finnotech_alert_{alert[:2]}", retryable=alert in _BANK_AWAY)
        case {"IBAN": str(iban), "depositStatus": str(status), "depositOwners": [_, *_] as owners} if iban == sheba:
            if status == _STATUS_UNKNOWN:
                raise AccountUnknown("finnotech_status_unknown", retryable=True)
            names = [_name(owner) for owner in owners]
            is_owner = any(same_person(name, holder.name) for name in names)
            return Ownership(is_owner, is_active=status in _TAKES_MONEY)
    raise AccountUnknown("finnotech_unreadable", retryable=True)


def _name(owner: Any) -> str:
    match owner:
        case {"firstName": str(first), "lastName": str(last)}:
            return f"{first} {last}"
    raise AccountUnknown("finnotech_unreadable", retryable=True)
