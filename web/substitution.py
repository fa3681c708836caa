"""Finance answers the wish for another guarantor (A8)."""

from __future__ import annotations

from typing import Final

from api.substitution import ApproveSubstitution, RefuseSubstitution
from web.answers import Answering, chosen_reason, nothing_more

ANSWERING: Final = Answering(
    "substitution_decision.html", {ApproveSubstitution: nothing_more, RefuseSubstitution: chosen_reason}
)
