"""What operations ask for: the context, who is signed in, and a way to run one command."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar, TypeVarTuple

from fastapi import Depends, Header, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from commands.account import authenticate
from commands.command import Command, Context, Envelope, perform
from domain import address
from domain.access import Actor, Role
from domain.errors import DoneBefore, Forbidden, InvalidInput, KeyMissing, NotFound, Unauthenticated
from storage.database import Acting, transaction
from storage.idempotency import Answer
from storage.sealing import Seals

T = TypeVar("T")
Given = TypeVarTuple("Given")
M = TypeVar("M", bound=BaseModel)
SESSION_COOKIE = "__Host-session"
DEVICE_COOKIE = "__Host-device"
REPLAYED: Final = "Idempotent-Replayed"
# A name of 253 letters with its port.
_HOST_MAX: Final = 260
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="Token of a session")
_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="cookie", description="Session of a browser")


class ForeignOrigin(Forbidden):
    """A browser sent an unsafe request with its cookie from another site."""

    code = "foreign_origin"
    fa = "این درخواست از صفحهٔ دیگری فرستاده شده و پذیرفته نیست."
    en = "This request came from another site and is not accepted."


def context_of(request: Request) -> Context:
    """The context that the app was built with."""
    context: Context = request.app.state.context
    return context


# What waits for nothing is asked for asynchronously all the same: FastAPI has any other dependency run in a thread.
async def _context(request: Request) -> Context:
    return context_of(request)


ContextDep = Annotated[Context, Depends(_context)]


def origin_of(request: Request) -> str:
    """Where the caller comes from, as it is counted and audited, see ``domain.address``."""
    return address.origin_of(context_of(request).seals.pepper, request.client.host if request.client else "")


async def _origin(request: Request) -> str:
    return origin_of(request)


OriginDep = Annotated[str, Depends(_origin)]


def host_of(request: Request) -> str:
    """By which name of ours the caller came, with its port: the door lets no other one in."""
    return request.headers.get("host", "")[:_HOST_MAX]


def device_of(request: Request) -> str:
    """The token of the caller's device, if its browser has one."""
    return request.cookies.get(DEVICE_COOKIE, "")


