"""A directory for files that stand open for a while: gone afterwards, also when its process was killed (A13, G7)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

_LEFT_BEHIND_SECONDS: Final = 10


@contextlib.asynccontextmanager
async def workplace(prefix: str) -> AsyncIterator[Path]:
    """A directory, deleted afterwards; what killed processes left there under this prefix is deleted first."""
    await asyncio.to_thread(_clear_left_behind, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as directory, _held(Path(directory)):
        yield Path(directory)


@contextlib.contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Lock a directory. The lock ends with the process, however it ends; BlockingIOError if another one has it."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _clear_left_behind(prefix: str) -> None:
    """Delete opened files that no living process holds."""
    for directory in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        # A very young one may not be locked yet.
        with contextlib.suppress(OSError):
            if directory.stat().st_mtime < time.time() - _LEFT_BEHIND_SECONDS:
                with _held(directory):
                    shutil.rmtree(directory, ignore_errors=True)
