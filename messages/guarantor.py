"""What travels about guarantors: tasks, facts and what the machine tells (docs/rules.md, A4 to A6)."""

from __future__ import annotations

from enum import StrEnum


class TaskKind(StrEnum):
    """What people are asked to do."""

    ANSWER_GUARANTEE = "answer_guarantee"
    NAME_GUARANTOR = "name_guarantor"


class FactKind(StrEnum):
    """What people did."""

    GUARANTOR_NAMED = "guarantor_named"
    GUARANTEE_ACCEPTED = "guarantee_accepted"
    GUARANTEE_REFUSED = "guarantee_refused"


class Event(StrEnum):
    """What the machine tells on the timeline."""

    GUARANTOR_ASKED = "guarantor_asked"
    GUARANTOR_NAME_REQUESTED = "guarantor_name_requested"
    GUARANTOR_SILENT = "guarantor_silent"


class Sms(StrEnum):
    """What guarantors are told."""

    GUARANTEE_IN_FORCE = "guarantee_in_force"
    GUARANTEE_ASKED_AGAIN = "guarantee_asked_again"
    GUARANTEE_NOT_NEEDED = "guarantee_not_needed"
    GUARANTEE_REPLACED = "guarantee_replaced"
    GUARANTEE_RELEASED = "guarantee_released"
