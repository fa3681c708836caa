"""What the machine does for a batch of withdrawals (E3)."""

from __future__ import annotations

from activities.files import sweep_folder
from activities.outside import OutsideStep
from activities.payout.answer import apply_answer, apply_rejections, record_answer, record_rejections
from activities.payout.assessment import (
    assess,
    await_bank,
    close_payout,
    lapse,
    request_hand_over,
    request_payout_confirmation,
    request_rejection_confirmation,
    request_settlement_confirmation,
    settle_line,
)
from activities.payout.cutting import cut_lines, record_cut, record_released, release_lines
from activities.payout.reminding import reminding_activities
from activities.process import Process
from activities.transition import ActivityContext
from messages.payout import Step
from storage import payout

__all__ = ["PROCESS", "reminding_activities", "sweep_payouts"]

PROCESS = Process(
    "payout",
    assess,
    lapse,
    steps=(
        request_payout_confirmation,
        request_hand_over,
        await_bank,
        request_rejection_confirmation,
        request_settlement_confirmation,
        settle_line,
        close_payout,
    ),
    batches=(
        OutsideStep(Step.CUT_LINES, cut_lines, record_cut, is_batch=True),
        OutsideStep(Step.RELEASE_LINES, release_lines, record_released, is_batch=True),
        OutsideStep(Step.APPLY_BANK_ANSWER, apply_answer, record_answer, is_batch=True),
        OutsideStep(Step.APPLY_REJECTIONS, apply_rejections, record_rejections, is_batch=True),
    ),
)


async def sweep_payouts(context: ActivityContext, limit: int) -> int:
    """Delete files of yesterday and before that no batch names; returns how many, about ``limit`` at most."""
    return await sweep_folder(context, payout.FOLDER, payout.files_in_use, limit)
