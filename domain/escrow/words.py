"""What safe payments say: phases, tasks, timeline, SMS and terms (docs/rules.md, E1 to E6)."""

from __future__ import annotations

from typing import Final

from domain.wording import CapabilityWords, Sentence
from messages.case import CaseKind

WORDS: Final = CapabilityWords(kinds={CaseKind.ESCROW: Sentence("پرداخت امن", "Safe payment")})
