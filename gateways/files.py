"""Uploaded and made files, sealed at rest: a local directory, memory, or an S3 bucket, by one URL."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from obstore.store import LocalStore, ObjectStore, from_url

_CHUNK = 1024 * 1024
_LENGTH = struct.Struct(">I")
_LONGEST_FRAME = _CHUNK + 1024
_PART = 5 * 1024 * 1024
_PARTS_AT_ONCE = 2


class SealsBytes(Protocol):
    """What encrypts a file's chunks."""

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt for one purpose."""

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what was sealed for this purpose."""


class FileTooLarge(Exception):
    """A stream went over its bound; nothing was kept."""


class FileDamaged(Exception):
    """A stored file ends early or is not made of sealed frames."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A kept file: its key, its size in bytes and its SHA-256."""

    key: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """A store of sealed files. Chunks carry their number, so they cannot be swapped or dropped unnoticed."""

    store: ObjectStore
    cipher: SealsBytes

    @classmethod
    def at(cls, url: str, cipher: SealsBytes) -> Files:
        """Open ``file:///directory``, ``memory:///`` or ``s3://bucket/prefix``."""
        if url.startswith("file://"):
            Path(url.removeprefix("file://")).mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(from_url(url), cipher)

    async def keep(self, folder: str, stream: AsyncIterator[bytes], *, limit: int) -> StoredFile:
        """Store a stream under a new random key.

        Args:
            folder: the first part of the key.
            stream: the content.
            limit: the most bytes accepted.

        Raises:
            FileTooLarge: more came; the stream is not read further.
        """
        upload = _Upload(self.cipher, f"{folder}/{uuid4()}", limit)
        # The store takes parts as they come and drops them if the stream breaks: memory stays flat.
        await self.store.put_async(upload.key, upload.sealed(stream), chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)
        return StoredFile(upload.key, upload.size, upload.digest.digest())

    async def fetch(self, key: str, target: Path) -> None:
        """Write the opened content of a file to a local path, part by part.

        Raises:
            FileNotFoundError: there is no such file.
            FileDamaged: parts of it are missing or altered.
        """
        body = (await self.store.get_async(key)).stream(min_chunk_size=_CHUNK)
        waiting, number = b"", 0
        out = await asyncio.to_thread(target.open, "wb")
        try:
            async for frame in _frames(body):
                if number:
                    await asyncio.to_thread(out.write, self._opened(waiting, key, number - 1, last=False))
                waiting, number = frame, number + 1
            await asyncio.to_thread(out.write, self._opened(waiting, key, number - 1, last=True))
        finally:
            out.close()

    def _opened(self, secret: bytes, key: str, number: int, *, last: bool) -> bytes:
        if number < 0:
            raise FileDamaged
        return self.cipher.open(secret, _purpose(key, number, last=last))

    async def list_older(self, folder: str, age: timedelta) -> AsyncIterator[list[str]]:
        """The keys of a folder's files that were stored longer ago, some at a time."""
        limit = datetime.now(UTC) - age
        async for found in self.store.list(folder):
            yield [meta["path"] for meta in found if meta["last_modified"] < limit]

    async def remove_broken(self, folder: str, age: timedelta) -> None:
        """Delete what a process left half-written in a local folder when it was killed; the store hides it.

        A bucket forgets unfinished uploads by itself, if it is set up so (docs/configuration.md).
        """
        if isinstance(self.store, LocalStore) and self.store.prefix is not None:
            before = time.time() - age.total_seconds()
            await asyncio.to_thread(_remove_broken, Path(self.store.prefix) / folder, before)

    async def remove(self, key: str) -> None:
        """Delete a file; missing is fine."""
        try:
            await self.store.delete_async(key)
        except FileNotFoundError:
            return


def _remove_broken(directory: Path, before: float) -> None:
    for path in directory.rglob("*#*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


@dataclass(slots=True)
class _Upload:
    """Seals a stream on its way to the store, counting and hashing the plain content."""

    cipher: SealsBytes
    key: str
    limit: int
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    async def sealed(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The sealed frames; the last one says that it is the last."""
        rest, number = bytearray(), 0
        async for part in stream:
            self.size += len(part)
            if self.size > self.limit:
                raise FileTooLarge
            self.digest.update(part)
            rest += part
            while len(rest) > _CHUNK:
                yield self._frame(bytes(rest[:_CHUNK]), number)
                del rest[:_CHUNK]
                number += 1
        yield self._frame(bytes(rest), number, last=True)

    def _frame(self, plain: bytes, number: int, *, last: bool = False) -> bytes:
        secret = self.cipher.seal(plain, _purpose(self.key, number, last=last))
        return _LENGTH.pack(len(secret)) + secret


async def _frames(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The sealed frames of a stored stream."""
    rest = bytearray()
    async for part in body:
        rest += part
        while len(rest) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(rest)
            if length > _LONGEST_FRAME:
                raise FileDamaged
            end = _LENGTH.size + length
            if len(rest) < end:
                break
            yield bytes(rest[_LENGTH.size : end])
            del rest[:end]
    if rest:
        raise FileDamaged


def _purpose(key: str, number: int, *, last: bool) -> str:
    return f"file:{key}:{number}:{'end' if last else 'more'}"
