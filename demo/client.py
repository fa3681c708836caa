"""The API as the demo's people use it: every step is a real request, every code a real message."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pyotp

from commands.account import FirstCredentials
from demo.personnel_generator import Person
from stack.places import CliError

T = TypeVar("T")
_PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.2


@dataclass(slots=True)
class SignedInClient:
    """Somebody with a session."""

    http: httpx2.Client
    token: str = field(default="", repr=False)

    def get(self, path: str, **query: Any) -> Any:
        """Read something."""
        return self.checked(self.http.get(path, params=query, headers=self._headers()))

    def post(self, path: str, body: object = None) -> Any:
        """Send a command once."""
        headers = {**self._headers(), "Idempotency-Key": str(uuid4())}
        return self.checked(self.http.post(path, json=body, headers=headers))

    def ask_for_code(self, purpose: str, subject: dict[str, Any]) -> str:
        """Ask for a fresh code for one thing, waiting while it is too early for another; returns its id."""
        body = {"purpose": purpose, "subject": subject}

        def ask() -> httpx2.Response:
            return self.http.post("/v1/codes", json=body, headers={**self._headers(), "Idempotency-Key": str(uuid4())})

        return str(_patiently(ask)["code_id"])

    def upload(self, path: str, file: Path) -> Any:
        """Send a file."""
        headers = {**self._headers(), "Idempotency-Key": str(uuid4()), "Content-Type": "application/octet-stream"}
        return self.checked(self.http.post(path, content=file.read_bytes(), headers=headers))

    def download(self, path: str, **query: Any) -> bytes:
        """Fetch a file."""
        answer = self.http.get(path, params=query, headers=self._headers())
        self.checked(answer, parse=False)
        return answer.content

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @staticmethod
    def checked(answer: httpx2.Response, *, parse: bool = True) -> Any:
        """The JSON of an answer.

        Raises:
            CliError: it was refused.
        """
        if answer.is_success:
            return answer.json() if parse and answer.content else None
        problem = answer.json()
        raise CliError(f"the API refused {answer.request.method} {answer.request.url.path}: {problem['detail_en']}")


def wait_for(look: Callable[[], T | None], what: str) -> T:
    """Look again and again until something is there.

    Raises:
        CliError: it did not come in time.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(_POLL_SECONDS)
    raise CliError(f"waited in vain for {what}; var/log/ has the logs")


def newest_code(http: httpx2.Client, mobile: str, since: int) -> str:
    """The code that a mobile received after a moment (milliseconds since 1970), from the developer address."""

    def look() -> str | None:
        items = http.get("/developer/messages", params={"limit": 50}).json()["items"]
        return next(
            (
                item["values"]["code"]
                for item in items
                if item["mobile"] == mobile and item["at"] >= since and "code" in item["values"]
            ),
            None,
        )

    return wait_for(look, f"the code for {mobile[:6]}…")


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def ask_for_sign_in_code(http: httpx2.Client, person: Person) -> dict[str, Any]:
    """Ask for a sign-in code; the answer is the same for everybody. Waits while the limit of this number lasts."""
    body = {"national_id": person.national_id, "mobile": person.mobile}
    return _patiently(lambda: http.post("/v1/sign-in/codes", json=body))


def _patiently(ask: Callable[[], httpx2.Response]) -> dict[str, Any]:
    """Ask for a code again until it is not too early for another one."""

    def look() -> dict[str, Any] | None:
        answer = ask()
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            time.sleep(1)
            return None
        found: dict[str, Any] = SignedInClient.checked(answer)
        return found

    return wait_for(look, "the next code for this number")


def sign_in_member(http: httpx2.Client, person: Person) -> SignedInClient:
    """Sign a member in with the code that came by SMS."""
    since = now_ms()
    challenge = ask_for_sign_in_code(http, person)
    code = newest_code(http, person.mobile, since)
    body = {"challenge_id": challenge["challenge_id"], "code": code}
    return SignedInClient(http, SignedInClient(http).post("/v1/sign-in/sessions", body)["token"])


def sign_in_staff(http: httpx2.Client, credentials: FirstCredentials) -> SignedInClient:
    """Sign a member of staff in with password and TOTP."""
    body = {
        "username": credentials.username,
        "password": credentials.password,
        "totp": pyotp.TOTP(credentials.totp_secret).now(),
    }
    return SignedInClient(http, SignedInClient(http).post("/v1/sign-in/staff", body)["token"])
