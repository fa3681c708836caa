"""The two doors of an operation: HTTP, and the function that pages call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, get_type_hints
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx2
from starlette.responses import Response

from api.client import Client, refusing
from api.dependencies import Caller, Reading, Visitor, code_of
from api.operation import OPERATIONS, Operation
from api.problems import status_of
from commands.account import authenticate
from commands.command import Command, Context
from domain.errors import Refusal
from tests.api.calls import Call, filled
from tests.api.world import World
from tests.arrange import fresh_totp


@dataclass(frozen=True, slots=True)
class Answered:
    """What somebody got."""

    status: int
    text: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return self.status < HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class Door:
    """One of the two; ``ask`` calls an operation through it as somebody."""

    name: str
    ask: Callable[[Call, World, str], Awaitable[Answered]]


def over_http(api: httpx2.AsyncClient) -> Door:
    """Requests to the API."""

    async def ask(call: Call, world: World, who: str) -> Answered:
        answer = await call.send(api, world, who)
        return Answered(answer.status_code, answer.text[:200])

    return Door("http", ask)


def as_functions(context: Context) -> Door:
    """Calls in process, with the values that a request would have."""

    async def ask(call: Call, world: World, who: str) -> Answered:
        visitor = Visitor(context, "", Response())
        try:
            async with refusing():
                if who in world.people:
                    actor = await authenticate(context, world.people[who].token)
                    visitor = Caller(context, "", visitor.response, actor)
            return await _call(Client(visitor), call, world)
        except Refusal as refusal:
            return Answered(status_of(type(refusal)), f"{refusal.code} {refusal.field}")

    return Door("functions", ask)


async def _call(client: Client, call: Call, world: World) -> Answered:
    handler, operation, values = as_arguments(call, world)
    kind = _kind(handler)
    try:
        if kind is Command:
            await client.perform(handler, str(uuid4()), **values)
        elif kind is Reading:
            await client.read(handler, **values)
        else:
            await client.call(handler, **values)
    finally:
        await client.end_reading()
    return Answered(operation.status_code or HTTPStatus.OK)


def as_arguments(call: Call, world: World) -> tuple[Callable[..., Any], Operation, dict[str, Any]]:
    """The handler of what is called, its operation, and the values that the request would have."""
    address = urlsplit(call.path.format_map(world.things))
    handler, operation, values = _found(call.method, address.path)
    names = {field.alias: field.name for field in operation.dependant.query_params}
    values |= {names[alias]: value for alias, value in parse_qsl(address.query)}
    values |= {field.name: filled(call.body, world.things) for field in operation.dependant.body_params}
    # What a request gives by header fields, a cursor or as a stream.
    for part in operation.dependant.dependencies:
        if part.name == "content":
            values[part.name] = _parts(call.content or b"")
        elif part.name == "key":
            values[part.name] = str(uuid4())
        elif part.call is code_of:
            values[str(part.name)] = fresh_totp()
        elif part.name not in {None, _runner(handler)} and part.call is not None:
            values[str(part.name)] = part.call()
    return handler, operation, values


@functools.cache
def _kind(handler: Callable[..., Any]) -> Any:
    """What runs an operation: a command, a reading, or the caller alone."""
    return get_type_hints(handler)[_runner(handler)]


def _runner(handler: Callable[..., Any]) -> str:
    runner, *_ = inspect.signature(handler).parameters
    return runner


def _found(method: str, path: str) -> tuple[Callable[..., Any], Operation, dict[str, Any]]:
    for handler, operation in OPERATIONS.items():
        if method in (operation.methods or ()) and (match := operation.path_regex.match(path)):
            return handler, operation, match.groupdict()
    raise LookupError(f"{method} {path} is no operation")


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content
