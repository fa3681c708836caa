"""Finance answers the wish for another guarantor (A8)."""

from __future__ import annotations

from typing import Final

from web.answers import Answering, chosen_reason, nothing_more

ANSWERING: Final = Answering(
    "review_substitution", "substitution_decision.html", {"approve": nothing_more, "refuse": chosen_reason}
)
