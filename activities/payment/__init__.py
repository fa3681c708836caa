"""What the machine does for a payment through a gateway (E2)."""

from __future__ import annotations

from activities.outside import OutsideStep
from activities.payment.assessment import assess, close_payment, hand_over, lapse
from activities.payment.link import ask_for_link, record_link
from activities.payment.returning import (
    book_return,
    give_back,
    record_given_back,
    request_return,
    return_rest,
)
from activities.payment.verification import ask_gateway, record_answers, request_settlement
from activities.process import Process
from messages.payment import Step

PROCESS = Process(
    "payment",
    assess,
    lapse,
    steps=(request_settlement, hand_over, return_rest, request_return, book_return, close_payment),
    outside=(
        OutsideStep(Step.REQUEST_LINK, ask_for_link, record_link),
        OutsideStep(Step.VERIFY_PAYMENT, ask_gateway, record_answers),
        OutsideStep(Step.RETURN_MONEY, give_back, record_given_back),
    ),
)
