"""The application of the pages, and the door in front of pages and API."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import status_of
from api.session_load import Counted
from domain.errors import Conflict, Refusal
from domain.wording import Sentence
from web import (
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
    credit,
    developer,
    guarantor,
    home,
    invitation,
    joining,
    kept,
    local_bank,
    messages,
    mobile_change,
    normal_payment,
    onboarding,
    operations,
    own_mobile,
    paper,
    password,
    payment,
    payout,
    personnel,
    profile,
    staff_account,
    staff_change,
    substitution,
    task,
    vault,
    withdrawal,
)
from web.assets import PREFIX
from web.capabilities import NOTES
from web.escrow import begin as escrow_begin
from web.escrow import case as escrow_case
from web.escrow import desk as escrow_desk
from web.escrow import jobs as escrow_jobs
from web.kyc import correction as kyc_correction
from web.kyc import desk as kyc_desk
from web.kyc import form as kyc_form
from web.kyc import member as kyc_member
from web.kyc import pictures as kyc_pictures
from web.language import noop as _
from web.page_request import CONTENT_POLICY, SignInNeeded, page_request_of
from web.rendering import Renderer, loaded_assets

_log = logging.getLogger("amanat.web")

_ROUTERS: Final = (
    account.router,
    kept.router,
    joining.router,
    invitation.router,
    profile.router,
    password.router,
    own_mobile.router,
    bank_account.router,
    kyc_member.router,
    kyc_form.router,
    kyc_correction.router,
    kyc_pictures.router,
    kyc_desk.router,
    home.router,
    contact.router,
    onboarding.router,
    case.router,
    attachment.router,
    correspondence.router,
    vault.router,
    guarantor.router,
    credit.router,
    card.router,
    paper.router,
    payment.router,
    messages.router,
    task.router,
    personnel.router,
    mobile_change.router,
    substitution.router,
    normal_payment.router,
    escrow_jobs.router,
    escrow_begin.router,
    escrow_case.router,
    escrow_desk.router,
    balance.router,
    withdrawal.router,
    payout.router,
    certificate.router,
    operations.router,
    clearing.router,
    staff_change.router,
    staff_account.router,
)
# What belongs to the API and its documentation; all else is a page.
_OF_THE_API: Final = (
    "/v1",
    "/docs",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/developer/messages",
    "/developer/sign-ins",
)
_HEADERS: Final = {
    # A page of one person is nobody else's, also after they have signed out.
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Strict-Transport-Security": "max-age=31536000",
}
_IN_A_CASE: Final = re.compile("(/cases/[0-9a-f-]{36})/")
# Banks send browsers back from pages of theirs, by a form of theirs too. No session is looked at there and nothing but
# the token in the address is read, which no other site can guess: so no form of another site's can do harm.
_FROM_BANKS: Final = "/pay/return/"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_RETRY_SECONDS: Final = "3"
MAX_FORM: Final = 64 * 1024


_NOT_HERE: Final = _("There is no such page, or it is not for you.")
_OUR_FAULT: Final = _("Something went wrong on our side; nothing was lost. Please try again a little later.")
_SENTENCES: Final = {
    HTTPStatus.BAD_REQUEST: _("What was sent could not be read. Please open the page again and send it once more."),
    HTTPStatus.FORBIDDEN: _(
        "This form did not come from a page of ours. Please open the page again and send it from there."
    ),
    HTTPStatus.NOT_FOUND: _NOT_HERE,
    HTTPStatus.METHOD_NOT_ALLOWED: _NOT_HERE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("What was sent is larger than allowed."),
    HTTPStatus.SERVICE_UNAVAILABLE: _(
        "Amanat cannot be reached for a moment; nothing was lost. Please try again shortly."
    ),
}


class Dispatcher:
    """Leads requests to the pages or to the API; what concerns the process as a whole goes to the API."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api, self._pages = api, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead one request."""
        path = scope.get("path", "")
        is_page = scope["type"] == "http" and not any(
            path == prefix or path.startswith(f"{prefix}/") for prefix in _OF_THE_API
        )
        await (self._pages if is_page else self._api)(scope, receive, send)


