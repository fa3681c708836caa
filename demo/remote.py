"""The API's operations as functions of a program elsewhere: each call is a request, made of its handler's signature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx2
from fastapi.dependencies.models import Dependant
from pydantic import TypeAdapter

from api.operation import operation_of
from api.problems import Problem
from api.values import write_cursor

P = ParamSpec("P")
T = TypeVar("T")
_NOTHING = 204


class Refused(Exception):
    """An operation was refused; nothing has changed."""

    def __init__(self, request: httpx2.Request, problem: Problem) -> None:
        super().__init__(f"{request.method} {request.url.path}: {problem.detail_en}")
        self.status = problem.status
        self.code = problem.code
        self.fields = [problem.field] if problem.field else [fault.field for fault in problem.errors]
        self.problem = problem


@dataclass(frozen=True, slots=True)
class RemoteClient:
    """Calls operations over HTTP on behalf of the token's owner; a command's key is new unless one is given."""

    http: httpx2.AsyncClient
    token: str = field(default="", repr=False)
    key: str = ""

    def under(self, key: str) -> RemoteClient:
        """The same under one key: whatever is sent again with it is done once."""
        return replace(self, key=key)

    async def call(
        self, handler: Callable[Concatenate[Any, P], Awaitable[T | None]], /, *values: P.args, **named: P.kwargs
    ) -> T:
        """Call an operation; a part of a list goes on after what the handler itself would go on after.

        Raises:
            Refused: the API refuses it.
        """
        return self.read_answer(handler, await self.send(handler, *values, **named))

    @staticmethod
    def read_answer(handler: Callable[..., Awaitable[T | None]], answer: httpx2.Response) -> T:
        """What an answer says.

        Raises:
            Refused: the API refuses it.
        """
        if not answer.is_success:
            raise Refused(answer.request, Problem.model_validate_json(answer.content))
        if answer.status_code == _NOTHING:
            return None  # type: ignore[return-value]  # as the handler says
        done: T = TypeAdapter(operation_of(handler).answer).validate_json(answer.content)
        return done

    async def send(
        self, handler: Callable[Concatenate[Any, P], Awaitable[object]], /, *values: P.args, **named: P.kwargs
    ) -> httpx2.Response:
        """What the API answers, be it a refusal or a file."""
        return await self.http.send(self.request(handler, *values, **named))

    def request(
        self, handler: Callable[Concatenate[Any, P], Awaitable[object]], /, *values: P.args, **named: P.kwargs
    ) -> httpx2.Request:
        """The request that calls an operation, to be sent once or, as it has its key, again.

        Raises:
            RequestValidationError: a value is out of its range.
        """
        operation = operation_of(handler)
        own, method = operation.dependant, min(operation.methods or {"GET"})
        given, content = operation.arguments(*values, **named)
        query = {part.alias: content[part.name] for part in own.query_params if content.get(part.name) is not None}
        headers = {part.alias: given[part.name] for part in own.header_params if given.get(part.name)}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if operation.takes_key:
            headers["Idempotency-Key"] = self.key or str(uuid4())
        for part in own.dependencies:
            _add(part, given.get(part.name or ""), query, headers)
        return self.http.build_request(
            method,
            operation.path_format.format(**{part.alias: content[part.name] for part in own.path_params}),
            params=query,
            json=next((content[part.name] for part in own.body_params if part.name in content), None),
            content=given.get("content"),
            headers=headers,
        )


def _add(part: Dependant, value: Any, query: dict[str, Any], headers: dict[str, str]) -> None:
    """Write a value as the dependency that it is for reads it from the request."""
    read = {field.alias for field in (*part.query_params, *part.header_params)}
    if "cursor" in read and value:
        query["cursor"] = write_cursor(*(value if isinstance(value, tuple) else (value,)))
    elif "if-match" in read and value is not None:
        headers["If-Match"] = f'"{value}"'
    elif "idempotency-key" in read and value:
        headers["Idempotency-Key"] = value
    elif "totp" in read and value:
        headers["TOTP"] = value
    elif "content-disposition" in read and value:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(value)}"
    elif part.name == "content":
        headers["Content-Type"] = "application/octet-stream"
