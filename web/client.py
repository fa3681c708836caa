"""The pages' only way to anything: the API's operations, called in this process on behalf of whoever visits (H6).

So every right, rule and limit is judged in one place, and no page can do what the API cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx2
from starlette.requests import Request
from starlette.types import ASGIApp

SESSION_COOKIE: Final = "__Host-session"
# What of the visitor's request the API judges by, besides who they are: that it came from our own page.
_PASSED_ON: Final = (b"origin", b"sec-fetch-site", b"host")
_TIMEOUT_SECONDS: Final = 60.0
# A form that is sent twice at once waits for the answer to the first: so often, so long apart.
_IN_FLIGHT: Final = "idempotency_key_in_flight"
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.25


class Refused(Exception):
    """The API refused; the problem says why in both languages, and nothing has changed."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["code"])
        self.status = status
        self.code: str = problem["code"]
        self.field: str | None = problem.get("field")
        self.fields: list[str] = [found["field"] for found in problem.get("errors", [])]
        self.words = {"fa": problem["detail"], "en": problem["detail_en"]}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered: its JSON, and the header fields that pages need."""

    status: int
    json: Any
    headers: httpx2.Headers


class Api:
    """The API as a visitor may use it."""

    def __init__(self, app: ASGIApp, request: Request) -> None:
        self._app = app
        self._client = (request.client.host, request.client.port) if request.client else ("", 0)
        # Names no host: what the visitor's browser called us goes on as it came, whatever it is.
        self._base = f"{request.url.scheme}://pages.internal"
        self._headers = [(name, value) for name, value in request.headers.raw if name in _PASSED_ON]
        token = request.cookies.get(SESSION_COOKIE, "")
        if token.isascii() and token.isprintable():
            self._headers.append((b"cookie", f"{SESSION_COOKIE}={token}".encode()))

    async def get(self, path: str, **query: Any) -> Any:
        """Read something. Raises Refused."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return (await self.send("GET", path, params=wanted)).json

    async def post(self, path: str, body: object = None, *, key: str = "", if_match: int | None = None) -> Any:
        """Send a command. Raises Refused.

        Args:
            path: of the operation.
            body: its JSON.
            key: the Idempotency-Key: the same for the same form, however often it is sent (H1).
            if_match: the version of what the visitor looked at.
        """
        return (await self.send("POST", path, body, key=key, if_match=if_match)).json

    async def put(self, path: str, body: object, *, key: str = "") -> Any:
        """Replace something. Raises Refused."""
        return (await self.send("PUT", path, body, key=key)).json

    async def upload(self, path: str, content: AsyncIterable[bytes], *, key: str, media_type: str) -> Any:
        """Send a file as it comes in. Raises Refused."""
        headers = {"Idempotency-Key": key, "Content-Type": media_type}
        return _checked(await self._send("POST", path, headers=headers, content=content)).json

    async def download(self, path: str, **query: Any) -> httpx2.Response:
        """A file. Raises Refused."""
        response = await self._send("GET", path, params=query)
        if not response.is_success:
            _checked(response)
        return response

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, Any] | None = None,
        key: str = "",
        if_match: int | None = None,
    ) -> Answer:
        """Call an operation. Raises Refused."""
        headers = {}
        if method != "GET":
            headers["Idempotency-Key"] = key or str(uuid4())
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        for _ in range(_LOOKS):
            with contextlib.suppress(_StillRunning):
                return _checked(await self._send(method, path, params=params, headers=headers, json=body))
            await asyncio.sleep(_LOOK_SECONDS)
        return _checked(await self._send(method, path, params=params, headers=headers, json=body))

    async def _send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        given = [(name.encode(), value.encode()) for name, value in request.pop("headers", {}).items()]
        transport = httpx2.ASGITransport(self._app, client=self._client)
        async with httpx2.AsyncClient(
            transport=transport, base_url=self._base, timeout=_TIMEOUT_SECONDS, trust_env=False
        ) as client:
            return await client.request(method, path, headers=[*self._headers, *given], **request)


class _StillRunning(Refused):
    """The same form is being done at this moment."""


def _checked(response: httpx2.Response) -> Answer:
    body: Any = response.json() if response.content else None
    if not response.is_success:
        kind = _StillRunning if body["code"] == _IN_FLIGHT else Refused
        raise kind(response.status_code, body)
    return Answer(response.status_code, body, response.headers)
