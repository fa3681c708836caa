"""The API application: routes, problem details, headers. Built by ``create_app`` for a process or a test."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import (
    account,
    attachment,
    balance,
    bank_account,
    card,
    case,
    certificate,
    clearing,
    contact,
    correspondence,
    developer,
    documentation,
    draft,
    employment,
    escrow,
    guarantor,
    health,
    invitation,
    joining,
    kyc,
    ledger,
    mobile_change,
    normal_payment,
    notice,
    onboarding,
    operations,
    organisation,
    own_mobile,
    paper,
    password,
    payment,
    payment_return,
    payout,
    payout_answer,
    personnel,
    policy,
    problems,
    profile,
    reconciliation,
    staff_change,
    substitution,
    task,
    vault,
    withdrawal,
    working_hours,
)
from api.live import Watcher
from api.session_load import Counted, SessionLoad
from commands.command import Context
from domain.errors import TooLarge
from gateways.local_bank import LocalBank

MAX_BODY = 64 * 1024
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
}
_ROUTERS = (
    account.router,
    staff_change.router,
    joining.router,
    invitation.router,
    profile.router,
    password.router,
    own_mobile.router,
    bank_account.router,
    kyc.router,
    draft.router,
    case.router,
    attachment.router,
    task.router,
    onboarding.router,
    card.router,
    certificate.router,
    guarantor.router,
    substitution.router,
    normal_payment.router,
    escrow.router,
    balance.router,
    withdrawal.router,
    payout.router,
    payout_answer.router,
    paper.router,
    payment.router,
    payment_return.router,
    personnel.router,
    employment.router,
    mobile_change.router,
    organisation.router,
    policy.router,
    ledger.router,
    reconciliation.router,
    clearing.router,
    correspondence.router,
    vault.router,
    operations.router,
    notice.router,
    working_hours.router,
    contact.router,
    health.router,
)


async def _always() -> bool:
    return True


class ApiHeaders:
    """Gives each request an id, binds it to the logs, and puts the security headers on each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        replaced = False

        async def send_framed(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return
            if replaced := _is_bare_refusal(message):
                # FastAPI's body limit answers in plain text and bypasses exception handlers.
                await problems.problem(Request(scope), TooLarge())(scope, receive, send_framed_start)
                return
            await send_framed_start(message)

        async def send_framed_start(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_framed)


def _is_bare_refusal(message: Message) -> bool:
    if message["type"] != "http.response.start" or message["status"] != 413:
        return False
    return Headers(raw=message["headers"]).get("content-type") != problems.MEDIA_TYPE


def create_app(
    context: Context,
    *,
    local_messages: Path | None = None,
    local_bank: LocalBank | None = None,
    allowed_origins: Sequence[str] = (),
    temporal_answers: Callable[[], Awaitable[bool]] = _always,
    session_load: SessionLoad | None = None,
) -> FastAPI:
    """The application over a context.

    Args:
        context: what commands work with.
        local_messages: where the local SMS gateway writes; given only in a stand-alone stack.
        local_bank: the bank of a stand-alone stack.
        allowed_origins: sites besides our own whose pages may use a session cookie.
        temporal_answers: whether Temporal can be reached, for ``/readyz``.
        session_load: how much one session may ask for, if not as usual.
    """
    app = _application()
    app.state.session_load = session_load or SessionLoad()
    app.state.context = context
    app.state.watcher = Watcher(context.engine)
    app.state.local_bank = local_bank
    app.state.allowed_origins = frozenset(allowed_origins)
    app.state.temporal_answers = temporal_answers
    if local_messages is not None:
        app.state.local_messages = local_messages
        app.include_router(developer.router)
    documentation.install(app)
    problems.install(app)
    build = app.build_middleware_stack
    # Outermost, so that what the framework itself answers is framed too.
    app.build_middleware_stack = lambda: ApiHeaders(Counted(build(), problems.problem))  # type: ignore[method-assign]  # no public way to be first
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


@contextlib.asynccontextmanager
async def _watching(app: FastAPI) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_cancelled, asyncio.create_task(app.state.watcher.run()))
        yield


def _application() -> FastAPI:
    app = FastAPI(
        title="Amanat",
        summary="Welfare-finance processes: credit on the salary first.",
        version="1.0.0",
        docs_url=None,
        redoc_url=None,
        lifespan=_watching,
        max_body_size=MAX_BODY,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        app.include_router(router)
    return app


def describe() -> dict[str, Any]:
    """The API's document, from its routes alone."""
    return _openapi(_application())


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document, with the problem schema in place of FastAPI's own validation errors."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            openapi_version="3.1.0",
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for path in document["paths"].values():
            for operation in path.values():
                _finish(operation)
        problems.share_examples(document)
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs", {}) | {"Problem": problem}
        app.openapi_schema = document
    return app.openapi_schema


def _finish(operation: dict[str, Any]) -> None:
    """Say what the operation does in a line, and that a command's key is required."""
    # FastAPI's own summary is the function's name; a first sentence ends with a full stop before a space.
    told = " ".join(operation["description"].split())
    operation["summary"] = re.split(r"(?<=[^.]\.) ", told, maxsplit=1)[0].removesuffix(".")
    for parameter in operation.get("parameters", []):
        if parameter["name"].lower() == "idempotency-key":
            # We refuse its absence ourselves.
            parameter |= {"name": "Idempotency-Key", "required": True}
        elif parameter["in"] == "header" and parameter["name"] == "totp":
            parameter["name"] = "TOTP"
