"""The platform answers what stands in the way of an approved application (A7)."""

from __future__ import annotations

from typing import Final

from web.answers import Answering, chosen_reason, nothing_more

ANSWERING: Final = Answering(
    "clear_obstacle", "onboarding_obstacle.html", {"cleared": nothing_more, "upheld": chosen_reason}
)
