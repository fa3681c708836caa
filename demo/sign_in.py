"""How the demo's people sign in and read their codes: every code comes by a real message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

from api.account.codes import request_code
from api.account.sessions import (
    Challenge,
    MemberSignIn,
    SignInCodeRequest,
    StaffSignIn,
    request_sign_in_code,
    sign_in,
    sign_in_staff,
)
from api.answering import CodeRequest
from commands.account import FirstCredentials
from demo.actors import Member, Officer, wait_for
from demo.authenticator import Authenticator
from demo.personnel_generator import Employee
from demo.remote import Refused, RemoteClient

T = TypeVar("T")


async def ask_for_sign_in_code(client: RemoteClient, person: Employee) -> Challenge:
    """Ask for a sign-in code; the answer is the same for everybody. Waits while the limit of this number lasts."""
    wish = SignInCodeRequest(national_id=person.national_id, mobile=person.mobile)
    return await _patiently(lambda: client.call(request_sign_in_code, wish))


async def member(client: RemoteClient, person: Employee) -> Member:
    """Sign a member in with the code that came by SMS."""
    since = _now_ms()
    challenge = await ask_for_sign_in_code(client, person)
    code = await _newest_code(client, person.mobile, since)
    session = await client.call(sign_in, MemberSignIn(challenge_id=challenge.challenge_id, code=code))
    return Member(RemoteClient(client.http, session.token or ""), partial(_read_code, person.mobile))


async def officer(client: RemoteClient, credentials: FirstCredentials) -> Officer:
    """Sign a member of staff in with password and TOTP."""
    authenticator = Authenticator(credentials.totp_secret)
    totp = await authenticator.code()
    body = StaffSignIn(username=credentials.username, password=credentials.password, totp=totp)
    session = await client.call(sign_in_staff, body)
    return Officer(RemoteClient(client.http, session.token or ""), authenticator)


async def _read_code(mobile: str, client: RemoteClient, wish: CodeRequest) -> tuple[UUID, str]:
    """Ask for a fresh code, waiting while it is too early for another, and read it from the SMS."""
    since = _now_ms()
    asked = await _patiently(lambda: client.call(request_code, wish))
    return asked.code_id, await _newest_code(client, mobile, since)


async def _newest_code(client: RemoteClient, mobile: str, since: int) -> str:
    """The code that a mobile received after a moment (milliseconds since 1970), from the developer address."""

    async def look() -> str | None:
        items = (await client.http.get("/developer/messages", params={"limit": 50})).json()["items"]
        return next(
            (
                item["values"]["code"]
                for item in items
                if item["mobile"] == mobile and item["at"] >= since and "code" in item["values"]
            ),
            None,
        )

    return await wait_for(look, f"the code for {mobile[:6]}…")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask for a code again until it is not too early for another one."""

    async def look() -> T | None:
        try:
            return await ask()
        except Refused as refused:
            if refused.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            await asyncio.sleep(1)
            return None

    return await wait_for(look, "the next code for this number")
