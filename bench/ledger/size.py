"""How large a measurement of the ledger is, and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LINES_IN_RATES: Final = 10_000
_LINES_WHEN_FULL: Final = 100_000
_LINES_LEAST: Final = 20
# A hundred entries a credit line, fifty on each of its two accounts or the shared one.
_ENTRIES_A_LINE: Final = 100
_BUSY_SHARE: Final = 1_000
_BUSY_LEAST: Final = 160


class LedgerSection(StrEnum):
    """A part of the measurement that can be run alone."""

    RATES = "rates"
    SHARED = "shared"
    HOT = "hot"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Args:
        entries: how many fill the tables.
        seconds: how long one round of a rate lasts.
        rounds: how often each rate is taken; the median is shown.
        hot_seconds: how long the hot account is asked at its pace.
        scale: pgbench's.
    """

    entries: int = 10_000_000
    seconds: int = 4
    rounds: int = 5
    hot_seconds: float = 10.0
    scale: int = 10

    @property
    def lines(self) -> int:
        """The credit lines that rates are taken on."""
        return min(_LINES_IN_RATES, max(_LINES_LEAST, self.entries))

    @property
    def lines_when_full(self) -> int:
        """The credit lines among which the entries are spread."""
        return min(_LINES_WHEN_FULL, max(_LINES_LEAST, self.entries // _ENTRIES_A_LINE))

    @property
    def journals(self) -> int:
        """The journals, of two entries each, that fill the tables."""
        return self.entries // 2

    @property
    def busy_entries(self) -> int:
        """About how many entries the busiest member's account gets."""
        return max(_BUSY_LEAST, self.entries // _BUSY_SHARE)
