"""The steps of every case that is only asked and decided."""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """The steps of the process, in its order."""

    REQUEST_DECISION = "request_decision"
    REQUEST_RESUBMISSION = "request_resubmission"
    APPLY_DECISION = "apply_decision"
