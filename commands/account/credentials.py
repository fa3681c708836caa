"""Passwords and TOTP. Passwords are hashed in two threads of their own: it takes long, by design."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import pyotp
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from domain.account import TOTP_DRIFT

ISSUER: Final = "Amanat"

_hasher: Final = PasswordHash.recommended()
_threads: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


def new_totp_secret() -> str:
    """A random TOTP secret in base32, 160 bits."""
    return pyotp.random_base32()


def provisioning_uri(username: str, totp_secret: str) -> str:
    """What an authenticator app reads from a QR code."""
    return pyotp.TOTP(totp_secret).provisioning_uri(name=username, issuer_name=ISSUER)


async def hash_password(password: str) -> str:
    """The hash to store."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def password_matches(password: str, password_hash: str | None) -> bool:
    """Whether the password belongs to the hash; without a hash it takes as long and is False."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, password, password_hash)


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
