"""The most memory that this process has had."""

from __future__ import annotations

import contextlib
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"
_KB_IN_MB = 1024


def forget_peak() -> None:
    """Begin anew from what is used now; where the system cannot, the peak stays that of the whole run."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text(_FORGET_PEAK, "ascii")


def peak_mb() -> float:
    """The most memory since it was forgotten, in MB."""
    status = _STATUS.read_text("ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) / _KB_IN_MB
