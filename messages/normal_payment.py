"""What travels in a normal payment from one member to another: phases, tasks, facts, events and steps (E7)."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a normal payment stands, as a clerk would say it."""

    SUBMITTED = "submitted"
    AWAITING_PAYEE = "awaiting_payee"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What payee and payer are asked to do."""

    ANSWER_NORMAL_PAYMENT = "answer_normal_payment"
    PAY_NORMAL_PAYMENT = "pay_normal_payment"


class FactKind(StrEnum):
    """What people did."""

    NORMAL_PAYMENT_REQUESTED = "normal_payment_requested"
    NORMAL_PAYMENT_ACCEPTED = "normal_payment_accepted"
    NORMAL_PAYMENT_REFUSED = "normal_payment_refused"
    NORMAL_PAYMENT_WITHDRAWN = "normal_payment_withdrawn"


class Event(StrEnum):
    """What the machine tells on the timeline and by SMS."""

    NORMAL_PAYMENT_UNANSWERED = "normal_payment_unanswered"
    NORMAL_PAYMENT_UNPAID = "normal_payment_unpaid"
    NORMAL_PAYMENT_MADE = "normal_payment_made"


class Sms(StrEnum):
    """What the payee is told of money that came."""

    CREDITED = "normal_payment_credited"


class Step(StrEnum):
    """The steps of the process, in its order."""

    ASK_PAYEE = "ask_payee"
    REQUEST_PAYMENT = "request_payment"
    TAKE_PAYMENT = "take_payment"
