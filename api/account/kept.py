"""What a browser keeps for a while in a cookie, sealed: what was typed before a session ended or a code came.

Only this server can read it. It is never asked for by the API's own callers, who keep what they send themselves.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from starlette.responses import Response

from api.dependencies import Visitor
from storage.account import FormerSession, find_former_session
from storage.database import SERVICE, transaction
from storage.sealing import SealBroken

__all__ = ["FormerSession", "Kept", "forget", "former_session", "keep", "kept_of"]

# A form whose session has ended; and what a code was asked for with.
Kept = Literal["form", "asked"]
# Browsers keep no cookie of more than 4,096 bytes.
_MOST: Final = 3_900
_LONGEST_TOKEN: Final = 100


async def former_session(visitor: Visitor, token: str) -> FormerSession | None:
    """Whose session a token began, which may have ended; None for no token of ours."""
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    async with transaction(visitor.context.engine, SERVICE) as connection:
        return await find_former_session(connection, token)


def keep(visitor: Visitor, response: Response, what: Kept, value: dict[str, Any], life: timedelta) -> bool:
    """Have a browser keep a value of JSON; False where it is too long."""
    content = json.dumps([datetime.now(UTC).timestamp(), value], ensure_ascii=False)
    sealed = visitor.context.seals.cipher.seal(zlib.compress(content.encode()), f"kept.{what}")
    text, seconds = base64.urlsafe_b64encode(sealed).decode(), int(life.total_seconds())
    if len(text) > _MOST:
        return False
    response.set_cookie(_name(what), text, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")
    return True


def kept_of(visitor: Visitor, cookies: Mapping[str, str], what: Kept, life: timedelta) -> dict[str, Any] | None:
    """What a browser keeps; None once its life is over, and for whatever was not sealed here as this."""
    try:
        sealed = base64.urlsafe_b64decode(cookies.get(_name(what), "").encode())
        content = visitor.context.seals.cipher.open(sealed, f"kept.{what}")
    except (SealBroken, binascii.Error, UnicodeError):
        return None
    sealed_at, value = json.loads(zlib.decompress(content))
    kept: dict[str, Any] = value
    return kept if datetime.now(UTC).timestamp() - sealed_at < life.total_seconds() else None


def forget(response: Response, *names: Kept) -> None:
    """Have a browser forget what it keeps."""
    for what in names:
        response.delete_cookie(_name(what), path="/", secure=True, httponly=True, samesite="lax")


def _name(what: Kept) -> str:
    return f"__Host-{what}"
