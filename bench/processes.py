"""The processor time that the processes of a measurement have used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from stack.places import CliError

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of processor time by part, and seconds that passed."""

    server: float
    worker: float
    postgres: float
    driver: float
    passed: float

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))


def cpu_seconds(pid: int | None) -> float:
    """The processor time of a process and all that it has started, in seconds, those that have ended too.

    Raises:
        CliError: the process has ended, or this is no Linux.
    """
    if pid is None:
        message = "a process of the measurement has ended"
        raise CliError(message)
    return sum(_ticks(one) for one in _family(pid)) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    try:
        return (_PROC / str(pid) / "stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(pid: int) -> int:
    # User and system time, of the process and of its children that were waited for.
    return sum(int(ticks) for ticks in _stat(pid)[11:15])


def _family(pid: int) -> Iterator[int]:
    if not _stat(pid):
        message = "the processor time of a process cannot be read: this needs Linux's /proc"
        raise CliError(message)
    yield pid
    for entry in _PROC.glob("[0-9]*"):
        seen = _stat(int(entry.name))
        if seen and int(seen[1]) == pid:
            yield int(entry.name)
