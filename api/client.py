"""The API's operations as functions, for pages: each is judged as over HTTP, by the same operation (H6).

The session is read once a page, and what a page reads, it reads in one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from pydantic import ValidationError

from api.dependencies import REPLAYED, Caller, Performer, Reading, Visitor, checked_key, restored
from api.operation import operation_of
from api.problems import InvalidFields, refusal_of
from commands.command import Command, Envelope
from domain.account import NotSentYet
from domain.errors import KeyInFlight, Refusal, Unauthenticated
from storage.database import Acting, transaction

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V", bound=Visitor)
# How often, and how long apart, a command is asked for that is sent twice at once.
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.25


def checked(make: Callable[P, T], /, *values: P.args, **named: P.kwargs) -> T:
    """An input of an operation.

    Raises:
        InvalidFields: a value is malformed or out of its range.
    """
    try:
        return make(*values, **named)
    except ValidationError as error:
        raise InvalidFields([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from None


class Client:
    """Calls operations on behalf of somebody; every failure is a Refusal."""

    def __init__(self, visitor: Visitor, *, looks_only: bool = False) -> None:
        """Of the person who calls; a ``Caller`` if they are signed in.

        Args:
            visitor: who calls.
            looks_only: every command is refused as not sent yet: a form that was kept is only shown again.
        """
        self.visitor, self._looks_only = visitor, looks_only
        self._reads = contextlib.AsyncExitStack()
        self._begun: Reading | None = None

    @property
    def caller(self) -> Caller:
        """Who is signed in.

        Raises:
            Unauthenticated: nobody.
        """
        if not isinstance(self.visitor, Caller):
            raise Unauthenticated
        return self.visitor

    async def call(
        self, handler: Callable[Concatenate[V, P], Awaitable[T]], /, *values: P.args, **named: P.kwargs
    ) -> T:
        """Call an operation that opens its own transactions, such as signing in or taking a file."""
        await self.end_reading()
        operation = operation_of(handler)
        if self._looks_only and operation.takes_key:
            raise NotSentYet
        async with refusing():
            visitor: Any = self.caller if operation.asks_who else self.visitor
            if operation.asks_who:
                await operation.let_in(visitor.actor)
            given, _ = operation.arguments(*values, **named)
            return await handler(visitor, **given)  # type: ignore[call-arg]  # as checked

    async def read(
        self, handler: Callable[Concatenate[Reading, P], Awaitable[T | None]], /, *values: P.args, **named: P.kwargs
    ) -> T:
        """Read something, in the transaction of what was read before. After a refusal a new one begins."""
        operation = operation_of(handler)
        async with refusing():
            await operation.let_in(self.caller.actor)
            given, _ = operation.arguments(*values, **named)
            async with self._reading() as reading:
                found: T = await operation.run(reading, given)
                return found

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[Reading]:
        if self._begun is None:
            opened = transaction(self.caller.context.engine, Acting.of(self.caller.actor))
            self._begun = self.caller.reading(await self._reads.enter_async_context(opened))
        try:
            yield self._begun
        except BaseException as error:
            # Rolled back: row-level security may be lifted in it, and a failed transaction answers no more.
            self._begun = None
            await self._reads.__aexit__(type(error), error, error.__traceback__)
            raise

    async def end_reading(self) -> None:
        """End the transaction of what was read: before anything that takes time, and at the end of a page.

        Nothing was written in it, and what was read stays true though its COMMIT fails: that is logged, no more.
        """
        self._begun = None
        with contextlib.suppress(Refusal):
            async with refusing():
                await self._reads.aclose()

    async def perform(
        self,
        handler: Callable[Concatenate[Command, P], Awaitable[T]],
        key: str,
        /,
        *values: P.args,
        **named: P.kwargs,
    ) -> T:
        """Perform a command; one that is being done at this moment is waited for.

        Args:
            handler: of its operation.
            key: its Idempotency-Key: the same for the same form, however often it is sent (H1).
            *values: the handler's arguments.
            **named: the handler's arguments.
        """
        await self.end_reading()
        if self._looks_only:
            raise NotSentYet
        for _ in range(_LOOKS):
            with contextlib.suppress(KeyInFlight):
                return await self._perform(handler, key, *values, **named)
            await asyncio.sleep(_LOOK_SECONDS)
        return await self._perform(handler, key, *values, **named)

    async def _perform(
        self,
        handler: Callable[Concatenate[Command, P], Awaitable[T]],
        key: str,
        /,
        *values: P.args,
        **named: P.kwargs,
    ) -> T:
        operation, caller = operation_of(handler), self.caller
        async with refusing():
            await operation.let_in(caller.actor)
            checked_key(key)
            given, content = operation.arguments(*values, **named)
            text = json.dumps([operation.operation_id, content]).encode()
            fingerprint = hmac.digest(caller.context.seals.pepper, text, hashlib.sha256)
            envelope = Envelope(caller.actor, operation.operation_id, key, fingerprint, caller.origin, caller.host)
            response = await operation.run(Performer(caller.context, envelope), given)
            done: T = restored(operation.answer, bytes(response.body), replayed=REPLAYED in response.headers)
            return done


@contextlib.asynccontextmanager
async def refusing() -> AsyncIterator[None]:
    """Turn whatever fails into the refusal that the API answers with."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        raise refusal_of(error) from error
