"""What is told of deduction certificates, besides what people did (docs/rules.md, A12)."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What the machine tells on the timeline."""

    CERTIFICATE_REQUESTED = "certificate_requested"
    CERTIFICATE_REQUESTED_AGAIN = "certificate_requested_again"
