"""How much one session may ask of a process: so many requests at once, and so many a minute (G1).

Counted before anything is read for a request, by whatever token it shows. Each process counts for itself.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies import SESSION_COOKIE
from domain.errors import Refusal, TooMany

# A browser opens six connections, and a page asks for little else.
AT_ONCE: Final = 16
PER_MINUTE: Final = 1_200
# Tokens that are counted at a time; past these the one not seen for longest begins anew.
_KEPT: Final = 10_000
_WINDOW_SECONDS: Final = 60.0
_BUSY_SECONDS: Final = 1


@dataclass(slots=True)
class _Load:
    """What a session has asked for since its minute began, and what of it is still being answered."""

    began: float
    used: int = 0
    at_once: int = 0


class Admission:
    """A request that is counted while it is answered."""

    def __init__(self, load: _Load) -> None:
        """One more at once."""
        self._load: _Load | None = load
        load.at_once += 1

    def leave(self) -> None:
        """One less at once; doing it twice changes nothing."""
        if self._load is not None:
            self._load.at_once -= 1
            self._load = None


class SessionLoad:
    """Counts what each session asks for."""

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        per_minute: int = PER_MINUTE,
        kept: int = _KEPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With bounds of its own, and a clock in seconds."""
        self._at_once, self._per_minute, self._kept, self._clock = at_once, per_minute, kept, clock
        self._loads: OrderedDict[bytes, _Load] = OrderedDict()

    def enter(self, token: str) -> Admission:
        """Count a request that shows a token; its answer ends with ``leave``.

        Raises:
            TooMany: its session has too much at once, or had too much in this minute.
        """
        now = self._clock()
        load = self._load_of(hashlib.sha256(token.encode()).digest(), now)
        if now >= load.began + _WINDOW_SECONDS:
            load.began, load.used = now, 0
        load.used += 1
        if load.used > self._per_minute:
            raise TooMany(retry_after=max(1, ceil(load.began + _WINDOW_SECONDS - now)))
        if load.at_once >= self._at_once:
            raise TooMany(retry_after=_BUSY_SECONDS)
        return Admission(load)

    def _load_of(self, key: bytes, now: float) -> _Load:
        found = self._loads.get(key)
        if found is None:
            if len(self._loads) >= self._kept:
                self._loads.popitem(last=False)
            found = self._loads[key] = _Load(now)
        self._loads.move_to_end(key)
        return found


# For measurements, which ask in one session for what many would.
UNBOUNDED: Final = SessionLoad(at_once=sys.maxsize, per_minute=sys.maxsize)


class Counted:
    """Counts the requests of each session to an application, and refuses those past its bounds."""

    def __init__(self, app: ASGIApp, refused: Callable[[Request, Refusal], Response], *, free: str = "") -> None:
        """Before an application.

        Args:
            app: it; its ``state.session_load`` counts.
            refused: how a refusal is answered.
            free: the beginning of paths that are not counted; empty for none.
        """
        self._app, self._refused, self._free = app, refused, free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or refuse it."""
        token = _token_of(Request(scope)) if scope["type"] == "http" else ""
        if not token or (self._free and scope["path"].startswith(self._free)):
            await self._app(scope, receive, send)
            return
        try:
            admission = scope["app"].state.session_load.enter(token)
        except TooMany as refusal:
            await self._refused(Request(scope), refusal)(scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            # A live stream has bounds of its own.
            if message["type"] == "http.response.start" and _is_stream(message):
                admission.leave()
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            admission.leave()


def _token_of(request: Request) -> str:
    """The token that the request shows, in the order in which they count."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return bearer if scheme.lower() == "bearer" and bearer else request.cookies.get(SESSION_COOKIE, "")


def _is_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"]
    )
