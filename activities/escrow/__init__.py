"""What the machine does for a safe payment held in trust (E1 to E6)."""

from __future__ import annotations

from activities.escrow.arbitration import (
    await_objection,
    make_final,
    request_arbitrator,
    request_ruling,
    request_statements,
)
from activities.escrow.assessment import assess
from activities.escrow.funding import ask_other_side, request_funding, take_funds
from activities.escrow.holding import hold_funds, remind_dormant, unfreeze
from activities.escrow.moving import close_escrow, pay_over
from activities.escrow.silence import lapse, remind
from activities.process import Process
from messages.escrow import TaskKind

__all__ = ["PROCESS"]

PROCESS = Process(
    "escrow",
    assess,
    lapse,
    steps=(
        ask_other_side,
        request_funding,
        take_funds,
        hold_funds,
        remind_dormant,
        request_statements,
        request_arbitrator,
        request_ruling,
        await_objection,
        make_final,
        unfreeze,
        pay_over,
        close_escrow,
    ),
    remind=remind,
    untold=frozenset({TaskKind.ANSWER_ESCROW}),
)
