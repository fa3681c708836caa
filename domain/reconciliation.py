"""Where cases and processes disagree, and its words (docs/rules.md, G4)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.wording import CapabilityWords, Sentence


class FindingKind(StrEnum):
    """How a case and its process disagree."""

    PROCESS_MISSING = "process_missing"
    PROCESS_ENDED_EARLY = "process_ended_early"
    PROCESS_OUTLIVES_CASE = "process_outlives_case"


WORDS: Final = CapabilityWords(
    terms={
        FindingKind: {
            FindingKind.PROCESS_MISSING: Sentence(
                "فرایند این پرونده گم شده بود و دوباره به راه افتاد.", "Its process was missing and was started again."
            ),
            FindingKind.PROCESS_ENDED_EARLY: Sentence(
                "فرایند پایان یافته است، ولی پرونده هنوز باز است.", "Its process ended, though the case is open."
            ),
            FindingKind.PROCESS_OUTLIVES_CASE: Sentence(
                "پرونده چندی پیش بسته شده است، ولی فرایندش هنوز در جریان است.",
                "Its process still runs, though the case was closed a while ago.",
            ),
        },
    },
)
