"""What a process costs in events of its history, however slow the machine is that it runs on."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

_A_TASK: Final = 3
# Counted by what causes them; and what the clock of the tests adds.
_APART: Final = (
    "EVENT_TYPE_WORKFLOW_TASK_",
    "EVENT_TYPE_ACTIVITY_TASK_",
    "EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED",
    "EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_",
)


async def quiet_events(handle: WorkflowHandle[Any, Any]) -> int:
    """The length that the history of a process has where nothing is slow.

    Each thing that wakes the process counts as one workflow task, however often that was tried, and a transition that
    was taken as an activity because it took too long as the local one that it is.
    """
    events = (await handle.fetch_history()).events
    count = Counter(event.event_type for event in events)
    slow = sum(event.marker_recorded_event_attributes.HasField("failure") for event in events)
    activities = count[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED] - slow
    signals = count[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
    starts_alone = events[1].event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    wakes = signals + starts_alone + count[EventType.EVENT_TYPE_TIMER_FIRED] + activities
    own = sum(not EventType.Name(event.event_type).startswith(_APART) for event in events)
    return own + _A_TASK * (activities + wakes)