async def signed_in(
    request: Request,
    context: ContextDep,
    bearer: Annotated[Any, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> Actor:
    """Who is signed in, by bearer token or by the browser's cookie.

    Raises:
        Unauthenticated: nobody.
        ForeignOrigin: a cookie came with an unsafe request from another site.
    """
    return await actor_of(request, context, bearer=None if bearer is None else bearer.credentials, cookie=cookie)


async def actor_of(request: Request, context: Context, *, bearer: str | None = None, cookie: str | None) -> Actor:
    """Who is signed in, by one of the two. Raises as ``signed_in``."""
    if bearer is not None:
        return await authenticate(context, bearer)
    if not cookie:
        raise Unauthenticated
    if request.method not in _SAFE_METHODS and not _same_origin(request):
        raise ForeignOrigin
    return await authenticate(context, cookie)


ActorDep = Annotated[Actor, Depends(signed_in)]


def _same_origin(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    if origin in request.app.state.allowed_origins:
        return True
    if site is not None:
        return site in {"same-origin", "none"}
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in holders of one of the roles, and members if said so."""

    roles: tuple[Role, ...]
    member: bool

    async def let_in(self, actor: ActorDep) -> Actor:
        """The caller, if they are let in."""
        if (self.member and actor.capacity == "member") or (actor.capacity == "staff" and actor.holds_any(self.roles)):
            return actor
        raise Forbidden


def require(*roles: Role, member: bool = False) -> Callable[..., Awaitable[Actor]]:
    """A dependency that lets in holders of one of the roles, and members if said so.

    The scope is judged where the object is known: in the command or query.
    """
    return Gate(roles, member).let_in


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever calls, signed in or not.

    Args:
        context: what commands work with.
        origin: where they come from.
        response: the head of the answer: its cookies and header fields.
        device: the token by which their browser may be known.
        host: by which name of ours they came, with its port.
    """

    context: Context
    origin: str
    response: Response
    device: str = field(default="", repr=False, kw_only=True)
    host: str = field(default="", kw_only=True)


async def _visitor(request: Request, context: ContextDep, origin: OriginDep, response: Response) -> Visitor:
    return Visitor(context, origin, response, device=device_of(request), host=host_of(request))


VisitorDep = Annotated[Visitor, Depends(_visitor)]


@dataclass(frozen=True, slots=True)
class Caller(Visitor):
    """Whoever calls and is signed in; runs queries on their behalf, each in a transaction of its own."""

    actor: Actor

    def reading(self, connection: AsyncConnection) -> Reading:
        """The caller's view of the database in a transaction."""
        return Reading(connection, self)

    async def read(self, query: Callable[[Reading], Awaitable[T | None]]) -> T:
        """The query's result.

        Raises:
            NotFound: it found nothing that the caller may see.
        """
        async with transaction(self.context.engine, Acting.of(self.actor)) as connection:
            return found_by(await query(self.reading(connection)))


def found_by(found: T | None) -> T:
    """What a query found.

    Raises:
        NotFound: nothing that the caller may see.
    """
    if found is None:
        raise NotFound
    return found


async def _caller(visitor: VisitorDep, actor: ActorDep) -> Caller:
    return Caller(visitor.context, visitor.origin, visitor.response, actor, host=visitor.host)


CallerDep = Annotated[Caller, Depends(_caller)]


@dataclass(frozen=True, slots=True)
class Reading:
    """A query at work: its transaction, and on whose behalf it reads."""

    connection: AsyncConnection
    caller: Caller
    _found: dict[object, Any] = field(default_factory=dict)

    async def once(self, read: Callable[[AsyncConnection, *Given], Awaitable[T]], *given: *Given) -> T:
        """What ``read`` finds under the caller's own rights: one statement for all who need it in this transaction.

        Never within ``with_service_rights``: what is found there is not for the caller.
        """
        if (read, given) not in self._found:
            self._found[read, given] = await read(self.connection, *given)
        found: T = self._found[read, given]
        return found

    @property
    def context(self) -> Context:
        """What the installation gives."""
        return self.caller.context

    @property
    def actor(self) -> Actor:
        """On whose behalf."""
        return self.caller.actor

    @property
    def response(self) -> Response:
        """The head of the answer."""
        return self.caller.response

    @property
    def seals(self) -> Seals:
        """Keys for personal fields."""
        return self.context.seals


# The handler of an operation asks for a reading; what comes is the caller, in whose transaction the handler runs.
ReadingDep = Annotated[Reading, Depends(_caller)]


@dataclass(frozen=True, slots=True)
class Performer:
    """Runs the operation's one command under the caller's Idempotency-Key."""

    context: Context
    envelope: Envelope

    async def run(
        self,
        work: Callable[[Command], Awaitable[BaseModel]],
        *,
        status: int = 200,
        keep: Callable[[bytes], bytes] = bytes,
    ) -> Response:
        """Do it, or repeat the earlier answer to the same key (H1); ``keep`` leaves out what is shown only once."""

        async def as_json(command: Command) -> bytes:
            return (await work(command)).model_dump_json().encode()

        answer = await perform(self.context, self.envelope, as_json, status=status, keep=keep)
        return Response(answer.body, answer.status, headers_of(answer), "application/json")


def headers_of(answer: Answer) -> dict[str, str]:
    """The header fields of a command's answer."""
    return {"Cache-Control": "no-store"} | ({REPLAYED: "true"} if answer.replayed else {})


def restored(model: type[M], body: bytes, *, replayed: bool) -> M:
    """The answer in a body; one that is ``replayed`` may have been kept by an earlier release.

    Raises:
        DoneBefore: it was, and lacks what such answers have now.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError:
        if not replayed:
            raise
        raise DoneBefore from None


_KEY_MIN: Final = 8
_KEY_MAX: Final = 200


def checked_key(key: str | None) -> str:
    """The key of a command.

    Raises:
        KeyMissing: there is none.
        InvalidInput: it is too short or too long, or has other than printable ASCII.
    """
    if not key:
        raise KeyMissing(field="Idempotency-Key")
    if not _KEY_MIN <= len(key) <= _KEY_MAX or not key.isascii() or not key.isprintable():
        raise InvalidInput(field="Idempotency-Key")
    return key


async def key_of(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Names this command: sent again with the same body it is done once",
            min_length=_KEY_MIN,
            max_length=_KEY_MAX,
        ),
    ] = None,
) -> str:
    """The key of a command that came over HTTP. Raises as ``checked_key``."""
    return checked_key(idempotency_key)


KeyDep = Annotated[str, Depends(key_of)]


async def code_of(
    totp: Annotated[
        str | None,
        Header(
            description="A code of the authenticator app for exactly this request: six digits, used up with it",
            max_length=32,
        ),
    ] = None,
) -> str | None:
    """The code of its own that came with a command (G1); the command says whether it needs one."""
    return totp


# An operation that takes one hands it on by ``Command.with_code``; it is no part of what the key stands for.
FreshCode = Annotated[str | None, Depends(code_of)]


async def _performer(
    request: Request, context: ContextDep, actor: ActorDep, origin: OriginDep, key: KeyDep
) -> Performer:
    operation = request.scope["route"].operation_id
    content = b"\x00".join(
        (operation.encode(), request.url.path.encode(), request.url.query.encode(), await request.body())
    )
    fingerprint = hmac.digest(context.seals.pepper, content, hashlib.sha256)
    return Performer(context, Envelope(actor, operation, key, fingerprint, origin, host_of(request)))


# The handler of an operation asks for a command; what comes is a performer, with which the operation runs the handler.
CommandDep = Annotated[Command, Depends(_performer)]
