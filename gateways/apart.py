"""A module of ours run by a process of its own, for files that others made (A13, G7).

What reads them may be led to ask for more memory than there is, and the process that asks is then aborted: that must
never be an api or a worker. So it runs apart, under limits of memory and time and without our environment, whose keys
it does not need.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_PROJECT: Final = Path(__file__).resolve().parent.parent
# All that a Python needs to start somewhere else; no key, no password, no address.
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
# How a process ends that asked for too much: aborted by its allocator, killed by the system, out of its time.
TOO_MUCH: Final = frozenset(
    -number for number in (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGXCPU)
)
# If the machine runs out of memory after all, such a process goes first.
_FIRST_TO_GO: Final = "1000"


def start_apart(module: str, *paths: Path) -> subprocess.Popen[bytes]:
    """Start a module of ours with paths as its arguments; what it says comes by a pipe."""
    return subprocess.Popen(  # noqa: S603 - our own module; the paths are arguments
        [sys.executable, "-P", "-s", "-m", module, *(str(path.resolve()) for path in paths)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # What a reader complains of may quote the file.
        stderr=subprocess.DEVNULL,
        cwd=_PROJECT,
        env={
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "PYTHONPATH": str(_PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        # A stop that is meant for its owner must not look like a file that is too large.
        start_new_session=True,
    )


def run_apart(module: str, *paths: Path, seconds: float) -> bytes | None:
    """Run a module of ours to its end; returns what it said, or None if it asked for too much memory or time.

    Raises:
        OSError: it could not write down what it read, see ``writing``.
        RuntimeError: it was stopped from outside, or failed.
    """
    with start_apart(module, *paths) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    if process.returncode in TOO_MUCH:
        return None
    if process.returncode == os.EX_IOERR:
        raise OSError(errno.EIO, f"{module} could not write")
    if process.returncode:
        msg = f"{module} ended with {process.returncode}"
        raise RuntimeError(msg)
    return said


@contextlib.contextmanager
def writing(target: Path) -> Iterator[IO[str]]:
    """Write down what this process read. If it cannot, for the disk is full, that is no fault of the file it read."""
    try:
        with target.open("w", encoding="utf-8") as out:
            yield out
    except OSError:
        sys.exit(os.EX_IOERR)


def limit_this_process(memory: int, seconds: int) -> None:
    """Bound this process for good: bytes of memory, seconds of the processor; it leaves no core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    with contextlib.suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")
