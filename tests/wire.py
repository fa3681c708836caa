"""A wire to Postgres that loses an answer: the server has done what it was asked, and the client never hears of it."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import sqlalchemy as sa

from stack.ports import LOOPBACK

_READY, _DONE = b"Z", b"C"
_HEAD = struct.Struct("!cI")
_PART = 64 * 1024


@dataclass(slots=True)
class Wire:
    """Carries connections to a server, and counts its answers and the COMMITs that they confirm.

    ``lose_answer`` and ``lose_commit`` say which of them is lost, with its connection: the first is 1, none 0. If the
    client ``dies`` with it, nothing is carried after that either.
    """

    port: int = 0
    lose_answer: int = 0
    lose_commit: int = 0
    answers: int = 0
    commits: int = 0
    lost: int = 0
    dies: bool = False
    is_dead: bool = False

    def begin(self, *, lose_answer: int = 0, lose_commit: int = 0) -> None:
        """Count anew."""
        self.answers = self.commits = 0
        self.lose_answer, self.lose_commit = lose_answer, lose_commit
        self.is_dead = False

    def revive(self) -> None:
        """Lose nothing more; what was counted stays."""
        self.lose_answer = self.lose_commit = 0
        self.is_dead = False

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator[Wire]:
        """Carry to a server."""
        wire, carried = cls(), set[asyncio.Task[None]]()

        def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if wire.is_dead or not server.is_serving():
                # A client that gave up asks the server to cancel by another connection, which may come late.
                writer.transport.abort()
                return
            task = asyncio.create_task(wire._carry(host, port, reader, writer))
            carried.add(task)
            task.add_done_callback(carried.discard)

        server = await asyncio.start_server(carry, LOOPBACK, 0)
        wire.port = server.sockets[0].getsockname()[1]
        try:
            yield wire
        finally:
            server.close()
            for task in carried:
                task.cancel()
            await asyncio.gather(*carried, return_exceptions=True)
            await server.wait_closed()

    async def _carry(self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with contextlib.AsyncExitStack() as ends:
            ends.push_async_callback(_close, writer)
            there, back = await asyncio.open_connection(host, port)
            ends.push_async_callback(_close, back)
            asking = asyncio.create_task(_forward(reader, back))
            ends.callback(asking.cancel)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(there, writer)

    def url(self, url: str) -> str:
        """The address of a database by this wire."""
        plain = {"sslmode": "disable", "gssencmode": "disable"}
        by_wire = sa.make_url(url).set(host=LOOPBACK, port=self.port).update_query_dict(plain)
        return by_wire.render_as_string(hide_password=False)

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward what the server says, up to the end of the answer that is lost."""
        while True:
            head = await there.readexactly(_HEAD.size)
            kind, length = _HEAD.unpack(head)
            body = await there.readexactly(length - 4)
            if self._loses(kind, body):
                self.lost += 1
                self.is_dead = self.dies
                return
            writer.write(head + body)
            await writer.drain()

    def _loses(self, kind: bytes, body: bytes) -> bool:
        if kind == _READY:
            self.answers += 1
            return self.answers == self.lose_answer
        if kind == _DONE and body == b"COMMIT\0":
            self.commits += 1
            return self.commits == self.lose_commit
        return False


async def _close(end: asyncio.StreamWriter) -> None:
    end.close()
    with contextlib.suppress(OSError):
        await end.wait_closed()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(_PART):
            writer.write(part)
            await writer.drain()
