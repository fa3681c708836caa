"""What happens to a form whose session has ended: it is kept, its person signs in, and finds it as it was (G1).

It stands in a sealed cookie, not in an address or a table: bound to the person and to what they were signed in as,
without passwords and codes, for half an hour. Files cannot be kept.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.account.kept import FormerSession, forget, former_session, keep, kept_of
from api.dependencies import SESSION_COOKIE
from domain.draft import NEW_KEY, is_secret
from domain.errors import InvalidInput
from web.language import noop as _
from web.page_request import BACK, LOOKS_ONLY, PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "sign_in_first": _("Please sign in to go on; then you come to the page that you wanted."),
    "session_over": _("Your session has ended. Please sign in again."),
    "form_kept": _("Your session has ended. Please sign in again; what you wrote is kept."),
    "form_not_kept": _(
        "Your session has ended. Please sign in again; what you wrote could not be kept and is to be written anew."
    ),
    "file_not_kept": _(
        "Your session has ended. Please sign in again, and choose the file once more: files are not kept."
    ),
    "form_back": _("You are signed in again, and what you wrote is here. Codes and passwords are to be written anew."),
}

LIFE: Final = timedelta(minutes=30)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_TYPED: Final = "application/x-www-form-urlencoded"
_SEE_OTHER: Final = 303
# The pages of staff, by the first part of their addresses.
_OF_STAFF: Final = frozenset(
    {"inbox", "tasks", "operations", "personnel", "mobile-changes", "certificates", "staff", "staff-account"}
)
_REQUEST: Final = ("type", "asgi", "http_version", "scheme", "server", "client", "root_path")
_REPLACED: Final = frozenset({b"content-type", b"content-length", b"transfer-encoding", b"origin", b"sec-fetch-site"})


async def lead_to_sign_in(page: PageRequest) -> Response:
    """Send somebody without a session to where they sign in, and from there on; what they sent is kept."""
    http, path = page.http, page.http.url.path
    former = await former_session(page.api.visitor, http.cookies.get(SESSION_COOKIE, ""))
    is_staff = path.strip("/").partition("/")[0] in _OF_STAFF if former is None else former.capacity == "staff"
    form, onward = ("/sign-in/staff" if is_staff else "/sign-in"), page.here
    done, kept = ("sign_in_first" if former is None else "session_over"), None
    # What a script sends while somebody types is no sending of theirs.
    if http.method not in _SAFE_METHODS and "hx-request" not in http.headers:
        onward = _page_of_form(page)
        if former is not None and http.headers.get("content-type", "").startswith(_TYPED):
            done, kept = "form_not_kept", await _kept(page, former)
        elif former is not None:
            done = "file_not_kept"
            await _read_through(http)
    if page.here == "/" and former is None:
        return RedirectResponse(form, _SEE_OTHER)
    back = RedirectResponse(f"{form}?next={quote(BACK, safe='')}&done=form_kept", _SEE_OTHER)
    if kept is not None and keep(page.api.visitor, back, "form", kept, LIFE):
        return back
    return RedirectResponse(f"{form}?next={quote(onward, safe='')}&done={done}", _SEE_OTHER)


async def _read_through(http: Request) -> None:
    """Take all that is sent: browsers read no answer before. A form that came slowly was read already."""
    with contextlib.suppress(RuntimeError, ClientDisconnect, HTTPException):
        async for _part in http.stream():
            pass


def _page_of_form(page: PageRequest) -> str:
    """Where a form stood, as its browser says; home if it does not say."""
    address = urlsplit(page.http.headers.get("referer", ""))
    if address.netloc != page.http.url.netloc or not address.path:
        return "/"
    return f"{address.path}?{address.query}" if address.query else address.path


async def _kept(page: PageRequest, whose: FormerSession) -> dict[str, Any] | None:
    """What was typed, and by whom; None for what cannot be read, and for a form that holds a new key."""
    with contextlib.suppress(InvalidInput, HTTPException, ClientDisconnect):
        form = await page.read_form()
        typed = ((name, texts) for name, texts in form.lists.items() if not is_secret(name))
        if not form.text(NEW_KEY):
            return {
                "person": str(whose.person_id),
                "capacity": whose.capacity,
                "path": page.here,
                "sent": [(name, text) for name, texts in typed for text in texts],
            }
    return None


@router.get(BACK)
async def resume(request: SignedIn) -> Response:
    """The form that was kept, as it is answered when something in it is to be mended; to its own person only."""
    user, kept = request.user, kept_of(request.api.visitor, request.http.cookies, "form", LIFE)
    if kept is None or (kept["person"], kept["capacity"]) != (str(user.person_id), user.capacity):
        response = request.redirect("/")
        forget(response, "form")
        return response
    return _Shown(request.http.app, kept["path"], urlencode([(name, text) for name, text in kept["sent"]]).encode())


class _Shown(Response):
    """The answer to a form as if it had just been sent, but nothing is done by it (``Client.perform``)."""

    def __init__(self, app: ASGIApp, address: str, body: bytes) -> None:
        super().__init__()
        self._app, self._address, self._sent = app, urlsplit(address), body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        headers = [
            *((name, value) for name, value in scope["headers"] if name not in _REPLACED),
            (b"content-type", _TYPED.encode()),
            (b"content-length", str(len(self._sent)).encode()),
            (b"sec-fetch-site", b"same-origin"),
        ]
        form = {name: scope[name] for name in _REQUEST if name in scope} | {
            "method": "POST",
            "path": self._address.path,
            "raw_path": quote(self._address.path).encode(),
            "query_string": self._address.query.encode(),
            "headers": headers,
            LOOKS_ONLY: True,
        }
        bodies = [self._sent]

        async def receive_form() -> Message:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            return await receive()

        await self._app(form, receive_form, send)
