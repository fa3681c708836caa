"""The door in front of pages and API: what it asks of a request before anybody looks at it.

The host must be one of ours: else a page of somebody else's, whose name was made to lead to this machine, could read
answers here. The length of the body must be said in one way (RFC 9112, 6.3). The body must come in time, and about as
fast as a slow line.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.app import ApiHeaders
from api.problems import Malformed, TooSlow, UnknownHost, problem
from domain.errors import Refusal

# Probes name an address, not a host; what they get says nothing of anybody.
_PROBED = frozenset({"/livez", "/readyz"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a body is waited for: ``seconds``, and one more for each ``rate`` bytes that came, up to ``most``."""

    seconds: float = 10.0
    rate: int = 16 * 1024
    most: float = 300.0

    def left(self, received: int, waited: float) -> float:
        """The seconds that are left."""
        return min(self.most, self.seconds + received / self.rate) - waited


class Door:
    """Lets requests in."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], patience: Patience | None = None) -> None:
        """Stand before an application.

        Args:
            app: what is behind the door.
            hosts: names without a port that may stand in ``Host``; ``*.name`` is every name under it.
            patience: with bodies.
        """
        names = [name.lower() for name in hosts]
        self._names = frozenset(names)
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))
        self._app = app
        self._patience = patience or Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (refusal := self._refusal(scope)) is not None:
            await _refuse(refusal, scope, receive, send)
        else:
            await _Body(self._app, self._patience, receive, send).pass_on(scope)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            return Malformed(field="Content-Length")
        if scope["path"] not in _PROBED and not self._is_ours(headers.getlist("host")):
            return UnknownHost(field="Host")
        return None

    def _is_ours(self, hosts: list[str]) -> bool:
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        name = found[1].lower() if found else ""
        return name in self._names or name.endswith(self._endings)


class _Body:
    """A request on its way to the application, which is told of a disconnect when its body comes too slowly."""

    def __init__(self, app: ASGIApp, patience: Patience, receive: Receive, send: Send) -> None:
        self._app, self._patience, self._receive, self._send = app, patience, receive, send
        self._received, self._waited = 0, 0.0
        self._is_whole = self._is_late = self._is_answered = False

    async def pass_on(self, scope: Scope) -> None:
        """Run the application; what it says of a body that was too slow is replaced."""
        try:
            await self._app(scope, self._next, self._answer)
        finally:
            if self._is_late and not self._is_answered:
                await _refuse(TooSlow(), scope, self._receive, self._send)

    async def _next(self) -> Message:
        if self._is_whole:
            return await self._receive()
        if self._is_late:
            return {"type": "http.disconnect"}
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._patience.left(self._received, self._waited)):
                message = await self._receive()
        except TimeoutError:
            self._is_late = True
            return {"type": "http.disconnect"}
        self._waited += loop.time() - began
        self._received += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    async def _answer(self, message: Message) -> None:
        if self._is_late and not self._is_answered:
            return
        self._is_answered = True
        await self._send(message)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and close the connection: what else comes on it cannot be told from the rest of this request."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = problem(Request(scope), refusal)
        response.headers["Connection"] = "close"
        await response(scope, receive, send)

    await ApiHeaders(answer)(scope, receive, send)
