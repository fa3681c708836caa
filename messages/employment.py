"""What is told of corrections of personnel data (docs/rules.md, A13)."""

from __future__ import annotations

from enum import StrEnum


class Sms(StrEnum):
    """What the person concerned is told."""

    EMPLOYMENT_CORRECTED = "employment_corrected"
