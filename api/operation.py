"""An operation: its name, what it may refuse and in what it runs are read from its handler."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints
from uuid import UUID

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api.dependencies import (
    Caller,
    ForeignOrigin,
    Gate,
    Performer,
    Reading,
    checked_key,
    code_of,
    found_by,
    key_of,
    signed_in,
)
from api.problems import responses
from api.values import Out
from commands.command import Command
from commands.refusals import refusals_of
from domain import errors
from domain.access import Actor
from domain.errors import Refusal

if TYPE_CHECKING:
    from fastapi._compat import ModelField

_SAFE = frozenset({"GET", "HEAD"})


class Confirmation(StrEnum):
    """How a person confirms that it is they who act (G1)."""

    CODE = "code"
    STEP_UP = "step-up"


_CONFIRMED_BY: Final = {errors.CodeRequired: Confirmation.CODE, errors.StepUpRequired: Confirmation.STEP_UP}


class Operation(APIRoute):
    """The route of a handler that takes a ``Command``, a ``Reading``, or neither.

    With a command it runs in the command's transaction under the caller's key, and again if that lost a race; with a
    reading it runs in the transaction of a query, and None means "not found". Its name is the operation's id.
    """

    operation_id: str

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        hints = get_type_hints(endpoint)
        answer = hints.get("return")
        if NoneType in get_args(answer):
            (answer,) = (part for part in get_args(answer) if part is not NoneType)
            options["response_model"] = answer
        options["operation_id"] = endpoint.__name__
        super().__init__(path, _running(endpoint, hints, answer, options.get("status_code") or 200), **options)
        self.answer: Any = answer
        self._signature = inspect.signature(endpoint)
        self._runner = next(iter(self._signature.parameters), "")
        # Whether it is for people who are signed in.
        self.asks_who = any(part.call is signed_in for part in _parts(self.dependant))
        # Whether a request names its command by an Idempotency-Key.
        self.takes_key = any(
            field.alias == "idempotency-key" for part in _parts(self.dependant) for field in part.header_params
        )
        # Whether a code of its own may come with a request, and what its refusals say that the caller confirms by.
        self.takes_code = any(part.call is code_of for part in _parts(self.dependant))
        self._gates = [gate for part in _parts(self.dependant) if (gate := _gate_of(part.call)) is not None]
        refused = list(self._refusals())
        self.confirmed_by = confirmations(refused)
        self.responses = responses(*refused) | self.responses
        OPERATIONS[endpoint] = self

    async def let_in(self, actor: Actor) -> None:
        """Refuse whom one of its gates does not let in.

        Raises:
            Forbidden: they hold none of the roles.
        """
        for gate in self._gates:
            await gate.let_in(actor)

    async def run(self, runner: Performer | Reading, arguments: Mapping[str, Any]) -> Any:
        """Run the handler as a command or as a query; a command's answer is a response."""
        return await self.endpoint(**{self._runner: runner}, **arguments)

    def arguments(self, *values: Any, **named: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments of the handler, checked as they are in a request, and what of them is the request's content.

        Raises:
            RequestValidationError: one is out of its range.
        """
        given = self._signature.bind(None, *values, **named).arguments
        given.pop(self._runner)
        content, wrong = dict[str, Any](), list[Any]()
        for where, field in self._fields():
            if field.name in given:
                given[field.name], found = field.validate(given[field.name], loc=(where, field.alias))
                wrong += found
                content[field.name] = None if found else field.serialize(given[field.name])
        if wrong:
            raise RequestValidationError(wrong)
        for part in self.dependant.dependencies:
            if part.call is key_of and part.name in given:
                given[part.name] = checked_key(given[part.name])
        return given, content

    def _fields(self) -> Iterator[tuple[str, ModelField]]:
        own = self.dependant
        yield from (("path", field) for field in own.path_params)
        yield from (("query", field) for field in own.query_params)
        yield from (("body", field) for field in own.body_params)

    def _refusals(self) -> Iterator[type[Refusal]]:
        """What its address and its kind of request bring, and what its handler and its dependencies declare."""
        parts = list(_parts(self.dependant))
        calls = [part.call for part in parts]
        if self.asks_who:
            yield errors.Unauthenticated
            if not (self.methods or set()) <= _SAFE:
                yield ForeignOrigin
        if any(_gate_of(call) is not None for call in calls):
            yield errors.Forbidden
        if any(field.field_info.annotation is UUID for part in parts for field in part.path_params):
            yield errors.NotFound
        if self.takes_key:
            yield from (errors.KeyMissing, errors.KeyReused, errors.KeyInFlight)
        if self.body_field is not None or "requestBody" in (self.openapi_extra or {}):
            yield errors.TooLarge
        for call in calls:
            yield from getattr(call, "refuses", ())


def confirmations(refused: Iterable[type[Refusal]]) -> tuple[Confirmation, ...]:
    """By which codes something is confirmed, as what it may refuse says; several where that depends on the decision."""
    found = set(refused)
    return tuple(confirmation for refusal, confirmation in _CONFIRMED_BY.items() if refusal in found)


# By their handlers.
OPERATIONS: Final[dict[Callable[..., Any], Operation]] = {}


def operation_of(handler: Callable[..., Any]) -> Operation:
    """The operation that a handler is of.

    Raises:
        KeyError: it is of none.
    """
    return OPERATIONS[handler]


def _gate_of(call: object) -> Gate | None:
    found = getattr(call, "__self__", None)
    return found if isinstance(found, Gate) else None


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
        runner: Performer | Caller | Reading = values.pop(name)
        handle = functools.partial(endpoint, **values)
        if isinstance(runner, Performer):
            # Rights may have become less since the request came.
            async def work(command: Command) -> Any:
                await operation_of(endpoint).let_in(command.actor)
                return await handle(**{name: command})

            return await runner.run(work, status=status, keep=keep)
        if isinstance(runner, Reading):
            return found_by(await handle(**{name: runner}))
        return await runner.read(lambda reading: handle(**{name: reading}))

    return run
