"""An operation: its name, what it may refuse and in what it runs are read from its handler."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.dependencies import ForeignOrigin, Gate, Performer, Reader, Reading, signed_in
from api.problems import responses
from api.values import Out
from commands.command import Command
from commands.refusals import refusals_of
from domain import errors
from domain.errors import Refusal

_SAFE = frozenset({"GET", "HEAD"})


class Operation(APIRoute):
    """The route of a handler that takes a ``Command``, a ``Reading``, or neither.

    With a command it runs in the command's transaction under the caller's key, and again if that lost a race; with a
    reading it runs in the transaction of a query, and None means "not found". Its name is the operation's id.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        hints = get_type_hints(endpoint)
        answer = hints.get("return")
        if NoneType in get_args(answer):
            (answer,) = (part for part in get_args(answer) if part is not NoneType)
            options["response_model"] = answer
        options["operation_id"] = endpoint.__name__
        super().__init__(path, _running(endpoint, hints, answer, options.get("status_code") or 200), **options)
        self.responses = responses(*self._refusals()) | self.responses

    def _refusals(self) -> Iterator[type[Refusal]]:
        """What its address and its kind of request bring, and what its handler and its dependencies declare."""
        parts = list(_parts(self.dependant))
        calls = [part.call for part in parts]
        if signed_in in calls:
            yield errors.Unauthenticated
            if not (self.methods or set()) <= _SAFE:
                yield ForeignOrigin
        if any(isinstance(getattr(call, "__self__", None), Gate) for call in calls):
            yield errors.Forbidden
        if any(field.field_info.annotation is UUID for part in parts for field in part.path_params):
            yield errors.NotFound
        if any(field.alias == "idempotency-key" for part in parts for field in part.header_params):
            yield from (errors.KeyMissing, errors.KeyReused, errors.KeyInFlight)
        if self.body_field is not None or "requestBody" in (self.openapi_extra or {}):
            yield errors.TooLarge
        for call in calls:
            yield from getattr(call, "refuses", ())


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _parts(part)


def _running(endpoint: Callable[..., Any], hints: dict[str, Any], answer: Any, status: int) -> Callable[..., Any]:
    """The handler in the transaction that it asks for.

    Raises:
        LookupError: it takes a command and does not declare what that refuses.
    """
    name = next((name for name, hint in hints.items() if hint in {Command, Reading}), None)
    if name is None:
        return endpoint
    if hints[name] is Command:
        refusals_of(endpoint)
    keep = answer.kept if isinstance(answer, type) and issubclass(answer, Out) else bytes

    @functools.wraps(endpoint)
    async def run(**values: Any) -> Any:
        runner: Performer | Reader = values.pop(name)
        handle = functools.partial(endpoint, **values)
        if isinstance(runner, Performer):
            return await runner.run(lambda command: handle(**{name: command}), status=status, keep=keep)
        return await runner.read(lambda connection: handle(**{name: runner.reading(connection)}))

    return run
