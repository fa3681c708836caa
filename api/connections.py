"""Connections with limits: uvicorn knows none for the time that a request's head takes, nor for a reader who stalls.

Places are bounded too. When all are taken, the connection that has waited longest for its next request gives up its
own, so that many which are opened and left half open keep nobody else out.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.problems import Malformed, TooSlow, encoded
from domain.errors import Refusal

_MOST = 2_000
# Descriptors that the process needs besides: databases, Temporal, files, logs.
_SPARE = 256


def _places() -> int:
    """How many connections the process's descriptors allow, at most 2,000."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if allowed == resource.RLIM_INFINITY else max(_SPARE, min(_MOST, allowed - _SPARE))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server's connections may take.

    ``head_seconds``: from the first byte of a request to the end of its head, whatever comes in between; also how long
    a new connection may be silent, and the rest of a body that nobody reads may take.
    ``stalled_seconds``: how long an answer waits for a client that does not read it.
    """

    places: int
    head_seconds: float = 10.0
    stalled_seconds: float = 60.0


class LimitedProtocol(H11Protocol):
    """One connection. ``waiting`` are the server's connections without a request in hand, the longest waiting first."""

    limits: ClassVar[Limits]
    waiting: ClassVar[dict[LimitedProtocol, None]]

    _head_timer: asyncio.TimerHandle | None = None
    _stalled_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, if need be that of the connection which has waited longest."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.places:
            longest = next(iter(self.waiting), self)
            longest.transport.abort()
            self.waiting.pop(longest, None)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        super().connection_lost(exc)
        self.waiting.pop(self, None)
        for timer in (self._head_timer, self._stalled_timer):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take in what came; a part of a head begins the time for it, and no other part begins it again."""
        if not self._is_busy():
            self._wait()
        super().data_received(data)
        if self._is_busy():
            self.waiting.pop(self, None)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

    def on_response_complete(self) -> None:
        """Stand in line again, unless the next request is at hand already."""
        super().on_response_complete()
        if not self._is_busy() and not self.transport.is_closing():
            self.waiting[self] = None

    def _is_busy(self) -> bool:
        """Whether a request is in hand."""
        return not getattr(self.cycle, "response_complete", True)

    def _wait(self) -> None:
        self.waiting[self] = None
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._give_up)

    def _give_up(self) -> None:
        """The head did not come in time, or the rest of a body that was answered already."""
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(TooSlow())
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what it says is the library's
        """Answer what is no HTTP with a problem like every other, and end the request that is in hand."""
        if self._is_busy():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._refuse(Malformed())
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        status, headers, body = encoded(refusal)
        for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        """The client reads no more: wait a while."""
        super().pause_writing()
        if self._stalled_timer is None:
            self._stalled_timer = self.loop.call_later(self.limits.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads on."""
        super().resume_writing()
        if self._stalled_timer is not None:
            self._stalled_timer.cancel()
            self._stalled_timer = None


def limited(limits: Limits | None = None) -> type[LimitedProtocol]:
    """The protocol of one server, for uvicorn's ``http``."""
    own: dict[str, Any] = {"limits": limits or Limits(_places()), "waiting": {}}
    return type("LimitedProtocol", (LimitedProtocol,), own)
