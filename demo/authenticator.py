"""An authenticator app in somebody's hands: each code counts once, and so does none before it (G1)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

import pyotp

from domain.account import TOTP_DRIFT, TOTP_SECONDS

# A code is on its way for a moment, and clocks differ.
_MARGIN_SECONDS: Final = 3


@dataclass(slots=True)
class Authenticator:
    """Makes codes; the three steps that count at any moment are used from the oldest, so that few are waited for."""

    secret: str = field(repr=False)
    _last: int = 0

    async def code(self) -> str:
        """The next code that counts; waits while there is none, at most a step."""
        step = max(self._last, self._oldest - 1) + 1
        await asyncio.sleep(max((step - TOTP_DRIFT) * TOTP_SECONDS + _MARGIN_SECONDS - time.time(), 0))
        self._last = step
        return pyotp.TOTP(self.secret).generate_otp(step)

    @property
    def _oldest(self) -> int:
        return int((time.time() + _MARGIN_SECONDS) // TOTP_SECONDS) - TOTP_DRIFT
