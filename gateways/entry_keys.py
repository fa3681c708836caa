"""Keys of the vault's entries, in a directory outside the database (docs/keys.md; F2).

Each entry has a key of its own: a file, wrapped by the key of the day on which it was made. Destroying that one file is
what erases an entry, in every copy of the database. The keys of days are sealed by a key ring of the settings; each is
destroyed after the longest life of an entry, whatever became of its entries.

    vault.json              whose keys these are
    lock                    shared by who makes or destroys a key, held alone by who wraps keys anew
    days/2026-11-30.1       the key of a day; a higher number takes its place when keys are wrapped anew
    entries/3f/<uuid>       the key of an entry
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import re
import secrets
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.vault import EntryUnreadable, KeyGone, KeysNotThere

T = TypeVar("T")
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MARKER: Final = "vault.json"
_LOCK: Final = "lock"
_DAYS: Final = "days"
_ENTRIES: Final = "entries"
_FRESH: Final = ".fresh"
_GENERATION: Final = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.(?P<number>[1-9][0-9]{0,5})")
# How the name of a day's key stands before what it wraps: its length, then itself.
_LENGTH: Final = struct.Struct(">B")
# So many keys are wrapped anew while nobody else may make or destroy one.
_AT_ONCE: Final = 50


class SealsBytes(Protocol):
    """What seals the keys of days."""

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt for one purpose."""

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what was sealed for this purpose."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What came of wrapping keys anew: how many were, how many could not be opened, and the days' keys destroyed."""

    keys: int
    unreadable: int
    days_ended: int


