"""What travels in the comparison of a gateway's day with the ledger: phases, tasks, facts, events and steps (E2)."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where the comparison of a day stands."""

    AWAITING_LIST = "awaiting_list"
    AWAITING_DECISIONS = "awaiting_decisions"
    MATCHED = "matched"
    SETTLED = "settled"
    NO_LIST = "no_list"


class TaskKind(StrEnum):
    """What the settlement office is asked to do about a difference."""

    SETTLE_DIFFERENCE = "settle_difference"
    CONFIRM_PROPOSAL = "confirm_proposal"


class FactKind(StrEnum):
    """What people did."""

    CLEARING_REQUESTED = "clearing_requested"
    CLEARING_EXPLAINED = "clearing_explained"
    CLEARING_PROPOSED = "clearing_proposed"
    CLEARING_CONFIRMED = "clearing_confirmed"
    CLEARING_REJECTED = "clearing_rejected"


class Event(StrEnum):
    """What the machine tells on the timeline; the first also starts the process of a day that the clock opened."""

    CLEARING_OPENED = "clearing_opened"
    CLEARING_COMPARED = "clearing_compared"
    CLEARING_UNLISTED = "clearing_unlisted"
    CLEARING_BOOKED = "clearing_booked"
    CLEARING_OVERTAKEN = "clearing_overtaken"


class Sms(StrEnum):
    """A notice that has no name of a fact or event."""

    LIST_EMPTY = "clearing_list_empty"


class Step(StrEnum):
    """The steps of the process, in its order."""

    FETCH_LIST = "fetch_list"
    REQUEST_DECISIONS = "request_decisions"
    BOOK_DIFFERENCES = "book_differences"
