"""The platform answers what stands in the way of an approved application (A7)."""

from __future__ import annotations

from typing import Final

from api.onboarding import ClearObstacle, UpholdObstacle
from web.answers import TaskForm, chosen_reason, nothing_more

TASK_FORM: Final = TaskForm(
    "onboarding_obstacle.html",
    {ClearObstacle: nothing_more, UpholdObstacle: chosen_reason},
    summaries={ClearObstacle: "onboarding_obstacle_summary.html"},
)
