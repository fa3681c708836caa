"""A request for a page: who visits, in which language, and the ways to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.client import SESSION_COOKIE, Api, Refused
from web.forms import Form
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import Language, language_of
from web.notes import note

_SEE_OTHER: Final = 303
_MAX_FIELDS: Final = 200
_MAX_FIELD_BYTES: Final = 64 * 1024
# For how long a fresh code must count yet, so that there is time to type.
_TIME_TO_TYPE: Final = timedelta(minutes=1)

# From where a list goes on.
Cursor = Annotated[str | None, Query(max_length=300)]


class SignInNeeded(Exception):
    """Nobody is signed in, or the session has ended."""

    def __init__(self, path: str) -> None:
        super().__init__("sign-in needed")
        self.path = path


@dataclass(frozen=True, slots=True)
class Me:
    """Who is signed in, as ``read_me`` says."""

    person_id: str
    name: str
    capacity: str
    roles: tuple[Mapping[str, str], ...]
    strong_until: datetime | None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Me:
        """From the API's answer."""
        name = f"{said['first_name']} {said['last_name']}"
        until = said["strong_until"] and datetime.fromisoformat(said["strong_until"])
        return cls(said["person_id"], name, said["capacity"], tuple(said["roles"]), until)

    @property
    def is_member(self) -> bool:
        """Whether they visit as a member."""
        return self.capacity == "member"

    @property
    def is_confirmed(self) -> bool:
        """Whether a fresh code counts for a while yet (G1): a hint for pages, to ask before anything is typed."""
        return self.strong_until is not None and self.strong_until > datetime.now(UTC) + _TIME_TO_TYPE

    def has(self, *roles: str) -> bool:
        """Whether they hold one of the roles, in any scope."""
        return any(held["role"] in roles for held in self.roles)

    def scopes(self, role: str, kind: str) -> list[str]:
        """The scopes of one kind in which they hold a role."""
        return [held["scope"] for held in self.roles if (held["role"], held["scope_kind"]) == (role, kind)]


@dataclass(slots=True)
class Visit:
    """A request for a page."""

    request: Request
    api: Api
    language: Language
    me: Me | None = None

    @property
    def person(self) -> Me:
        """Who is signed in.

        Raises:
            SignInNeeded: nobody.
        """
        if self.me is None:
            raise SignInNeeded(self.here)
        return self.me

    @property
    def here(self) -> str:
        """The address of the page, to come back to."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    async def form(self, *, max_fields: int = _MAX_FIELDS, max_field_bytes: int = _MAX_FIELD_BYTES) -> Form:
        """What was sent; of more or larger fields (files apart) than allowed nothing is taken."""
        sent = await self.request.form(max_files=1, max_fields=max_fields, max_part_size=max_field_bytes)
        return Form.of(sent, self.language, self.request.url.path)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page; ``values`` are the template's."""
        state = self.request.app.state
        common = {
            "me": self.me,
            "here": self.here,
            "note": note(self.request.query_params.get("done"), self.language),
            "stand_alone": state.stand_alone,
            "temporal_ui": state.temporal_ui,
        }
        html = state.renderer.render(template, self.language, **(common | values))
        return HTMLResponse(html, status)

    def again(self, template: str, form: Form, **values: Any) -> Response:
        """The page of a form that was refused, with what was typed and what is wrong."""
        return self.page(template, status=422, form=form, **values)

    def go(self, path: str, *, done: str = "") -> Response:
        """Send the browser on, telling there what was done (a code of ``web.notes``)."""
        separator = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{separator}done={quote(done)}" if done else path, _SEE_OTHER)


def visit_of(request: Request) -> Visit:
    """The visit that a request is: one, so that an error page knows who is there too."""
    known: Visit | None = getattr(request.state, "visit", None)
    if known is None:
        language = language_of(request.cookies.get(LANGUAGE_COOKIE))
        known = request.state.visit = Visit(request, Api(request.app.state.api, request), language)
    return known


AnyVisit = Annotated[Visit, Depends(visit_of)]


async def signed_in(visit: AnyVisit) -> Visit:
    """A visit of somebody who is signed in.

    Raises:
        SignInNeeded: nobody is.
    """
    if SESSION_COOKIE not in visit.request.cookies:
        raise SignInNeeded(visit.here)
    try:
        visit.me = Me.of(await visit.api.get("/v1/me"))
    except Refused as refused:
        if refused.status == 401:
            raise SignInNeeded(visit.here) from None
        raise
    return visit


SignedIn = Annotated[Visit, Depends(signed_in)]