class PageHeaders:
    """Puts the security headers on each page, and refuses what another site's page sends here."""

    def __init__(self, app: FastAPI) -> None:
        self._app, self._counted = app, Counted(app, _refusal_page, free=PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one request."""
        replaced = False
        # A HEAD is answered as its GET; the server leaves the body out. The app is named for pages made out here.
        scope = {**scope, "app": self._app, "method": "GET" if scope.get("method") == "HEAD" else scope.get("method")}

        async def send_framed(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return
            if replaced := _is_bare_refusal(message):
                # The framework's own bound on bodies answers in plain text, past the exception handlers.
                await _error_page(Request(scope), HTTPStatus(message["status"]))(scope, receive, send_framed_start)
                return
            await send_framed_start(message)

        async def send_framed_start(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = _reference()
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with structlog.contextvars.bound_contextvars(request_id=str(uuid4())):
            is_safe = scope["method"] in _SAFE_METHODS or scope["path"].startswith(_FROM_BANKS)
            if not is_safe and not _from_our_page(Request(scope)):
                await _error_page(Request(scope), HTTPStatus.FORBIDDEN)(scope, receive, send_framed)
            else:
                await self._counted(scope, receive, send_framed)


def _is_bare_refusal(message: Message) -> bool:
    if message["type"] != "http.response.start" or message["status"] != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return False
    return not (Headers(raw=message["headers"]).get("content-type") or "").startswith("text/html")


class PlainRefusal(HTMLResponse):
    """An answer for what is no page of ours at all."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(f"<!doctype html><title>{status}</title><p>{status.phrase}", status)


def _from_our_page(request: Request) -> bool:
    """Whether a form was sent by a page of this site: browsers say so in one of two ways, and nothing else counts."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin") == f"{request.url.scheme}://{request.headers.get('host', '')}"


def create_site(api: FastAPI, *, stand_alone: bool = False, temporal_ui: str = "") -> ASGIApp:
    """Pages and API behind one door.

    Args:
        api: the API's application.
        stand_alone: whether to show what is for trying out only: unsent messages, the style guide, the bank.
        temporal_ui: address of Temporal's pages of our namespace, for staff; empty: there are none.

    Raises:
        AssetMissing: npm has not brought what pages load.
    """
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, max_body_size=MAX_FORM, redirect_slashes=False)
    pages.state = api.state
    pages.state.renderer = Renderer(loaded_assets())
    pages.state.stand_alone = stand_alone
    pages.state.notes = NOTES
    pages.state.temporal_ui = temporal_ui
    for router in _routers(stand_alone=stand_alone):
        pages.include_router(router)
    pages.add_api_route(f"{PREFIX}{{name}}", _asset, methods=["GET", "HEAD"])
    _install_errors(pages)
    # Outermost, so that what the framework itself answers is framed too.
    return Dispatcher(api, PageHeaders(pages))


def _routers(*, stand_alone: bool) -> tuple[APIRouter, ...]:
    return (*_ROUTERS, developer.router, local_bank.router) if stand_alone else _ROUTERS


def page_addresses(method: str) -> set[str]:
    """Every page (GET) or form (POST) that a stand-alone site has, as its route is written."""
    routers = _routers(stand_alone=True)
    found = (route for router in routers for route in iter_route_contexts(router.routes))
    return {str(route.path) for route in found if method in (route.methods or ())}


def _asset(request: Request) -> Response:
    found = loaded_assets().find(request.url.path)
    return PlainRefusal(HTTPStatus.NOT_FOUND) if found is None else found.answer(request)


def _install_errors(pages: FastAPI) -> None:
    """Answer every failure with a page that says what to do now."""

    @pages.exception_handler(SignInNeeded)
    async def sign_in(request: Request, _error: SignInNeeded) -> Response:
        return await kept.lead_to_sign_in(page_request_of(request))

    @pages.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        status = HTTPStatus(status_of(type(error)))
        if status == HTTPStatus.UNAUTHORIZED:
            return await kept.lead_to_sign_in(page_request_of(request))
        return (
            _error_page(request, status)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR
            else _refusal_page(request, error)
        )

    @pages.exception_handler(RequestValidationError)
    async def invalid(request: Request, _error: RequestValidationError) -> Response:
        return _error_page(request, HTTPStatus.NOT_FOUND)

    @pages.exception_handler(HTTPException)
    async def by_framework(request: Request, error: HTTPException) -> Response:
        return _error_page(request, HTTPStatus(error.status_code))

    @pages.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        # Browsers do so when somebody types on or goes on; nobody is there to be answered.
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    @pages.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("page_failed", exc_info=error)
        return _error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _refusal_page(request: Request, refusal: Refusal) -> Response:
    status = HTTPStatus(status_of(type(refusal)))
    words = Sentence(refusal.sentence("fa"), refusal.sentence("en"))
    # What is refused in a case is explained by the case.
    case = _IN_A_CASE.match(request.url.path) if isinstance(refusal, Conflict) else None
    response = page_request_of(request).render(
        "error.html", status=status, words=words, reference=_reference(), case="" if case is None else case[1]
    )
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _error_page(request: Request, status: HTTPStatus) -> Response:
    page = page_request_of(request)
    sentence = page.language.translate(_SENTENCES.get(status, _OUR_FAULT))
    words = Sentence(sentence, sentence)
    response = page.render("error.html", status=status, words=words, reference=_reference(), case="")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def _reference() -> str:
    """The id under which this request stands in the logs, for people who ask support."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
