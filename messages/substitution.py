"""What travels in the substitution of a guarantor behind a usable credit: phases, tasks, facts and steps (A4)."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a substitution stands, as a clerk would say it."""

    SUBMITTED = "submitted"
    AWAITING_GUARANTOR = "awaiting_guarantor"
    AWAITING_REVIEW = "awaiting_review"
    REPLACED = "replaced"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    OVERTAKEN = "overtaken"


class TaskKind(StrEnum):
    """What people are asked to do, besides what a guarantor is."""

    REVIEW_SUBSTITUTION = "review_substitution"


class FactKind(StrEnum):
    """What people did, besides what a guarantor answers."""

    SUBSTITUTION_REQUESTED = "substitution_requested"
    SUBSTITUTION_APPROVED = "substitution_approved"
    SUBSTITUTION_REFUSED = "substitution_refused"
    SUBSTITUTION_WITHDRAWN = "substitution_withdrawn"


class Event(StrEnum):
    """What the machine tells on the timeline, and in most cases by SMS."""

    SUBSTITUTION_BLOCKED = "substitution_blocked"
    SUBSTITUTION_DECLINED = "substitution_declined"
    SUBSTITUTION_LAPSED = "substitution_lapsed"
    # The credit line was closed meanwhile: there is nothing left to stand for. Also a signal.
    SUBSTITUTION_OVERTAKEN = "substitution_overtaken"
    GUARANTOR_REPLACED = "guarantor_replaced"


class Sms(StrEnum):
    """What the former guarantor and the new one are told."""

    GUARANTEE_TAKEN_OVER = "guarantee_taken_over"
    GUARANTEE_BEGUN = "guarantee_begun"


class Step(StrEnum):
    """The steps of the process, in its order."""

    ASK_SUBSTITUTE = "ask_substitute"
    REQUEST_SUBSTITUTION_REVIEW = "request_substitution_review"
    REPLACE_GUARANTOR = "replace_guarantor"
