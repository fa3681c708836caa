"""What a worker does: this room's list, one line a process and one a decided case."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from activities import clearing, escrow, normal_payment, onboarding, payment, payout, substitution
from activities.attachment import sweep_attachments
from activities.decision import decision_process
from activities.guarantor import free_guarantors
from activities.invitation import forget_invitations
from activities.kyc import KycCase, renewing_activities, sweep_identity_documents
from activities.mobile_change import MobileChangeCase
from activities.personnel import PersonnelChange, import_activities, sweep_files
from activities.staff_change import StaffChangeCase
from activities.transition import ActivityContext
from messages.queue import Queue
from storage.housekeeping import Chore

Activities: TypeAlias = list[Callable[[Any], Awaitable[Any]]]

DECIDED_CASES = (PersonnelChange(), MobileChangeCase(), StaffChangeCase(), KycCase())
PROCESSES = (
    onboarding.PROCESS,
    substitution.PROCESS,
    payment.PROCESS,
    normal_payment.PROCESS,
    escrow.PROCESS,
    clearing.PROCESS,
    payout.PROCESS,
    decision_process(DECIDED_CASES),
)
# What is done every ten minutes, whatever the case.
CHORES = (
    free_guarantors,
    sweep_files,
    sweep_attachments,
    payout.sweep_payouts,
    forget_invitations,
    sweep_identity_documents,
)
# What is no transition of a process, or not one of those above.
OTHERS: tuple[Callable[[ActivityContext], Mapping[Queue, Activities]], ...] = (
    import_activities,
    clearing.opening_activities,
    payout.reminding_activities,
    renewing_activities,
)


def all_chores(context: ActivityContext) -> list[Chore]:
    """Every chore, ready to be done."""
    return [functools.update_wrapper(functools.partial(chore, context), chore) for chore in CHORES]


def all_activities(context: ActivityContext) -> dict[Queue, Activities]:
    """Every activity of every process, by the queue on which it is taken."""
    found: dict[Queue, Activities] = {queue: [] for queue in Queue}
    for process in PROCESSES:
        found[Queue.PROCESSES] += process.activities(context)
        found[Queue.OUTSIDE] += process.outside_activities(context)
        found[Queue.BATCH] += process.batch_activities(context)
    for others in OTHERS:
        for queue, taken in others(context).items():
            found[queue] += taken
    return found
