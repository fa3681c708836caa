"""One call of a payment gateway: JSON both ways, bounded in time and size; what is no answer is ``GatewayUnclear``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from gateways.payment import GatewayUnclear

# What takes longer is asked for again rather than waited for.
SECONDS: Final = 8.0
_CONNECT_SECONDS: Final = 3.0
_REDIRECT: Final = 300
_CLIENT_ERROR: Final = 400
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_LARGEST: Final = 64 * 1024
_LONGEST_NUMBER: Final = 20


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """A JSON object and the status with which it came."""

    status: int
    body: dict[str, Any]

    @property
    def is_error(self) -> bool:
        """Whether HTTP calls it an error of the caller; errors of the server are no answers."""
        return self.status >= _CLIENT_ERROR


async def ask(
    client: httpx2.AsyncClient,
    gateway: str,
    address: str,
    content: Mapping[str, object],
    *,
    seconds: float = SECONDS,
    token: str = "",
) -> GatewayAnswer:
    """Post one question.

    Args:
        client: carries it.
        gateway: its name, with which reasons begin.
        address: holds no secret, for it is logged.
        content: the question.
        seconds: for which an answer is waited, apart from connecting.
        token: a bearer's, if it takes one.

    Raises:
        GatewayUnclear: it was not answered, or not by a JSON object. The question may have had its effect all the same.
    """
    try:
        status, raw = await _exchange(client, address, content, seconds, token)
    except (httpx2.RequestError, TimeoutError) as error:
        # Without the cause: it holds the request, and with it the key.
        raise GatewayUnclear(f"{gateway}_unreachable_{type(error).__name__}") from None
    if _REDIRECT <= status < _CLIENT_ERROR or status == _TOO_MANY or status >= _SERVER_ERROR:
        raise GatewayUnclear(f"{gateway}_http_{status}")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise GatewayUnclear(f"{gateway}_unreadable")
    return GatewayAnswer(status, body)


async def _exchange(
    client: httpx2.AsyncClient, address: str, content: Mapping[str, object], seconds: float, token: str
) -> tuple[int, bytes]:
    """Status and body; what is longer than any answer is cut, and so cannot be read. The whole of it has one limit."""
    connect = min(seconds, _CONNECT_SECONDS)
    # Compressed, a small answer could be a large one.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with (
        asyncio.timeout(connect + seconds),
        client.stream(
            "POST",
            address,
            json=content,
            headers=headers,
            timeout=httpx2.Timeout(seconds, connect=connect),
            follow_redirects=False,
        ) as response,
    ):
        raw = b""
        async for part in response.aiter_raw():
            raw += part
            if len(raw) > _LARGEST:
                return response.status_code, b""
        return response.status_code, raw


def number(holder: object, name: str) -> int | None:
    """A whole number of an answer, which gateways write with quotes or without; None if it is none."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if (
        isinstance(value, str)
        and len(value) <= _LONGEST_NUMBER
        and value.isascii()
        and value.removeprefix("-").isdigit()
    ):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_another(told: object, ours: str) -> bool:
    """Whether an answer names something else than what was asked about; it may name nothing."""
    return told is not None and told != "" and str(told) != ours
