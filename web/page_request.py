"""A request for a page: who is signed in, in which language, and the ways to ask the API and to answer (H6)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request
from python_multipart.multipart import parse_options_header
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.account.sessions import Me, read_me
from api.client import Client, refusing
from api.dependencies import (
    SESSION_COOKIE,
    Caller,
    Reading,
    Visitor,
    actor_of,
    context_of,
    device_of,
    host_of,
    origin_of,
)
from domain.errors import InvalidInput, NotFound, Unauthenticated
from web.forms import Form
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import Language, language_of

P = ParamSpec("P")
T = TypeVar("T")
# What a page may load, and where its forms may lead.
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SEE_OTHER: Final = 303
_MAX_FIELDS: Final = 200
_MAX_FIELD_BYTES: Final = 64 * 1024
# In the scope of a request: it comes from ``web.kept``, not from the browser.
LOOKS_ONLY: Final = "amanat.looks_only"
# Where such a form is shown.
BACK: Final = "/resume"
# For how long a fresh code must count yet, so that there is time to type.
_TIME_TO_TYPE: Final = timedelta(minutes=1)


class SignInNeeded(Exception):
    """Nobody is signed in, or the session has ended."""


class CurrentUser(Me):
    """Who is signed in."""

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def is_member(self) -> bool:
        """Whether they are signed in as a member."""
        return self.capacity == "member"

    @property
    def is_confirmed(self) -> bool:
        """Whether a fresh code counts for a while yet (G1): a hint for pages, to ask before anything is typed."""
        return self.strong_until is not None and self.strong_until > datetime.now(UTC) + _TIME_TO_TYPE

    def has(self, *roles: str) -> bool:
        """Whether they hold one of the roles, in any scope."""
        return any(held.role in roles for held in self.roles)

    def scopes(self, role: str, kind: str) -> list[str]:
        """The scopes of one kind in which they hold a role."""
        return [held.scope for held in self.roles if (held.role, held.scope_kind) == (role, kind)]


@dataclass(slots=True)
class PageRequest:
    """A request for a page; ``api`` are the operations as the user may call them."""

    http: Request
    language: Language
    api: Client
    me: CurrentUser | None = None

    @property
    def looks_only(self) -> bool:
        """Whether a form that was kept is only to be shown: it is sent when its person presses its button again."""
        return bool(self.http.scope.get(LOOKS_ONLY))

    @property
    def user(self) -> CurrentUser:
        """Who is signed in.

        Raises:
            SignInNeeded: nobody.
        """
        if self.me is None:
            raise SignInNeeded
        return self.me

    @property
    def here(self) -> str:
        """The address of the page, to come back to."""
        url = self.http.url
        return f"{url.path}?{url.query}" if url.query else url.path

    async def read_or_none(
        self, handler: Callable[Concatenate[Reading, P], Awaitable[T | None]], /, *values: P.args, **named: P.kwargs
    ) -> T | None:
        """What the API shows, or None where it is not there or not the user's to see."""
        with contextlib.suppress(NotFound):
            return await self.api.read(handler, *values, **named)
        return None

    async def form(self, *, max_fields: int = _MAX_FIELDS, max_field_bytes: int = _MAX_FIELD_BYTES) -> Form:
        """What was sent; of more or larger fields (files apart) than allowed nothing is taken.

        Raises:
            InvalidInput: it names another encoding than UTF-8, or holds text that is not valid in it.
            SignInNeeded: the session has ended meanwhile.
        """
        form = await self.read_form(max_fields=max_fields, max_field_bytes=max_field_bytes)
        # It comes as slowly as its sender likes.
        if self.me is not None:
            await authenticate(self)
        form.keeps_key = self.looks_only
        return form

    async def read_form(self, *, max_fields: int = _MAX_FIELDS, max_field_bytes: int = _MAX_FIELD_BYTES) -> Form:
        """``form``, without a look at who sent it."""
        # Whoever may name the encoding may choose one that takes long to read.
        _, options = parse_options_header(self.http.headers.get("Content-Type", ""))
        if options.get(b"charset", b"utf-8").lower() != b"utf-8":
            raise InvalidInput
        await self.api.end_reading()
        try:
            sent = await self.http.form(max_files=1, max_fields=max_fields, max_part_size=max_field_bytes)
            return Form.of(sent, self.language, self.http.url.path)
        except UnicodeError:
            raise InvalidInput from None

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page; ``values`` are the template's."""
        state = self.http.app.state
        common = {
            "me": self.me,
            "here": BACK if self.looks_only else self.here,
            "note": self._note(state.notes),
            "stand_alone": state.stand_alone,
            "contact": state.context.contact,
            "temporal_ui": state.temporal_ui,
        }
        html = state.renderer.render(template, self.language, **(common | values))
        return HTMLResponse(html, status)

    def _note(self, notes: Mapping[str, str]) -> str | None:
        """What was just done, by the code in the address; None for none, or an unknown one."""
        message = notes.get("form_back" if self.looks_only else self.http.query_params.get("done", ""))
        return None if message is None else self.language.translate(message)

    def render_again(self, template: str, form: Form, **values: Any) -> Response:
        """The page of a form that was refused, with what was typed and what is wrong."""
        return self.render(template, status=422, form=form, **values)

    def confirm_first(self, path: str) -> Response:
        """Send the browser to where a fresh code is typed, and from there to a path (G1)."""
        return self.redirect(f"/confirm?next={quote(path, safe='')}")

    def redirect(self, path: str, *, done: str = "") -> Response:
        """Send the browser on, telling there what was done (a code of a capability's ``NOTES``)."""
        separator = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{separator}done={quote(done)}" if done else path, _SEE_OTHER)


