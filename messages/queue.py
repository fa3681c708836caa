"""The task queues of Temporal: what waits for the outside, or takes long, must never keep a process waiting."""

from __future__ import annotations

from enum import StrEnum


class Queue(StrEnum):
    """Who takes what: workflows and their transitions; what speaks to the outside; what takes minutes."""

    PROCESSES = "amanat"
    OUTSIDE = "amanat-outside"
    BATCH = "amanat-batch"
