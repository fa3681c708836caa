"""What a worker does: this room's list, one line a process and one a decided case."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from activities import onboarding, substitution
from activities.attachment import sweep_attachments
from activities.decision import decision_process
from activities.guarantor import free_guarantors
from activities.invitation import forget_invitations
from activities.mobile_change import MobileChangeCase
from activities.personnel import PersonnelChange, import_activities, sweep_files
from activities.staff_change import StaffChangeCase
from activities.transition import ActivityContext
from storage.housekeeping import Chore

DECIDED_CASES = (PersonnelChange(), MobileChangeCase(), StaffChangeCase())
PROCESSES = (
    onboarding.PROCESS,
    substitution.PROCESS,
    decision_process(DECIDED_CASES),
)
# What is done every ten minutes, whatever the case.
CHORES = (free_guarantors, sweep_files, sweep_attachments, forget_invitations)
# What is no transition of a process, or not one of those above.
OTHERS: tuple[Callable[[ActivityContext], list[Callable[[Any], Awaitable[Any]]]], ...] = (import_activities,)


def all_chores(context: ActivityContext) -> list[Chore]:
    """Every chore, ready to be done."""
    return [functools.update_wrapper(functools.partial(chore, context), chore) for chore in CHORES]


def all_activities(context: ActivityContext) -> list[Callable[[Any], Awaitable[Any]]]:
    """Every activity of every process."""
    transitions = [taken for process in PROCESSES for taken in process.activities(context)]
    return [*transitions, *(taken for others in OTHERS for taken in others(context))]
