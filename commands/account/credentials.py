"""Passwords and TOTP. Passwords are hashed in threads of their own: it takes long, by design.

One thread is for strangers, so that however many there are, another stays for those who are known.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

import pyotp
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from domain.account import TOTP_DRIFT
from domain.errors import TooMany

T = TypeVar("T")
ISSUER: Final = "Amanat"

_hasher: Final = PasswordHash.recommended()
# How many strangers wait for their thread at once, a second's work; more are told to come again.
STRANGERS_WAITING: Final = 16
_FULL_SECONDS: Final = 1


class HashingThread:
    """A thread in which passwords are hashed one after another."""

    def __init__(self, name: str, room: int | None = None) -> None:
        """For so many at once that wait or are served; for any number if none is given."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"password-{name}")
        self._room, self._inside = room, 0

    async def run(self, work: Callable[..., T], *given: object) -> T:
        """Do it when the thread is free.

        Raises:
            TooMany: too many wait already.
        """
        if self._room is not None and self._inside >= self._room:
            raise TooMany(retry_after=_FULL_SECONDS)
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)
        finally:
            self._inside -= 1


_known: Final = HashingThread("known")
_strangers: Final = HashingThread("strangers", STRANGERS_WAITING)


def new_totp_secret() -> str:
    """A random TOTP secret in base32, 160 bits."""
    return pyotp.random_base32()


def provisioning_uri(username: str, totp_secret: str) -> str:
    """What an authenticator app reads from a QR code."""
    return pyotp.TOTP(totp_secret).provisioning_uri(name=username, issuer_name=ISSUER)


async def hash_password(password: str) -> str:
    """The hash to store."""
    return await _known.run(_hasher.hash, password)


async def password_matches(password: str, password_hash: str | None, *, known: bool = False) -> bool:
    """Whether the password belongs to the hash; without a hash it takes as long and is False.

    Args:
        password: as it was typed.
        password_hash: what is stored; None if nothing is.
        known: whether it comes from a device that signed in before, which waits for no stranger.

    Raises:
        TooMany: too many strangers wait already.
    """
    return await (_known if known else _strangers).run(_verify, password, password_hash)


def matching_step(totp_secret: str | None, code: str, step: int) -> int | None:
    """The step, at most one away from ``step``, whose code this is; without a secret as long, and None."""
    totp = pyotp.TOTP(totp_secret or _nobodys_secret())
    found = None
    for candidate in range(step - TOTP_DRIFT, step + TOTP_DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(candidate), code):
            found = candidate
    return found if totp_secret else None


def _verify(password: str, password_hash: str | None) -> bool:
    # Made beforehand in every call, so that the first unknown name takes no longer than a known one.
    nobody = _nobodys_hash()
    try:
        right = _hasher.verify(password, password_hash or nobody)
    except UnknownHashError:
        return False
    return right and password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


@cache
def _nobodys_secret() -> str:
    return new_totp_secret()
