"""Whose mobile it is («شاهکار»): the port, U-ID's inquiry, and the stand-alone stack's adapter."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx2

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
# Less than a message of the relay may take.
_TIMEOUT: Final = httpx2.Timeout(6.0, connect=3.0)


class OwnerUnknown(Exception):
    """The inquiry gave no answer; that is never a yes.

    Args:
        reason: a short code fit for logs; never a key, a national id or a number.
        retryable: whether a later inquiry can succeed without anybody mending anything.
    """

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class MobileOwners(Protocol):
    """Says whether a mobile is registered to a national id."""

    async def owns(self, national_id: str, mobile: str) -> bool:
        """Whether this mobile (E.164) belongs to this national id. Asking again changes nothing.

        Raises:
            OwnerUnknown: no answer, or one that is neither yes nor no.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalMobileOwners:
    """Says yes, so that invented people can join; no to a number that ends in 4040, and nothing to one in 5050."""

    async def owns(self, national_id: str, mobile: str) -> bool:  # noqa: ARG002 - nobody is registered anywhere
        """See ``MobileOwners.owns``."""
        if mobile.endswith("5050"):
            raise OwnerUnknown("local_unknown", retryable=True)
        return not mobile.endswith("4040")


_UID_DONE: Final = 0
# "The national id is not valid": nobody's, so the number is not theirs.
_UID_NO_SUCH_PERSON: Final = 3


@dataclass(frozen=True, slots=True)
class UidMobileOwners:
    """U-ID's ``mobile/owner/v2``, as its documentation 1.1.0 has it.

    Args:
        client: carries the calls; the caller closes it.
        business_id: of our contract with U-ID.
        business_token: its secret, sent in the body.
    """

    client: httpx2.AsyncClient
    business_id: str
    business_token: str = field(repr=False)
    base: str = "https://json-api.uid.ir"

    async def owns(self, national_id: str, mobile: str) -> bool:
        """See ``MobileOwners.owns``. A yes is ``isMatched`` with status 0, and nothing else."""
        body = {
            "requestContext": {"apiInfo": {"businessId": self.business_id, "businessToken": self.business_token}},
            "nationalId": national_id,
            "mobileNumber": f"0{mobile.removeprefix('+98')}",
        }
        try:
            response = await self.client.post(f"{self.base}/api/inquiry/mobile/owner/v2", json=body, timeout=_TIMEOUT)
        except httpx2.TransportError as error:
            # Without the cause: it holds the request, and with it who was asked about.
            raise OwnerUnknown(f"uid_unreachable_{type(error).__name__}", retryable=True) from None
        if response.status_code != _OK:
            raise OwnerUnknown(f"uid_http_{response.status_code}", retryable=_passes(response.status_code))
        return _answer(response.content)


def _passes(status: int) -> bool:
    return status == _TOO_MANY or status >= _SERVER_ERROR


def _answer(content: bytes) -> bool:
    try:
        body: Any = json.loads(content)
        matched, code = body["isMatched"], body["responseContext"]["status"]["code"]
    except (ValueError, KeyError, TypeError):
        raise OwnerUnknown("uid_unreadable", retryable=True) from None
    if matched is True and code == _UID_DONE:
        return True
    if matched is False and code in {_UID_DONE, _UID_NO_SUCH_PERSON}:
        return False
    raise OwnerUnknown(f"uid_{code}" if isinstance(code, int) else "uid_unreadable", retryable=True)
