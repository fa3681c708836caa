"""What travels in a pay-out, a batch of withdrawals for the bank: phases, tasks, facts, events and steps (E3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Phase(StrEnum):
    """Where a pay-out stands, as a clerk would say it."""

    CUTTING = "cutting"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    SENT = "sent"
    SETTLED = "settled"
    REJECTED = "rejected"
    EMPTY = "empty"


class TaskKind(StrEnum):
    """What the settlement office is asked to do."""

    CONFIRM_PAYOUT = "confirm_payout"
    HAND_OVER_PAYOUT = "hand_over_payout"
    CONFIRM_REJECTIONS = "confirm_rejections"
    CONFIRM_SETTLEMENT = "confirm_settlement"


class FactKind(StrEnum):
    """What the settlement office did."""

    PAYOUT_MADE = "payout_made"
    PAYOUT_CONFIRMED = "payout_confirmed"
    PAYOUT_REJECTED = "payout_rejected"
    PAYOUT_HANDED_OVER = "payout_handed_over"
    PAYOUT_ANSWERED = "payout_answered"
    PAYOUT_REJECTIONS_CONFIRMED = "payout_rejections_confirmed"
    PAYOUT_REJECTIONS_REFUSED = "payout_rejections_refused"
    PAYOUT_SETTLEMENT_RECORDED = "payout_settlement_recorded"
    PAYOUT_SETTLEMENT_CONFIRMED = "payout_settlement_confirmed"
    PAYOUT_SETTLEMENT_REJECTED = "payout_settlement_rejected"


class Event(StrEnum):
    """What the machine tells on the timeline, and in some cases by SMS."""

    PAYOUT_CUT = "payout_cut"
    PAYOUT_EMPTY = "payout_empty"
    PAYOUT_RELEASED = "payout_released"
    PAYOUT_ANSWER_APPLIED = "payout_answer_applied"
    PAYOUT_REJECTIONS_APPLIED = "payout_rejections_applied"
    PAYOUT_ANSWER_UNREADABLE = "payout_answer_unreadable"
    PAYOUT_LINE_SETTLED = "payout_line_settled"
    PAYOUT_LINE_RETURNED = "payout_line_returned"
    PAYOUT_UNANSWERED = "payout_unanswered"
    PAYOUT_SETTLED = "payout_settled"


class Sms(StrEnum):
    """What the settlement office is told besides."""

    PAYOUT_ROWS_REFUSED = "payout_rows_refused"
    WITHDRAWALS_WAIT = "withdrawals_wait"


class Step(StrEnum):
    """The steps of the process, in its order."""

    CUT_LINES = "cut_lines"
    REQUEST_PAYOUT_CONFIRMATION = "request_payout_confirmation"
    RELEASE_LINES = "release_lines"
    REQUEST_HAND_OVER = "request_hand_over"
    AWAIT_BANK = "await_bank"
    APPLY_BANK_ANSWER = "apply_bank_answer"
    REQUEST_REJECTION_CONFIRMATION = "request_rejection_confirmation"
    APPLY_REJECTIONS = "apply_rejections"
    REQUEST_SETTLEMENT_CONFIRMATION = "request_settlement_confirmation"
    SETTLE_LINE = "settle_line"
    CLOSE_PAYOUT = "close_payout"


@dataclass(frozen=True, slots=True)
class SettleRecord:
    """Let take effect what two officers recorded of a line whose batch is over, so that no process waits for it."""

    case_id: UUID
