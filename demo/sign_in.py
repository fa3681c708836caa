"""How the demo's people sign in and read their messages: every code comes by one."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

from api.account.codes import request_code
from api.account.sessions import (
    Challenge,
    MemberSignIn,
    SignInCodeRequest,
    request_sign_in_code,
    sign_in,
)
from api.answering import CodeRequest
from demo.actors import Member, wait_for
from demo.personnel_generator import Employee
from demo.remote import Refused, RemoteClient

T = TypeVar("T")
_CODE = re.compile(r"\d{6}")


async def ask_for_sign_in_code(client: RemoteClient, person: Employee) -> Challenge:
    """Ask for a sign-in code; the answer is the same for everybody. Waits while the limit of this number lasts."""
    wish = SignInCodeRequest(national_id=person.national_id, mobile=person.mobile)
    return await _patiently(lambda: client.call(request_sign_in_code, wish))


async def member(client: RemoteClient, person: Employee) -> Member:
    """Sign a member in with the code that came by SMS."""
    since = now_ms()
    challenge = await ask_for_sign_in_code(client, person)
    code = await newest_code(client, person.mobile, since)
    session = await client.call(sign_in, MemberSignIn(challenge_id=challenge.challenge_id, code=code))
    return Member(RemoteClient(client.http, session.token or ""), partial(_read_code, person.mobile))


async def _read_code(mobile: str, client: RemoteClient, wish: CodeRequest) -> tuple[UUID, str]:
    """Ask for a fresh code, waiting while it is too early for another, and read it from the SMS."""
    since = now_ms()
    asked = await _patiently(lambda: client.call(request_code, wish))
    return asked.code_id, await newest_code(client, mobile, since)


async def newest_code(client: RemoteClient, mobile: str, since: int) -> str:
    """The code that a mobile received after a moment (milliseconds since 1970), from the developer address."""

    async def look() -> str | None:
        read = await _messages(client, since, mobile=mobile)
        return next((item["values"]["code"] for item in read if "code" in item["values"]), None)

    return await wait_for(look, f"the code for {mobile[:6]}…")


async def newest_sms(client: RemoteClient, mobile: str, template: str, since: int) -> str:
    """The text of the newest SMS of a template that a mobile received after a moment."""

    async def look() -> str | None:
        read = await _messages(client, since, mobile=mobile, template=template)
        return next((item["text"] for item in read), None)

    return await wait_for(look, f"the SMS {template} for {mobile[:6]}…")


async def newest_mail_code(client: RemoteClient, address: str, since: int) -> str:
    """The code that an e-mail address received after a moment."""

    async def look() -> str | None:
        read = await _messages(client, since, address=address)
        return next((found[0] for item in read if (found := _CODE.search(item["text"]))), None)

    return await wait_for(look, "the code by e-mail")


async def _messages(client: RemoteClient, since: int, **values: str) -> list[dict[str, Any]]:
    """Messages from the developer address since a moment, the newest first, of which each has these values."""
    items = (await client.http.get("/developer/messages", params={"limit": 50})).json()["items"]
    wanted = values.items()
    return [item for item in items if item["at"] >= since and wanted <= item.items()]


def now_ms() -> int:
    """This moment as messages tell theirs: milliseconds since 1970."""
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
