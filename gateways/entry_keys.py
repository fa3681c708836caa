"""Keys of the vault's entries, in a directory outside the database (docs/keys.md; F2).

Each entry has a key of its own: a file, wrapped by the key of the day on which it was made. Destroying that one file is
what erases an entry, in every copy of the database. The keys of days are sealed by a key ring of the settings; each is
destroyed after the longest life of an entry, whatever became of its entries.

    vault.json              whose keys these are
    lock                    shared by who makes, opens or destroys a key, held alone by who wraps some anew
    rotating                held by the one who wraps all of them anew
    days/2026-11-30.1       the key of a day; a higher number takes its place when keys are wrapped anew
    entries/<uuid>          the key of an entry: its day, a nonce, itself wrapped
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
from datetime import date
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.vault import EntryUnreadable, KeyGone, KeysNotThere
from gateways.files import SealsBytes

T = TypeVar("T")
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MARKER: Final = "vault.json"
_LOCK: Final = "lock"
_ROTATING: Final = "rotating"
_DAYS: Final = "days"
_ENTRIES: Final = "entries"
_FRESH: Final = ".fresh-"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_GENERATION: Final = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.(?P<number>[1-9][0-9]{0,5})")
# How the name of a day's key stands before what it wraps: its length, then itself.
_LENGTH: Final = struct.Struct(">B")
# So many keys are wrapped anew while nobody else may make or destroy one: each costs two writes to the disk.
_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What came of wrapping keys anew: how many were, of how many days some could not be opened, old keys destroyed."""

    keys: int
    unreadable: int
    days_ended: int


