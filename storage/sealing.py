"""Encryption of personal fields and of workflow payloads, and blind indexes to search sealed fields by.

A sealed value is ``version | key id length | key id | nonce | ciphertext``; the purpose (for example
``person.mobile``) is authenticated with it, so a value cannot be moved to another column.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE_BYTES = 12
_KEY_BYTES = 32
_SHORTEST = 2 + 1 + _NONCE_BYTES


class SealBroken(Exception):
    """A sealed value cannot be opened: unknown key, another purpose, or altered bytes."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """AES-256-GCM over a key ring: the current key seals, each known key opens."""

    current: str
    keys: Mapping[str, AESGCM] = field(repr=False)

    @classmethod
    def from_ring(cls, current: str, keys: Mapping[str, str]) -> Self:
        """Build from base64 keys of 32 bytes.

        Raises:
            ValueError: the current key is missing or a key has another length.
        """
        if current not in keys:
            msg = f"key ring has no key named {current!r}"
            raise ValueError(msg)
        return cls(current, {name: AESGCM(_decode_key(name, text)) for name, text in keys.items()})

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt for one purpose."""
        name = self.current.encode()
        nonce = os.urandom(_NONCE_BYTES)
        secret = self.keys[self.current].encrypt(nonce, plain, purpose.encode())
        return bytes((_VERSION, len(name))) + name + nonce + secret

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what was sealed for this purpose.

        Raises:
            SealBroken: it was not sealed by this ring for this purpose.
        """
        if len(sealed) < _SHORTEST or sealed[0] != _VERSION:
            raise SealBroken(purpose)
        start = 2 + sealed[1]
        key = self.keys.get(sealed[2:start].decode(errors="replace"))
        if key is None:
            raise SealBroken(purpose)
        nonce, secret = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        try:
            return key.decrypt(nonce, secret, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(purpose) from error

    def seal_text(self, plain: str, purpose: str) -> bytes:
        """``seal`` for text."""
        return self.seal(plain.encode(), purpose)

    def open_text(self, sealed: bytes, purpose: str) -> str:
        """``open`` for text."""
        return self.open(sealed, purpose).decode()


@dataclass(frozen=True, slots=True)
class BlindIndex:
    """Keyed hash by which a sealed field is found; equal values of one kind give equal indexes."""

    key: bytes = field(repr=False)

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Build from a base64 key of 32 bytes."""
        return cls(_decode_key("blind index", text))

    def of(self, kind: str, value: str) -> bytes:
        """The index of a normalised value, 32 bytes."""
        return hmac.digest(self.key, f"{kind}\x00{value}".encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Seals:
    """Everything that keeps personal data unreadable in Postgres."""

    cipher: Cipher
    index: BlindIndex
    pepper: bytes = field(repr=False)


def as_text(sealed: bytes) -> str:
    """Something sealed, as JSON can hold it."""
    return base64.b64encode(sealed).decode()


def _decode_key(name: str, text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != _KEY_BYTES:
        msg = f"key {name!r} must be {_KEY_BYTES} bytes in base64"
        raise ValueError(msg)
    return key
