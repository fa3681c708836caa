"""How much a test does: little in the suite, everything in ``./amanat prove``. Nothing else decides between the two."""

from __future__ import annotations

import os
from typing import Final

from cli.checks import PROVING

_TIMES: Final = int(os.environ.get(PROVING) or "0")
IS_LONG: Final = _TIMES > 0
# How many times as long as in the suite a test may take in its long form.
LONGER: Final = 5


def length(short: int, long: int) -> int:
    """How many of something: few in the suite; when all is proved, many, times what the variable says."""
    return long * _TIMES if IS_LONG else short
