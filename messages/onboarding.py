"""What travels in onboarding to credit: phases, tasks, facts and steps (docs/rules.md, A).

What an employer, a guarantor and finance are asked and do stands in ``certificate``, ``guarantor`` and ``review``.
"""

from __future__ import annotations

from enum import StrEnum

from messages.certificate import FactKind as CertificateFact


class Phase(StrEnum):
    """Where an application stands, as a clerk would say it."""

    SUBMITTED = "submitted"
    AWAITING_CERTIFICATE = "awaiting_certificate"
    AWAITING_GUARANTOR = "awaiting_guarantor"
    AWAITING_ANOTHER_GUARANTOR = "awaiting_another_guarantor"
    AWAITING_REVIEW = "awaiting_review"
    AWAITING_CORRECTION = "awaiting_correction"
    AWAITING_ACTIVATION = "awaiting_activation"
    AWAITING_CLEARANCE = "awaiting_clearance"
    ACTIVE = "active"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What people are asked to do."""

    CORRECT_APPLICATION = "correct_application"
    CLEAR_OBSTACLE = "clear_obstacle"


class FactKind(StrEnum):
    """What people did."""

    APPLICATION_SUBMITTED = "application_submitted"
    # By finance; the timeline says it of whatever ends an application so.
    APPLICATION_REFUSED = "application_refused"
    APPLICATION_CORRECTED = "application_corrected"
    OBSTACLE_CLEARED = "obstacle_cleared"
    OBSTACLE_UPHELD = "obstacle_upheld"
    APPLICATION_WITHDRAWN = "application_withdrawn"


# What somebody decided that ends an application, whether or not the process knows yet.
REFUSALS = (CertificateFact.CERTIFICATE_REFUSED, FactKind.APPLICATION_REFUSED, FactKind.OBSTACLE_UPHELD)
ENDINGS = (FactKind.APPLICATION_WITHDRAWN, *REFUSALS)


class Event(StrEnum):
    """What the machine tells on the timeline, and in most cases by SMS."""

    ACTIVATION_PAUSED = "activation_paused"
    ACTIVATION_BLOCKED = "activation_blocked"
    DISPUTE_SETTLED = "dispute_settled"
    APPLICATION_LAPSED = "application_lapsed"
    CREDIT_ACTIVATED = "credit_activated"


class Step(StrEnum):
    """The steps of the process, in its order."""

    REQUEST_BACKING = "request_backing"
    REQUEST_REVIEW = "request_review"
    REQUEST_CORRECTION = "request_correction"
    ACTIVATE_CREDIT = "activate_credit"