class KeyDirectory:
    """The keys of one vault, on a disk that no backup of the database holds.

    Its work with files runs in a thread of its own: no event loop waits for a disk.
    """

    def __init__(self, directory: Path, cipher: SealsBytes, vault_id: UUID) -> None:
        self._root = directory
        self._cipher = cipher
        self.vault_id = vault_id
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keys")

    @classmethod
    def make(cls, directory: Path) -> None:
        """Make a directory for a new vault, unless there is one.

        Raises:
            OSError: it cannot be written.
        """
        for part in (directory, directory / _DAYS, directory / _ENTRIES):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (directory / _MARKER).exists():
            _write_new(directory / _MARKER, json.dumps({"vault": str(uuid4())}).encode())

    @classmethod
    def at(cls, directory: Path, cipher: SealsBytes) -> KeyDirectory:
        """Open a directory that was made.

        Raises:
            KeysNotThere: there is none, for example because its disk is not mounted.
        """
        try:
            marker = json.loads((directory / _MARKER).read_bytes())
            return cls(directory, cipher, UUID(marker["vault"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeysNotThere(f"{directory} holds no keys of a vault: {type(error).__name__}") from error

    async def create(self, entry_id: UUID) -> bytes:
        """Make the key of a new entry, and keep it before anything is sealed by it; 32 bytes.

        Raises:
            KeysNotThere: the directory is gone.
            OSError: it cannot be written, for example because the disk is full; nothing is left behind then.
        """
        return await self._run(lambda: self._create(entry_id))

    async def open(self, entry_id: UUID) -> bytes:
        """The key of an entry.

        Raises:
            KeyGone: it was destroyed, or there never was one.
            KeysNotThere: the directory is gone.
            EntryUnreadable: it is damaged, or wrapped by a key that is not there.
        """
        return await self._run(lambda: self._open(entry_id))

    async def exists(self, entry_id: UUID) -> bool:
        """Whether there is a key of an entry. Raises KeysNotThere."""
        return await self._run(self._path(entry_id).exists)

    async def destroy(self, entry_id: UUID) -> None:
        """Destroy the key of an entry, for good; one that is gone is none.

        Raises:
            KeysNotThere: the directory is gone.
            OSError: the file is still there.
        """
        await self._run(lambda: self._destroy(entry_id))

    async def listed(self, share: int) -> list[tuple[UUID, datetime]]:
        """The entries of a share (0 to 255) that have keys, and when each was made."""
        return await self._run(lambda: self._listed(share))

    async def end_days(self, before: date) -> int:
        """Destroy the keys of days before one; returns how many. What they wrapped is read by nobody any more."""
        return await self._run(lambda: self._end_days(before))

    async def rewrap(self) -> Rewrapped:
        """Wrap every key by a new one of its day, and destroy the days' old keys; goes on where one was broken off.

        Keys are made, opened and destroyed meanwhile. Where one could not be opened, the old keys stay.
        """
        await self._run(self._begin_rewrapping)
        done = unreadable = 0
        for share in range(256):
            listed = await self.listed(share)
            for first in range(0, len(listed), _AT_ONCE):
                part = [entry_id for entry_id, _ in listed[first : first + _AT_ONCE]]
                some, failed = await self._run(functools.partial(self._rewrap, part))
                done, unreadable = done + some, unreadable + failed
        ended = 0 if unreadable else await self._run(self._end_rewrapping)
        return Rewrapped(done, unreadable, ended)

    async def _run(self, work: Callable[[], T]) -> T:
        def checked() -> T:
            if not (self._root / _MARKER).exists():
                raise KeysNotThere(f"{self._root} is gone")
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, checked)

    def _create(self, entry_id: UUID) -> bytes:
        key, path = secrets.token_bytes(_KEY_BYTES), self._path(entry_id)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with self._locked(alone=False):
            _write_new(path, self._wrap(entry_id, key, self._today()))
        return key

    def _open(self, entry_id: UUID) -> bytes:
        with self._locked(alone=False):
            return self._unwrap(entry_id, self._read(entry_id))

    def _destroy(self, entry_id: UUID) -> None:
        path = self._path(entry_id)
        with self._locked(alone=False):
            # Where a disk writes in place nothing of it is left; where it does not, or is full, its end counts.
            with contextlib.suppress(OSError), path.open("r+b") as file:
                file.write(secrets.token_bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            # What a process left that was killed as it wrapped this key anew opens the entry as well.
            for left in (path, *path.parent.glob(f"{_FRESH}-{entry_id}-*")):
                left.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                _sync(path.parent)

    def _read(self, entry_id: UUID) -> bytes:
        try:
            return self._path(entry_id).read_bytes()
        except FileNotFoundError:
            raise KeyGone(entry_id) from None

    def _path(self, entry_id: UUID) -> Path:
        return self._root / _ENTRIES / entry_id.hex[:2] / str(entry_id)

    def _wrap(self, entry_id: UUID, key: bytes, generation: str) -> bytes:
        name, nonce = generation.encode(), os.urandom(_NONCE_BYTES)
        wrapped = AESGCM(self._day_key(generation)).encrypt(nonce, key, self._about(entry_id))
        return _LENGTH.pack(len(name)) + name + nonce + wrapped

    def _unwrap(self, entry_id: UUID, content: bytes) -> bytes:
        generation = _generation_of(content)
        start = _LENGTH.size + len(generation)
        nonce, wrapped = content[start : start + _NONCE_BYTES], content[start + _NONCE_BYTES :]
        try:
            return AESGCM(self._day_key(generation)).decrypt(nonce, wrapped, self._about(entry_id))
        except (InvalidTag, ValueError) as error:
            raise EntryUnreadable(f"the key of {entry_id} is damaged") from error

    def _about(self, entry_id: UUID) -> bytes:
        return self.vault_id.bytes + entry_id.bytes

    def _today(self) -> str:
        """The newest key of this day; the first one of a day is made by who comes first."""
        day = datetime.now(UTC).date().isoformat()
        found = self._generations().get(day)
        if found:
            return f"{day}.{found[-1]}"
        self._make_day_key(day, 1)
        return f"{day}.1"

    def _make_day_key(self, day: str, number: int) -> None:
        name = f"{day}.{number}"
        sealed = self._cipher.seal(secrets.token_bytes(_KEY_BYTES), self._day_purpose(name))
        with contextlib.suppress(FileExistsError):
            _write_new(self._root / _DAYS / name, sealed)

    def _day_key(self, generation: str) -> bytes:
        try:
            sealed = (self._root / _DAYS / generation).read_bytes()
            return self._cipher.open(sealed, self._day_purpose(generation))
        except FileNotFoundError as error:
            raise EntryUnreadable(f"there is no key {generation}") from error
        except Exception as error:
            raise EntryUnreadable(f"the key {generation} cannot be opened") from error

    def _day_purpose(self, generation: str) -> str:
        return f"vault.day:{self.vault_id}:{generation}"

    def _generations(self) -> dict[str, list[int]]:
        """The numbers of each day's keys, the newest last."""
        found: dict[str, list[int]] = {}
        for path in (self._root / _DAYS).iterdir():
            if match := _GENERATION.fullmatch(path.name):
                found.setdefault(match["day"], []).append(int(match["number"]))
        return {day: sorted(numbers) for day, numbers in found.items()}

    def _listed(self, share: int) -> list[tuple[UUID, datetime]]:
        folder, found = self._root / _ENTRIES / f"{share:02x}", list[tuple[UUID, datetime]]()
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(ValueError, FileNotFoundError):
                    found.append((UUID(entry.name), datetime.fromtimestamp(entry.stat().st_mtime, UTC)))
        return found

    def _end_days(self, before: date) -> int:
        with self._locked(alone=True):
            over = [
                f"{day}.{number}"
                for day, numbers in self._generations().items()
                if day < before.isoformat()
                for number in numbers
            ]
            return self._unlink_days(over)

    def _unlink_days(self, names: list[str]) -> int:
        for name in names:
            (self._root / _DAYS / name).unlink(missing_ok=True)
        _sync(self._root / _DAYS)
        return len(names)

    def _begin_rewrapping(self) -> None:
        """Each day with one key gets a second; with two, an earlier run was broken off and is gone on with."""
        with self._locked(alone=True):
            for day, numbers in self._generations().items():
                if len(numbers) == 1:
                    self._make_day_key(day, numbers[0] + 1)

    def _rewrap(self, entries: list[UUID]) -> tuple[int, int]:
        """Wrap some keys by the newest of their day; how many, and how many could not be opened."""
        done = unreadable = 0
        with self._locked(alone=True):
            generations = self._generations()
            for entry_id in entries:
                try:
                    done += self._rewrap_one(entry_id, generations)
                except KeyGone:
                    continue
                except EntryUnreadable:
                    unreadable += 1
        return done, unreadable

    def _rewrap_one(self, entry_id: UUID, generations: dict[str, list[int]]) -> bool:
        content = self._read(entry_id)
        present = _generation_of(content)
        day = present.partition(".")[0]
        newest = f"{day}.{generations.get(day, [0])[-1]}"
        if present == newest:
            return False
        _replace(self._path(entry_id), self._wrap(entry_id, self._unwrap(entry_id, content), newest))
        return True

    def _end_rewrapping(self) -> int:
        with self._locked(alone=True):
            older = [f"{day}.{number}" for day, numbers in self._generations().items() for number in numbers[:-1]]
            return self._unlink_days(older)

    @contextlib.contextmanager
    def _locked(self, *, alone: bool) -> Iterator[None]:
        handle = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)


def _generation_of(content: bytes) -> str:
    """The name of the day's key that wraps an entry's."""
    length = content[0] if content else 0
    name = content[_LENGTH.size : _LENGTH.size + length].decode("ascii", errors="replace")
    if not _GENERATION.fullmatch(name):
        raise EntryUnreadable("the key of an entry is damaged")
    return name


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that was not there, whole or not at all, for its owner alone.

    Raises:
        FileExistsError: it is there.
    """
    fresh = _written_aside(path, content)
    try:
        os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(path.parent)


def _replace(path: Path, content: bytes) -> None:
    """Put other content in a file's place, whole or not at all."""
    fresh = _written_aside(path, content)
    try:
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(path.parent)


def _written_aside(path: Path, content: bytes) -> Path:
    fresh = path.with_name(f"{_FRESH}-{path.name}-{uuid4()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def _sync(directory: Path) -> None:
    """Make sure that the directory's change outlives a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
