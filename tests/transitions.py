"""The transitions of every process, taken directly, as a worker would take them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.registry import all_activities
from activities.transition import ActivityContext
from messages.case import NextStep, StepInput


class Transitions:
    """Each by its name: ``await Transitions(activity_context).request_review(StepInput(case_id))``."""

    def __init__(self, activity_context: ActivityContext) -> None:
        taken = {
            activity._Definition.must_from_callable(taken).name: taken for taken in all_activities(activity_context)
        }
        self._taken = {str(name): take for name, take in taken.items()}

    def __getattr__(self, name: str) -> Callable[[StepInput], Awaitable[NextStep]]:
        return self._taken[name]
