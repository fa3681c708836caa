"""What travels in a payment through a gateway: phases, tasks, facts, events and steps (E2)."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a payment stands, as a clerk would say it."""

    AWAITING_LINK = "awaiting_link"
    AT_BANK = "at_bank"
    AWAITING_PAYER = "awaiting_payer"
    UNCLEAR = "unclear"
    AWAITING_SETTLEMENT = "awaiting_settlement"
    RECEIVED = "received"
    RETURNING = "returning"
    AWAITING_PAYOUT = "awaiting_payout"
    AWAITING_RETURN = "awaiting_return"
    PAID = "paid"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"
    NOT_PAID = "not_paid"


class Variant(StrEnum):
    """What else a payment's case may be than somebody's payment."""

    REFUND = "refund"


class TaskKind(StrEnum):
    """What the settlement office is asked to do."""

    SETTLE_PAYMENT = "settle_payment"
    RETURN_PAYMENT = "return_payment"
    CONFIRM_RETURN = "confirm_return"


class FactKind(StrEnum):
    """What people did."""

    PAYMENT_ATTEMPTED = "payment_attempted"
    PAYMENT_LOOKED_AT = "payment_looked_at"
    PAYMENT_ASKED_AGAIN = "payment_asked_again"
    PAYMENT_GIVEN_UP = "payment_given_up"
    PAYMENT_RETURNED_BY_HAND = "payment_returned_by_hand"
    PAYMENT_RETURN_CONFIRMED = "payment_return_confirmed"
    PAYMENT_RETURN_REJECTED = "payment_return_rejected"


class Event(StrEnum):
    """What the machine tells on the timeline, and in some cases by SMS."""

    PAYMENT_LINK_GIVEN = "payment_link_given"
    PAYMENT_LINK_REFUSED = "payment_link_refused"
    PAYMENT_CALLED_BACK = "payment_called_back"
    PAYMENT_ATTEMPT_FAILED = "payment_attempt_failed"
    PAYMENT_UNCLEAR = "payment_unclear"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_RETURNING = "payment_returning"
    PAYMENT_TO_SHEBA = "payment_to_sheba"
    PAYMENT_TO_SHEBA_WAITS = "payment_to_sheba_waits"
    PAYMENT_TO_SHEBA_REJECTED = "payment_to_sheba_rejected"
    PAYMENT_RETURNED = "payment_returned"
    PAYMENT_REFUND_BEGUN = "payment_refund_begun"
    PAYMENT_ENDED = "payment_ended"


class PurposeAnswer(StrEnum):
    """What a case that was paid for says to the payment: a signal, nothing of a timeline."""

    PAYMENT_TAKEN = "payment_taken"
    PAYMENT_REFUSED = "payment_refused"


class Step(StrEnum):
    """The steps of the process, in its order."""

    REQUEST_LINK = "request_link"
    VERIFY_PAYMENT = "verify_payment"
    REQUEST_SETTLEMENT = "request_settlement"
    HAND_OVER = "hand_over"
    RETURN_REST = "return_rest"
    RETURN_MONEY = "return_money"
    REQUEST_RETURN = "request_return"
    BOOK_RETURN = "book_return"
    CLOSE_PAYMENT = "close_payment"
