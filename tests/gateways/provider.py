"""An HTTP server of one test, on a real socket, which answers as it is told: also wrongly, partly, slowly or never."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

_PACE = 0.02


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    content: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        body: JSON, or bytes as they are.
        status: HTTP's.
        told: the length in the header; more than there is breaks off.
        headers: more of them.
        silent: there is none, as long as somebody waits.
        drips: it begins, and then comes to no end.
    """

    body: object = None
    status: int = 200
    told: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    drips: bool = False

    def raw(self) -> bytes:
        """Head and body, as they go over the line."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        length = len(body) if self.told is None else self.told
        heads = {
            "Content-Type": "application/json",
            "Content-Length": str(length),
            "Connection": "close",
        } | self.headers
        lines = [f"HTTP/1.1 {self.status} .", *(f"{name}: {value}" for name, value in heads.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Provider:
    """The server.

    Args:
        answer: what it does and says.
        asked: every request, in order.
        instead: what it says instead the next times, having done what it was asked for.
    """

    answer: Callable[[Asked], Reply]
    base: str = ""
    asked: list[Asked] = field(default_factory=list)
    instead: list[Reply | None] = field(default_factory=list)

    def paths(self) -> list[str]:
        """What was asked for, without where."""
        return [asked.path.rpartition("/")[2] for asked in self.asked]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            content = json.loads(await reader.readexactly(int(headers["content-length"])))
            asked = Asked(head[0].split(" ")[1], headers, content)
            self.asked.append(asked)
            reply = self.answer(asked)
            reply = (self.instead.pop(0) or reply) if self.instead else reply
            if not reply.silent:
                writer.write(reply.raw())
                await writer.drain()
            gone = asyncio.create_task(reader.read())
            while reply.drips and not gone.done():
                writer.write(b" ")
                await asyncio.wait([gone], timeout=_PACE)
            if reply.silent:
                await gone
            gone.cancel()


@contextlib.asynccontextmanager
async def serving(answer: Callable[[Asked], Reply]) -> AsyncIterator[Provider]:
    """A provider, reachable at its ``base`` meanwhile."""
    provider = Provider(answer)
    async with await asyncio.start_server(provider._serve, "127.0.0.1", 0) as server:
        provider.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield provider
