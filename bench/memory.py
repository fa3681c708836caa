"""The most memory that this process has had."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_PEAK = "VmHWM:"
_FORGET_PEAK = "5"
_KB_IN_MB = 1024


def forget_peak() -> None:
    """Begin anew from what is used now; where the system cannot, the peak stays that of the whole run."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text(_FORGET_PEAK, "ascii")


def peak_mb() -> float:
    """The most memory since it was forgotten, in MB."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text("ascii", errors="replace").splitlines():
            if line.startswith(_PEAK):
                return int(line.split()[1]) / _KB_IN_MB
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, the others kilobytes.
    return most / _KB_IN_MB / (_KB_IN_MB if sys.platform == "darwin" else 1)
