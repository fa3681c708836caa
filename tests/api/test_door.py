"""What the api's door and its connections refuse before anybody looks at a request, by raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.connections import Limits, limited
from api.door import Door, Patience
from commands.command import Context
from settings import HostName
from tests.applications import api_over
from tests.arrange import eventually
from tests.books import Superuser
from tests.serving import serving

_OURS = ["localhost", "*.localhost", "127.0.0.1", "[::1]"]
_QUICK = Limits(places=8, head_seconds=0.4, stalled_seconds=0.4)
_GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
_POST = b"POST /v1/sign-in/staff HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

Dial = Callable[[], Awaitable["Line"]]


class Line:
    """A connection to the api."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, *parts: bytes) -> Line:
        """Send."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
        return self

    async def trickle(self, byte: bytes) -> bytes:
        """Send a little again and again; all that came until the other side closed."""
        hearing = asyncio.create_task(self.heard())
        with contextlib.suppress(OSError):
            while not hearing.done():
                await self.say(byte)
                await asyncio.wait({hearing}, timeout=0.05)
        return await hearing

    async def heard(self) -> bytes:
        """All that came until the other side closed; fails if it never does."""
        found = b""
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                while part := await self._reader.read(65_536):
                    found += part
        return found

    async def answers(self) -> str:
        """The status line of the next answer."""
        return (await asyncio.wait_for(self._reader.readline(), 5)).decode().strip()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@contextlib.asynccontextmanager
async def dialling(address: str) -> AsyncIterator[Dial]:
    """Open connections to an address, and close them all at the end."""
    parts, lines = urlsplit(address), list[Line]()

    async def dial() -> Line:
        lines.append(Line(*await asyncio.open_connection(parts.hostname, parts.port)))
        return lines[-1]

    try:
        yield dial
    finally:
        for line in lines:
            line.close()


@pytest.fixture
async def dial(context: Context, messages_dir: Path) -> AsyncIterator[Dial]:
    """Connections to an api that is impatient."""
    door = Door(api_over(context, messages_dir), hosts=_OURS, patience=Patience(0.4, 1_000, 1.0))
    async with serving(door, http=limited(_QUICK)) as address, dialling(address) as made:
        yield made


def problem(answer: bytes) -> tuple[int, str]:
    """Status and code of the one answer that came before the connection was closed."""
    assert answer.count(b"HTTP/1.1 ") == 1
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["code"]


async def test_a_head_that_does_not_come_in_time_is_refused_however_steadily_it_trickles(dial: Dial) -> None:
    line = await (await dial()).say(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")

    assert problem(await line.trickle(b"a")) == (408, "request_too_slow")


async def test_a_connection_on_which_nothing_comes_is_closed(dial: Dial) -> None:
    assert await (await dial()).heard() == b""


async def test_a_body_that_does_not_come_in_time_is_refused_and_nothing_is_done(
    dial: Dial, superuser: Superuser
) -> None:
    before = await superuser.effects()
    for length in (b"Content-Length: 60000", b"Transfer-Encoding: chunked"):
        line = await (await dial()).say(_POST + length + b"\r\n\r\n")

        assert problem(await line.trickle(b"1\r\n \r\n")) == (408, "request_too_slow")
    assert await superuser.effects() == before


async def test_a_body_that_comes_steadily_may_take_longer_than_one_that_is_waited_for(dial: Dial) -> None:
    line = await (await dial()).say(_POST + b"Content-Length: 900\r\n\r\n")
    started, answer = asyncio.get_running_loop().time(), asyncio.create_task(line.answers())
    for _ in range(9):
        await asyncio.wait({answer}, timeout=0.06)
        await line.say(b" " * 100)

    assert (await answer).startswith("HTTP/1.1 422 ")
    assert asyncio.get_running_loop().time() - started > 0.5


async def test_connections_left_half_open_keep_nobody_out(dial: Dial) -> None:
    half_open = [await (await dial()).say(b"GET /livez HTTP/1.1\r\n") for _ in range(3 * _QUICK.places)]

    for _ in range(3):
        assert await (await (await dial()).say(_GET)).answers() == "HTTP/1.1 200 OK"

    assert await half_open[0].heard() == b""


_TWO_WAYS = [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4",
    b"Content-Length: 4\r\nContent-Length: 5",
    b"Content-Length: 4, 5",
    b"Content-Length: +4",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
]


async def test_a_body_whose_length_is_said_in_two_ways_is_refused_and_the_connection_closed(dial: Dial) -> None:
    for lengths in _TWO_WAYS:
        line = await (await dial()).say(_POST + lengths + b"\r\n\r\n0\r\n\r\n" + _GET)

        assert problem(await line.heard()) == (400, "malformed_request"), lengths


_HOSTS = {
    b"localhost": 200,
    b"LOCALHOST:8080": 200,
    b"amanat.localhost:1": 200,
    b"127.0.0.1:65535": 200,
    b"[::1]:8080": 200,
    b"evil.example": 421,
    b"localhost.evil.example": 421,
    b"evil.example:127.0.0.1": 421,
    b"127.0.0.1.evil.example": 421,
    b"evillocalhost": 421,
    b"192.0.2.1": 421,
    b"localhost@evil.example": 421,
    b"localhost:": 421,
    b"": 421,
}


async def test_only_names_of_ours_lead_anywhere(dial: Dial) -> None:
    for host, status in _HOSTS.items():
        asked = b"GET /developer/sign-ins HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"

        answer = await (await (await dial()).say(asked)).heard()

        assert int(answer.split()[1]) == status, host
        assert (problem(answer) == (421, "unknown_host")) if status == 421 else b"items" in answer


async def test_a_probe_may_name_any_address(dial: Dial) -> None:
    for path in (b"/livez", b"/readyz"):
        asked = b"GET " + path + b" HTTP/1.1\r\nHost: 10.0.0.7:8080\r\n\r\n"
        assert await (await (await dial()).say(asked)).answers() == "HTTP/1.1 200 OK"


async def _answer_unread(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a look at the body."""
    await Response(status_code=204)(scope, receive, send)


async def _answer_at_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with more than fits between two machines."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100):
        await send({"type": "http.response.body", "body": bytes(1_000_000), "more_body": True})
    raise AssertionError("all of it was taken")


async def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for_long() -> None:
    async with serving(_answer_unread, http=limited(_QUICK), lifespan="off") as address, dialling(address) as dial:
        line = await (await dial()).say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
        answer = await line.trickle(b" ")

    assert answer.startswith(b"HTTP/1.1 204 ")


async def test_an_answer_that_its_client_does_not_read_is_given_up() -> None:
    ended: list[BaseException | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.wait_for(_answer_at_length(scope, receive, send), 5)
        except BaseException as error:
            ended.append(error)
            raise

    async with serving(app, http=limited(_QUICK), lifespan="off") as address, dialling(address) as dial:
        await (await dial()).say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        async def given_up() -> bool:
            return bool(ended)

        await eventually(given_up, "the answer to be given up")

    assert not isinstance(ended[0], TimeoutError)


@pytest.mark.parametrize("name", ["amanat.example.ir", "*.example.ir", "[::1]", "10.0.0.1"])
def test_a_host_is_named_without_its_port(name: str) -> None:
    host: TypeAdapter[Any] = TypeAdapter(HostName)
    assert host.validate_python(name) == name
    for wrong in (f"{name}:80", f"https://{name}", "*", "", "*.", "a.*.b"):
        with pytest.raises(ValidationError):
            host.validate_python(wrong)