class KeyDirectory:
    """The keys of one vault, on a disk that no backup of the database holds.

    Its work with files runs in a thread of its own: no event loop waits for a disk. Each use raises KeysNotThere where
    the directory is gone, or another vault's stands in its place.
    """

    def __init__(self, directory: Path, cipher: SealsBytes, vault_id: UUID) -> None:
        self._root = directory
        self._cipher = cipher
        self.vault_id = vault_id
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keys")

    @classmethod
    def make(cls, directory: Path) -> None:
        """Make a directory for a new vault, unless there is one. Raises OSError."""
        if (directory / _MARKER).exists():
            # What is missing of it is away, and not to be made anew.
            return
        for part in (directory, directory / _DAYS, directory / _ENTRIES):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Of processes that start at once one is first, and its vault it is.
        with contextlib.suppress(FileExistsError):
            _write_new(directory / _MARKER, json.dumps({"vault": str(uuid4())}).encode())

    @classmethod
    def at(cls, directory: Path, cipher: SealsBytes) -> KeyDirectory:
        """Open a directory that was made.

        Raises:
            KeysNotThere: there is none, for example because its disk is not mounted, or it is another user's.
        """
        return cls(directory, cipher, _vault_of(directory))

    async def create(self, entry_id: UUID, day: date) -> bytes:
        """Make the key of a new entry on a day, and keep it before anything is sealed by it; 32 bytes.

        Raises:
            KeysNotThere: the day's key cannot be used.
            OSError: it cannot be written, for example because the disk is full; nothing is left behind then.
        """
        return await self._run(lambda: self._create(entry_id, day.isoformat()))

    async def open(self, entry_id: UUID) -> bytes:
        """The key of an entry.

        Raises:
            KeyGone: it was destroyed, or there never was one.
            EntryUnreadable: it is damaged, or wrapped by a key that is not there.
        """
        return await self._run(lambda: self._open(entry_id))

    async def destroy(self, entry_id: UUID) -> None:
        """Destroy the key of an entry, for good; one that is gone is none. Raises OSError if it may still be there."""
        await self._run(lambda: self._destroy(entry_id))

    async def end_days(self, before: date) -> int:
        """Destroy the keys of days before one, and what they wrapped; returns of how many days."""
        return await self._run(lambda: self._end_days(before.isoformat()))

    async def rewrap(self) -> Rewrapped:
        """Wrap every key by a new one of its day, and destroy the days' old keys; goes on where one was broken off.

        Keys are made, opened and destroyed meanwhile. Of a day of which one could not be opened, the old key stays.

        Raises:
            BlockingIOError: another process is doing it.
        """
        with self._locked(_ROTATING, fcntl.LOCK_EX | fcntl.LOCK_NB):
            await self._run(self._begin_rewrapping)
            names = await self._run(self._names)
            done, unreadable = 0, set[str]()
            for first in range(0, len(names), _AT_ONCE):
                some, failed = await self._run(functools.partial(self._rewrap, names[first : first + _AT_ONCE]))
                done, unreadable = done + some, unreadable | failed
            ended = await self._run(lambda: self._end_rewrapping(unreadable))
        return Rewrapped(done, len(unreadable), ended)

    async def _run(self, work: Callable[[], T]) -> T:
        def checked() -> T:
            if _vault_of(self._root) != self.vault_id:
                raise KeysNotThere(f"{self._root} holds the keys of another vault now")
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, checked)

    def _create(self, entry_id: UUID, day: str) -> bytes:
        key = secrets.token_bytes(_KEY_BYTES)
        with self._locked(_LOCK, fcntl.LOCK_SH):
            try:
                wrapped = self._wrap(entry_id, key, self._newest(day))
            except EntryUnreadable as error:
                raise KeysNotThere(str(error)) from error
            _write_new(self._path(entry_id), wrapped)
        return key

    def _open(self, entry_id: UUID) -> bytes:
        with self._locked(_LOCK, fcntl.LOCK_SH):
            return self._unwrap(entry_id, self._read(entry_id))

    def _destroy(self, entry_id: UUID) -> None:
        with self._locked(_LOCK, fcntl.LOCK_SH):
            # What a process left that was killed as it wrapped this key anew opens the entry as well.
            for left in (self._root / _ENTRIES).glob(f"{_FRESH}{entry_id}-*"):
                _shred(left)
            _shred(self._path(entry_id))

    def _read(self, entry_id: UUID) -> bytes:
        try:
            return self._path(entry_id).read_bytes()
        except FileNotFoundError:
            raise KeyGone(entry_id) from None

    def _path(self, entry_id: UUID) -> Path:
        return self._root / _ENTRIES / str(entry_id)

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

    def _newest(self, day: str) -> str:
        """The newest key of a day; its first one is made by who comes first."""
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
        except FileNotFoundError as error:
            raise EntryUnreadable(f"there is no key {generation}") from error
        try:
            return self._cipher.open(sealed, self._day_purpose(generation))
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

    def _end_days(self, before: str) -> int:
        # What a process left that was killed as it wrote a day's key is that key.
        over = [path for path in (self._root / _DAYS).iterdir() if _day_of(path.name.removeprefix(_FRESH)) < before]
        if over:
            with self._locked(_LOCK, fcntl.LOCK_EX), contextlib.ExitStack() as days:
                for path in over:
                    # Each, whatever becomes of the others and of the entries' keys; what failed is raised after all.
                    days.callback(_shred, path)
                for path in (self._root / _ENTRIES).iterdir():
                    # Litter by now: one that cannot be read or deleted keeps none of the others.
                    with contextlib.suppress(OSError):
                        if _day_of(path.read_bytes()[_LENGTH.size :].decode("ascii", errors="replace")) < before:
                            _shred(path)
        return len(over)

    def _begin_rewrapping(self) -> None:
        """Each day with one key gets a second; with two, an earlier run was broken off and is gone on with."""
        with self._locked(_LOCK, fcntl.LOCK_EX):
            for day, numbers in self._generations().items():
                if len(numbers) == 1:
                    self._make_day_key(day, numbers[0] + 1)

    def _names(self) -> list[str]:
        """Of all entries' keys, at once: one that is replaced may be left out of what is listed meanwhile."""
        with os.scandir(self._root / _ENTRIES) as found:
            return sorted(one.name for one in found)

    def _rewrap(self, names: list[str]) -> tuple[int, set[str]]:
        """Wrap some keys by the newest of their day; how many, and of which days some could not be opened."""
        done, unreadable = 0, set[str]()
        with self._locked(_LOCK, fcntl.LOCK_EX):
            generations = self._generations()
            for name in names:
                if name.startswith(_FRESH):
                    # Nobody writes now: a process was killed.
                    _clear(self._root / _ENTRIES / name)
                    continue
                with contextlib.suppress(KeyGone, ValueError):
                    done += self._rewrap_one(UUID(name), generations, unreadable)
        return done, unreadable

    def _rewrap_one(self, entry_id: UUID, generations: dict[str, list[int]], unreadable: set[str]) -> bool:
        content = self._read(entry_id)
        try:
            present = _generation_of(content)
            day = _day_of(present)
            newest = f"{day}.{generations[day][-1]}" if day in generations else present
            if present == newest:
                return False
            _replace(self._path(entry_id), self._wrap(entry_id, self._unwrap(entry_id, content), newest))
        except EntryUnreadable:
            unreadable.add(_day_of(content[_LENGTH.size :].decode("ascii", errors="replace")))
            return False
        return True

    def _end_rewrapping(self, unreadable: set[str]) -> int:
        """Destroy the days' older keys, but for those of days of which one could not be opened."""
        with self._locked(_LOCK, fcntl.LOCK_EX):
            newest = {f"{day}.{numbers[-1]}" for day, numbers in self._generations().items()}
            older = [
                path
                for path in (self._root / _DAYS).iterdir()
                if path.name not in newest and _day_of(path.name.removeprefix(_FRESH)) not in unreadable
            ]
            for path in older:
                _clear(path)
        return len(older)

    @contextlib.contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        handle = os.open(self._root / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)


def _vault_of(directory: Path) -> UUID:
    """Whose keys lie in a directory, if they are this user's: what another one wrote nobody else could read."""
    try:
        content, owner = (directory / _MARKER).read_bytes(), (directory / _MARKER).stat().st_uid
        if owner != os.geteuid():
            raise KeysNotThere(f"{directory} belongs to user {owner}")
        return UUID(json.loads(content)["vault"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeysNotThere(f"{directory} holds no keys of a vault: {type(error).__name__}") from error


def _day_of(text: str) -> str:
    """The day with which a text begins; one that never ends if it begins with none."""
    found = _DAY.match(text)
    return found[0] if found else "9999"


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
    fresh = path.with_name(f"{_FRESH}{path.name}-{uuid4()}")
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


def _shred(path: Path) -> None:
    """Delete a file: where a disk writes in place nothing is left; where it does not, or is full, its end counts."""
    with contextlib.suppress(OSError), path.open("r+b") as file:
        file.write(secrets.token_bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)
    # Also where there was none: a directory that is not there fails here.
    _sync(path.parent)


def _clear(path: Path) -> None:
    """Delete an old key, or what a killed process left; of a key that has its name already only the first one.

    A process that was killed between giving a key its name and taking its first one away left both: what is written
    into the one is written into the other.
    """
    if path.name.startswith(_FRESH) and path.exists() and path.stat().st_nlink > 1:
        path.unlink()
        _sync(path.parent)
    else:
        _shred(path)


def _sync(directory: Path) -> None:
    """Make sure that the directory's change outlives a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