def page_request_of(http: Request) -> PageRequest:
    """The page that an HTTP request asks for: one, so that an error page knows who is signed in too."""
    known: PageRequest | None = getattr(http.state, "page_request", None)
    if known is None:
        language = language_of(http.cookies.get(LANGUAGE_COOKIE))
        visitor = Visitor(context_of(http), origin_of(http), Response(), device=device_of(http), host=host_of(http))
        known = http.state.page_request = PageRequest(http, language, Client(visitor))
    return known


async def any_request(http: Request) -> AsyncIterator[PageRequest]:
    """A request of anybody; what it reads ends with it, before the answer is sent."""
    request = page_request_of(http)
    try:
        yield request
    finally:
        await request.api.end_reading()


AnyRequest = Annotated[PageRequest, Depends(any_request, scope="function")]


async def authenticate(request: PageRequest) -> None:
    """Find out who is signed in, once for all that the page asks.

    Raises:
        SignInNeeded: nobody is.
    """
    http, visitor = request.http, request.api.visitor
    try:
        async with refusing():
            actor = await actor_of(http, visitor.context, cookie=http.cookies.get(SESSION_COOKIE))
        caller = Caller(visitor.context, visitor.origin, visitor.response, actor, host=visitor.host)
        request.api = Client(caller, looks_only=request.looks_only)
        request.me = CurrentUser.model_validate(await request.api.read(read_me))
        if LANGUAGE_COOKIE not in http.cookies and request.me.language:
            request.language = language_of(request.me.language)
    except Unauthenticated:
        raise SignInNeeded from None


async def recognise(request: PageRequest) -> None:
    """Keep the frame of the person who is signed in, on a page that needs nobody to be."""
    with contextlib.suppress(SignInNeeded):
        await authenticate(request)


async def signed_in(request: AnyRequest) -> PageRequest:
    """A request of somebody who is signed in.

    Raises:
        SignInNeeded: nobody is.
    """
    await authenticate(request)
    return request


SignedIn = Annotated[PageRequest, Depends(signed_in, scope="function")]
