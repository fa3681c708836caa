"""What every process shares: its kind, the case it sequences, what wakes it, and what goes into and out of a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class CaseKind(StrEnum):
    """The processes; also the first part of a workflow id."""

    ONBOARDING = "onboarding"
    PERSONNEL_IMPORT = "personnel_import"
    PERSONNEL_CHANGE = "personnel_change"
    SUBSTITUTION = "substitution"
    MOBILE_CHANGE = "mobile_change"
    STAFF_CHANGE = "staff_change"
    PAYMENT = "payment"
    NORMAL_PAYMENT = "normal_payment"
    PAYOUT = "payout"
    CLEARING = "clearing"
    ESCROW = "escrow"
    KYC = "kyc"


@dataclass(frozen=True, slots=True)
class CaseRef:
    """The input of every workflow: which case it sequences. All else is read from Postgres."""

    case_id: UUID


def workflow_id(kind: CaseKind, case_id: UUID) -> str:
    """The workflow id of a case: the process and a random id, never personal data."""
    return f"{kind}/{case_id}"


class Event(StrEnum):
    """What is told on the timeline of any case."""

    REMINDED = "reminded"


# Wakes any process, or starts it again from its rows if it was lost.
RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class CaseSignal:
    """Something happened in a case: starts its process or wakes it, which then reads in Postgres what it was.

    ``name`` is past tense, mostly the kind of the fact that was recorded. It carries ids, never authority.
    """

    kind: CaseKind
    case_id: UUID
    name: str
    fact_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class StepInput:
    """Input of every transition: the case, and how often this step was taken before.

    ``until`` is the moment that was waited for: a reminder, a lapse or a deadline is for what was due then.
    """

    case_id: UUID
    round: int = 0
    until: datetime | None = None


# Where a transition leaves a case that no step follows from: somebody or the clock is awaited, or it is over.
WAIT = "wait"
OVER = "over"
# How a step that asks the outside fails where it has not failed: it asks again after a while.
ASK_AGAIN = "ask_again"


@dataclass(frozen=True, slots=True)
class NextStep:
    """Result of every transition: the step that follows, or ``WAIT`` or ``OVER``.

    ``remind_in`` and ``expire_in`` are seconds from now by Postgres's clock, the waits of ``WAIT``; ``reminds_at`` and
    ``expires_at`` are the moments that they lead to. ``at_end`` is the step that a deadline of the machine leads to;
    empty when it is the time of those who were asked that ends. ``rounds`` says how often each step was taken; set when
    this one had been taken before, as it has in a process that was started anew.
    """

    step: str
    remind_in: int = 0
    expire_in: int = 0
    reminds_at: datetime | None = None
    expires_at: datetime | None = None
    at_end: str = ""
    rounds: dict[str, int] = field(default_factory=dict)
