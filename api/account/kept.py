"""What a browser keeps for a while in a cookie, sealed: what was typed before a session ended or a code came.

Only this server can read it. It is never asked for by the API's own callers, who keep what they send themselves.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from api.dependencies import Visitor
from storage.account import FormerSession, find_former_session
from storage.database import SERVICE, transaction
from storage.sealing import SealBroken

Purpose = Literal["kept.form", "kept.asking"]
# Browsers keep no cookie of more than 4,096 bytes.
_MOST: Final = 3_900
_LONGEST_TOKEN: Final = 100


async def former_session(visitor: Visitor, token: str) -> FormerSession | None:
    """Whose session a token began, which may have ended; None for no token of ours."""
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    async with transaction(visitor.context.engine, SERVICE) as connection:
        return await find_former_session(connection, token)


def seal_kept(visitor: Visitor, purpose: Purpose, value: dict[str, Any]) -> str | None:
    """A cookie's text for a value of JSON; None where it is too long to be kept."""
    content = json.dumps([datetime.now(UTC).timestamp(), value], ensure_ascii=False)
    sealed = visitor.context.seals.cipher.seal(zlib.compress(content.encode()), purpose)
    text = base64.urlsafe_b64encode(sealed).decode()
    return text if len(text) <= _MOST else None


def open_kept(visitor: Visitor, purpose: Purpose, text: str, life: timedelta) -> dict[str, Any] | None:
    """What a cookie keeps; None once its life is over, and for whatever was not sealed here for this purpose."""
    try:
        content = visitor.context.seals.cipher.open(base64.urlsafe_b64decode(text.encode()), purpose)
    except (SealBroken, binascii.Error, UnicodeError):
        return None
    sealed_at, value = json.loads(zlib.decompress(content))
    kept: dict[str, Any] = value
    return kept if datetime.now(UTC).timestamp() - sealed_at < life.total_seconds() else None
